//! The sweeper: in small transactions, so that nobody waits for it, it lets go of rows, versions
//! and events whose time is over. A row that a flow holds, or that a flow which is not over has
//! touched, stays.

use super::{At, OVER, events_kept};
use crate::engine::core::Core;
use crate::engine::drive::Inner;
use crate::engine::state::{RowName, State};
use crate::store::{Rows, StoreError, codec};
use rusqlite::OptionalExtension;
use rusqlite::types::Value as Sql;
use std::collections::BTreeSet;
use std::sync::Arc;
use underpin_brief::model::*;

/// Rows that go in one transaction at most.
const BATCH: u32 = 200;

/// A row whose time is over, in the version in which it was looked at.
struct Old {
    of: Id<Aggregate>,
    row: Value,
}

impl Old {
    fn at(&self, core: &Core, rows: Rows<'_>) -> At {
        At::of(rows, core.brief.aggregates.get(self.of), self.of, &self.row)
    }
}

impl Inner {
    /// Lets go of everything of this service whose time is over.
    pub(in crate::engine) async fn sweep(self: &Arc<Self>, now: i64) -> Result<(), StoreError> {
        self.store.write(move |rows| journals(rows, now)).await?;
        let core = Arc::clone(&self.core);
        self.store
            .write(move |rows| {
                if !core.brief.feeds.is_empty() {
                    crate::engine::feeds::sweep_deliveries(&core, rows, now)?;
                }
                begin_keeping(&core, rows, now)
            })
            .await?;
        while !*self.stop.borrow() {
            let core = Arc::clone(&self.core);
            let old = self.store.read(move |rows| events(&core, rows, now));
            let old = old.await?;
            let found = old.len();
            let core = Arc::clone(&self.core);
            let gone = self
                .store
                .write(move |rows| delete_events(&core, rows, &old));
            let gone = gone.await?;
            let core = Arc::clone(&self.core);
            let former = self.store.write(move |rows| versions(&core, rows, now));
            let former = former.await?;
            if (found < BATCH as usize || gone == 0) && former < BATCH as usize {
                break;
            }
        }
        while !*self.stop.borrow() {
            let core = Arc::clone(&self.core);
            let mut old = self.store.read(move |rows| old(&core, rows, now)).await?;
            if old.is_empty() {
                break;
            }
            let found = old.len();
            let busy = self.in_use().await?;
            let core = Arc::clone(&self.core);
            let delete = move |rows: Rows<'_>| {
                old.retain(|old| !busy.contains(&old.at(&core, rows)));
                delete(&core, rows, &old, now)
            };
            let gone = self.store.write(delete).await?;
            if found < BATCH as usize || gone == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Rows that flows of any service hold or, while they are not over, have touched.
    async fn in_use(self: &Arc<Self>) -> Result<BTreeSet<At>, StoreError> {
        let mut found = self.store.read(busy).await?;
        for service in 0..self.core.place.all.cut.count() {
            if let Some(peer) = self
                .peer(service)
                .filter(|_| service != self.core.place.here)
            {
                found.extend(peer.store.read(busy).await?);
            }
        }
        Ok(found)
    }
}

/// Answers, flows, steps and work that are over.
fn journals(rows: Rows<'_>, now: i64) -> Result<(), StoreError> {
    let over = now.saturating_sub(OVER);
    rows.execute(
        "DELETE FROM replays WHERE until < ?1 AND status <> 'open'",
        [now],
    )?;
    rows.execute(
        "DELETE FROM flows WHERE ended < ?1 AND status IN ('done', 'refused')",
        [over],
    )?;
    rows.execute("DELETE FROM inbox WHERE at < ?1", [over])?;
    rows.execute(
        "DELETE FROM work WHERE status = 'done' AND due < ?1",
        [over],
    )?;
    Ok(())
}

/// A batch of events whose time is over and for which no policy waits.
fn events(core: &Core, rows: Rows<'_>, now: i64) -> Result<Vec<(i64, String)>, StoreError> {
    let kept = events_kept(core);
    let mut found = Vec::new();
    // An event may be told long after the flow that it belongs to began: what stands behind a
    // newer one is new.
    let behind =
        "seq < COALESCE((SELECT seq FROM outbox WHERE at >= ?1 ORDER BY seq LIMIT 1), 1 << 62)";
    let waited = "SELECT 1 FROM work WHERE work.seq = outbox.seq AND work.status <> 'done'";
    for (source, length) in &kept {
        let mut find = rows.prepare(&format!(
            "SELECT seq, source FROM outbox WHERE at < ?1 AND {behind} AND source = ?2
             AND NOT EXISTS ({waited}) ORDER BY seq LIMIT ?3"
        ))?;
        let until = now.saturating_sub(*length);
        let some = find.query_map((until, source, BATCH), |row| Ok((row.get(0)?, row.get(1)?)))?;
        found.extend(some.collect::<Result<Vec<(i64, String)>, _>>()?);
    }
    let own: Vec<&str> = kept.keys().map(String::as_str).collect();
    let own = serde_json::to_string(&own).map_err(|e| StoreError::Defect(e.to_string()))?;
    let mut find = rows.prepare(&format!(
        "SELECT seq, source FROM outbox WHERE at < ?1 AND {behind}
         AND source NOT IN (SELECT value FROM json_each(?2))
         AND NOT EXISTS ({waited}) ORDER BY seq LIMIT ?3"
    ))?;
    let until = now.saturating_sub(OVER);
    let some = find.query_map((until, own, BATCH), |row| Ok((row.get(0)?, row.get(1)?)))?;
    found.extend(some.collect::<Result<Vec<(i64, String)>, _>>()?);
    Ok(found)
}

/// Deletes events for which still no policy waits; how many went.
fn delete_events(core: &Core, rows: Rows<'_>, old: &[(i64, String)]) -> Result<usize, StoreError> {
    let mut gone = 0;
    for (seq, source) in old {
        let went = rows.execute(
            "DELETE FROM outbox WHERE seq = ?1
             AND NOT EXISTS (SELECT 1 FROM work WHERE work.seq = ?1 AND work.status <> 'done')",
            [seq],
        )?;
        if went > 0 {
            if !core.brief.feeds.is_empty() {
                crate::engine::feeds::swept(rows, source, *seq)?;
            }
            gone += went;
        }
    }
    Ok(gone)
}

/// Deletes a batch of former versions; how many went.
fn versions(core: &Core, rows: Rows<'_>, now: i64) -> Result<usize, StoreError> {
    let mut most = 0;
    for aggregate in core.brief.aggregates.rows() {
        let until = match aggregate.history {
            Some(length) => now.saturating_sub(length.micros),
            None => i64::MAX,
        };
        most = most.max(rows.execute(
            "DELETE FROM versions WHERE (aggregate, tenant, key, version) IN (
             SELECT aggregate, tenant, key, version FROM versions
             WHERE aggregate = ?1 AND at < ?2 LIMIT ?3)",
            (&*aggregate.name.text, until, BATCH),
        )?);
    }
    Ok(most)
}

