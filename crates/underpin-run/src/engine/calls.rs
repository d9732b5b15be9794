//! Calls of externals between transactions: tried, repeated under their key, asked for, as the
//! machine of `underpin-resilience` decides. It must not know rows.

use super::drive::Inner;
use super::segment::Resume;
use super::state::{Calling, Kept, State};
use crate::backend::{Refusal, refusal};
use crate::externals::{ExternalCall, ExternalOutcome, Told, question, told};
use crate::trace::Trace;
use crate::world::Moment;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration as Length;
use underpin_brief::model::*;
use underpin_resilience::{
    Backoff, BudgetSize, Call, Certainty, Decision, End, Event as Seen, MILLISECOND, Repeat,
    RetryBudget, RetryPolicy, SECOND, TokenBucket, TokenRate,
};

/// Repetitions that may be made towards each external.
pub(super) struct Budgets(Vec<Mutex<RetryBudget>>);

impl Budgets {
    pub(super) fn new(brief: &Brief, now: i64) -> Self {
        let budget = |_: &External| Mutex::new(RetryBudget::new(BudgetSize::STANDARD, now));
        Self(brief.externals.rows().iter().map(budget).collect())
    }

    /// Repetitions that may be made at once towards each external, in order.
    pub(super) fn left(&self, now: i64) -> Vec<u64> {
        let left = |budget: &Mutex<RetryBudget>| {
            budget
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .left(now)
        };
        self.0.iter().map(left).collect()
    }

    fn step(
        &self,
        external: Id<External>,
        step: impl FnOnce(&mut RetryBudget) -> Decision,
    ) -> Decision {
        match self.0.get(external.index()) {
            Some(budget) => step(&mut budget.lock().unwrap_or_else(PoisonError::into_inner)),
            None => Decision::End(End::GaveUp(Certainty::DidNotHappen)),
        }
    }
}

/// How often each external and each of its operations may be called.
pub(super) struct Paces(BTreeMap<(usize, Option<usize>), (TokenRate, Mutex<TokenBucket>)>);

/// What a declared rate lets through: as many at once as in one second, at least one.
fn pace(rate: Rate) -> TokenRate {
    let per_second = rate.per_second().nanos().max(0).unsigned_abs() / 1_000_000_000;
    TokenRate {
        nanos: rate.count.nanos(),
        period: rate.per.seconds().saturating_mul(SECOND),
        size: per_second.max(1),
    }
}

impl Paces {
    pub(super) fn new(brief: &Brief, now: i64) -> Self {
        let mut paces = BTreeMap::new();
        for (id, external) in brief.externals.iter() {
            let own = external.rate.map(|rate| (None, rate));
            let inner = external.operations.iter();
            let inner =
                inner.filter_map(|(id, operation)| Some((Some(id.index()), operation.rate?)));
            for (operation, rate) in own.into_iter().chain(inner) {
                let rate = pace(rate);
                let bucket = Mutex::new(TokenBucket::full(rate, now));
                paces.insert((id.index(), operation), (rate, bucket));
            }
        }
        Self(paces)
    }

    /// When the next call may be made; none where that is after `latest`.
    fn next(
        &self,
        external: Id<External>,
        operation: Id<ExternalOperation>,
        (now, latest): (i64, Option<i64>),
    ) -> Option<i64> {
        let mut at = now;
        for which in [None, Some(operation.index())] {
            if let Some((rate, bucket)) = self.0.get(&(external.index(), which)) {
                let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
                at = at.max(bucket.reserve(*rate, now, latest)?);
            }
        }
        Some(at)
    }
}

/// A call as its statement wants it.
pub(super) struct Wanted {
    pub(super) external: Id<External>,
    pub(super) operation: Id<ExternalOperation>,
    /// What stands in for an answer that cannot be had.
    pub(super) fallback: Option<Value>,
    /// Whether an unknown outcome is accepted: tried at most once.
    pub(super) once: bool,
}

/// How a call ended.
enum Ended {
    Answered(Value),
    Refused(String),
    GaveUp(Certainty),
    InDoubt,
    Stopped,
}

impl Inner {
    fn operation(
        &self,
        external: Id<External>,
        operation: Id<ExternalOperation>,
    ) -> &ExternalOperation {
        self.core
            .brief
            .externals
            .get(external)
            .operations
            .get(operation)
    }

