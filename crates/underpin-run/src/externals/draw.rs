//! Chance that is a function of what it decides: the same seed, operation, key and attempt draw
//! the same, whatever was drawn before. Must not know what is decided.

use aws_lc_rs::digest::{Context, SHA256};
use std::time::Duration;
use underpin_brief::model::{Latency, Percent};

/// The draws of one attempt.
#[derive(Clone)]
pub(super) struct Draw {
    state: Context,
}

impl Draw {
    /// The draws under these words, in this order.
    pub(super) fn of(seed: u64, words: &[&str]) -> Self {
        let mut state = Context::new(&SHA256);
        state.update(&seed.to_be_bytes());
        let draw = Self { state };
        words.iter().fold(draw, |draw, word| draw.under(word))
    }

    /// The draws under one more word.
    pub(super) fn under(&self, word: &str) -> Self {
        let mut state = self.state.clone();
        // The length keeps `a`, `bc` apart from `ab`, `c`.
        state.update(&word.len().to_be_bytes());
        state.update(word.as_bytes());
        Self { state }
    }

    /// A number uniform over all of `u64`.
    pub(super) fn number(&self, purpose: &str) -> u64 {
        let sum = self.under(purpose).state.finish();
        let first = sum.as_ref().first_chunk::<8>().copied().unwrap_or_default();
        u64::from_be_bytes(first)
    }

    /// A number below `bound`; 0 where that is 0.
    pub(super) fn below(&self, purpose: &str, bound: u64) -> u64 {
        let scaled = (u128::from(self.number(purpose)) * u128::from(bound)) >> 64;
        u64::try_from(scaled).unwrap_or(0)
    }

    /// A part of one million, for comparing with shares.
    pub(super) fn millionth(&self, purpose: &str) -> u64 {
        self.below(purpose, 1_000_000)
    }

    /// How long an answer takes: lognormal through both percentiles; the median alone where there
    /// is no 99th, a fifth of the 99th where there is no median.
    pub(super) fn latency(&self, declared: Latency) -> Duration {
        let (median, tail) = match (declared.p50, declared.p99) {
            (Some(p50), Some(p99)) => (p50.micros, p99.micros),
            (Some(p50), None) => (p50.micros, p50.micros),
            (None, Some(p99)) => (p99.micros / 5, p99.micros),
            (None, None) => (1_000, 1_000),
        };
        #[expect(clippy::cast_precision_loss, reason = "a latency needs no exactness")]
        let (median, tail) = (median.max(1) as f64, tail.max(1) as f64);
        let micros = median * (self.normal() * (tail / median).ln().max(0.0) / NORMAL_P99).exp();
        Duration::from_secs_f64((micros / 1e6).clamp(0.0, LONGEST))
    }

    /// A standard normal deviate (Box and Muller).
    fn normal(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let unit = |purpose| ((self.number(purpose) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        (-2.0 * unit("radius").ln()).sqrt() * (std::f64::consts::TAU * unit("angle")).cos()
    }
}

/// The 99th percentile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874;
/// No simulated answer takes longer, in seconds.
const LONGEST: f64 = 3600.0;

/// A share in millionths.
pub(super) fn millionths(share: Percent) -> u64 {
    u64::try_from(share.0.nanos() / 100_000)
        .unwrap_or(0)
        .min(1_000_000)
}
