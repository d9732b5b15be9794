//! Shedding by importance: while work waits too long before it begins, the least important of what
//! comes is turned away first, and less of it once the wait is short again. It must not know what
//! waits, or for what.
//!
//! The signal is CoDel's (Nichols and Jacobson, RFC 8289): the *shortest* wait of an interval. A
//! burst that is worked off within the interval leaves some wait short; only a queue that stands
//! leaves none. What follows is not dropping from the queue but an admission level before it, as
//! WeChat's DAGOR has: every request has a rank, its importance first and chance within it, and
//! those below the level are turned away. The level goes up in steps while a queue stands and comes
//! down in smaller ones while none does, so that it settles where the queue just does not stand.

use crate::MILLISECOND;

/// How important work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// Turned away first.
    Low,
    /// Turned away when nothing low is left.
    Normal,
    /// Turned away last, and never all of it.
    High,
}

/// Ranks of one importance.
const SPAN: u32 = 100;
/// The highest level: a tenth of the most important work is always let in, or nobody would see that
/// the queue is gone.
const TOP: u32 = 3 * SPAN - SPAN / 10;

/// The knobs of a [`Shedder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShedPolicy {
    /// A shortest wait above this is a standing queue, µs.
    pub target: i64,
    /// Over how long the shortest wait is looked for, µs.
    pub interval: i64,
    /// By how many ranks of three hundred the level rises per interval.
    pub up: u32,
    /// By how many it falls.
    pub down: u32,
}

impl ShedPolicy {
    /// 50 ms over 100 ms, up by 10 and down by 3: everything low is turned away within a second of
    /// a standing queue, and all is let in again ten seconds after the worst.
    pub const STANDARD: Self = Self {
        target: 50 * MILLISECOND,
        interval: 100 * MILLISECOND,
        up: 10,
        down: 3,
    };
}

/// The level before one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shedder {
    policy: ShedPolicy,
    level: u32,
    since: i64,
    shortest: Option<i64>,
}

impl Shedder {
    /// Nothing is turned away.
    #[must_use]
    pub fn new(policy: ShedPolicy, now: i64) -> Self {
        Self {
            policy,
            level: 0,
            since: now,
            shortest: None,
        }
    }

    /// Work began at `now` after it had waited.
    pub fn began(&mut self, now: i64, waited: i64) {
        self.pass(now);
        self.shortest = Some(self.shortest.map_or(waited, |known| known.min(waited)));
    }

    /// Whether work that comes at `now` is let in; `random` is uniform over all of `u64`.
    pub fn admits(&mut self, now: i64, importance: Importance, random: u64) -> bool {
        self.pass(now);
        let within = (u128::from(random) * u128::from(SPAN)) >> 64;
        let rank = importance as u32 * SPAN + u32::try_from(within).unwrap_or(0);
        rank >= self.level
    }

    /// How many of three hundred ranks are turned away.
    #[must_use]
    pub fn level(&self) -> u32 {
        self.level
    }

    /// Ends the intervals that have passed. One in which nothing began had no queue.
    fn pass(&mut self, now: i64) {
        let interval = self.policy.interval.max(1);
        let passed = now.saturating_sub(self.since).max(0) / interval;
        if passed == 0 {
            return;
        }
        let stands = self
            .shortest
            .take()
            .is_some_and(|wait| wait > self.policy.target);
        if stands {
            self.level = (self.level + self.policy.up).min(TOP);
        }
        let idle = u32::try_from(passed - i64::from(stands)).unwrap_or(u32::MAX);
        self.level = self
            .level
            .saturating_sub(self.policy.down.saturating_mul(idle));
        self.since = self.since.saturating_add(passed.saturating_mul(interval));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SECOND;

    /// A queue before a server that does `capacity` per second, asked `load` times as much, half of it
    /// low and a tenth high; what was let in per importance, and the longest wait, per second.
    fn run(seconds: i64, load: impl Fn(i64) -> i64) -> Vec<([i64; 3], i64)> {
        let capacity = 1000;
        let mut shedder = Shedder::new(ShedPolicy::STANDARD, 0);
        let mut queue = std::collections::VecDeque::new();
        let (mut random, mut told) = (1_u64, Vec::new());
        let (mut let_in, mut longest) = ([0; 3], 0);
        for now in (0..seconds * SECOND).step_by(1000) {
            for at in 0..load(now / SECOND) * capacity / 1000 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let importance = match (now / 1000 + at) % 10 {
                    0 => Importance::High,
                    1..=4 => Importance::Normal,
                    _ => Importance::Low,
                };
                if shedder.admits(now, importance, random) {
                    let_in[importance as usize] += 1;
                    queue.push_back(now);
                }
            }
            if let Some(came) = queue.pop_front() {
                longest = longest.max(now - came);
                shedder.began(now, now - came);
            }
            if now % SECOND == SECOND - 1000 {
                told.push((let_in, longest));
                (let_in, longest) = ([0; 3], 0);
            }
        }
        told
    }

    #[test]
    fn below_capacity_nothing_is_turned_away() {
        for (let_in, longest) in run(10, |_| 1) {
            assert_eq!(let_in.iter().sum::<i64>(), 1000);
            assert!(longest <= ShedPolicy::STANDARD.target);
        }
    }

    #[test]
    fn above_it_the_least_important_is_turned_away_first_and_waits_stay_short() {
        // Twice the capacity: half of what comes is low, and that is what goes.
        let told = run(60, |_| 2);
        for (let_in, longest) in told.iter().skip(10) {
            assert_eq!(let_in[2], 200, "all that is high: {told:?}");
            assert!(let_in[1] >= 500, "most of what is normal: {told:?}");
            assert!(let_in[0] <= 400, "little that is low: {told:?}");
            assert!(*longest < SECOND, "{told:?}");
        }
        let done: i64 = told
            .iter()
            .skip(10)
            .map(|(let_in, _)| let_in.iter().sum::<i64>())
            .sum();
        assert!(
            done >= 40_000,
            "at least eight tenths of the capacity is used: {done}"
        );
    }

    #[test]
    fn even_ten_times_the_capacity_leaves_what_is_important_served() {
        let told = run(60, |_| 10);
        for (let_in, longest) in told.iter().skip(20) {
            assert!(let_in[0] + let_in[1] <= 300, "{told:?}");
            assert!(*longest < 2 * SECOND, "{told:?}");
        }
    }

    #[test]
    fn when_the_load_returns_to_normal_everything_is_let_in_again() {
        let told = run(60, |second| if second < 30 { 3 } else { 1 });
        for (let_in, longest) in told.iter().skip(45) {
            assert_eq!(let_in.iter().sum::<i64>(), 1000, "{told:?}");
            assert!(*longest <= ShedPolicy::STANDARD.target, "{told:?}");
        }
    }

    #[test]
    fn an_idle_time_brings_the_level_down() {
        let mut shedder = Shedder::new(ShedPolicy::STANDARD, 0);
        for tick in 1..100 {
            shedder.began(tick * 100 * MILLISECOND, SECOND);
        }
        assert_eq!(shedder.level(), TOP);
        assert!(!shedder.admits(10 * SECOND, Importance::Low, u64::MAX));
        assert!(shedder.admits(10 * SECOND, Importance::High, u64::MAX));
        assert!(shedder.admits(20 * SECOND, Importance::Low, 0));
        assert_eq!(shedder.level(), 0);
    }
}