fn since_name(aggregate: &Aggregate) -> String {
    format!("kept since {}", aggregate.name)
}

/// From when on changes of rows are noted. Before, only the creation of a row is known, and its
/// time begins when the noting does.
fn begin_keeping(core: &Core, rows: Rows<'_>, now: i64) -> Result<(), StoreError> {
    for aggregate in core.brief.aggregates.rows() {
        let name = since_name(aggregate);
        match aggregate.keep {
            Some(_) => rows.execute(
                "INSERT OR IGNORE INTO meta VALUES (?1, ?2)",
                (name, now.to_string()),
            )?,
            None => rows.execute("DELETE FROM meta WHERE name = ?1", [name])?,
        };
    }
    Ok(())
}

fn since(rows: Rows<'_>, aggregate: &Aggregate) -> Result<i64, StoreError> {
    let found: Option<String> = rows
        .prepare("SELECT value FROM meta WHERE name = ?1")?
        .query_row([since_name(aggregate)], |row| row.get(0))
        .optional()?;
    Ok(found.and_then(|text| text.parse().ok()).unwrap_or(i64::MAX))
}

/// When a row was last changed, as far as that is known; never earlier than it was.
fn changed(
    rows: Rows<'_>,
    place: &At,
    row: &Value,
    of: Id<Aggregate>,
    since: i64,
) -> Result<i64, StoreError> {
    let layout = rows.layout(of);
    let touched: Option<i64> = rows
        .prepare("SELECT at FROM touched WHERE aggregate = ?1 AND tenant = ?2 AND key = ?3")?
        .query_row((&place.aggregate, &place.tenant, &place.key), |row| {
            row.get(0)
        })
        .optional()?;
    let created = match layout.created.map(|slot| row.slot(slot)) {
        Some(Value::Time(created)) => *created,
        _ => i64::MAX,
    };
    let first = layout
        .version
        .is_some_and(|slot| *row.slot(slot) == Value::Int(1));
    Ok(match touched {
        Some(at) => at,
        None if first => created,
        None => created.max(since),
    })
}

