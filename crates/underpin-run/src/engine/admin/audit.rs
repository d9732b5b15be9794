//! What was changed by whom and why: written in the transaction of the change.

use crate::admin::{AuditLine, By};
use crate::store::{Rows, StoreError};
use crate::world::Moment;

/// Adds a line.
pub(in crate::engine) fn note(
    rows: Rows<'_>,
    now: i64,
    by: &By,
    action: &str,
    target: &str,
) -> Result<(), StoreError> {
    rows.execute(
        "INSERT INTO audit (at, who, action, target, why) VALUES (?1, ?2, ?3, ?4, ?5)",
        (now, &by.who, action, target, &by.why),
    )?;
    Ok(())
}

/// The latest lines, of one target where it is named.
pub(super) fn latest(
    rows: Rows<'_>,
    target: Option<&str>,
    limit: u32,
) -> Result<Vec<AuditLine>, StoreError> {
    let mut find = rows.prepare(
        "SELECT at, who, action, target, why FROM audit
         WHERE ?1 IS NULL OR target = ?1 ORDER BY seq DESC LIMIT ?2",
    )?;
    let lines = find.query_map((target, limit), |row| {
        Ok(AuditLine {
            at: Moment(row.get(0)?).to_string(),
            who: row.get(1)?,
            action: row.get(2)?,
            target: row.get(3)?,
            why: row.get(4)?,
        })
    })?;
    Ok(lines.collect::<Result<_, _>>()?)
}
