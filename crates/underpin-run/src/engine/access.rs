//! Who may: `allow` lines over a frame, and what they leave open on a row.

use super::core::Core;
use super::program::Allowed;
use super::scope::{Settled, View};
use super::state::RowName;
use crate::backend::RowMark;
use crate::store::{Rows, StoreError};
use std::sync::Arc;
use underpin_brief::expr::{Compiled, Fault, Frame};
use underpin_brief::model::*;

/// A condition that grants: where it has no value it does not grant.
pub(super) fn grants(
    condition: &Compiled,
    frame: &mut Frame,
    view: &View<'_>,
) -> Result<bool, StoreError> {
    match condition.eval(frame, view) {
        Ok(value) => Ok(value.is_true()),
        Err(Fault::Unavailable(why)) => Err(view
            .failed
            .take()
            .unwrap_or(StoreError::Database(why.to_string()))),
        Err(_) => Ok(false),
    }
}

/// Whether some `allow` admits the caller, with whatever roots the frame has.
pub(super) fn allowed(
    core: &Core,
    allows: &[Allowed],
    settled: &Settled,
    frame: &mut Frame,
    view: &View<'_>,
) -> Result<bool, StoreError> {
    for allow in allows
        .iter()
        .filter(|allow| settled.named(&core.brief, allow.who))
    {
        let granted = match &allow.when {
            None => true,
            Some(when) => grants(when, frame, view)?,
        };
        if granted {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether some query of its aggregate shows the caller that row.
pub(super) fn shown(
    core: &Core,
    of: Id<Aggregate>,
    row: &Value,
    settled: &Settled,
    view: &View<'_>,
) -> Result<bool, StoreError> {
    for plan in core
        .queries
        .iter()
        .filter(|plan| plan.of == QuerySource::Aggregate(of))
    {
        let mut frame = plan.frame(settled, &Value::Null);
        frame.set(Root::SelfRow.slot(), row.clone());
        if allowed(core, &plan.allows, settled, &mut frame, view)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The version of a row.
pub(super) fn version_of(rows: Rows<'_>, of: Id<Aggregate>, row: &Value) -> i64 {
    match rows.layout(of).version.map(|slot| row.slot(slot)) {
        Some(Value::Int(version)) => *version,
        _ => 0,
    }
}

/// What a caller may know of a row, and do with it next.
pub(super) fn mark(
    core: &Core,
    of: Id<Aggregate>,
    row: &Value,
    settled: &Settled,
    view: &View<'_>,
) -> Result<RowMark, StoreError> {
    let layout = view.rows.layout(of);
    let key = layout.key_of(row);
    let version = version_of(view.rows, of, row);
    let state = layout.state.and_then(|slot| row.slot(slot).as_text());
    let mut open = Vec::new();
    for (id, command) in core.brief.commands.iter() {
        let plan = core.command(id);
        let Some((_, slot)) = plan.row.filter(|(aggregate, _)| *aggregate == of) else {
            continue;
        };
        let fits = |from: &Vec<Arc<str>>| from.iter().any(|name| Some(&**name) == state);
        if !plan.from.iter().all(fits) {
            continue;
        }
        let mut input = vec![Value::Null; command.input_shape.slots.len()];
        super::acts::set_slot(&mut input, Some(slot), key.clone());
        let mut frame = Frame::new(plan.frame);
        frame.set(Root::Input.slot(), Value::record(input));
        frame.set(Root::Caller.slot(), settled.value.clone());
        frame.set(Root::Now.slot(), Value::Time(core.world.now().0));
        if allowed(core, &plan.allows, settled, &mut frame, view)? {
            open.push(id);
        }
    }
    Ok(RowMark {
        aggregate: of,
        key,
        version,
        open,
    })
}

/// The mark of a row by name, where it still exists.
pub(super) fn mark_named(
    core: &Core,
    name: &RowName,
    settled: &Settled,
    view: &View<'_>,
) -> Result<Option<RowMark>, StoreError> {
    let Some(of) = core.brief.aggregates.find(&name.aggregate) else {
        return Ok(None);
    };
    let row = view.rows.get(of, &name.key.0, name.tenant.as_deref())?;
    row.map(|row| mark(core, of, &row, settled, view))
        .transpose()
}
