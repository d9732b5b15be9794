//! Faults that a person lets simulated externals have while they run. What a fault does to a call is
//! drawn from the call, never from the order of calls. Must not know who asked for it.

use super::draw::Draw;
use crate::admin::{Fault, FaultLine};
use crate::world::Moment;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Faults by `external` or `external.operation`.
#[derive(Default)]
pub struct Faults {
    all: Mutex<BTreeMap<(String, u8), Set>>,
}

#[derive(Clone, Copy)]
struct Set {
    fault: Fault,
    until: Option<Moment>,
}

/// What faults do to one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hit {
    /// It has no effect.
    pub(super) before: bool,
    /// Its answer is lost.
    pub(super) after: bool,
    /// It takes so long.
    pub(super) slow: Option<Duration>,
}

/// One fault of a kind stands beside one of another kind, and replaces one of its own.
fn kind(fault: Fault) -> u8 {
    match fault {
        Fault::Down => 0,
        Fault::Slow(_) => 1,
        Fault::Errors(_) => 2,
        Fault::Lost(_) => 3,
    }
}

impl Faults {
    fn with<T>(&self, now: Moment, work: impl FnOnce(&mut BTreeMap<(String, u8), Set>) -> T) -> T {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, set| set.until.is_none_or(|until| now < until));
        work(&mut all)
    }

    /// From now on `of` fails so, until that moment.
    pub fn set(&self, of: &str, fault: Fault, now: Moment, until: Option<Moment>) {
        let key = (of.to_owned(), kind(fault));
        self.with(now, |all| all.insert(key, Set { fault, until }));
    }

    /// Ends the faults of `of`, or all.
    pub fn heal(&self, of: Option<&str>, now: Moment) {
        self.with(now, |all| {
            all.retain(|(name, _), _| of.is_some_and(|of| of != name));
        });
    }

    /// Those that stand.
    #[must_use]
    pub fn lines(&self, now: Moment) -> Vec<FaultLine> {
        let line = |((of, _), set): (&(String, u8), &Set)| FaultLine {
            of: of.clone(),
            fault: set.fault,
            until: set.until.map(|until| until.to_string()),
        };
        self.with(now, |all| all.iter().map(line).collect())
    }

    /// What they do to an attempt.
    pub(super) fn hit(&self, external: &str, operation: &str, draw: &Draw, now: Moment) -> Hit {
        let narrow = format!("{external}.{operation}");
        let mut hit = Hit::default();
        self.with(now, |all| {
            // What is said of the operation counts before what is said of the whole.
            for ((_, _), set) in [external, narrow.as_str()]
                .into_iter()
                .flat_map(|of| all.range((of.to_owned(), 0)..=(of.to_owned(), u8::MAX)))
            {
                match set.fault {
                    Fault::Down => hit.before = true,
                    Fault::Slow(millis) => hit.slow = Some(Duration::from_millis(millis)),
                    Fault::Errors(share) => {
                        hit.before |= draw.millionth("fault before") < u64::from(share);
                    }
                    Fault::Lost(share) => {
                        hit.after |= draw.millionth("fault after") < u64::from(share);
                    }
                }
            }
        });
        hit
    }
}
