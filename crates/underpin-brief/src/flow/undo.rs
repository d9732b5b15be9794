//! What takes a statement back, and whether that can be refused.

use super::expand::{self, Leaf};
use super::refusal::{Occurrence, Walk};
use super::why::{Reason, Why};
use super::{StepUndo, delta};
use crate::model::*;

/// Why an undo may be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    /// Its conditions, invariants or moves are not proved to hold.
    Unproved,
    /// The operation that takes the call back declares refusals.
    Fails,
    /// The operation that takes the call back cannot be repeated.
    Unrepeatable,
}

/// What takes a statement back.
pub(super) fn of(brief: &Brief, statement: &Statement) -> StepUndo {
    if !expand::has_effect(brief, statement) {
        return StepUndo::Nothing;
    }
    let default = || default(brief, statement);
    match written(statement) {
        None | Some(Undo::Default) => default(),
        Some(Undo::Steps { .. } | Undo::Call { .. }) => StepUndo::Written,
        Some(Undo::None { why, .. }) => StepUndo::Waived(why.clone()),
    }
}

fn default(brief: &Brief, statement: &Statement) -> StepUndo {
    match &statement.kind {
        StatementKind::Create { .. } => StepUndo::Delete,
        StatementKind::Change { steps, .. } => {
            delta::inverse(steps).map_or(StepUndo::Missing, StepUndo::Inverse)
        }
        StatementKind::Call {
            target: CallTarget::External(external, operation),
            ..
        } => {
            match brief
                .externals
                .get(*external)
                .operations
                .get(*operation)
                .undo
            {
                Some(_) => StepUndo::Operation,
                None => StepUndo::Missing,
            }
        }
        StatementKind::Call { .. } | StatementKind::Delete { .. } => StepUndo::Missing,
        _ => StepUndo::Nothing,
    }
}

/// The undo that is written at a statement.
pub(super) fn written(statement: &Statement) -> Option<&Undo> {
    match &statement.kind {
        StatementKind::Create { undo, .. }
        | StatementKind::Change { undo, .. }
        | StatementKind::Delete { undo, .. }
        | StatementKind::Call { undo, .. } => Some(undo),
        _ => None,
    }
}

/// Why the undo of an occurrence may be refused, and by what; `None` where it cannot, or where the brief says
/// why it is sure. `held` tells that nobody else changes the row until then.
pub(super) fn doubt(
    walk: &Walk<'_>,
    step: &Occurrence,
    leaves: &[Leaf<'_>],
    undo: &StepUndo,
    held: bool,
) -> Option<(Doubt, Option<Why>)> {
    let statement = leaves.get(step.leaf)?.statement;
    if let StatementKind::Call {
        target: CallTarget::External(external, operation),
        ..
    } = &statement.kind
    {
        return operation_doubt(walk.brief, *external, *operation);
    }
    let inverse;
    let steps: &[ChangeStep] = match (undo, written(statement)?) {
        (StepUndo::Inverse(assigns), _) => {
            inverse = [ChangeStep::Set(assigns.clone())];
            &inverse
        }
        (
            StepUndo::Written,
            Undo::Steps {
                steps, sure: None, ..
            },
        ) => steps,
        _ => return None,
    };
    let row = step.row.as_ref()?;
    let mut states = row.states.as_ref().map(|known| {
        if held {
            return known.clone();
        }
        let declared = walk.brief.aggregates.get(row.aggregate);
        walk.survey.reachable(declared, row.aggregate, known)
    });
    let mut facts: Vec<Expr> = step
        .facts
        .iter()
        .filter(|fact| super::known::steady(fact))
        .cloned()
        .collect();
    let why = walk.steps(row.aggregate, steps, &mut facts, &mut states)?;
    Some((Doubt::Unproved, Some(why)))
}

fn operation_doubt(
    brief: &Brief,
    external: Id<External>,
    operation: Id<ExternalOperation>,
) -> Option<(Doubt, Option<Why>)> {
    let external = brief.externals.get(external);
    let undo = external.operations.get(operation).undo.as_ref()?;
    let undo = external.operations.get(undo.operation);
    if let Some(fails) = undo.fails.first() {
        let why = Why::new(Reason::Fails(fails.code.text.clone()), fails.code.span);
        return Some((Doubt::Fails, Some(why)));
    }
    let repeatable = undo.read || undo.idempotent.is_some() || undo.status.is_some();
    (!repeatable).then_some((Doubt::Unrepeatable, None))
}
