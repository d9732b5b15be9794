//! A token bucket: so many at once, so many per period, for limits on admissions and for calls
//! that are paced. It must not know what a token pays for.
//!
//! A bucket is full at first, loses a token per admission and gains them evenly with time, up to its
//! size. A *reservation* may take a token that is still to come, and says when it does.

/// One token, in the unit in which the balance is kept: so small that rounding costs nothing that
/// anybody could measure.
const TOKEN: i128 = 1_000_000_000_000;
/// A rate counts in billionths.
const BILLION: i128 = 1_000_000_000;

/// How fast a [`TokenBucket`] fills and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRate {
    /// Billionths of a token per period; at least one.
    pub nanos: i64,
    /// The period, µs; at least one.
    pub period: i64,
    /// How many tokens it holds; at least one.
    pub size: u64,
}

impl TokenRate {
    fn cap(self) -> i128 {
        i128::from(self.size.max(1)) * TOKEN
    }

    /// What comes in within `passed` µs.
    fn earned(self, passed: i64) -> i128 {
        let nanos = i128::from(self.nanos.max(1));
        i128::from(passed.max(0))
            .saturating_mul(nanos)
            .saturating_mul(TOKEN)
            / (i128::from(self.period.max(1)) * BILLION)
    }

    /// How long `amount` takes to come in, µs, rounded up.
    fn time_for(self, amount: i128) -> i64 {
        let nanos = i128::from(self.nanos.max(1)) * TOKEN;
        let scaled = amount
            .max(0)
            .saturating_mul(i128::from(self.period.max(1)) * BILLION);
        i64::try_from(scaled.saturating_add(nanos - 1) / nanos).unwrap_or(i64::MAX)
    }

    /// How long an empty bucket takes to fill, µs.
    #[must_use]
    pub fn window(self) -> i64 {
        self.time_for(self.cap())
    }
}

/// The balance of one client, or towards one dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    balance: i128,
    since: i64,
}

impl TokenBucket {
    /// A full bucket at `now`.
    #[must_use]
    pub fn full(rate: TokenRate, now: i64) -> Self {
        Self {
            balance: rate.cap(),
            since: now,
        }
    }

    /// Takes a token now.
    ///
    /// # Errors
    /// How long it takes until there is one, µs; nothing is taken.
    pub fn take(&mut self, rate: TokenRate, now: i64) -> Result<(), i64> {
        self.refill(rate, now);
        if self.balance < TOKEN {
            return Err(rate.time_for(TOKEN - self.balance));
        }
        self.balance -= TOKEN;
        Ok(())
    }

    /// Takes a token that is there or is still to come, and says from when it may be used; none,
    /// and nothing taken, where that would be after `latest`.
    pub fn reserve(&mut self, rate: TokenRate, now: i64, latest: Option<i64>) -> Option<i64> {
        self.refill(rate, now);
        let at = now.saturating_add(rate.time_for(TOKEN - self.balance));
        if latest.is_some_and(|latest| at > latest) {
            return None;
        }
        self.balance -= TOKEN;
        Some(at)
    }

    /// How many tokens there are at `now`.
    #[must_use]
    pub fn remaining(&self, rate: TokenRate, now: i64) -> u64 {
        u64::try_from(self.at(rate, now).max(0) / TOKEN).unwrap_or(0)
    }

    /// How long until it is full, µs.
    #[must_use]
    pub fn full_in(&self, rate: TokenRate, now: i64) -> i64 {
        rate.time_for(rate.cap() - self.at(rate, now))
    }

    fn at(&self, rate: TokenRate, now: i64) -> i128 {
        let earned = rate.earned(now.saturating_sub(self.since));
        self.balance.saturating_add(earned).min(rate.cap())
    }

    fn refill(&mut self, rate: TokenRate, now: i64) {
        // What a short time earns may round to nothing: the clock then stays where it was, so that
        // many short looks earn what one long one does.
        if rate.earned(now.saturating_sub(self.since)) > 0 {
            self.balance = self.at(rate, now);
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SECOND;

    const TWO: TokenRate = TokenRate {
        nanos: 2_000_000_000,
        period: SECOND,
        size: 3,
    };

    #[test]
    fn a_bucket_gives_its_size_at_once_and_its_rate_after_that() {
        let mut bucket = TokenBucket::full(TWO, 0);
        for _ in 0..3 {
            assert_eq!(bucket.take(TWO, 0), Ok(()));
        }
        assert_eq!(bucket.take(TWO, 0), Err(SECOND / 2));
        assert_eq!(bucket.take(TWO, SECOND / 4), Err(SECOND / 4));
        assert_eq!(bucket.take(TWO, SECOND / 2), Ok(()));
        assert_eq!(
            (bucket.remaining(TWO, SECOND), bucket.full_in(TWO, SECOND)),
            (1, SECOND)
        );
        assert_eq!(
            bucket.remaining(TWO, 60 * SECOND),
            3,
            "it never holds more than its size"
        );
        assert_eq!(TWO.window(), 3 * SECOND / 2);
    }

    #[test]
    fn many_short_looks_earn_what_one_long_one_does() {
        let slow = TokenRate {
            nanos: 1_000_000_000,
            period: 3600 * SECOND,
            size: 1,
        };
        let mut bucket = TokenBucket::full(slow, 0);
        assert_eq!(bucket.take(slow, 0), Ok(()));
        let mut taken = 0;
        for now in (0..=7202 * SECOND).step_by(500_000) {
            taken += u32::from(bucket.take(slow, now).is_ok());
        }
        assert_eq!(taken, 2);
    }

    #[test]
    fn reservations_stand_in_a_row_and_end_at_the_latest_moment() {
        let mut bucket = TokenBucket::full(TWO, 0);
        let at: Vec<Option<i64>> = (0..7)
            .map(|_| bucket.reserve(TWO, 0, Some(SECOND)))
            .collect();
        let half = SECOND / 2;
        let expected = [0, 0, 0, half, SECOND]
            .map(Some)
            .into_iter()
            .chain([None, None]);
        assert_eq!(at, expected.collect::<Vec<_>>());
        assert_eq!(
            bucket.reserve(TWO, SECOND, Some(2 * SECOND)),
            Some(3 * half),
            "what was refused took nothing"
        );
        assert!(bucket.reserve(TWO, SECOND, None).is_some());
    }
}
