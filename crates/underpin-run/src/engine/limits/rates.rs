//! Limits on admissions: token bucket in memory per second, minute and hour, counter rows per
//! day, month and year. Both are looked at before a request does anything.

use super::exact;
use super::standing::Standing;
use crate::backend::{Asked, Quota, Refusal, refusal};
use crate::engine::answer::failed;
use crate::engine::drive::Inner;
use crate::engine::scope::limit_key;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration as Length;
use underpin_brief::model::*;
use underpin_resilience::{TokenBucket, TokenRate};

/// Buckets of all rate limits.
#[derive(Default)]
pub(in crate::engine) struct Buckets {
    full: Mutex<BTreeMap<(usize, String), TokenBucket>>,
}

/// Buckets kept at most; those that are full are forgotten first, since a new one is full too.
const KEPT: usize = 100_000;

/// A limit on admissions as it holds for one request.
#[derive(Clone)]
pub(super) struct Applied {
    /// Its position in the brief.
    pub(super) at: usize,
    /// Its name.
    pub(super) name: String,
    /// Whose admissions it counts.
    pub(super) key: String,
    pub(super) rate: Rate,
    pub(super) burst: Option<u64>,
    pub(super) code: String,
}

impl Applied {
    /// Whether it is counted in rows.
    pub(super) fn is_exact(&self) -> bool {
        matches!(self.rate.per, Period::Day | Period::Month | Period::Year)
    }

    /// How many admissions of a whole period there are, at least one.
    pub(super) fn whole(&self) -> u64 {
        (self.rate.count.nanos().max(0).unsigned_abs() / 1_000_000_000).max(1)
    }

    fn tokens(&self) -> TokenRate {
        TokenRate {
            nanos: self.rate.count.nanos().max(1),
            period: self.rate.per.seconds().saturating_mul(1_000_000),
            size: self.burst.unwrap_or(self.whole()).max(1),
        }
    }

    fn refusal(&self, wait: i64) -> Refusal {
        Refusal {
            retry_after: Some(up(wait)),
            ..Refusal::new(&self.code)
        }
    }
}

/// Micros as whole seconds, rounded up.
fn up(micros: i64) -> Length {
    let micros = u64::try_from(micros).unwrap_or(0);
    Length::from_secs(micros.div_ceil(1_000_000))
}

impl Buckets {
    fn with<T>(
        &self,
        applied: &Applied,
        now: i64,
        ask: impl FnOnce(&mut TokenBucket, TokenRate) -> T,
    ) -> T {
        let rate = applied.tokens();
        let mut all = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT {
            all.retain(|_, bucket| bucket.full_in(rate, now) > 0);
        }
        if all.len() >= KEPT {
            // Everybody is being limited at once: forgetting some is kinder than growing.
            all.pop_first();
        }
        let key = (applied.at, applied.key.clone());
        ask(
            all.entry(key)
                .or_insert_with(|| TokenBucket::full(rate, now)),
            rate,
        )
    }

    /// What is left at once by the declared rates: number of the limit, whose, how many.
    pub(in crate::engine) fn left(&self, brief: &Brief, now: i64) -> Vec<(usize, String, u64)> {
        let mut all = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |((at, key), bucket): (&(usize, String), &mut TokenBucket)| {
            let LimitKind::Rate { rate, burst } = brief.limits.rows().get(*at)?.kind else {
                return None;
            };
            let applied = Applied {
                at: *at,
                name: String::new(),
                key: String::new(),
                rate,
                burst,
                code: String::new(),
            };
            let left = bucket.remaining(applied.tokens(), now);
            Some((*at, key.clone(), left))
        };
        all.iter_mut().filter_map(line).collect()
    }

    /// Forgets what one has used up of a limit.
    pub(in crate::engine) fn reset(&self, limit: usize, of: &str) {
        let mut all = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&(limit, of.to_owned()));
    }

    fn take(&self, applied: &Applied, now: i64) -> Option<Refusal> {
        let taken = self.with(applied, now, |bucket, rate| bucket.take(rate, now));
        taken.err().map(|wait| applied.refusal(wait))
    }

    fn quota(&self, applied: &Applied, now: i64) -> Quota {
        self.with(applied, now, |bucket, rate| Quota {
            name: applied.name.clone(),
            limit: rate.size,
            window: up(rate.window()),
            remaining: bucket.remaining(rate, now),
            reset: up(bucket.full_in(rate, now)),
        })
    }
}

