//! Which rows hold a handle of stored bytes, and who sees it there. It must not know the bytes.

use super::access;
use super::core::Core;
use super::drive::Inner;
use super::scope::{View, settle};
use crate::backend::{BlobAnswer, BlobRequest};
use crate::store::{Rows, StoreError};
use rusqlite::types::Value as Sql;
use std::sync::Arc;
use underpin_brief::model::*;

impl Inner {
    pub(super) async fn blob(self: &Arc<Self>, request: BlobRequest) -> BlobAnswer {
        let core = Arc::clone(&self.core);
        let read = self.store.read(move |rows| look(&core, rows, &request));
        read.await.unwrap_or(BlobAnswer::Unknown)
    }
}

fn look(core: &Core, rows: Rows<'_>, request: &BlobRequest) -> Result<BlobAnswer, StoreError> {
    let mut found = BlobAnswer::Unused;
    for (of, aggregate) in core.brief.aggregates.iter() {
        if !core.place.owns(of) {
            continue;
        }
        for (slot, field) in aggregate.fields.iter().enumerate() {
            if field.ty.required() != &Type::Blob {
                continue;
            }
            let Some(column) = rows.layout(of).columns.get(slot) else {
                continue;
            };
            let condition = format!("WHERE {} = ?1", column.name);
            let handle = vec![Sql::Text(request.blob.clone())];
            for row in rows.select(of, &condition, handle)? {
                if seen(core, rows, (of, slot), &row, request)? {
                    return Ok(BlobAnswer::Seen);
                }
                found = BlobAnswer::Hidden;
            }
        }
    }
    Ok(found)
}

/// Whether a query shows the slot of that row to the caller.
fn seen(
    core: &Core,
    rows: Rows<'_>,
    (of, slot): (Id<Aggregate>, usize),
    row: &Value,
    request: &BlobRequest,
) -> Result<bool, StoreError> {
    let Some(asked) = &request.asked else {
        return Ok(false);
    };
    let settled = settle(&core.brief, rows, asked.caller.as_ref())?;
    let scope = settled.scope.clone();
    let tenant = rows.layout(of).tenant.map(|slot| row.slot(slot).as_text());
    if tenant.is_some_and(|tenant| !scope.cross && tenant != scope.tenant.as_deref()) {
        return Ok(false);
    }
    let view = View::frozen(rows, &scope, core);
    view.look_from(of, row);
    for (id, query) in core.brief.queries.iter() {
        let shown = query.shows.iter().any(|show| shows(&show.expr, slot));
        if query.of != QuerySource::Aggregate(of) || !shown {
            continue;
        }
        let plan = core.query(id);
        let mut frame = plan.frame(&settled, &Value::Null);
        frame.set(Root::SelfRow.slot(), row.clone());
        if access::allowed(core, &plan.allows, &settled, &mut frame, &view)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn shows(show: &ShowExpr, slot: usize) -> bool {
    let ShowExpr::Value(expr) = show else {
        return false;
    };
    let ExprKind::Field(row, at) = &expr.unconverted().kind else {
        return false;
    };
    *at == slot && matches!(row.kind, ExprKind::Slot(root) if root == Root::SelfRow.slot())
}
