//! A clock that stands still until it is set. The short wait before a call is repeated ends at once:
//! scripts say how often a call fails, not how long that takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
use underpin_run::world::{Clock, Moment, Waiting};

/// Waits up to this long, µs, are for a repetition while one is due: every deadline is longer.
const SHORT: i64 = 900_000;

/// The clock of a script.
pub struct Still {
    now: watch::Sender<Moment>,
    retrying: Arc<AtomicBool>,
}

impl Still {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: i64, retrying: Arc<AtomicBool>) -> Self {
        Self {
            now: watch::Sender::new(Moment(start)),
            retrying,
        }
    }

    /// Shows `at` from now on.
    pub fn set(&self, at: i64) {
        self.now.send_replace(Moment(at));
    }
}

impl Clock for Still {
    fn now(&self) -> Moment {
        *self.now.borrow()
    }

    fn until(&self, at: Moment) -> Waiting<'_> {
        let short = at.0.saturating_sub(self.now().0) <= SHORT;
        if short && self.retrying.load(Ordering::SeqCst) {
            return Box::pin(tokio::task::yield_now());
        }
        let mut shown = self.now.subscribe();
        Box::pin(async move {
            // The sender lives as long as the clock.
            let _ = shown.wait_for(|now| *now >= at).await;
        })
    }
}
