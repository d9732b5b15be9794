//! Policies: work of the outbox in order per key, timers, clocks. What is due is found in the
//! store, so a restart loses nothing; claiming it in the first segment makes its effect once.

use super::core::Core;
use super::cron::Cron;
use super::drive::{Inner, wait_over};
use super::events::source_text;
use super::segment::{Resume, Went, segment};
use super::start;
use super::state::State;
use crate::store::{Rows, StoreError, codec};
use crate::world::Moment;
use rusqlite::OptionalExtension;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use underpin_brief::flow::FlowId;
use underpin_brief::model::*;

/// Policies that act at the same time at most.
const ABREAST: usize = 16;
/// The dispatcher looks again at least this often, µs.
const LOOK_AGAIN: i64 = 5_000_000;

/// Work that is due.
#[derive(Clone, Debug)]
enum Due {
    Work {
        policy: String,
        seq: i64,
        row_key: String,
        tenant: Option<String>,
        code: Option<String>,
    },
    Clock {
        policy: String,
        tenant: String,
        due: i64,
    },
}

/// Why a timer does nothing.
const LEFT: &str = "the row left the state";

impl Due {
    /// The state whose entry started a timer, and the row that entered it.
    fn timer(&self, policy: &Policy) -> Option<(EventSource, &str)> {
        match (self, &policy.trigger) {
            (
                Self::Work { row_key, .. },
                Trigger::On {
                    source,
                    after: Some(_),
                },
            ) => Some((*source, row_key)),
            _ => None,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Work { policy, seq, .. } => format!("{policy}\u{1f}{seq}"),
            Self::Clock { policy, tenant, .. } => format!("{policy}\u{1f}{tenant}\u{1f}clock"),
        }
    }
}

/// When a policy of the calendar acts next.
pub(super) fn next_due(core: &Core, policy: &str, now: i64) -> Option<i64> {
    let policy = core.brief.policies.get(core.brief.policies.find(policy)?);
    match &policy.trigger {
        Trigger::On { .. } => None,
        Trigger::Every(length) => {
            let length = length.micros.max(1);
            now.div_euclid(length).checked_add(1)?.checked_mul(length)
        }
        Trigger::Cron {
            expression, zone, ..
        } => Cron::parse(expression)?.next(now, zone),
    }
}

fn due(rows: Rows<'_>, now: i64) -> Result<(Vec<Due>, Option<i64>, u64), StoreError> {
    let mut found = Vec::new();
    let mut statement = rows.prepare(
        "SELECT policy, seq, row_key, tenant, reason FROM work AS mine
         WHERE status = 'waiting' AND due <= ?1 AND NOT EXISTS (
             SELECT 1 FROM work AS earlier INDEXED BY \"work order\"
             WHERE earlier.policy = mine.policy
             AND earlier.key = mine.key AND earlier.tenant IS mine.tenant
             AND earlier.seq < mine.seq AND earlier.status <> 'done')
         ORDER BY due, seq LIMIT 256",
    )?;
    let work = statement.query_map([now], |row| {
        Ok(Due::Work {
            policy: row.get(0)?,
            seq: row.get(1)?,
            row_key: row.get(2)?,
            tenant: row.get(3)?,
            code: row.get(4)?,
        })
    })?;
    for one in work {
        found.push(one?);
    }
    let mut statement = rows.prepare("SELECT policy, tenant, due FROM clocks WHERE due <= ?1")?;
    let clocks = statement.query_map([now], |row| {
        Ok(Due::Clock {
            policy: row.get(0)?,
            tenant: row.get(1)?,
            due: row.get(2)?,
        })
    })?;
    for one in clocks {
        found.push(one?);
    }
    let next: Option<i64> = rows
        .prepare(
            "SELECT MIN(due) FROM (
                 SELECT MIN(due) AS due FROM work WHERE status = 'waiting' AND due > ?1
                 UNION ALL SELECT MIN(due) FROM clocks WHERE due > ?1)",
        )?
        .query_row([now], |row| row.get(0))?;
    let waiting: i64 = rows
        .prepare("SELECT COUNT(*) FROM work WHERE status = 'waiting' AND due <= ?1")?
        .query_row([now], |row| row.get(0))?;
    Ok((found, next, u64::try_from(waiting).unwrap_or(0)))
}

