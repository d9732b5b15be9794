//! Time: a moment, a clock that tells it and can wait for it. Must not know who waits for what.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

impl Moment {
    /// This much later; stands still at the end of time.
    #[must_use]
    pub fn plus(self, length: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(length.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// How long it is from `earlier` to this; nothing where it is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Whole seconds since 1970, as tokens count them.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

impl fmt::Display for Moment {
    /// RFC 3339 in UTC with microseconds where they are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

/// A wait; ready when the moment has come.
pub type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Tells the time and waits for it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;

    /// Ready as soon as `now() >= at`.
    fn until(&self, at: Moment) -> Waiting<'_>;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

/// Long waits look at the wall clock again this often, so that a clock that was set is followed.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the clock"
    )]
    fn now(&self) -> Moment {
        let passed = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Moment(i64::try_from(passed.as_micros()).unwrap_or(i64::MAX))
    }

    fn until(&self, at: Moment) -> Waiting<'_> {
        Box::pin(async move {
            loop {
                let left = at.since(self.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LOOK_AGAIN)).await;
            }
        })
    }
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Moment>,
}

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: Moment) -> Self {
        Self {
            now: watch::Sender::new(start),
        }
    }

    /// Shows `at` from now on; waits for moments up to it end.
    pub fn set(&self, at: Moment) {
        self.now.send_replace(at);
    }

    /// Moves on by `length`.
    pub fn advance(&self, length: Duration) {
        self.now.send_modify(|now| *now = now.plus(length));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        *self.now.borrow()
    }

    fn until(&self, at: Moment) -> Waiting<'_> {
        let mut shown = self.now.subscribe();
        Box::pin(async move {
            // The sender lives as long as the clock, so this ends only when the moment has come.
            let _ = shown.wait_for(|now| *now >= at).await;
        })
    }
}
