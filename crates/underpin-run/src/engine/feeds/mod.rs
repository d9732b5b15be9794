//! Feeds: what is told to subscribers live, and to endpoints by webhook. Everything starts at the
//! outbox of this node, which one tailer reads for all subscribers; what leaves for endpoints is
//! kept in the store until it has arrived. Must not know HTTP, nor how a message looks.

mod deliver;
mod endpoints;
mod fan;
mod live;
mod outbox;
mod outcome;
mod plan;
mod subscribe;
mod tail;
mod targets;

pub(super) use fan::sweep as sweep_deliveries;
pub(super) use outbox::swept;
pub(super) use plan::FeedPlan;
pub(crate) use plan::source_shape;

use super::core::Core;
use super::drive::Inner;
use crate::feeds::{Courier, Nobody, Position};
use crate::store::StoreError;
use live::Live;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Notify, Semaphore};

/// Subscribers that catch up at the same time: each reads a snapshot of its own.
const CATCHING_UP: usize = 4;

/// What the feeds of a node share.
pub(super) struct Room {
    pub(super) live: Live,
    courier: OnceLock<Arc<dyn Courier>>,
    /// Endpoints have changed, or a delivery has ended.
    again: Notify,
    catching: Semaphore,
    /// Deliveries that are due or under way, as last seen.
    deliveries: AtomicU64,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            live: Live::default(),
            courier: OnceLock::new(),
            again: Notify::new(),
            catching: Semaphore::new(CATCHING_UP),
            deliveries: AtomicU64::new(0),
        }
    }
}

impl Room {
    /// Who brings messages to endpoints; the first one stays.
    pub(super) fn send_by(&self, courier: Arc<dyn Courier>) {
        let _ = self.courier.set(courier);
    }

    fn courier(&self) -> Arc<dyn Courier> {
        self.courier
            .get()
            .map_or_else(|| Arc::new(Nobody) as Arc<dyn Courier>, Arc::clone)
    }

    /// Subscribers now, and deliveries that wait.
    pub(super) fn figures(&self) -> (u64, u64) {
        (self.live.count(), self.deliveries.load(Ordering::Relaxed))
    }
}

/// The name under which the service that tells a feed counts its events: those of other services
/// stand in its outbox too, in the order in which it heard of them.
const HERE: &str = "";

/// A position in the outbox of this node.
fn position(seq: i64) -> Position {
    Position(BTreeMap::from([(HERE.to_owned(), seq)]))
}

/// The number that a position has for this node.
fn seq_of(position: &Position) -> Option<i64> {
    position.0.get(HERE).copied()
}

impl Core {
    pub(in crate::engine) fn live_feeds(&self) -> impl Iterator<Item = &FeedPlan> {
        let here = |plan: &&FeedPlan| self.place.all.tells(plan.id) == self.place.here;
        self.feeds.iter().filter(here).filter(|plan| plan.is_live())
    }

    fn webhook_feeds(&self) -> impl Iterator<Item = &FeedPlan> {
        let here = |plan: &&FeedPlan| self.place.all.tells(plan.id) == self.place.here;
        let feeds = self.feeds.iter().filter(here);
        feeds.filter(|plan| plan.endpoint.is_some())
    }
}

impl Inner {
    /// Begins to watch the outbox for what feeds tell.
    ///
    /// # Errors
    /// What the store says.
    pub(super) async fn start_feeds(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.core.live_feeds().next().is_some() {
            tokio::spawn(Arc::clone(self).tail());
        }
        if self.core.webhook_feeds().next().is_some() {
            let core = Arc::clone(&self.core);
            self.store
                .write(move |rows| fan::begin(&core, rows))
                .await?;
            tokio::spawn(Arc::clone(self).outbound());
        }
        Ok(())
    }
}
