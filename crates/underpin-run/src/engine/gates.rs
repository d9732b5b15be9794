//! The gates before the store of a service: while writes or reads wait too long before they begin,
//! the least important of what comes is turned away, and what has waited past its deadline is not
//! begun. Must not know what is done behind them.

use super::drive::Inner;
use crate::backend::{Refusal, refusal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration as Length;
use underpin_brief::model::Priority;
use underpin_resilience::{Importance, ShedPolicy, Shedder};

/// How long a query may wait before it begins, µs; a command has its deadline.
const READ_PATIENCE: i64 = 10_000_000;

/// One gate.
pub(super) struct Gate {
    shedder: Mutex<Shedder>,
    turned_away: AtomicU64,
}

impl Gate {
    fn new(now: i64) -> Self {
        Self {
            shedder: Mutex::new(Shedder::new(ShedPolicy::STANDARD, now)),
            turned_away: AtomicU64::new(0),
        }
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Shedder) -> T) -> T {
        ask(&mut self.shedder.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Work begins at `now` that came at `since`.
    pub(super) fn begun(&self, now: i64, since: i64) {
        self.with(|shedder| shedder.began(now, now.saturating_sub(since)));
    }

    /// Whether work of that priority is let in.
    pub(super) fn admits(&self, now: i64, priority: Priority, random: u64) -> bool {
        let importance = match priority {
            Priority::Low => Importance::Low,
            Priority::Normal => Importance::Normal,
            Priority::High => Importance::High,
        };
        self.with(|shedder| shedder.admits(now, importance, random))
    }

    /// How much has been turned away.
    pub(super) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }
}

/// The gates of one service.
pub(super) struct Gates {
    pub(super) writes: Gate,
    pub(super) reads: Gate,
}

impl Gates {
    pub(super) fn new(now: i64) -> Self {
        Self {
            writes: Gate::new(now),
            reads: Gate::new(now),
        }
    }
}

/// What is told to whom there is no time for.
pub(super) fn too_busy(random: u64) -> Refusal {
    Refusal {
        // Spread, so that those who obey do not all come back at once.
        retry_after: Some(Length::from_secs(1 + random % 3)),
        ..Refusal::because(
            refusal::UNAVAILABLE,
            "more is asked than can be done: try again",
        )
    }
}

impl Inner {
    /// The refusal of work that is not let in through a gate.
    pub(super) fn shed(&self, gate: &Gate, priority: Priority) -> Option<Refusal> {
        let world = &self.core.world;
        let (now, random) = (world.now().0, world.random.number());
        if gate.admits(now, priority, random) {
            return None;
        }
        gate.turned_away.fetch_add(1, Ordering::Relaxed);
        Some(too_busy(random))
    }

    /// The refusal of a query that came at `since` and has waited too long to begin.
    pub(super) fn waited(&self, since: i64) -> Option<Refusal> {
        let now = self.core.world.now().0;
        self.gates.reads.begun(now, since);
        let late = now.saturating_sub(since) > READ_PATIENCE;
        late.then(|| too_busy(self.core.world.random.number()))
    }
}
