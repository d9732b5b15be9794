//! Reading the outbox by position, and how long it is kept for feeds. The outbox is written by
//! one writer, so its numbers are the order of its commits.

use super::plan::FeedPlan;
use crate::store::{Rows, StoreError, codec};
use rusqlite::types::Value as Sql;
use rusqlite::{OptionalExtension, params_from_iter};
use underpin_brief::model::Value;

/// Events that are read at once.
pub(super) const PAGE: usize = 256;

/// An event of the outbox.
pub(super) struct Happening {
    pub(super) seq: i64,
    pub(super) id: String,
    pub(super) source: String,
    pub(super) key: String,
    pub(super) row_key: String,
    pub(super) tenant: Option<String>,
    pub(super) at: i64,
    pub(super) event: Value,
}

const COLUMNS: &str = "seq, id, source, key, row_key, tenant, at, event";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Happening, String)> {
    let happening = Happening {
        seq: row.get(0)?,
        id: row.get(1)?,
        source: row.get(2)?,
        key: row.get(3)?,
        row_key: row.get(4)?,
        tenant: row.get(5)?,
        at: row.get(6)?,
        event: Value::Null,
    };
    Ok((happening, row.get(7)?))
}

fn select(rows: Rows<'_>, rest: &str, values: Vec<Sql>) -> Result<Vec<Happening>, StoreError> {
    let mut statement = rows.prepare(&format!("SELECT {COLUMNS} FROM outbox {rest}"))?;
    let mut found = Vec::new();
    for row in statement.query_map(params_from_iter(values), read)? {
        let (mut happening, text) = row?;
        happening.event = codec::from_text(&text)
            .ok_or_else(|| StoreError::Defect("an event does not read back".to_owned()))?;
        found.push(happening);
    }
    Ok(found)
}

/// Events of all sources after a position, in order.
pub(super) fn since(rows: Rows<'_>, after: i64) -> Result<Vec<Happening>, StoreError> {
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let rest = "WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    select(rows, rest, vec![after.into(), limit.into()])
}

/// `source IN (…)` with its parameters at the end of `values`.
fn of_feed(plan: &FeedPlan, values: &mut Vec<Sql>) -> String {
    let marks: Vec<String> = plan
        .sources
        .iter()
        .map(|source| {
            values.push(source.text.clone().into());
            format!("?{}", values.len())
        })
        .collect();
    format!("source IN ({})", marks.join(", "))
}

/// Events of a feed after a position up to another, in order; a page of them.
pub(super) fn since_of(
    rows: Rows<'_>,
    plan: &FeedPlan,
    after: i64,
    upto: i64,
) -> Result<Vec<Happening>, StoreError> {
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let mut values: Vec<Sql> = vec![after.into(), upto.into(), limit.into()];
    let of = of_feed(plan, &mut values);
    let rest = format!("WHERE {of} AND seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3");
    select(rows, &rest, values)
}

/// Events of a feed in a range of time, the earliest first, at most `limit`.
pub(super) fn between(
    rows: Rows<'_>,
    plan: &FeedPlan,
    (since, until): (i64, i64),
    limit: i64,
) -> Result<Vec<Happening>, StoreError> {
    let mut values: Vec<Sql> = vec![since.into(), until.into(), limit.into()];
    let of = of_feed(plan, &mut values);
    let rest = format!("WHERE {of} AND at >= ?1 AND at <= ?2 ORDER BY seq LIMIT ?3");
    select(rows, &rest, values)
}

/// The number of the last event that was ever written.
pub(super) fn last(rows: Rows<'_>) -> Result<i64, StoreError> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'";
    let found: Option<i64> = rows
        .prepare(sql)?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(0))
}

/// Whether everything that a feed has told after a position can be told again: nothing of it is
/// swept, and nothing is older than the feed is kept.
pub(super) fn is_kept(
    rows: Rows<'_>,
    plan: &FeedPlan,
    after: i64,
    now: i64,
) -> Result<bool, StoreError> {
    if after > last(rows)? {
        return Ok(false);
    }
    let mut values: Vec<Sql> = vec![after.into()];
    let of = of_feed(plan, &mut values);
    let swept: Option<i64> = rows
        .prepare(&format!(
            "SELECT seq FROM swept WHERE {of} AND seq > ?1 LIMIT 1"
        ))?
        .query_row(params_from_iter(values.clone()), |row| row.get(0))
        .optional()?;
    if swept.is_some() {
        return Ok(false);
    }
    let first = format!("SELECT at FROM outbox WHERE {of} AND seq > ?1 ORDER BY seq LIMIT 1");
    let first: Option<i64> = rows
        .prepare(&first)?
        .query_row(params_from_iter(values), |row| row.get(0))
        .optional()?;
    Ok(first.is_none_or(|at| at >= now.saturating_sub(plan.keep)))
}

/// Remembers that an event is swept, so that nobody resumes across it.
pub(in crate::engine) fn swept(rows: Rows<'_>, source: &str, seq: i64) -> Result<(), StoreError> {
    rows.execute(
        "INSERT INTO swept VALUES (?1, ?2) ON CONFLICT (source) DO UPDATE SET seq = MAX(seq, excluded.seq)",
        (source, seq),
    )?;
    Ok(())
}

/// Whether a feed has an event after a position.
pub(super) fn any_since(rows: Rows<'_>, plan: &FeedPlan, after: i64) -> Result<bool, StoreError> {
    let mut values: Vec<Sql> = vec![after.into()];
    let of = of_feed(plan, &mut values);
    let sql = format!("SELECT 1 FROM outbox WHERE {of} AND seq > ?1 LIMIT 1");
    let found: Option<i64> = rows
        .prepare(&sql)?
        .query_row(params_from_iter(values), |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}

/// The event of that number, while it is kept.
pub(super) fn one(rows: Rows<'_>, seq: i64) -> Result<Option<Happening>, StoreError> {
    Ok(select(rows, "WHERE seq = ?1", vec![seq.into()])?.pop())
}
