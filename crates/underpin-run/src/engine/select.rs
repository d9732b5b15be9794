//! Rows of an aggregate that a view may touch, in an order.

use super::scope::View;
use crate::store::StoreError;
use rusqlite::types::Value as Sql;
use underpin_brief::model::*;

/// The condition on the tenant, with its parameter; empty where there is none.
pub(super) fn tenant_condition(
    view: &View<'_>,
    of: Id<Aggregate>,
    values: &mut Vec<Sql>,
) -> Option<String> {
    let layout = view.rows.layout(of);
    let column = layout.tenant.and_then(|slot| layout.columns.get(slot))?;
    if view.scope.cross {
        return None;
    }
    values.push(view.scope.tenant.clone().map_or(Sql::Null, Sql::Text));
    Some(format!("{} = ?{}", column.name, values.len()))
}

/// All rows in key order.
pub(super) fn in_key_order(view: &View<'_>, of: Id<Aggregate>) -> Result<Vec<Value>, StoreError> {
    let layout = view.rows.layout(of);
    let mut values = Vec::new();
    let condition = tenant_condition(view, of, &mut values);
    let keys: Vec<&str> = layout
        .columns
        .iter()
        .take(layout.keys)
        .map(|column| column.name.as_str())
        .collect();
    let filter = condition
        .map(|condition| format!("WHERE {condition} "))
        .unwrap_or_default();
    view.rows
        .select(of, &format!("{filter}ORDER BY {}", keys.join(", ")), values)
}