/// Whether a limit on admissions guards an operation.
fn guards(limit: &Limit, operation: LimitedOperation) -> bool {
    matches!(limit.kind, LimitKind::Rate { .. })
        && (limit.operations.is_empty() || limit.operations.contains(&operation))
}

/// Whether any limit on admissions guards an operation.
pub(in crate::engine) fn limited(brief: &Brief, operation: LimitedOperation) -> bool {
    brief
        .limits
        .rows()
        .iter()
        .any(|limit| guards(limit, operation))
}

fn applied(
    brief: &Brief,
    operation: LimitedOperation,
    asked: &Asked,
    standing: &Standing,
) -> Vec<Applied> {
    let limits = brief.limits.rows().iter().enumerate();
    let limits = limits.filter(|(_, limit)| guards(limit, operation));
    let one = |(at, limit): (usize, &Limit)| {
        let LimitKind::Rate { rate, burst } = *standing.kind(brief, at, limit) else {
            return None;
        };
        let key = match limit.per {
            LimitPer::Tenant => standing.tenant.clone().unwrap_or_default(),
            per => limit_key(asked, per),
        };
        let code = limit.code.as_ref();
        Some(Applied {
            at,
            name: limit.name.text.to_string(),
            key,
            rate,
            burst,
            code: code
                .map_or(refusal::TOO_MANY_REQUESTS, |code| &*code.text)
                .to_owned(),
        })
    };
    limits.filter_map(one).collect()
}

impl Inner {
    /// The service that counts admissions for all: the first one. Counters are no rows of the brief,
    /// so no aggregate has another home by that.
    fn gate(&self) -> Option<Arc<Self>> {
        self.peers.get()?.first()?.upgrade()
    }

    /// Takes one admission from every limit that guards an operation; the refusal where one is used
    /// up.
    pub(in crate::engine) async fn admission(
        &self,
        operation: LimitedOperation,
        asked: &Asked,
    ) -> Option<Refusal> {
        let brief = &self.core.brief;
        if !limited(brief, operation) {
            return None;
        }
        let standing = match self.standing(asked).await {
            Ok(standing) => standing,
            Err(error) => return Some(failed(&error)),
        };
        let (exact, quick): (Vec<_>, Vec<_>) = applied(brief, operation, asked, &standing)
            .into_iter()
            .partition(Applied::is_exact);
        for applied in &quick {
            if let Some(refusal) = self.buckets.take(applied, asked.at.0) {
                return Some(refusal);
            }
        }
        if exact.is_empty() {
            return None;
        }
        let now = asked.at.0;
        let gate = self.gate();
        let store = gate.as_ref().map_or(&self.store, |gate| &gate.store);
        let counted = store
            .write(move |rows| exact::take(rows, &exact, now))
            .await;
        match counted {
            Ok(None) => None,
            Ok(Some((applied, wait))) => Some(applied.refusal(wait)),
            Err(error) => Some(failed(&error)),
        }
    }

    /// What is left of every limit that guards an operation.
    pub(in crate::engine) async fn quotas(
        &self,
        operation: LimitedOperation,
        asked: &Asked,
    ) -> Vec<Quota> {
        let Ok(standing) = self.standing(asked).await else {
            return Vec::new();
        };
        let now = self.core.world.now().0;
        let mut found = Vec::new();
        for applied in applied(&self.core.brief, operation, asked, &standing) {
            if !applied.is_exact() {
                found.push(self.buckets.quota(&applied, now));
                continue;
            }
            let applied = Arc::new(applied);
            let shared = Arc::clone(&applied);
            let gate = self.gate();
            let store = gate.as_ref().map_or(&self.store, |gate| &gate.store);
            let read = store.read(move |rows| exact::used(rows, &shared, now));
            if let Ok((used, end)) = read.await {
                found.push(Quota {
                    name: applied.name.clone(),
                    limit: applied.whole(),
                    window: up(exact::length(applied.rate.per, now)),
                    remaining: applied.whole().saturating_sub(used),
                    reset: up(end.saturating_sub(now)),
                });
            }
        }
        found
    }
}
