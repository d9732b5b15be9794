//! When keys are fetched again: a machine driven by given time. Must not know keys or networks.

use crate::world::Moment;
use std::time::Duration;

/// Keys older than this are renewed in the background.
const FRESH: Duration = Duration::from_secs(600);
/// Keys older than this are no longer believed: a provider that was not reached for so long may
/// have taken one back.
pub(super) const USABLE: Duration = Duration::from_secs(24 * 3600);
/// The provider is asked at most this often, whatever tokens come.
const PAUSE: Duration = Duration::from_secs(10);

/// What a look at the keys calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// The answer stands as it is.
    Nothing,
    /// The answer stands; the keys should be renewed meanwhile.
    Soon,
    /// The keys must be fetched before there is an answer.
    Now,
    /// There are no usable keys, and it is too early to try again.
    Wait,
}

/// When keys were fetched and when that was last tried.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Renewal {
    fetched: Option<Moment>,
    tried: Option<Moment>,
}

impl Renewal {
    pub(super) fn tried(&mut self, now: Moment) {
        self.tried = Some(now);
    }

    pub(super) fn fetched(&mut self, at: Moment) {
        self.fetched = Some(at);
    }

    /// Whether the provider may be asked.
    pub(super) fn may_try(&self, now: Moment) -> bool {
        self.tried.is_none_or(|tried| now.since(tried) >= PAUSE)
    }

    /// What is called for where the wanted key is known, or is not.
    pub(super) fn need(&self, known: bool, now: Moment) -> Need {
        let age = self.fetched.map(|at| now.since(at));
        let usable = age.is_some_and(|age| age <= USABLE);
        let fresh = age.is_some_and(|age| age <= FRESH);
        match (usable, known, self.may_try(now)) {
            (true, true, true) if !fresh => Need::Soon,
            (true, true, _) => Need::Nothing,
            // A key that nobody knows may be a new one.
            (_, _, true) => Need::Now,
            (true, false, false) => Need::Nothing,
            (false, _, false) => Need::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(0).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn keys_are_renewed_in_time_but_never_often() {
        let mut renewal = Renewal::default();
        assert_eq!(renewal.need(false, at(0)), Need::Now);
        renewal.tried(at(0));
        assert_eq!(renewal.need(false, at(9)), Need::Wait);
        assert_eq!(renewal.need(false, at(10)), Need::Now);
        renewal.tried(at(10));
        renewal.fetched(at(10));
        for (known, seconds, expected) in [
            (true, 11, Need::Nothing),
            (false, 19, Need::Nothing),
            (false, 20, Need::Now),
            (true, 610, Need::Nothing),
            (true, 611, Need::Soon),
            (true, 10 + 24 * 3600, Need::Soon),
            (true, 11 + 24 * 3600, Need::Now),
        ] {
            assert_eq!(
                renewal.need(known, at(seconds)),
                expected,
                "{known} at {seconds}"
            );
        }
        renewal.tried(at(611));
        assert_eq!(renewal.need(true, at(615)), Need::Nothing);
    }
}