    /// Longest wait for one attempt: four times what one in a hundred takes longer than.
    fn timeout(&self, external: Id<External>, operation: &ExternalOperation) -> i64 {
        let latency = operation
            .latency
            .or(self.core.brief.externals.get(external).latency);
        let slowest = latency.and_then(|latency| latency.p99.or(latency.p50));
        slowest.map_or(2 * SECOND, |slowest| {
            slowest
                .micros
                .saturating_mul(4)
                .clamp(250 * MILLISECOND, 30 * SECOND)
        })
    }

    /// Makes a call of a flow until its outcome is known, or as long as it may wait.
    pub(super) async fn call(
        &self,
        state: &State,
        calling: &Calling,
        wanted: &Wanted,
        resumed: bool,
    ) -> Option<Resume> {
        let operation = self.operation(wanted.external, wanted.operation);
        let repeat = match () {
            () if wanted.once && operation.idempotent.is_none() && !operation.read => Repeat::Never,
            () if operation.read || operation.idempotent.is_some() => Repeat::SameKey,
            () if operation.status.is_some() => Repeat::AskStatus,
            () => Repeat::Never,
        };
        let bounded = !state.passed && !calling.undo;
        let mut policy = RetryPolicy {
            repeat,
            timeout: self.timeout(wanted.external, operation),
            attempts: None,
            deadline: state.deadline.filter(|_| bounded),
            backoff: Backoff::STANDARD,
        };
        let call = if resumed {
            Call::resumed(policy)
        } else {
            Call::new(policy)
        };
        let mut ended = self
            .drive_call(calling, wanted, call, policy.deadline)
            .await;
        if matches!(ended, Ended::GaveUp(Certainty::MayHaveHappened)) && repeat != Repeat::Never {
            // Nothing can be taken back, and nothing can go on, before this is known.
            policy.deadline = None;
            ended = self
                .drive_call(calling, wanted, Call::resumed(policy), None)
                .await;
        }
        Some(match ended {
            Ended::Stopped => return None,
            Ended::Answered(_) if calling.undo => Resume::TakenBack,
            Ended::Answered(output) => Resume::Answered(output),
            Ended::Refused(code) if calling.undo => {
                Resume::Park(format!("an undo was refused: `{code}`"))
            }
            Ended::Refused(code) if state.passed => {
                Resume::Park(format!("`{code}` after the pivot"))
            }
            Ended::Refused(code) => Resume::Refused(Refusal::new(&code)),
            Ended::InDoubt | Ended::GaveUp(Certainty::MayHaveHappened) => Resume::Lost,
            Ended::GaveUp(Certainty::DidNotHappen) => self.not_made(state, wanted),
        })
    }

    /// Reads from an external, repeated as long as the deadline allows.
    pub(super) async fn read_external(
        &self,
        (external, operation): (Id<External>, Id<ExternalOperation>),
        input: Value,
        deadline: i64,
    ) -> Result<Value, Refusal> {
        let asked = self.operation(external, operation);
        let policy = RetryPolicy {
            repeat: Repeat::SameKey,
            timeout: self.timeout(external, asked),
            attempts: None,
            deadline: Some(deadline),
            backoff: Backoff::STANDARD,
        };
        let calling = Calling {
            at: Vec::new(),
            input: Kept(input),
            key: self.core.world.id().to_string(),
            undo: false,
        };
        let wanted = Wanted {
            external,
            operation,
            fallback: None,
            once: false,
        };
        let silent = |code: &str| {
            let name = &self.core.brief.externals.get(external).name;
            Refusal::because(code, format!("`{name}` does not answer"))
        };
        let call = Call::new(policy);
        match self
            .drive_call(&calling, &wanted, call, policy.deadline)
            .await
        {
            Ended::Answered(value) => Ok(value),
            Ended::Refused(code) => Err(Refusal::new(&code)),
            Ended::GaveUp(_) if self.core.world.now().0 >= deadline => {
                Err(silent(refusal::DEADLINE))
            }
            Ended::GaveUp(_) | Ended::InDoubt | Ended::Stopped => Err(silent(refusal::UNAVAILABLE)),
        }
    }

    fn not_made(&self, state: &State, wanted: &Wanted) -> Resume {
        if let Some(value) = &wanted.fallback {
            return Resume::Instead(value.clone());
        }
        let external = &self.core.brief.externals.get(wanted.external).name;
        // Attempts are not counted, so only the deadline can have ended them.
        let code = match state.deadline {
            Some(_) => refusal::DEADLINE,
            None => refusal::UNAVAILABLE,
        };
        Resume::Refused(Refusal::because(
            code,
            format!("`{external}` does not answer"),
        ))
    }

