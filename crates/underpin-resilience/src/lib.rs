//! Resilience: timeouts, retries and limits as pure state machines driven by given time and
//! given randomness, so that what is simulated is what runs.
//!
//! Nothing here sleeps, reads a clock, draws a random number or sends anything. Every machine has
//! one `step(now, event) -> decision`; whoever drives it (the runtime, the simulator, a test)
//! carries the decision out and reports what came of it.
//!
//! Moments are microseconds since 1970-01-01T00:00:00Z, lengths of time are microseconds; both
//! are plain `i64`, so the crate depends on nothing.

mod backoff;
mod budget;
mod call;
mod shed;
mod tokens;

pub use backoff::Backoff;
pub use budget::{BudgetSize, RetryBudget};
pub use call::{Call, Certainty, Decision, End, Event, Repeat, RetryPolicy};
pub use shed::{Importance, ShedPolicy, Shedder};
pub use tokens::{TokenBucket, TokenRate};

/// Microseconds in one second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in one millisecond.
pub const MILLISECOND: i64 = 1_000;

#[cfg(test)]
mod tests;
