//! Limits: rates of admissions by token buckets in memory, counts and sums exactly by the rows
//! themselves within the transaction, so that an undo returns them.

use super::core::Core;
use super::scope::{Scope, limit_key};
use super::walk::{Halt, Walk, refuse};
use crate::backend::{Asked, Refusal, refusal};
use crate::store::{Presence, Rows, StoreError};
use rusqlite::params_from_iter;
use rusqlite::types::Value as Sql;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use underpin_brief::model::*;

/// Buckets of all rate limits.
#[derive(Default)]
pub(super) struct Buckets {
    full: Mutex<BTreeMap<(usize, String), Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Millionths of an admission.
    balance: i128,
    since: i64,
}

/// Buckets kept at most; the fullest are forgotten first, since a new one is full too.
const KEPT: usize = 100_000;
const ONE: i128 = 1_000_000;

impl Buckets {
    /// Takes one admission from every rate limit of an operation; the refusal where one is empty.
    pub(super) fn take(
        &self,
        brief: &Brief,
        operation: LimitedOperation,
        asked: &Asked,
    ) -> Option<Refusal> {
        for (at, limit) in brief.limits.rows().iter().enumerate() {
            let LimitKind::Rate { rate, burst } = &limit.kind else {
                continue;
            };
            if !limit.operations.is_empty() && !limit.operations.contains(&operation) {
                continue;
            }
            let whole = rate.count.nanos().max(0).unsigned_abs() / 1_000_000_000;
            let size = burst.unwrap_or(whole.max(1));
            let key = (at, limit_key(asked, limit.per));
            if let Some(wait) = self.take_one(key, *rate, size, asked.at.0) {
                let code = limit.code.as_ref();
                let code = code.map_or(refusal::TOO_MANY_REQUESTS, |code| &*code.text);
                let retry = std::time::Duration::from_micros(u64::try_from(wait).unwrap_or(0));
                return Some(Refusal {
                    retry_after: Some(retry),
                    ..Refusal::new(code)
                });
            }
        }
        None
    }

    fn take_one(&self, key: (usize, String), rate: Rate, size: u64, now: i64) -> Option<i64> {
        let nanos = i128::from(rate.count.nanos()).max(1);
        let seconds = i128::from(rate.per.seconds()).max(1) * 1_000_000_000;
        let cap = i128::from(size.max(1)) * ONE;
        let mut all = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT {
            all.retain(|_, bucket| bucket.balance < cap / 2);
        }
        let bucket = all.entry(key).or_insert(Bucket {
            balance: cap,
            since: now,
        });
        let passed = i128::from(now.saturating_sub(bucket.since).max(0));
        bucket.since = bucket.since.max(now);
        // One admission in a second is one millionth of it in a microsecond.
        let earned = passed * nanos / seconds;
        bucket.balance = (bucket.balance + earned).min(cap);
        if bucket.balance >= ONE {
            bucket.balance -= ONE;
            return None;
        }
        let missing = (ONE - bucket.balance) * seconds / nanos;
        Some(i64::try_from(missing).unwrap_or(i64::MAX))
    }
}

/// What a limit on rows has used up in a scope.
fn used(
    core: &Core,
    rows: Rows<'_>,
    limit: &Limit,
    scope: &Scope,
) -> Result<Option<(Id<Aggregate>, i64, u64)>, StoreError> {
    let (aggregate, what, max) = match &limit.kind {
        LimitKind::Count { aggregate, max } => (*aggregate, "COUNT(*)".to_owned(), *max),
        LimitKind::Sum {
            aggregate,
            slot,
            max,
        } => {
            let column = rows.layout(*aggregate).columns.get(*slot);
            let column = column.map_or("0", |column| column.name.as_str());
            (*aggregate, format!("COALESCE(SUM({column}), 0)"), *max)
        }
        LimitKind::Rate { .. } => return Ok(None),
    };
    if rows.schema().contents().presence(aggregate) == Presence::Absent {
        // Where the rows are not at hand, nothing here looks at this limit.
        return Ok(None);
    }
    let layout = rows.layout(aggregate);
    let mut terms = Vec::new();
    let mut values = Vec::new();
    if let (Some(tenant), LimitPer::Tenant | LimitPer::Caller) = (layout.tenant, limit.per) {
        let column = layout
            .columns
            .get(tenant)
            .map_or("", |column| column.name.as_str());
        values.push(scope.tenant.clone().map_or(Sql::Null, Sql::Text));
        terms.push(format!("{column} = ?{}", values.len()));
    }
    if limit.per == LimitPer::Caller {
        let fields = &core.brief.aggregates.get(aggregate).fields;
        let own = fields
            .iter()
            .position(|field| matches!(field.ty.required(), Type::Actor(_)));
        if let Some(column) = own.and_then(|slot| layout.columns.get(slot)) {
            values.push(scope.subject.clone().map_or(Sql::Null, Sql::Text));
            terms.push(format!("{} = ?{}", column.name, values.len()));
        }
    }
    let condition = if terms.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", terms.join(" AND "))
    };
    let sql = format!("SELECT {what} FROM {}{condition}", layout.table);
    let count: i64 = rows
        .prepare(&sql)?
        .query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(Some((aggregate, count, max)))
}

/// The value of `limits`.
pub(super) fn root(core: &Core, rows: Rows<'_>, scope: &Scope) -> Result<Value, StoreError> {
    let mut slots = Vec::new();
    for limit in core.brief.limits.rows() {
        let (count, max) = match used(core, rows, limit, scope)? {
            Some((_, count, max)) => (count, i64::try_from(max).unwrap_or(i64::MAX)),
            None => (0, i64::MAX),
        };
        slots.push(Value::record(vec![Value::Int(count), Value::Int(max)]));
    }
    Ok(Value::record(slots))
}

impl Walk<'_> {
    /// Refuses a new row where a limit on rows is used up.
    pub(super) fn check_counts(&self, of: Id<Aggregate>, row: &Value) -> Result<(), Halt> {
        let core = self.core;
        for limit in core.brief.limits.rows() {
            let added = match &limit.kind {
                LimitKind::Count { aggregate, .. } if *aggregate == of => 1,
                LimitKind::Sum {
                    aggregate, slot, ..
                } if *aggregate == of => match row.slot(*slot) {
                    Value::Int(number) | Value::Money(number, _) => *number,
                    _ => 0,
                },
                _ => continue,
            };
            let Some((_, count, max)) = used(core, self.view.rows, limit, self.view.scope)? else {
                continue;
            };
            if count.saturating_add(added) > i64::try_from(max).unwrap_or(i64::MAX) {
                let code = limit.code.as_ref();
                return refuse(code.map_or(refusal::TOO_MANY_REQUESTS, |code| &*code.text));
            }
        }
        Ok(())
    }
}