/// Every policy of the calendar has a clock, in every tenant where it says so.
fn set_clocks(core: &Core, rows: Rows<'_>, now: i64) -> Result<(), StoreError> {
    for policy in core.brief.policies.rows() {
        let Some(next) = next_due(core, &policy.name.text, now) else {
            continue;
        };
        let id = core.brief.policies.find(&policy.name.text);
        let home = id.map(|id| core.place.all.home(FlowId::Policy(id)));
        if home != Some(core.place.here) {
            continue;
        }
        let per_tenant = matches!(
            policy.trigger,
            Trigger::Cron {
                per_tenant: true,
                ..
            }
        );
        let tenancy = core.brief.tenancy.as_ref().filter(|_| per_tenant);
        let tenants = match tenancy {
            None => vec![String::new()],
            Some(tenancy) => {
                let layout = rows.layout(tenancy.aggregate);
                let all = rows.select(tenancy.aggregate, "", Vec::new())?;
                all.iter()
                    .map(|row| codec::key_text(&layout.key_of(row)))
                    .collect()
            }
        };
        for tenant in tenants {
            rows.execute(
                "INSERT OR IGNORE INTO clocks VALUES (?1, ?2, ?3)",
                (&*policy.name.text, tenant, next),
            )?;
        }
    }
    Ok(())
}

/// What a claimed event does next.
fn work(core: &Core, rows: Rows<'_>, due: &Due, now: i64) -> Result<Went, StoreError> {
    let (policy, event, tenant, origin) = match due {
        Due::Work {
            policy,
            seq,
            tenant,
            ..
        } => {
            let text: Option<String> = rows
                .prepare("SELECT event FROM outbox WHERE seq = ?1")?
                .query_row([seq], |row| row.get(0))
                .optional()?;
            let event = text.as_deref().and_then(codec::from_text);
            (
                policy,
                event,
                tenant.clone(),
                (Some((policy.clone(), *seq)), None),
            )
        }
        Due::Clock {
            policy,
            tenant,
            due,
        } => {
            let clock = (policy.clone(), tenant.clone(), *due);
            let tenant = (!tenant.is_empty()).then(|| tenant.clone());
            (policy, None, tenant, (None, Some(clock)))
        }
    };
    let Some(id) = core.brief.policies.find(policy) else {
        return done(rows, due, "the brief no longer has this policy");
    };
    let declared = core.brief.policies.get(id);
    if let Some((source, row_key)) = due.timer(declared)
        && core.place.all.source(&source_text(&core.brief, source)) == core.place.here
        && left(core, rows, source, row_key, tenant.as_deref())?
    {
        return done(rows, due, LEFT);
    }
    let flow = match due {
        Due::Work {
            code: Some(code), ..
        } => {
            let branch = declared
                .otherwise
                .iter()
                .position(|(branch, _)| *branch.text == **code);
            branch.map_or(FlowId::Policy(id), |branch| FlowId::Otherwise(id, branch))
        }
        _ => FlowId::Policy(id),
    };
    let mut state = start::policy(core, flow, event, tenant, now);
    state.scope.cross = core.brief.tenancy.is_some() && state.scope.tenant.is_none();
    state.origin.work = origin.0;
    state.origin.clock = origin.1;
    segment(core, rows, state, Resume::Go)
}

fn done(rows: Rows<'_>, due: &Due, why: &str) -> Result<Went, StoreError> {
    match due {
        Due::Work { policy, seq, .. } => rows.execute(
            "UPDATE work SET status = 'done', reason = ?3 WHERE policy = ?1 AND seq = ?2",
            (policy, seq, why),
        )?,
        Due::Clock { policy, tenant, .. } => rows.execute(
            "DELETE FROM clocks WHERE policy = ?1 AND tenant = ?2",
            (policy, tenant),
        )?,
    };
    Ok(Went::Skipped)
}

/// Whether a row is no longer in the state whose entry started a timer.
fn left(
    core: &Core,
    rows: Rows<'_>,
    source: EventSource,
    row_key: &str,
    tenant: Option<&str>,
) -> Result<bool, StoreError> {
    let EventSource::State(of, state) = source else {
        return Ok(false);
    };
    let layout = rows.layout(of);
    let key = layout.key_of_text(row_key);
    let Some(key) = key else { return Ok(true) };
    let row = rows.get(of, &key, tenant)?;
    let states = core.brief.aggregates.get(of).states.as_ref();
    let wanted = states
        .and_then(|states| states.names.get(state))
        .map(|name| &*name.text);
    let now = row
        .as_ref()
        .zip(layout.state)
        .and_then(|(row, slot)| row.slot(slot).as_text());
    Ok(now.is_none() || now != wanted)
}

