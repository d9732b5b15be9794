//! One call of a dependency, from the first attempt to its end: when to try, how long to wait,
//! when to ask for the status, when to stop. It must not know protocols or what is called.
//!
//! The rules are those of the language: what may be repeated is repeated under its key; what can
//! only be asked for is asked; what is neither is tried once and ends in doubt when the answer is
//! lost. A call that may already have happened never ends as "did not happen".

use crate::{Backoff, RetryBudget};

/// What may be done when an outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The same call may be repeated under its key.
    SameKey,
    /// The dependency can be asked what became of the call.
    AskStatus,
    /// Neither: at most one attempt leaves the house.
    Never,
}

/// How a call is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// What may be done when an outcome is unknown.
    pub repeat: Repeat,
    /// Longest wait for one attempt, µs.
    pub timeout: i64,
    /// Attempts at most; `None` for a step after the pivot, which is repeated until known.
    pub attempts: Option<u32>,
    /// No attempt starts after this moment, and no timeout reaches beyond it.
    pub deadline: Option<i64>,
    /// Waits between attempts.
    pub backoff: Backoff,
}

/// What came of the last decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The machine is asked for its first decision, or a wait has ended.
    Ready,
    /// The attempt, or the status asked for, gave an answer.
    Answered,
    /// The attempt was refused for a reason of the dependency's own.
    Refused,
    /// The attempt certainly had no effect: not connected, or turned away before work began.
    Failed,
    /// Nobody knows whether the attempt had an effect: timed out, or the connection broke.
    Unknown,
    /// The status says that the call did not happen.
    NotHappened,
}

/// Whether a call that gave no answer may have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It certainly did not.
    DidNotHappen,
    /// It may have.
    MayHaveHappened,
}

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With an answer.
    Answered,
    /// With a refusal.
    Refused,
    /// Without: attempts, budget or deadline are used up.
    GaveUp(Certainty),
    /// Without, and it may neither be repeated nor asked for: a person must look.
    InDoubt,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Make attempt `number` (from 1) and wait at most `timeout` µs.
    Attempt {
        /// Which attempt this is.
        number: u32,
        /// Longest wait, µs.
        timeout: i64,
    },
    /// Ask the dependency what became of the call and wait at most `timeout` µs.
    AskStatus {
        /// Longest wait, µs.
        timeout: i64,
    },
    /// Report [`Event::Ready`] at this moment.
    WaitUntil(i64),
    /// Over.
    End(End),
}

/// One call in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    policy: RetryPolicy,
    made: u32,
    asked: u32,
    perhaps: bool,
}

impl Call {
    /// A call of which nothing is known yet.
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            made: 0,
            asked: 0,
            perhaps: false,
        }
    }

    /// A call found unfinished after a crash: an attempt may have left the house.
    #[must_use]
    pub fn resumed(policy: RetryPolicy) -> Self {
        Self {
            policy,
            made: 0,
            asked: 0,
            perhaps: true,
        }
    }

    /// The decision after `event` at `now`; `random` is uniform over all of `u64`.
    pub fn step(
        &mut self,
        now: i64,
        event: Event,
        budget: &mut RetryBudget,
        random: u64,
    ) -> Decision {
        match event {
            Event::Ready => self.next(now, budget),
            Event::Answered => Decision::End(End::Answered),
            Event::Refused => Decision::End(End::Refused),
            Event::Failed => self.pause(now, random),
            Event::NotHappened => {
                self.perhaps = false;
                self.pause(now, random)
            }
            Event::Unknown => {
                self.perhaps = true;
                match self.policy.repeat {
                    Repeat::Never => Decision::End(End::InDoubt),
                    Repeat::SameKey | Repeat::AskStatus => self.pause(now, random),
                }
            }
        }
    }

    /// Nothing more is tried: how it stands.
    #[must_use]
    pub fn certainty(&self) -> Certainty {
        if self.perhaps {
            Certainty::MayHaveHappened
        } else {
            Certainty::DidNotHappen
        }
    }

    fn next(&mut self, now: i64, budget: &mut RetryBudget) -> Decision {
        let Some(timeout) = self.timeout(now) else {
            return self.give_up();
        };
        if self.perhaps && self.policy.repeat == Repeat::Never {
            return Decision::End(End::InDoubt);
        }
        if self.perhaps && self.policy.repeat == Repeat::AskStatus {
            self.asked = self.asked.saturating_add(1);
            return Decision::AskStatus { timeout };
        }
        if self.made == 0 {
            budget.first_attempt(now);
        } else if !budget.take(now) {
            return match self.policy.attempts {
                Some(_) => self.give_up(),
                None => Decision::WaitUntil(now.saturating_add(self.policy.backoff.cap)),
            };
        }
        self.made = self.made.saturating_add(1);
        Decision::Attempt {
            number: self.made,
            timeout,
        }
    }

    fn pause(&mut self, now: i64, random: u64) -> Decision {
        let tried = self.made.max(self.asked);
        if self.policy.attempts.is_some_and(|most| tried >= most) {
            return self.give_up();
        }
        let until = now.saturating_add(self.policy.backoff.wait(tried.saturating_sub(1), random));
        match self.policy.deadline {
            Some(deadline) if until >= deadline => self.give_up(),
            _ => Decision::WaitUntil(until),
        }
    }

    fn timeout(&self, now: i64) -> Option<i64> {
        match self.policy.deadline {
            None => Some(self.policy.timeout),
            Some(deadline) => {
                let left = deadline.saturating_sub(now);
                (left > 0).then(|| left.min(self.policy.timeout))
            }
        }
    }

    fn give_up(&self) -> Decision {
        Decision::End(End::GaveUp(self.certainty()))
    }
}