/// A batch of rows whose time is over.
fn old(core: &Core, rows: Rows<'_>, now: i64) -> Result<Vec<Old>, StoreError> {
    let mut found = Vec::new();
    for (of, aggregate) in core.brief.aggregates.iter() {
        let Some(keep) = aggregate.keep.filter(|_| core.place.owns(of)) else {
            continue;
        };
        let layout = rows.layout(of);
        let Some(created) = layout.created.and_then(|slot| layout.columns.get(slot)) else {
            continue;
        };
        let until = now.saturating_sub(keep.micros);
        let since = since(rows, aggregate)?;
        let rest = format!("WHERE {0} < ?1 ORDER BY {0}", created.name);
        rows.walk(of, &rest, vec![Sql::Integer(until)], &mut |row| {
            let place = At::of(rows, aggregate, of, &row);
            if changed(rows, &place, &row, of, since)? < until {
                found.push(Old { of, row });
            }
            Ok(found.len() < BATCH as usize)
        })?;
    }
    Ok(found)
}

/// Rows that flows hold, or that flows which are not over have touched.
pub(super) fn busy(rows: Rows<'_>) -> Result<BTreeSet<At>, StoreError> {
    let mut busy = BTreeSet::new();
    let mut held = rows.prepare("SELECT aggregate, tenant, key FROM holds")?;
    let places = held.query_map([], |row| {
        Ok(At {
            aggregate: row.get(0)?,
            tenant: row.get(1)?,
            key: row.get(2)?,
        })
    })?;
    for place in places {
        busy.insert(place?);
    }
    let mut open =
        rows.prepare("SELECT state FROM flows WHERE status NOT IN ('done', 'refused')")?;
    let texts = open.query_map([], |row| row.get::<_, String>(0))?;
    for text in texts {
        let state: State =
            serde_json::from_str(&text?).map_err(|e| StoreError::Defect(e.to_string()))?;
        busy.extend(named(&state));
    }
    Ok(busy)
}

/// Every row that the journal of a flow names.
pub(super) fn named(state: &State) -> Vec<At> {
    let place = |name: &RowName| At {
        aggregate: name.aggregate.clone(),
        tenant: name.tenant.clone().unwrap_or_default(),
        key: codec::key_text(&name.key.0),
    };
    let undone = state.undo.iter().filter_map(|entry| entry.row.as_ref());
    let mut named: Vec<At> = undone.chain(&state.row).map(place).collect();
    for bound in &state.bound {
        named.extend(bound.keys.iter().map(|key| At {
            aggregate: bound.aggregate.clone(),
            tenant: bound.tenant.clone().unwrap_or_default(),
            key: codec::key_text(&key.0),
        }));
    }
    named
}

/// Deletes rows that are still as they were looked at; how many went.
fn delete(core: &Core, rows: Rows<'_>, old: &[Old], now: i64) -> Result<usize, StoreError> {
    let mut gone = 0;
    let busy = busy(rows)?;
    for one in old {
        let Old { of, row } = one;
        let aggregate = core.brief.aggregates.get(*of);
        let layout = rows.layout(*of);
        let at = one.at(core, rows);
        let key = layout.key_of(row);
        let tenant = layout.tenant.and_then(|slot| row.slot(slot).as_text());
        if busy.contains(&at) || rows.get(*of, &key, tenant)?.as_ref() != Some(row) {
            continue;
        }
        rows.delete(*of, &key, tenant)?;
        at.touch(rows, now, true)?;
        if aggregate.history.is_some() {
            at.put_aside(rows, aggregate, row, now)?;
        }
        gone += 1;
    }
    Ok(gone)
}
