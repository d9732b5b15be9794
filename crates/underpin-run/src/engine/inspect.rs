//! What is at rest, read from the store itself: for tests that compare an engine with what its brief
//! means. Serves nobody.

use super::Engine;
use crate::store::{Rows, StoreError};
use underpin_brief::model::{Aggregate, Id, Value};

/// What is at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// Every row, in the order of aggregates.
    pub rows: Vec<(Id<Aggregate>, Value)>,
    /// Flows that wait for a person: name and status.
    pub flows: Vec<(String, String)>,
    /// Policies with an event that waits for a person.
    pub parked: Vec<String>,
    /// Policies with an event that is not due yet.
    pub waiting: Vec<String>,
    /// Aggregates with a row that a flow holds.
    pub held: Vec<String>,
}

impl Engine {
    /// What is at rest now.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn rest(&self) -> Result<Rest, StoreError> {
        let mut rest = Rest::default();
        for node in &*self.nodes {
            let core = std::sync::Arc::clone(&node.core);
            let found = node.store.read(move |rows| at_rest(&core, rows)).await?;
            rest.rows.extend(found.rows);
            rest.flows.extend(found.flows);
            rest.parked.extend(found.parked);
            rest.waiting.extend(found.waiting);
            rest.held.extend(found.held);
        }
        // In one order whatever the services are.
        rest.rows.sort_by_key(|(of, _)| *of);
        for names in [&mut rest.parked, &mut rest.waiting, &mut rest.held] {
            names.sort();
        }
        rest.flows.sort();
        Ok(rest)
    }
}

/// What is at rest in the store of one service.
fn at_rest(core: &super::core::Core, rows: Rows<'_>) -> Result<Rest, StoreError> {
    let mut rest = Rest::default();
    for (of, _) in core.brief.aggregates.iter() {
        if core.place.owns(of) {
            let all = rows.select(of, "", Vec::new())?;
            rest.rows.extend(all.into_iter().map(|row| (of, row)));
        }
    }
    let flows = "SELECT name, status FROM flows WHERE status IN ('parked', 'in_doubt')";
    rest.flows = pairs(rows, flows)?;
    let one = |sql: &str| -> Result<Vec<String>, StoreError> {
        let found = pairs(rows, sql)?.into_iter();
        Ok(found.map(|(name, _)| name).collect())
    };
    rest.parked = one("SELECT policy, '' FROM work WHERE status = 'parked'")?;
    rest.waiting = one("SELECT policy, '' FROM work WHERE status = 'waiting'")?;
    rest.held = one("SELECT aggregate, '' FROM holds")?;
    Ok(rest)
}

/// Two columns, sorted.
fn pairs(rows: Rows<'_>, sql: &str) -> Result<Vec<(String, String)>, StoreError> {
    let mut statement = rows.prepare(sql)?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut found: Vec<(String, String)> = found.collect::<Result<_, _>>()?;
    found.sort();
    Ok(found)
}
