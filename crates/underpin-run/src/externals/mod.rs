//! Systems that somebody else runs, as one door: a call with a key goes out, an answer, a refusal
//! or a failure comes back. Behind the door stands a real system over HTTP or a simulated one that
//! answers from its contract. Must not know flows or storage of the engine.

mod choose;
mod draw;
mod faults;
mod http;
mod record;
mod shape;
pub mod signature;
mod simulated;
mod values;

pub use choose::Chosen;
pub use faults::Faults;
pub use http::{Http, Unusable};
pub(crate) use shape::{Told, question, told};
pub use simulated::{Behaviour, Simulated};

use crate::backend::Pending;
use crate::trace::Trace;
use std::time::Duration;
use underpin_brief::model::{External, ExternalOperation, Id, Value};

/// One attempt of a call.
#[derive(Clone, Debug)]
pub struct ExternalCall {
    /// Whom.
    pub external: Id<External>,
    /// What.
    pub operation: Id<ExternalOperation>,
    /// The same key means the same call, however often it is tried.
    pub key: String,
    /// A struct laid out by the operation's `input_shape`.
    pub input: Value,
    /// Which attempt under this key, from 1.
    pub attempt: u32,
    /// How long to wait for the answer.
    pub timeout: Duration,
    /// The trace that it belongs to.
    pub trace: Trace,
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternalOutcome {
    /// A struct laid out by the operation's `output_shape`.
    Answered(Value),
    /// One of the codes under `fails`.
    Refused(String),
    /// It certainly had no effect: not reached, or turned away.
    Failed(String),
    /// Nobody knows whether it had an effect: too late, or the answer was lost or not understood.
    Unknown(String),
}

/// The door.
pub trait Externals: Send + Sync + 'static {
    /// One attempt. The effect may go on where the caller stops waiting.
    fn call(&self, call: ExternalCall) -> Pending<'_, ExternalOutcome>;

    /// While it is on, what is simulated answers without delay: a sample need not wait for it.
    fn hurry(&self, _on: bool) {}

    /// The faults of an external that is simulated; none where it is real.
    fn faults(&self, _of: Id<External>) -> Option<&Faults> {
        None
    }
}

#[cfg(test)]
mod tests;
