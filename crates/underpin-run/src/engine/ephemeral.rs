//! Rows that vanish when nobody writes them for a while. What is written last stands; a start finds
//! none of them. Each write moves the moment at which the row goes.

use super::core::Core;
use super::drive::Inner;
use crate::store::{Rows, StoreError, codec};
use crate::world::Moment;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use underpin_brief::model::*;

/// Rows that go in one transaction.
const AT_ONCE: i64 = 1_000;

/// Such aggregates whose rows are written here, and how long their rows live, µs.
fn all(core: &Core) -> impl Iterator<Item = (Id<Aggregate>, i64)> + '_ {
    let lives = |(id, aggregate): (Id<Aggregate>, &Aggregate)| {
        let length = aggregate.ephemeral?.micros.max(1);
        core.place.owns(id).then_some((id, length))
    };
    core.brief.aggregates.iter().filter_map(lives)
}

/// A row was written: it stands for as long again.
pub(super) fn touch(
    core: &Core,
    rows: Rows<'_>,
    of: Id<Aggregate>,
    key: &Value,
    tenant: Option<&str>,
) -> Result<(), StoreError> {
    let aggregate = core.brief.aggregates.get(of);
    let Some(length) = aggregate.ephemeral else {
        return Ok(());
    };
    let until = core.world.now().0.saturating_add(length.micros);
    rows.execute(
        "INSERT OR REPLACE INTO ephemeral VALUES (?1, ?2, ?3, ?4)",
        (
            &*aggregate.name.text,
            tenant.unwrap_or(""),
            codec::to_text(key),
            until,
        ),
    )?;
    Ok(())
}

/// Nothing of an earlier run stands.
fn begin(core: &Core, rows: Rows<'_>) -> Result<(), StoreError> {
    rows.execute("DELETE FROM ephemeral", [])?;
    for (of, _) in all(core) {
        let layout = rows.layout(of);
        // One by one, so that those who follow them hear of it.
        for row in rows.select(of, "", Vec::new())? {
            let tenant = layout.tenant.and_then(|slot| row.slot(slot).as_text());
            rows.delete(of, &layout.key_of(&row), tenant)?;
        }
    }
    Ok(())
}

/// Takes away what was not written for too long.
fn fade(core: &Core, rows: Rows<'_>, now: i64) -> Result<(), StoreError> {
    let mut statement = rows.prepare(
        "SELECT aggregate, tenant, key FROM ephemeral WHERE until <= ?1 ORDER BY until LIMIT ?2",
    )?;
    let found = statement.query_map([now, AT_ONCE], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    let found: Vec<(String, String, String)> = found.collect::<Result<_, _>>()?;
    for (name, tenant, text) in found {
        let of = core.brief.aggregates.find(&name);
        if let (Some(of), Some(key)) = (of, codec::from_text(&text)) {
            let tenant = (!tenant.is_empty()).then_some(&*tenant);
            rows.delete(of, &key, tenant)?;
        }
        rows.execute(
            "DELETE FROM ephemeral WHERE aggregate = ?1 AND tenant = ?2 AND key = ?3",
            (name, tenant, text),
        )?;
    }
    Ok(())
}

impl Inner {
    /// Forgets what lived in an earlier run.
    pub(super) async fn begin_ephemeral(&self) -> Result<(), StoreError> {
        if all(&self.core).next().is_none() {
            return Ok(());
        }
        let core = Arc::clone(&self.core);
        self.store.write(move |rows| begin(&core, rows)).await
    }

    /// Watches over such rows until the engine stops.
    pub(super) async fn fade(self: Arc<Self>) {
        let Some(shortest) = all(&self.core).map(|(_, length)| length).min() else {
            return;
        };
        while !*self.stop.borrow() && !self.draining.load(Ordering::Relaxed) {
            let now = self.core.world.now().0;
            let next = self.store.read(|rows| {
                let sql = "SELECT MIN(until) FROM ephemeral";
                Ok(rows
                    .prepare(sql)?
                    .query_row([], |row| row.get::<_, Option<i64>>(0))?)
            });
            // A row that is written after this look goes no sooner than the shortest time.
            let next = next.await.ok().flatten();
            let at = next.unwrap_or(i64::MAX).min(now.saturating_add(shortest));
            if at > now {
                tokio::select! {
                    () = self.core.world.clock.until(Moment(at)) => {}
                    () = self.stopped() => return,
                }
                continue;
            }
            let core = Arc::clone(&self.core);
            let faded = self.store.write(move |rows| fade(&core, rows, now)).await;
            if faded.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}
