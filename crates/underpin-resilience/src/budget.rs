//! A retry budget: repetitions are paid from what first attempts bring in. It must not know who
//! repeats what.
//!
//! A first attempt brings a share of a token, time brings a few per second so that a quiet client
//! can still repeat, a repetition costs a whole one. The size and the three knobs are Finagle's
//! (20 %, 10 per second, 10 s), as Linkerd has them too. A budget keeps the added load below
//! ρ(1 + share) however many attempts a call may make, which is what prevents the collapse that
//! backoff alone does not.

use crate::SECOND;

/// One token, in the unit in which the balance is kept.
const TOKEN: i64 = 1_000_000;

/// The knobs of a [`RetryBudget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetSize {
    /// Repetitions allowed per thousand first attempts.
    pub permille: i64,
    /// Repetitions per second that are always allowed.
    pub per_second: i64,
    /// How much may be saved up: this many seconds of `per_second`.
    pub save_seconds: i64,
}

impl BudgetSize {
    /// 20 %, 10 per second, 10 s.
    pub const STANDARD: Self = Self {
        permille: 200,
        per_second: 10,
        save_seconds: 10,
    };

    fn cap(self) -> i64 {
        self.per_second
            .saturating_mul(self.save_seconds)
            .saturating_mul(TOKEN)
    }
}

/// The balance of one client towards one dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    size: BudgetSize,
    balance: i64,
    since: i64,
}

impl RetryBudget {
    /// A full budget at `now`.
    #[must_use]
    pub fn new(size: BudgetSize, now: i64) -> Self {
        Self {
            size,
            balance: size.cap(),
            since: now,
        }
    }

    /// A first attempt was made: its share is paid in.
    pub fn first_attempt(&mut self, now: i64) {
        self.refill(now);
        self.pay_in(self.size.permille.saturating_mul(TOKEN / 1000));
    }

    /// Whether a repetition may be made now; if so it is paid.
    pub fn take(&mut self, now: i64) -> bool {
        self.refill(now);
        let enough = self.balance >= TOKEN;
        if enough {
            self.balance -= TOKEN;
        }
        enough
    }

    /// Repetitions that could be made now, one after the other.
    pub fn left(&mut self, now: i64) -> u64 {
        self.refill(now);
        u64::try_from(self.balance.max(0) / TOKEN).unwrap_or(0)
    }

    fn refill(&mut self, now: i64) {
        let passed = now.saturating_sub(self.since).max(0);
        self.since = self.since.max(now);
        let earned = i128::from(passed) * i128::from(self.size.per_second) * i128::from(TOKEN)
            / i128::from(SECOND);
        self.pay_in(i64::try_from(earned).unwrap_or(i64::MAX));
    }

    fn pay_in(&mut self, amount: i64) {
        self.balance = self.balance.saturating_add(amount).min(self.size.cap());
    }
}
