//! Capped exponential backoff with full jitter. It must not know why something is repeated.
//!
//! The wait before repetition *n* (from 0) is uniform in `[0, min(cap, base · 2ⁿ)]`: full jitter,
//! which spreads the repetitions of many clients best for the work it costs (Brooker,
//! "Exponential backoff and jitter", AWS Architecture Blog). Backoff alone does not end a retry
//! storm; a [budget](crate::RetryBudget) does.

/// How long to wait before a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Bound of the first wait, µs.
    pub base: i64,
    /// Bound of every wait, µs.
    pub cap: i64,
}

impl Backoff {
    /// 100 ms doubling to 20 s: the standard mode of the AWS SDKs.
    pub const STANDARD: Self = Self {
        base: 100 * crate::MILLISECOND,
        cap: 20 * crate::SECOND,
    };

    /// The longest possible wait before repetition `n`, µs.
    #[must_use]
    pub fn bound(self, n: u32) -> i64 {
        let doubled = 1_i64.checked_shl(n.min(62)).unwrap_or(i64::MAX);
        self.base
            .max(0)
            .saturating_mul(doubled)
            .min(self.cap.max(0))
    }

    /// The wait before repetition `n`, µs, chosen by `random` (uniform over all of `u64`).
    #[must_use]
    pub fn wait(self, n: u32, random: u64) -> i64 {
        let bound = u128::from(self.bound(n).unsigned_abs()) + 1;
        let scaled = (u128::from(random) * bound) >> 64;
        i64::try_from(scaled).unwrap_or(i64::MAX)
    }
}