    /// Waits until the external may be called at its rate; the end where that would be after
    /// `latest`, or where the engine stops.
    async fn turn(&self, wanted: &Wanted, latest: Option<i64>, end: Ended) -> Option<Ended> {
        let world = &self.core.world;
        let now = world.now().0;
        let at = self
            .paces
            .next(wanted.external, wanted.operation, (now, latest));
        let Some(at) = at else { return Some(end) };
        if at <= now {
            return None;
        }
        tokio::select! {
            () = world.clock.until(Moment(at)) => None,
            () = self.stopped() => Some(Ended::Stopped),
        }
    }

    async fn drive_call(
        &self,
        calling: &Calling,
        wanted: &Wanted,
        mut call: Call,
        latest: Option<i64>,
    ) -> Ended {
        let world = &self.core.world;
        let mut event = Seen::Ready;
        let mut answered = None;
        let mut refused = None;
        loop {
            if event == Seen::Ready {
                let late = Ended::GaveUp(call.certainty());
                if let Some(end) = self.turn(wanted, latest, late).await {
                    return end;
                }
            }
            let now = world.now().0;
            let random = world.random.number();
            let decision = self.budgets.step(wanted.external, |budget| {
                call.step(now, event, budget, random)
            });
            match decision {
                Decision::Attempt { number, timeout } => {
                    let target = (wanted.external, wanted.operation);
                    let timed = (number, timeout);
                    let made = self.attempt(calling, target, &calling.input.0, timed);
                    let Some(outcome) = made.await else {
                        return Ended::Stopped;
                    };
                    event = match outcome {
                        ExternalOutcome::Answered(value) => {
                            answered = Some(value);
                            Seen::Answered
                        }
                        ExternalOutcome::Refused(code) => {
                            refused = Some(code);
                            Seen::Refused
                        }
                        ExternalOutcome::Failed(_) => Seen::Failed,
                        ExternalOutcome::Unknown(_) => Seen::Unknown,
                    };
                }
                Decision::AskStatus { timeout } => {
                    let Some(outcome) = self.ask(calling, wanted, timeout).await else {
                        return Ended::Stopped;
                    };
                    event = match outcome {
                        Asked::Happened(value) => {
                            answered = Some(value);
                            Seen::Answered
                        }
                        Asked::NotHappened => Seen::NotHappened,
                        Asked::Unknown => Seen::Unknown,
                    };
                }
                Decision::WaitUntil(at) => {
                    tokio::select! {
                        () = world.clock.until(Moment(at)) => {}
                        () = self.stopped() => return Ended::Stopped,
                    }
                    event = Seen::Ready;
                }
                Decision::End(End::Answered) => {
                    return Ended::Answered(answered.unwrap_or(Value::Null));
                }
                Decision::End(End::Refused) => return Ended::Refused(refused.unwrap_or_default()),
                Decision::End(End::GaveUp(certainty)) => return Ended::GaveUp(certainty),
                Decision::End(End::InDoubt) => return Ended::InDoubt,
            }
        }
    }

    async fn attempt(
        &self,
        calling: &Calling,
        (external, operation): (Id<External>, Id<ExternalOperation>),
        input: &Value,
        (number, timeout): (u32, i64),
    ) -> Option<ExternalOutcome> {
        if !(self.core.hook)("call") {
            self.halt();
            return None;
        }
        let call = ExternalCall {
            external,
            operation,
            key: calling.key.clone(),
            input: input.clone(),
            attempt: number,
            timeout: Length::from_micros(u64::try_from(timeout).unwrap_or(0)),
            trace: Trace::new(&*self.core.world.random),
        };
        let outcome = tokio::select! {
            outcome = self.externals.call(call) => outcome,
            () = self.stopped() => return None,
        };
        if !(self.core.hook)("called") {
            self.halt();
            return None;
        }
        Some(outcome)
    }

    /// Asks what became of a call.
    async fn ask(&self, calling: &Calling, wanted: &Wanted, timeout: i64) -> Option<Asked> {
        let operation = self.operation(wanted.external, wanted.operation);
        let Some(status) = operation.status else {
            return Some(Asked::Unknown);
        };
        let asked = self.operation(wanted.external, status);
        let input = question(operation, asked, &calling.input.0);
        let outcome = self
            .attempt(calling, (wanted.external, status), &input, (1, timeout))
            .await?;
        let ExternalOutcome::Answered(answer) = outcome else {
            return Some(Asked::Unknown);
        };
        Some(match told(operation, asked, &answer) {
            Told::Happened(output) => Asked::Happened(output),
            Told::NotHappened => Asked::NotHappened,
            Told::Nothing => Asked::Unknown,
        })
    }
}

enum Asked {
    Happened(Value),
    NotHappened,
    Unknown,
}
