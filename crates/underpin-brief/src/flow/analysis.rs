//! Puts an analysed flow together: what the finest cut decides, what the given cut decides.

use super::examine::{Examined, examine, repeatable};
use super::expand::{self, Leaf};
use super::holds::holds;
use super::refusal::Walk;
use super::segments;
use super::{Cut, Flow, FlowId, FlowKind, Owner, Role, Step, StepUndo, Survey};
use crate::model::*;

/// See [`super::analyse`].
pub(super) fn analyse(brief: &Brief, survey: &Survey, id: FlowId, cut: &Cut) -> Flow {
    let body = id.body(brief);
    let walk = Walk::new(brief, survey, id);
    let examined = examine(&walk, &survey.finest, &body.statements);
    let leaves = &examined.leaves;
    let home = home(brief, cut, leaves);
    let owners: Vec<Option<Owner>> = leaves
        .iter()
        .map(|leaf| expand::owner(brief, cut, leaf.statement))
        .collect();
    let (of, segments) = segments::segments(&owners, home);
    let calls = segments
        .iter()
        .any(|segment| !matches!(segment.owner, Owner::Service(_)));
    let kind = if calls || segments.len() > 1 {
        FlowKind::Saga
    } else {
        FlowKind::Transaction
    };
    let units: Vec<Option<Owner>> = leaves
        .iter()
        .map(|leaf| expand::owner(brief, &survey.finest, leaf.statement))
        .collect();
    let (units, _) = segments::segments(&units, 0);
    let places = of.iter().zip(units).enumerate();
    let steps: Vec<Step> = places
        .filter_map(|(at, (segment, unit))| step(brief, &examined, at, (*segment, unit)))
        .collect();
    let together = |a: usize, b: usize| {
        let local = of
            .get(a)
            .and_then(|of| segments.get(*of))
            .is_some_and(|segment| matches!(segment.owner, Owner::Service(_)));
        local && of.get(a) == of.get(b)
    };
    let holds = match examined.pivot {
        Some(pivot) if walk.holds => holds(leaves, &steps, pivot, &together),
        _ => Vec::new(),
    };
    Flow {
        id,
        pivot: examined.pivot,
        steps,
        segments,
        kind,
        holds,
        home,
    }
}

fn step(
    brief: &Brief,
    examined: &Examined<'_>,
    at: usize,
    (segment, unit): (usize, usize),
) -> Option<Step> {
    let leaf = examined.leaves.get(at)?;
    let role = examined.roles.get(at).copied().unwrap_or(Role::Local);
    let undo = examined
        .undos
        .get(at)
        .filter(|_| role == Role::Compensatable)
        .cloned();
    Some(Step {
        path: leaf.statement.path.clone(),
        name: leaf.statement.name.text.clone(),
        at: leaf.at.clone(),
        segment,
        unit,
        role,
        effect: expand::has_effect(brief, leaf.statement),
        refuses: examined.refuses.get(at).is_some_and(Option::is_some),
        undo: undo.unwrap_or(StepUndo::Nothing),
        in_doubt: !repeatable(brief, leaf.statement),
    })
}

/// The service of the first aggregate that is changed, else touched.
fn home(brief: &Brief, cut: &Cut, leaves: &[Leaf<'_>]) -> usize {
    let owned = |wanted: &dyn Fn(&Statement) -> bool| {
        let mut statements = leaves.iter().map(|leaf| leaf.statement);
        statements
            .find(|statement| wanted(statement))
            .and_then(|of| expand::aggregate(brief, of))
    };
    let writes = |statement: &Statement| {
        matches!(
            statement.kind,
            StatementKind::Create { .. }
                | StatementKind::Change { .. }
                | StatementKind::Delete { .. }
        )
    };
    let touched = |statement: &Statement| expand::aggregate(brief, statement).is_some();
    owned(&writes)
        .or_else(|| owned(&touched))
        .map_or(0, |aggregate| cut.service(aggregate))
}
