//! Carrying one call to its end: attempts, waits, asking for the status. The decisions are
//! `underpin-resilience`'s; this only carries them out. Must not know flows.

use super::shape::{Told, question, told};
use super::{ExternalCall, ExternalOutcome, Externals};
use crate::trace::Trace;
use crate::world::{Moment, World};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use underpin_brief::model::{Brief, External, ExternalOperation, Id, Value};
use underpin_resilience::{
    Backoff, BudgetSize, Call, Certainty, Decision, End, Event, Repeat, RetryBudget, RetryPolicy,
};

/// A call that is to be carried to its end.
#[derive(Clone, Debug)]
pub struct Errand {
    /// Whom.
    pub external: Id<External>,
    /// What.
    pub operation: Id<ExternalOperation>,
    /// The key under which it is repeated.
    pub key: String,
    /// A struct laid out by the operation's `input_shape`.
    pub input: Value,
    /// Longest wait for one attempt.
    pub timeout: Duration,
    /// Attempts at most; `None` after the pivot: until known.
    pub attempts: Option<u32>,
    /// No attempt begins after it; `None` after the pivot.
    pub deadline: Option<Moment>,
    /// Whether an attempt may have left before a crash.
    pub resumed: bool,
    /// The trace that it belongs to.
    pub trace: Trace,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// With its output.
    Answered(Value),
    /// With one of its codes.
    Refused(String),
    /// Without; it certainly had no effect.
    NotHappened(String),
    /// Without; it may have had its effect, and it may be repeated or asked for later.
    Unknown(String),
    /// Without, and it can neither be repeated nor asked for: a person must look.
    InDoubt(String),
}

/// Carries calls to their ends. One per running backend: retry budgets are shared.
pub struct Carrier {
    brief: Arc<Brief>,
    externals: Arc<dyn Externals>,
    world: World,
    backoff: Backoff,
    budgets: Mutex<BTreeMap<Id<External>, RetryBudget>>,
}

impl Carrier {
    /// A carrier to those externals.
    #[must_use]
    pub fn new(brief: Arc<Brief>, externals: Arc<dyn Externals>, world: World) -> Self {
        let budgets = Mutex::new(BTreeMap::new());
        Self {
            brief,
            externals,
            world,
            backoff: Backoff::STANDARD,
            budgets,
        }
    }

    /// Tries until the call has ended.
    pub async fn carry(&self, errand: &Errand) -> Finished {
        let operation = self.operation(errand, errand.operation);
        let policy = RetryPolicy {
            repeat: repeat(operation),
            timeout: micros(errand.timeout),
            attempts: errand.attempts,
            deadline: errand.deadline.map(|at| at.0),
            backoff: self.backoff,
        };
        let mut call = if errand.resumed {
            Call::resumed(policy)
        } else {
            Call::new(policy)
        };
        let (mut event, mut asked) = (Event::Ready, 0_u32);
        let mut last = Last::default();
        loop {
            match self.decide(&mut call, event, errand.external) {
                Decision::End(end) => return last.finish(end),
                Decision::WaitUntil(at) => {
                    self.world.clock.until(Moment(at)).await;
                    event = Event::Ready;
                }
                Decision::Attempt { number, timeout } => {
                    let made = self.attempt(errand, number, timeout);
                    event = last.note(self.externals.call(made).await);
                }
                Decision::AskStatus { timeout } => {
                    asked = asked.saturating_add(1);
                    event = self.ask(errand, asked, timeout, &mut last).await;
                }
            }
        }
    }

    fn decide(&self, call: &mut Call, event: Event, external: Id<External>) -> Decision {
        let now = self.world.now().0;
        let random = self.world.random.number();
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || RetryBudget::new(BudgetSize::STANDARD, now);
        call.step(
            now,
            event,
            budgets.entry(external).or_insert_with(fresh),
            random,
        )
    }

    fn operation(&self, errand: &Errand, id: Id<ExternalOperation>) -> &ExternalOperation {
        self.brief.externals.get(errand.external).operations.get(id)
    }

    fn attempt(&self, errand: &Errand, attempt: u32, timeout: i64) -> ExternalCall {
        ExternalCall {
            external: errand.external,
            operation: errand.operation,
            key: errand.key.clone(),
            input: errand.input.clone(),
            attempt,
            timeout: Duration::from_micros(timeout.unsigned_abs()),
            trace: errand.trace.child(&*self.world.random),
        }
    }

    async fn ask(&self, errand: &Errand, asked: u32, timeout: i64, last: &mut Last) -> Event {
        let operation = self.operation(errand, errand.operation);
        let Some(id) = operation.status else {
            return Event::Unknown;
        };
        let status = self.operation(errand, id);
        let call = ExternalCall {
            operation: id,
            input: question(operation, status, &errand.input),
            ..self.attempt(errand, asked, timeout)
        };
        let ExternalOutcome::Answered(answer) = self.externals.call(call).await else {
            return Event::Unknown;
        };
        match told(operation, status, &answer) {
            Told::Happened(output) => last.note(ExternalOutcome::Answered(output)),
            Told::NotHappened => Event::NotHappened,
            Told::Nothing => Event::Unknown,
        }
    }
}

/// What the last attempt brought.
#[derive(Default)]
struct Last {
    output: Option<Value>,
    code: String,
    why: String,
}

impl Last {
    fn note(&mut self, outcome: ExternalOutcome) -> Event {
        match outcome {
            ExternalOutcome::Answered(output) => {
                self.output = Some(output);
                Event::Answered
            }
            ExternalOutcome::Refused(code) => {
                self.code = code;
                Event::Refused
            }
            ExternalOutcome::Failed(why) => {
                self.why = why;
                Event::Failed
            }
            ExternalOutcome::Unknown(why) => {
                self.why = why;
                Event::Unknown
            }
        }
    }

    fn finish(self, end: End) -> Finished {
        match end {
            End::Answered => Finished::Answered(self.output.unwrap_or(Value::Null)),
            End::Refused => Finished::Refused(self.code),
            End::GaveUp(Certainty::DidNotHappen) => Finished::NotHappened(self.why),
            End::GaveUp(Certainty::MayHaveHappened) => Finished::Unknown(self.why),
            End::InDoubt => Finished::InDoubt(self.why),
        }
    }
}

/// What may be done when the outcome of `operation` is unknown.
fn repeat(operation: &ExternalOperation) -> Repeat {
    if operation.read || operation.idempotent.is_some() {
        Repeat::SameKey
    } else if operation.status.is_some() {
        Repeat::AskStatus
    } else {
        Repeat::Never
    }
}

fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}
