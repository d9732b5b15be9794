//! Linear forms over unknowns with whole coefficients, and whether inequalities have a solution.

use std::collections::BTreeMap;

/// More inequalities than this are not combined: the proof is given up.
const MOST: usize = 300;

/// `constant + Σ coefficient × unknown`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Linear {
    coefficients: BTreeMap<usize, i128>,
    constant: i128,
}

impl Linear {
    pub(super) fn constant(value: i128) -> Self {
        Self {
            coefficients: BTreeMap::new(),
            constant: value,
        }
    }

    pub(super) fn unknown(which: usize) -> Self {
        Self {
            coefficients: BTreeMap::from([(which, 1)]),
            constant: 0,
        }
    }

    /// The value of a form without unknowns.
    pub(super) fn value(&self) -> Option<i128> {
        self.coefficients.is_empty().then_some(self.constant)
    }

    pub(super) fn plus_constant(mut self, by: i128) -> Self {
        self.constant = self.constant.saturating_add(by);
        self
    }

    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        self.combined(1, other, 1)
    }

    pub(super) fn minus(&self, other: &Self) -> Option<Self> {
        self.combined(1, other, -1)
    }

    pub(super) fn times(&self, by: i128) -> Option<Self> {
        self.combined(by, &Self::default(), 0)
    }

    pub(super) fn negated(&self) -> Self {
        let coefficients = self
            .coefficients
            .iter()
            .map(|(at, by)| (*at, by.saturating_neg()));
        Self {
            coefficients: coefficients.collect(),
            constant: self.constant.saturating_neg(),
        }
    }

    /// `a × self + b × other`.
    fn combined(&self, a: i128, other: &Self, b: i128) -> Option<Self> {
        let mut sum = Self {
            coefficients: BTreeMap::new(),
            constant: self
                .constant
                .checked_mul(a)?
                .checked_add(other.constant.checked_mul(b)?)?,
        };
        for (form, by) in [(self, a), (other, b)] {
            for (at, coefficient) in &form.coefficients {
                let more = coefficient.checked_mul(by)?;
                let place = sum.coefficients.entry(*at).or_insert(0);
                *place = place.checked_add(more)?;
            }
        }
        sum.coefficients.retain(|_, coefficient| *coefficient != 0);
        Some(sum)
    }

    fn coefficient(&self, unknown: usize) -> i128 {
        self.coefficients.get(&unknown).copied().unwrap_or(0)
    }

    /// Divided by what all coefficients share; the constant rounds down, as unknowns are whole.
    fn reduced(mut self) -> Self {
        let shared = self
            .coefficients
            .values()
            .fold(0, |shared, by| gcd(shared, by.unsigned_abs()));
        let Ok(shared) = i128::try_from(shared) else {
            return self;
        };
        if shared > 1 {
            self.coefficients.values_mut().for_each(|by| *by /= shared);
            self.constant = self.constant.div_euclid(shared);
        }
        self
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Whether no whole numbers make every form of `system` at least zero (Fourier and Motzkin's
/// elimination; `false` where it is not found out).
pub(super) fn infeasible(system: Vec<Linear>) -> bool {
    let mut system: Vec<Linear> = system.into_iter().map(Linear::reduced).collect();
    loop {
        system.sort();
        system.dedup();
        if system
            .iter()
            .any(|form| form.value().is_some_and(|value| value < 0))
        {
            return true;
        }
        system.retain(|form| form.value().is_none());
        let Some(unknown) = cheapest(&system) else {
            return false;
        };
        let (with, without): (Vec<_>, Vec<_>) = system
            .into_iter()
            .partition(|form| form.coefficient(unknown) != 0);
        let (up, down): (Vec<_>, Vec<_>) = with
            .into_iter()
            .partition(|form| form.coefficient(unknown) > 0);
        if up.len() * down.len() + without.len() > MOST {
            return false;
        }
        system = without;
        for above in &up {
            for below in &down {
                let (a, b) = (above.coefficient(unknown), below.coefficient(unknown));
                let Some(sum) = above.combined(b.saturating_neg(), below, a) else {
                    continue;
                };
                system.push(sum.reduced());
            }
        }
    }
}

/// The unknown whose elimination makes the fewest new inequalities.
fn cheapest(system: &[Linear]) -> Option<usize> {
    let mut counts: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for form in system {
        for (at, by) in &form.coefficients {
            let count = counts.entry(*at).or_default();
            if *by > 0 {
                count.0 += 1;
            } else {
                count.1 += 1;
            }
        }
    }
    counts
        .into_iter()
        .min_by_key(|(at, (up, down))| (up * down, *at))
        .map(|(at, _)| at)
}
