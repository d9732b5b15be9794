//! How each flow of several segments is carried out.

use super::Draft;
use crate::Planning;
use crate::words::list;
use underpin_design::{Flow, FlowKind, StepRole};

/// One decision per saga; a single transaction is no choice.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    let sagas = planning
        .flows
        .iter()
        .filter(|flow| flow.kind == FlowKind::Saga);
    sagas.map(|flow| saga(planning, flow)).collect()
}

fn saga(planning: &Planning<'_>, flow: &Flow) -> Draft {
    let calls = flow
        .steps
        .iter()
        .filter(|step| planning.brief.externals.find(&step.service).is_some());
    let calls: Vec<String> = calls.map(|step| step.does.clone()).collect();
    let why = if calls.is_empty() {
        format!("its steps belong to {}", list(&flow.services))
    } else {
        format!("no transaction stays open across `{}`", list(&calls))
    };
    let mut draft = Draft::new("flow", flow.operation.clone())
        .choose("saga", why)
        .breaking(
            "one-transaction",
            "rows would be locked as long as somebody else takes to answer",
            vec![flow.driver.clone()],
        )
        .against(
            "two-phase-commit",
            "externals do not take part, and a lost coordinator blocks rows",
        )
        .because([flow.driver.clone()])
        .because(
            flow.steps
                .iter()
                .filter(|step| step.role != StepRole::Local)
                .map(|step| step.driver.clone()),
        );
    if let Some(pivot) = &flow.pivot {
        draft = draft.so(format!(
            "after `{pivot}` it is only ever completed, never undone"
        ));
    }
    for hold in &flow.holds {
        draft = draft.so(format!(
            "others wait for {} from `{}` to `{}`",
            hold.aggregate, hold.from, hold.until
        ));
    }
    draft.assumptions = vec!["deadline".to_owned(), "hold-wait".to_owned()];
    if flow.holds.is_empty() {
        draft.assumptions.retain(|id| id != "hold-wait");
    }
    draft
}
