//! After a restart: flows that the journal knows as unfinished go on from where they stand.

use super::drive::Inner;
use super::segment::Went;
use super::state::{Answer, State};
use crate::store::{Rows, StoreError};
use rusqlite::OptionalExtension;
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn read(text: &str, answer: Option<&str>) -> Result<(State, Option<Answer>), StoreError> {
    let defect = |error: serde_json::Error| StoreError::Defect(error.to_string());
    let state = serde_json::from_str(text).map_err(defect)?;
    let answer = answer
        .map(serde_json::from_str)
        .transpose()
        .map_err(defect)?;
    Ok((state, answer))
}

/// The flow of that id.
pub(super) fn one(rows: Rows<'_>, id: &str) -> Result<Option<(State, Option<Answer>)>, StoreError> {
    let found: Option<(String, Option<String>)> = rows
        .prepare("SELECT state, answer FROM flows WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found
        .map(|(state, answer)| read(&state, answer.as_deref()))
        .transpose()
}

fn open(rows: Rows<'_>) -> Result<Vec<State>, StoreError> {
    let mut statement = rows.prepare(
        "SELECT state FROM flows WHERE status IN ('running', 'compensating') ORDER BY id",
    )?;
    let texts: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    texts
        .iter()
        .map(|text| read(text, None).map(|(state, _)| state))
        .collect()
}

fn count(rows: Rows<'_>, status: &str) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM flows WHERE status = ?1";
    let count: i64 = rows.prepare(sql)?.query_row([status], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

impl Inner {
    /// Goes on with every unfinished flow; their names.
    pub(super) async fn recover(self: &Arc<Self>) -> Result<Vec<String>, StoreError> {
        let overrides = self.store.read(super::admin::Overrides::read).await?;
        self.core.overrides.take(overrides);
        let (states, parked, doubt) = self
            .store
            .read(|rows| {
                Ok((
                    open(rows)?,
                    count(rows, "parked")?,
                    count(rows, "in_doubt")?,
                ))
            })
            .await?;
        self.gauges.parked.store(parked, Ordering::Relaxed);
        self.gauges.in_doubt.store(doubt, Ordering::Relaxed);
        self.gauges
            .recovered
            .store(states.len() as u64, Ordering::Relaxed);
        let mut names = Vec::new();
        for state in states {
            names.push(format!("{} {}", state.name, state.id));
            if self.flows_mut(|flows| flows.contains_key(&state.id)) {
                continue;
            }
            self.spawn(Went::unfinished(state), true);
        }
        Ok(names)
    }
}
