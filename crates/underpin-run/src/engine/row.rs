//! One row by its key, as the caller's queries show it.

use super::access;
use super::core::Core;
use super::scope::{View, settle};
use super::shows::shown;
use crate::backend::{Refusal, RowAnswer, RowRequest, refusal};
use crate::store::{Rows, StoreError};
use underpin_brief::model::*;

/// One row as the union of what the caller's queries of its aggregate show.
pub(super) fn row(
    core: &Core,
    rows: Rows<'_>,
    request: &RowRequest,
) -> Result<RowAnswer, StoreError> {
    let settled = settle(&core.brief, rows, request.asked.caller.as_ref())?;
    let scope = settled.scope.clone();
    let view = View::frozen(rows, &scope, core);
    let of = request.aggregate;
    let mut by = Vec::new();
    let mut named = false;
    let found = view.get(of, &request.key)?;
    if let Some(row) = &found {
        view.look_from(of, row);
    }
    for (id, _) in core.brief.queries.iter() {
        let plan = core.query(id);
        if plan.of != QuerySource::Aggregate(of) {
            continue;
        }
        named |= plan
            .allows
            .iter()
            .any(|allow| settled.named(&core.brief, allow.who));
        let Some(row) = &found else { continue };
        let mut frame = plan.frame(&settled, &Value::Null);
        frame.set(Root::SelfRow.slot(), row.clone());
        if access::allowed(core, &plan.allows, &settled, &mut frame, &view)? {
            let mut values = Vec::with_capacity(plan.shows.len());
            for show in &plan.shows {
                values.push(shown(show, &mut frame, &view)?);
            }
            by.push((id, values));
        }
    }
    match found {
        Some(row) if !by.is_empty() => {
            let mark = access::mark(core, of, &row, &settled, &view)?;
            Ok(RowAnswer::Shown { mark, by })
        }
        _ if !named && settled.scope.subject.is_none() => {
            Ok(RowAnswer::Refused(Refusal::new(refusal::UNAUTHENTICATED)))
        }
        _ => Ok(RowAnswer::Refused(Refusal::new(refusal::NOT_FOUND))),
    }
}