impl Inner {
    /// Looks for what is due until the engine stops.
    pub(super) async fn dispatch(self: Arc<Self>) {
        let busy: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let mut swept = i64::MIN;
        while !*self.stop.borrow() && !self.draining.load(Ordering::Relaxed) {
            let now = self.core.world.now().0;
            let core = Arc::clone(&self.core);
            if now.saturating_sub(swept) > 600_000_000 {
                swept = now;
                // What could not go now goes next time.
                let _ = self.sweep(now).await;
            }
            let calendar = |policy: &Policy| !matches!(policy.trigger, Trigger::On { .. });
            if core.brief.policies.rows().iter().any(calendar) {
                let core = Arc::clone(&core);
                let _ = self
                    .store
                    .write(move |rows| set_clocks(&core, rows, now))
                    .await;
            }
            let Ok((found, next, waiting)) = self.store.read(move |rows| due(rows, now)).await
            else {
                return;
            };
            self.gauges.outbox.store(waiting, Ordering::Relaxed);
            let idle = self.quiescent.load(Ordering::Relaxed);
            for one in found.into_iter().filter(|_| !idle) {
                if !self.is_its_turn(&one) {
                    continue;
                }
                let mut doing = busy.lock().unwrap_or_else(PoisonError::into_inner);
                if doing.len() < ABREAST && doing.insert(one.name()) {
                    let (inner, busy) = (Arc::clone(&self), Arc::clone(&busy));
                    tokio::spawn(async move {
                        inner.act(&one).await;
                        busy.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .remove(&one.name());
                        inner.wake.notify_one();
                    });
                }
            }
            let again = now.saturating_add(LOOK_AGAIN);
            let at = next.map_or(again, |next| next.min(again));
            tokio::select! {
                () = self.wake.notified() => {}
                () = self.core.world.clock.until(Moment(at)) => {}
                () = self.stopped() => return,
            }
        }
    }

    /// Whether the row of a timer has left its state, where another service knows.
    async fn left_elsewhere(self: &Arc<Self>, due: &Due) -> Result<bool, StoreError> {
        let Due::Work { policy, tenant, .. } = due else {
            return Ok(false);
        };
        let found = self.core.brief.policies.find(policy);
        let timer = found.and_then(|id| due.timer(self.core.brief.policies.get(id)));
        let Some((source, row_key)) = timer else {
            return Ok(false);
        };
        let owner = self
            .core
            .place
            .all
            .source(&source_text(&self.core.brief, source));
        let Some(owner) = self.peer(owner).filter(|_| owner != self.core.place.here) else {
            return Ok(false);
        };
        let (core, key, tenant) = (Arc::clone(&owner.core), row_key.to_owned(), tenant.clone());
        owner
            .store
            .read(move |rows| left(&core, rows, source, &key, tenant.as_deref()))
            .await
    }

    /// While the store is asked too much, policies wait as requests of their priority are refused.
    fn is_its_turn(&self, due: &Due) -> bool {
        let world = &self.core.world;
        let (Due::Work { policy, .. } | Due::Clock { policy, .. }) = due;
        let declared = self.core.brief.policies.find(policy);
        let priority = declared.map_or(Priority::Normal, |id| {
            self.core.brief.policies.get(id).priority
        });
        let random = world.random.number();
        self.gates.writes.admits(world.now().0, priority, random)
    }

    async fn act(self: &Arc<Self>, due: &Due) {
        match self.left_elsewhere(due).await {
            Ok(false) => {}
            Ok(true) => {
                let one = due.clone();
                // Where this is not written it is found again.
                let _ = self.store.write(move |rows| done(rows, &one, LEFT)).await;
                return;
            }
            Err(_) => return,
        }
        let (core, one) = (Arc::clone(&self.core), due.clone());
        let now = self.core.world.now().0;
        let went = self
            .store
            .write(move |rows| work(&core, rows, &one, now))
            .await;
        let state: Box<State> = match went {
            Ok(
                Went::Call(state)
                | Went::More(state)
                | Went::Away(state)
                | Went::Busy(state, _)
                | Went::Stuck(state, _),
            ) => state,
            Ok(Went::Ended(..) | Went::Replayed(_) | Went::Turned(_) | Went::Skipped) => return,
            Err(StoreError::Stopped) => return self.halt(),
            Err(_) => return tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        };
        let handle = self.spawn(Went::unfinished(*state), false);
        // Nobody waits for the answer, but the next event of the same key waits for the end.
        let _ = wait_over(&handle).await;
    }
}
