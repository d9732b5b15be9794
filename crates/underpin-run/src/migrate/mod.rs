//! From the brief that made a data folder to the one that is started on it: what differs, whether
//! nothing can be lost by it, and then expand, backfill and contract in one transaction. A change
//! that would lose something is refused with everything that must be decided, before anything is
//! touched. It knows briefs and tables; it must not know how flows are walked.

mod answers;
mod apply;
mod events;
mod flows;
mod kept;
mod tables;
mod types;
mod verify;

#[cfg(test)]
mod tests;

pub(crate) use answers::{Places, moved, places};
pub(crate) use apply::{added, apply};
pub(crate) use events::{Sources, Succession, sources};
pub(crate) use flows::operation_of;
pub(crate) use types::Between;

use events::Turned;

use crate::store::{Schema, StoreError};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;
use tables::Table;
use underpin_brief::model::Brief;

/// Why a folder is not migrated, and what to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    place: String,
    why: String,
    decide: String,
}

impl Refusal {
    fn new(place: String, why: String, decide: String) -> Self {
        Self { place, why, decide }
    }

    /// For people, in two lines.
    pub(crate) fn text(&self) -> String {
        format!("{}: {}\n    decide: {}", self.place, self.why, self.decide)
    }
}

/// A brief whose flows are not over, though another one has taken its place.
#[derive(Clone, Debug)]
pub struct Former {
    /// Its generation, as the journal names it.
    pub generation: u32,
    /// The brief.
    pub brief: Arc<Brief>,
}

/// What is to be done to a folder.
#[derive(Clone, Debug)]
pub(crate) struct Migration {
    old: Arc<Brief>,
    /// The generation that the new brief becomes.
    generation: u32,
    tables: Vec<Table>,
    /// Generations that flows still need.
    needed: Vec<u32>,
    lines: Vec<String>,
    former: Vec<Former>,
}

/// What was found in a folder.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// The brief made it, or one that says the same.
    Own(Standing),
    /// It can be migrated.
    Migrate(Box<Migration>),
    /// It cannot, for these reasons.
    Refused(Vec<String>),
}

/// Which brief a folder stands under.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The generation of the brief that made the tables; flows are journalled with it.
    pub generation: u32,
    /// Earlier briefs whose flows are not over.
    pub former: Vec<Former>,
    /// What was migrated, for people, in a line each.
    pub migrated: Vec<String>,
}

impl Migration {
    /// What the folder stands under once it is migrated.
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            generation: self.generation,
            former: self.former.clone(),
            migrated: self.lines.clone(),
        }
    }
}

/// Looks at a folder of some brief. Nothing is written.
///
/// # Errors
/// What the database says.
pub(crate) fn look(
    connection: &Connection,
    new: &Brief,
    schema: &Schema,
) -> Result<Found, StoreError> {
    let format = schema.format_differs(connection)?;
    if let Some(difference) = format {
        return Ok(Found::Refused(vec![difference]));
    }
    let generation = kept::generation(connection)?;
    let Some(texts) = kept::texts(connection, generation)? else {
        return unknown(connection, schema, generation);
    };
    let former = briefs(connection, generation)?;
    if texts.same(&new.texts) {
        return Ok(Found::Own(Standing {
            generation,
            former: former
                .into_iter()
                .filter(|one| one.generation != generation)
                .collect(),
            migrated: Vec::new(),
        }));
    }
    match kept::read(&texts) {
        Ok(old) => plan(connection, &old, new, schema, generation),
        Err(why) => {
            let mut reasons = schema.differences(connection)?;
            let open = flows::unfinished(connection)?.len();
            if open > 0 {
                reasons.push(format!(
                    "{open} flows are not over under the brief that made it"
                ));
            }
            if reasons.is_empty() {
                return Ok(Found::Own(Standing {
                    generation,
                    ..Standing::default()
                }));
            }
            reasons.push(format!("the brief that made it no longer checks: {why}"));
            Ok(Found::Refused(reasons))
        }
    }
}

/// A folder from before briefs were kept: used as it is where its tables are the same.
fn unknown(connection: &Connection, schema: &Schema, generation: u32) -> Result<Found, StoreError> {
    let mut reasons = schema.differences(connection)?;
    if reasons.is_empty() {
        return Ok(Found::Own(Standing {
            generation,
            ..Standing::default()
        }));
    }
    reasons.push("the brief that made it was not kept, so nothing is migrated".to_owned());
    Ok(Found::Refused(reasons))
}

