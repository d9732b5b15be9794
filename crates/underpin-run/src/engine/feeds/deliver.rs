//! Sending: what is due at which endpoint is found in the store, attempted by the courier, and
//! what came of it is written before the next look. Every endpoint has a queue of its own, and
//! those that fail share only some of the places, so that none delays the others.

use super::fan;
use super::outbox;
use super::outcome::{self, Ended};
use super::targets::{self, Address, Lane};
use crate::engine::core::Core;
use crate::engine::drive::Inner;
use crate::feeds::{Delivered, Letter};
use crate::store::{Rows, StoreError, codec};
use crate::world::Moment;
use rusqlite::OptionalExtension;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration as Length;
use underpin_brief::model::*;

/// Attempts at the same time.
const ABREAST: usize = 128;
/// Of them to endpoints that fail.
const FAILING: usize = 48;
/// Attempts at the same time to one endpoint.
const PER_ENDPOINT: usize = 4;
/// Messages of one endpoint that are looked at for the next attempts.
const LOOKED_AT: i64 = 64;
/// How long an endpoint may take where the brief does not say.
const TIMEOUT: Length = Length::from_secs(15);
/// The store is looked at again at least this often, µs.
const LOOK_AGAIN: i64 = 5_000_000;

/// A message whose attempt is due.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) id: i64,
    pub(super) lane: Lane,
    pub(super) key: String,
    pub(super) row_key: String,
    pub(super) source: String,
    pub(super) message: String,
    pub(super) seq: Option<i64>,
    pub(super) at: i64,
    pub(super) told: Vec<Value>,
    pub(super) attempts: u32,
    failing: bool,
}

/// Attempts under way.
#[derive(Clone, Debug, Default)]
struct Busy {
    lanes: BTreeMap<Lane, BTreeSet<i64>>,
    all: usize,
    failing: usize,
}

impl Busy {
    fn takes(&self, lane: &Lane, failing: bool) -> usize {
        let mine = self.lanes.get(lane).map_or(0, BTreeSet::len);
        let room = ABREAST.saturating_sub(self.all);
        let room = match failing {
            true => room.min(FAILING.saturating_sub(self.failing)),
            false => room,
        };
        room.min(PER_ENDPOINT.saturating_sub(mine))
    }

    fn take(&mut self, due: &Due) {
        self.lanes
            .entry(due.lane.clone())
            .or_default()
            .insert(due.id);
        self.all += 1;
        self.failing += usize::from(due.failing);
    }

    fn release(&mut self, due: &Due) {
        if let Some(mine) = self.lanes.get_mut(&due.lane) {
            mine.remove(&due.id);
            if mine.is_empty() {
                self.lanes.remove(&due.lane);
            }
        }
        self.all = self.all.saturating_sub(1);
        self.failing = self.failing.saturating_sub(usize::from(due.failing));
    }
}

/// What a look at the store found.
struct Look {
    due: Vec<Due>,
    next: Option<i64>,
    waiting: u64,
}

