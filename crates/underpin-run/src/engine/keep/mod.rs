//! How long things are kept: former versions of rows, rows that nobody has changed for long,
//! events, and what is known of a person. Nothing goes earlier than the brief says. It must not
//! know statements.

mod blank;
mod erase;
mod sweep;

use super::walk::{Halt, Walk};
use crate::store::{Rows, StoreError, codec};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use underpin_brief::model::*;

/// How long events and flows that are over are kept where nothing is said, µs.
pub(super) const OVER: i64 = 7 * 24 * 3_600 * 1_000_000;

impl Walk<'_> {
    /// Notes that a row was changed, where its age counts, and keeps its former version, where
    /// those are kept.
    pub(super) fn age(&mut self, of: Id<Aggregate>, old: &Value, gone: bool) -> Result<(), Halt> {
        let aggregate = self.core.brief.aggregates.get(of);
        if aggregate.keep.is_none() && aggregate.history.is_none() {
            return Ok(());
        }
        let now = self.core.world.now().0;
        let place = At::of(self.view.rows, aggregate, of, old);
        if aggregate.keep.is_some() {
            place.touch(self.view.rows, now, gone)?;
        }
        if aggregate.history.is_some() {
            place.put_aside(self.view.rows, aggregate, old, now)?;
        }
        Ok(())
    }
}

/// Where a row stands, as the tables beside it name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) aggregate: String,
    pub(super) tenant: String,
    pub(super) key: String,
}

impl At {
    pub(super) fn of(
        rows: Rows<'_>,
        aggregate: &Aggregate,
        of: Id<Aggregate>,
        row: &Value,
    ) -> Self {
        let layout = rows.layout(of);
        let tenant = layout.tenant.and_then(|slot| row.slot(slot).as_text());
        Self {
            aggregate: aggregate.name.text.to_string(),
            tenant: tenant.unwrap_or("").to_owned(),
            key: codec::key_text(&layout.key_of(row)),
        }
    }

    fn touch(&self, rows: Rows<'_>, now: i64, gone: bool) -> Result<(), StoreError> {
        let place = (&self.aggregate, &self.tenant, &self.key);
        match gone {
            true => rows.execute(
                "DELETE FROM touched WHERE aggregate = ?1 AND tenant = ?2 AND key = ?3",
                place,
            )?,
            false => rows.execute(
                "INSERT OR REPLACE INTO touched VALUES (?1, ?2, ?3, ?4)",
                (place.0, place.1, place.2, now),
            )?,
        };
        Ok(())
    }

    /// Former versions are kept by the names of their slots: they outlive the brief of their time.
    fn put_aside(
        &self,
        rows: Rows<'_>,
        aggregate: &Aggregate,
        row: &Value,
        now: i64,
    ) -> Result<(), StoreError> {
        let slots = aggregate.row.slots.iter().enumerate();
        let named: Map<String, Json> = slots
            .map(|(at, slot)| (slot.name.to_string(), codec::encode(row.slot(at))))
            .collect();
        let version = match aggregate.slot("version").map(|at| row.slot(at)) {
            Some(Value::Int(version)) => *version,
            _ => 0,
        };
        rows.execute(
            "INSERT OR REPLACE INTO versions VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                &self.aggregate,
                &self.tenant,
                &self.key,
                version,
                now,
                Json::Object(named).to_string(),
            ),
        )?;
        Ok(())
    }
}

/// How long events are kept, by their text in the outbox, µs: as long as the event or any feed
/// that tells it says. What nobody speaks of is kept for [`OVER`].
pub(super) fn events_kept(core: &super::core::Core) -> BTreeMap<String, i64> {
    let mut kept: BTreeMap<String, i64> = BTreeMap::new();
    let mut at_least = |source: EventSource, length: i64| {
        let place = kept
            .entry(super::source_text(&core.brief, source))
            .or_insert(length);
        *place = (*place).max(length);
    };
    for (id, event) in core.brief.events.iter() {
        if let Some(keep) = event.keep {
            at_least(EventSource::Event(id), keep.micros);
        }
    }
    for feed in core.brief.feeds.rows() {
        for source in &feed.on {
            let text = super::source_text(&core.brief, *source);
            let plans = core.feeds.iter().filter(|plan| plan.on(&text).is_some());
            at_least(*source, plans.map(|plan| plan.keep).max().unwrap_or(OVER));
        }
    }
    kept
}
