//! Puts an analysed flow together: what the finest cut decides, what the given cut decides.

use super::expand::{self, Leaf};
use super::segments::segments;
use super::{Cut, Flow, FlowId, FlowKind, Owner, Role, Step, StepUndo};
use crate::model::*;

/// See [`super::analyse`].
pub(super) fn analyse(brief: &Brief, id: FlowId, cut: &Cut) -> Flow {
    let body = id.body(brief);
    let leaves = expand::leaves(&body.statements);
    let home = home(brief, cut, &leaves);
    let owners: Vec<Option<Owner>> = leaves
        .iter()
        .map(|leaf| expand::owner(brief, cut, leaf.statement))
        .collect();
    let (of, segments) = segments(&owners, home);
    let calls = segments
        .iter()
        .any(|segment| !matches!(segment.owner, Owner::Service(_)));
    let saga = calls || segments.len() > 1;
    let kind = if saga {
        FlowKind::Saga
    } else {
        FlowKind::Transaction
    };
    let steps = leaves
        .iter()
        .zip(of)
        .map(|(leaf, segment)| step(brief, leaf, segment))
        .collect();
    Flow {
        id,
        steps,
        segments,
        pivot: None,
        kind,
        holds: Vec::new(),
        home,
    }
}

fn step(brief: &Brief, leaf: &Leaf<'_>, segment: usize) -> Step {
    Step {
        path: leaf.statement.path.clone(),
        name: leaf.statement.name.text.clone(),
        at: leaf.at.clone(),
        segment,
        role: Role::Local,
        effect: expand::has_effect(brief, leaf.statement),
        refuses: true,
        undo: StepUndo::Nothing,
        in_doubt: false,
    }
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