fn look(core: &Core, rows: Rows<'_>, now: i64, busy: &mut Busy) -> Result<Look, StoreError> {
    let mut found = Vec::new();
    let mut statement = rows.prepare(
        "SELECT feed, endpoint, tenant, failing IS NOT NULL FROM lanes
         WHERE due IS NOT NULL AND due <= ?1 ORDER BY due",
    )?;
    let mut lanes = statement.query([now])?;
    let mut waiting = 0;
    while let Some(row) = lanes.next()? {
        waiting += 1;
        let lane = Lane {
            feed: row.get(0)?,
            endpoint: row.get(1)?,
            tenant: row.get(2)?,
        };
        let failing: bool = row.get(3)?;
        let room = busy.takes(&lane, failing);
        if room == 0 {
            if busy.all >= ABREAST {
                break;
            }
            continue;
        }
        for due in of_lane(core, rows, &lane, (now, room), (failing, busy))? {
            busy.take(&due);
            found.push(due);
        }
    }
    let next: Option<i64> = rows
        .prepare("SELECT MIN(due) FROM lanes WHERE due > ?1")?
        .query_row([now], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(Look {
        due: found,
        next,
        waiting,
    })
}

/// Messages of a queue that can be attempted now.
fn of_lane(
    core: &Core,
    rows: Rows<'_>,
    lane: &Lane,
    (now, room): (i64, usize),
    (failing, busy): (bool, &Busy),
) -> Result<Vec<Due>, StoreError> {
    let mut statement = rows.prepare(
        "SELECT id, key, row_key, source, message, seq, at, told, attempts FROM deliveries
         WHERE status = 'waiting' AND feed = ?1 AND endpoint = ?2 AND tenant = ?3 AND due <= ?4
         ORDER BY due, id LIMIT ?5",
    )?;
    let (feed, endpoint, tenant) = lane.names();
    let mut all = statement.query((feed, endpoint, tenant, now, LOOKED_AT))?;
    let ordered = fan::is_ordered(core, &lane.feed);
    let mine = busy.lanes.get(lane);
    let mut found: Vec<Due> = Vec::new();
    while let Some(row) = all.next()? {
        let (id, key): (i64, String) = (row.get(0)?, row.get(1)?);
        if mine.is_some_and(|mine| mine.contains(&id)) || ordered && !first(rows, lane, &key, id)? {
            continue;
        }
        let told: String = row.get(7)?;
        let told = match codec::from_text(&told) {
            Some(Value::List(values)) => values.to_vec(),
            _ => Vec::new(),
        };
        found.push(Due {
            id,
            lane: lane.clone(),
            key,
            row_key: row.get(2)?,
            source: row.get(3)?,
            message: row.get(4)?,
            seq: row.get(5)?,
            at: row.get(6)?,
            told,
            attempts: row.get(8)?,
            failing,
        });
        if found.len() >= room {
            break;
        }
    }
    Ok(found)
}

/// Whether no earlier message of the key waits.
fn first(rows: Rows<'_>, lane: &Lane, key: &str, id: i64) -> Result<bool, StoreError> {
    let (feed, endpoint, tenant) = lane.names();
    let least: Option<i64> = rows
        .prepare(
            "SELECT MIN(id) FROM deliveries WHERE status = 'waiting' AND feed = ?1
             AND endpoint = ?2 AND tenant = ?3 AND key = ?4",
        )?
        .query_row((feed, endpoint, tenant, key), |row| row.get(0))?;
    Ok(least == Some(id))
}

/// Where a message goes and what it says; none where nobody wants it any longer.
fn letter(core: &Core, rows: Rows<'_>, due: &Due) -> Result<Option<Letter>, StoreError> {
    let Some(id) = core.brief.feeds.find(&due.lane.feed) else {
        return Ok(None);
    };
    let plan = core.feed(id);
    let on = plan.on(&due.source);
    if on.is_none() && !due.source.is_empty() {
        return Ok(None);
    }
    let stored = plan
        .endpoint
        .as_ref()
        .is_some_and(|endpoint| endpoint.to.is_some());
    let address = if stored {
        let event = match due.seq {
            Some(seq) => outbox::one(rows, seq)?,
            None => None,
        };
        targets::address(core, rows, plan, &due.lane, on.zip(event.as_ref()))?
    } else {
        let now = core.world.now().0;
        let found = targets::registered(
            rows,
            "WHERE id = ?1 AND state = 'active'",
            &[&due.lane.endpoint],
        )?;
        found.into_iter().next().map(|endpoint| Address {
            url: endpoint.url,
            secrets: endpoint
                .secrets
                .into_iter()
                .filter(|secret| secret.until.is_none_or(|until| until > now))
                .map(|secret| secret.text)
                .collect(),
        })
    };
    let timeout = match &core.brief.feeds.get(id).deliver {
        Deliver::Webhook(webhook) => webhook.timeout,
        Deliver::Live | Deliver::Stream => None,
    };
    let timeout = timeout.and_then(|timeout| u64::try_from(timeout.micros).ok());
    Ok(address.map(|address| Letter {
        feed: id,
        on,
        id: due.message.clone(),
        at: due.at,
        values: due.told.clone(),
        url: address.url,
        secrets: address.secrets,
        timeout: timeout.map_or(TIMEOUT, Length::from_micros),
    }))
}

impl Inner {
    /// Sends what feeds tell endpoints, until the engine stops.
    pub(in crate::engine) async fn outbound(self: Arc<Self>) {
        let busy: Arc<Mutex<Busy>> = Arc::default();
        let mut committed = self.store.commits();
        while !*self.stop.borrow() && !self.draining.load(Ordering::Relaxed) {
            committed.mark_unchanged();
            let now = self.core.world.now().0;
            let at = match self.look_out(now, &busy).await {
                Ok(next) => next,
                Err(StoreError::Stopped) => return,
                Err(_) => {
                    tokio::time::sleep(Length::from_millis(100)).await;
                    continue;
                }
            };
            let again = now.saturating_add(LOOK_AGAIN);
            let at = at.map_or(again, |at| at.min(again));
            tokio::select! {
                _ = committed.changed() => {}
                () = self.feeds.again.notified() => {}
                () = self.core.world.clock.until(Moment(at)) => {}
                () = self.stopped() => return,
            }
        }
    }

    /// Turns events into messages and begins attempts; when to look again.
    async fn look_out(
        self: &Arc<Self>,
        now: i64,
        busy: &Arc<Mutex<Busy>>,
    ) -> Result<Option<i64>, StoreError> {
        let core = Arc::clone(&self.core);
        while {
            let core = Arc::clone(&core);
            self.store
                .read(move |rows| fan::behind(&core, rows))
                .await?
        } {
            let core = Arc::clone(&core);
            self.store.write(move |rows| fan::fan(&core, rows)).await?;
        }
        let mut held = busy.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let look = self
            .store
            .read(move |rows| look(&core, rows, now, &mut held))
            .await?;
        self.feeds.deliveries.store(look.waiting, Ordering::Relaxed);
        for due in look.due {
            busy.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(&due);
            let (inner, busy) = (Arc::clone(self), Arc::clone(busy));
            tokio::spawn(async move {
                inner.bring(&due).await;
                busy.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .release(&due);
                inner.feeds.again.notify_one();
            });
        }
        Ok(look.next)
    }

    async fn bring(&self, due: &Due) {
        let (core, one) = (Arc::clone(&self.core), due.clone());
        let letter = match self.store.read(move |rows| letter(&core, rows, &one)).await {
            Ok(letter) => letter,
            Err(_) => return,
        };
        let ended = match letter {
            None => Ended::Unwanted,
            Some(letter) => {
                if *self.stop.borrow() {
                    return;
                }
                let courier = self.feeds.courier();
                let began = self.core.world.now();
                let delivered = tokio::select! {
                    delivered = courier.deliver(letter) => delivered,
                    () = self.stopped() => return,
                };
                let took = match delivered.took.is_zero() {
                    true => self.core.world.now().since(began),
                    false => delivered.took,
                };
                Ended::Attempted(Delivered { took, ..delivered })
            }
        };
        loop {
            let (core, due, ended) = (Arc::clone(&self.core), due.clone(), ended.clone());
            let written = self
                .store
                .write(move |rows| outcome::settle(&core, rows, &due, &ended))
                .await;
            match written {
                Err(StoreError::Full) => tokio::time::sleep(Length::from_millis(20)).await,
                // Where it could not be written the message is attempted again.
                _ => break,
            }
        }
        self.wake.notify_one();
    }
}
