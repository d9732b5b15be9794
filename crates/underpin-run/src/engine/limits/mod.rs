//! Limits: admissions per time (`rates`, `exact`), counts and sums by the rows themselves within the
//! transaction, so that an undo returns them. What a tier says takes the place of what is declared.

use super::core::Core;
use super::scope::Scope;
use super::walk::{Halt, Walk, refuse};
use crate::backend::refusal;
use crate::store::{Presence, Rows, StoreError};
use rusqlite::params_from_iter;
use rusqlite::types::Value as Sql;
use underpin_brief::model::*;

mod exact;
mod rates;
mod standing;

pub(super) use rates::{Buckets, limited};
pub(super) use standing::{Standings, tier_of};

/// What a limit on rows has used up in a scope.
fn used(
    core: &Core,
    rows: Rows<'_>,
    (limit, kind): (&Limit, &LimitKind),
    scope: &Scope,
) -> Result<Option<(Id<Aggregate>, i64, u64)>, StoreError> {
    let (aggregate, what, max) = match kind {
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
    let tier = tier_of(core, rows, scope.tenant.as_deref())?;
    for (at, limit) in core.brief.limits.rows().iter().enumerate() {
        let kind = standing::kind(&core.brief, tier, at, limit);
        let (count, max) = match used(core, rows, (limit, kind), scope)? {
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
        let (rows, scope) = (self.view.rows, self.view.scope);
        for (at, limit) in core.brief.limits.rows().iter().enumerate() {
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
            let tier = tier_of(core, rows, scope.tenant.as_deref())?;
            let kind = standing::kind(&core.brief, tier, at, limit);
            let Some((_, count, max)) = used(core, rows, (limit, kind), scope)? else {
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