/// The store of one of several services: used where its tables are the same, not migrated.
fn several(connection: &Connection, schema: &Schema, generation: u32) -> Result<Found, StoreError> {
    let mut reasons = schema.differences(connection)?;
    let open = flows::unfinished(connection)?.len();
    if open > 0 {
        reasons.push(format!(
            "{open} flows are not over under the brief that made it"
        ));
    }
    if reasons.is_empty() {
        return Ok(Found::Own(Standing {
            generation,
            ..Standing::default()
        }));
    }
    reasons.push("the stores of several services are not migrated yet".to_owned());
    Ok(Found::Refused(reasons))
}

/// The briefs of flows that are not over, and the latest one.
fn briefs(connection: &Connection, generation: u32) -> Result<Vec<Former>, StoreError> {
    let mut needed: Vec<u32> = flows::unfinished(connection)?
        .iter()
        .map(|flow| flow.generation)
        .collect();
    needed.sort_unstable();
    needed.dedup();
    let mut found = Vec::new();
    for one in needed.into_iter().filter(|one| *one != generation) {
        let texts = kept::texts(connection, one)?;
        if let Some(Ok(brief)) = texts.map(|texts| kept::read(&texts)) {
            found.push(Former {
                generation: one,
                brief,
            });
        }
    }
    Ok(found)
}

fn plan(
    connection: &Connection,
    old: &Arc<Brief>,
    new: &Brief,
    schema: &Schema,
    generation: u32,
) -> Result<Found, StoreError> {
    if !schema.contents().whole() {
        return several(connection, schema, generation);
    }
    let between = Between { old, new };
    let mut refusals = Vec::new();
    let tables = tables::all(between, connection, schema.layouts(), &mut refusals)?;
    let open = flows::unfinished(connection)?;
    let mut former = briefs(connection, generation)?;
    let current = open.iter().any(|flow| flow.generation == generation);
    if current {
        former.push(Former {
            generation,
            brief: Arc::clone(old),
        });
    }
    let by_generation: BTreeMap<u32, Arc<Brief>> = former
        .iter()
        .map(|one| (one.generation, Arc::clone(&one.brief)))
        .collect();
    flows::beside(&open, &by_generation, new, &mut refusals);
    flows::waiting(between, connection, &mut refusals)?;
    stored_events(connection, between, &mut refusals)?;
    if !refusals.is_empty() {
        refusals.sort_by(|a, b| a.place.cmp(&b.place));
        return Ok(Found::Refused(refusals.iter().map(Refusal::text).collect()));
    }
    let mut lines: Vec<String> = tables
        .iter()
        .flat_map(|table| table.lines.clone())
        .collect();
    if !open.is_empty() {
        let flows = if open.len() == 1 {
            "flow ends"
        } else {
            "flows end"
        };
        lines.push(format!(
            "{} {flows} under the brief that started them",
            open.len()
        ));
    }
    Ok(Found::Migrate(Box::new(Migration {
        old: Arc::clone(old),
        generation: generation.saturating_add(1),
        tables,
        needed: former.iter().map(|one| one.generation).collect(),
        lines,
        former,
    })))
}

fn stored_events(
    connection: &Connection,
    between: Between<'_>,
    refusals: &mut Vec<Refusal>,
) -> Result<(), StoreError> {
    let (old, new) = (sources(between.old), sources(between.new));
    let turned = Turned::new(between, &old, &new);
    for ((source, why), count) in events::check(connection, &turned)? {
        let version = source
            .strip_prefix("event ")
            .and_then(|name| between.old.events.find(name))
            .map_or(1, |id| between.old.events.get(id).version);
        refusals.push(Refusal::new(
            source,
            format!("{count} events are kept in their earlier form: {why}"),
            format!(
                "say how they become what they are now: `version={}` and `upcast from={version} \
                 {{ set …=… }}`",
                version.saturating_add(1)
            ),
        ));
    }
    Ok(())
}

/// Keeps the brief of a folder that was just made.
///
/// # Errors
/// What the database says.
pub(crate) fn begin(connection: &Connection, brief: &Brief) -> Result<(), StoreError> {
    match brief.texts.iter().next() {
        Some(_) => kept::keep(connection, 1, &brief.texts),
        None => Ok(()),
    }
}

/// Keeps the brief of a folder from before briefs were kept.
///
/// # Errors
/// What the database says.
pub(crate) fn adopt(connection: &Connection, brief: &Brief) -> Result<(), StoreError> {
    match kept::generation(connection)? {
        0 => begin(connection, brief),
        _ => Ok(()),
    }
}
