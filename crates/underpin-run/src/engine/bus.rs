//! The bus between services: each one reads on in the outboxes of those to whose events it
//! listens and in the logs of those whose rows it copies, and keeps how far it is in the
//! transaction of what it read. It must not know flows.

use super::drive::Inner;
use super::events::publish_one;
use super::state::{Happened, Kept};
use crate::store::{Change, Rows, StoreError, codec};
use std::sync::Arc;
use std::time::Duration as Length;

/// Entries that are read at once.
const BATCH: u32 = 256;
/// After a failure a service looks again.
const AGAIN: Length = Length::from_millis(50);
/// A question that must not see old copies waits this long for them.
const PATIENCE: Length = Length::from_secs(5);

const EVENTS: &str = "events";
const ROWS: &str = "rows";

/// An event of another service's outbox.
struct Heard {
    seq: i64,
    tenant: Option<String>,
    at: i64,
    happened: Happened,
}

/// What has been read, and up to where.
struct Read {
    heard: Vec<Heard>,
    changes: Vec<Change>,
    events_end: i64,
    rows_end: i64,
}

fn events_after(rows: Rows<'_>, after: i64) -> Result<Vec<Heard>, StoreError> {
    let mut statement = rows.prepare(
        "SELECT seq, id, source, key, row_key, tenant, at, event FROM outbox
         WHERE seq > ?1 AND origin IS NULL ORDER BY seq LIMIT ?2",
    )?;
    let mut found = statement.query((after, BATCH))?;
    let mut heard = Vec::new();
    while let Some(row) = found.next()? {
        let text: String = row.get(7)?;
        let event = codec::from_text(&text)
            .ok_or_else(|| StoreError::Defect("an event does not read back".to_owned()))?;
        heard.push(Heard {
            seq: row.get(0)?,
            tenant: row.get(5)?,
            at: row.get(6)?,
            happened: Happened {
                id: row.get(1)?,
                source: row.get(2)?,
                key: row.get(3)?,
                row_key: row.get(4)?,
                event: Kept(event),
                service: 0,
            },
        });
    }
    Ok(heard)
}

fn ends(rows: Rows<'_>) -> Result<(i64, i64), StoreError> {
    let last = |sql: &str| -> Result<i64, StoreError> {
        Ok(rows.prepare(sql)?.query_row([], |row| row.get(0))?)
    };
    Ok((
        last("SELECT COALESCE(MAX(seq), 0) FROM outbox WHERE origin IS NULL")?,
        last("SELECT COALESCE(MAX(seq), 0) FROM changes")?,
    ))
}

impl Inner {
    /// Whether this service reads anything of another.
    pub(super) fn reads_of(&self, peer: usize) -> (bool, bool) {
        let place = &self.core.place;
        let mut sources = self.core.listeners.sources();
        let events = place.here != peer && sources.any(|source| self.comes_from(source, peer));
        (events, place.all.follows(place.here, peer))
    }

    fn comes_from(&self, source: &str, peer: usize) -> bool {
        // Messages of externals are taken in by one service and heard by any.
        source.starts_with("sent ") || self.core.place.all.source(source) == peer
    }

    /// Reads on in what another service writes until the engine stops.
    pub(super) async fn follow(self: Arc<Self>, peer: Arc<Self>) {
        let mut commits = peer.store.commits();
        loop {
            commits.borrow_and_update();
            match self.read_on(&peer).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(StoreError::Stopped) => return self.halt(),
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
            tokio::select! {
                changed = commits.changed() => if changed.is_err() { return },
                () = self.stopped() => return,
            }
        }
    }

    fn peer_name(&self, peer: &Self) -> String {
        let _ = self;
        peer.core.place.here.to_string()
    }

    async fn positions(&self, peer: &Self) -> Result<(i64, i64), StoreError> {
        let name = self.peer_name(peer);
        self.store
            .read(move |rows| Ok((rows.position(&name, EVENTS)?, rows.position(&name, ROWS)?)))
            .await
    }

    /// Reads one batch; whether there may be more.
    async fn read_on(&self, peer: &Self) -> Result<bool, StoreError> {
        let (listens, copies) = self.reads_of(peer.core.place.here);
        let (events, copied) = self.positions(peer).await?;
        let brief = Arc::clone(&self.core.brief);
        let read = peer.store.read(move |rows| {
            let heard = if listens {
                events_after(rows, events)?
            } else {
                Vec::new()
            };
            let changes = if copies {
                rows.changes_after(&brief, copied, BATCH)?
            } else {
                Vec::new()
            };
            Ok(Read {
                events_end: heard.last().map_or(events, |last| last.seq),
                rows_end: changes.last().map_or(copied, |last| last.seq),
                heard,
                changes,
            })
        });
        let read = read.await?;
        if read.heard.is_empty() && read.changes.is_empty() {
            return Ok(false);
        }
        if !(self.core.hook)("deliver") {
            return Err(StoreError::Stopped);
        }
        let (core, name) = (Arc::clone(&self.core), self.peer_name(peer));
        let here = core.place.here;
        let write = self.store.write(move |rows| {
            for change in &read.changes {
                if core.place.all.copied(here, change.of) {
                    rows.follow(&core.brief, change)?;
                }
            }
            for heard in &read.heard {
                let happened = &heard.happened;
                if core.listeners.hear(&happened.source) {
                    let tenant = heard.tenant.as_deref();
                    publish_one(
                        rows,
                        &core.listeners,
                        happened,
                        tenant,
                        heard.at,
                        Some(&name),
                    )?;
                }
            }
            rows.advance(&name, EVENTS, read.events_end)?;
            rows.advance(&name, ROWS, read.rows_end)
        });
        write.await?;
        self.wake.notify_one();
        Ok(true)
    }

    /// Whether everything that another service has written has been read.
    pub(super) async fn caught_up(&self, peer: &Self) -> Result<bool, StoreError> {
        let (listens, copies) = self.reads_of(peer.core.place.here);
        let (events, rows) = peer.store.read(ends).await?;
        let (heard, copied) = self.positions(peer).await?;
        Ok((!listens || heard >= events) && (!copies || copied >= rows))
    }

    /// Waits until the copies here are as new as their owners' rows were when this was called.
    pub(super) async fn catch_up(&self, peers: &[Arc<Self>]) -> Result<(), StoreError> {
        for peer in peers {
            let (_, copies) = self.reads_of(peer.core.place.here);
            if !copies {
                continue;
            }
            let (_, wanted) = peer.store.read(ends).await?;
            let waited = tokio::time::timeout(PATIENCE, async {
                loop {
                    let (_, copied) = self.positions(peer).await?;
                    if copied >= wanted {
                        return Ok(());
                    }
                    tokio::time::sleep(Length::from_millis(1)).await;
                }
            });
            // Who cannot be as fresh as was promised says so.
            waited.await.unwrap_or(Err(StoreError::Full))?;
        }
        Ok(())
    }
}
