//! Services and contexts.

use super::Draft;
use crate::words::{count, list};
use crate::{Cutting, Planning};
use underpin_brief::flow::{Cut, FlowId, FlowKind, analyse_with};

/// One decision about services, one about contexts.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    vec![services(planning), contexts(planning)]
}

fn services(planning: &Planning<'_>) -> Draft {
    let brief = planning.brief;
    let cut = &planning.boundaries.cut;
    let (one, finest) = (Cut::one(brief), Cut::finest(brief));
    let teams = brief
        .teams
        .rows()
        .iter()
        .map(|team| format!("team {}", team.name));
    let draft = Draft::new("boundary", brief.system.name.to_string());
    let chosen = count(cut.count(), "service");
    let mut draft = match (planning.options.cutting, planning.boundaries.pins.first()) {
        (Cutting::Pins, Some(pin)) if cut.count() > 1 => {
            let mut draft = draft.choose(chosen, "as pinned").because(planning.boundaries.pins.clone());
            draft.pinned = Some(pin.clone());
            draft
        }
        (Cutting::Finest, _) => draft.choose(chosen, "as asked: as many as the brief allows"),
        (Cutting::One, _) => draft.choose(chosen, "as asked: one"),
        (Cutting::Pins, _) => draft.choose(
            chosen,
            "no pin parts the aggregates; what they cost apart is not weighed in this form of the planner",
        ),
    };
    draft = draft.because(teams);
    for other in [&one, &finest] {
        let option = count(other.count(), "service");
        let known = draft.alternatives.iter().any(|of| of.option == option);
        if other.count() != cut.count() && !known {
            draft = draft.against(option, sagas(planning, other));
        }
    }
    draft.revisit = Some("a team must release alone, or one part needs other resources".to_owned());
    draft
}

/// What a cut does to the flows.
fn sagas(planning: &Planning<'_>, cut: &Cut) -> String {
    let brief = planning.brief;
    let kinds = |cut: &Cut| {
        FlowId::all(brief)
            .into_iter()
            .filter(|id| analyse_with(brief, planning.survey, *id, cut).kind == FlowKind::Saga)
            .map(|id| id.name(brief))
            .collect::<Vec<_>>()
    };
    let (now, then) = (kinds(&planning.boundaries.cut), kinds(cut));
    let more: Vec<String> = then
        .iter()
        .filter(|name| !now.contains(name))
        .cloned()
        .collect();
    let less: Vec<String> = now
        .iter()
        .filter(|name| !then.contains(name))
        .cloned()
        .collect();
    match (more.as_slice(), less.as_slice()) {
        ([], []) => format!("{} as now", count(then.len(), "saga")),
        ([], less) => format!("{} would be one transaction again", list(less)),
        (more, _) => format!("{} would become sagas across services", list(more)),
    }
}

fn contexts(planning: &Planning<'_>) -> Draft {
    let brief = planning.brief;
    let contexts = planning.boundaries.contexts();
    let aggregates = brief.aggregates.rows().iter().map(|of| of.path.to_string());
    let mut draft = Draft::new("context", brief.system.name.to_string()).choose(
        count(contexts.len(), "context"),
        "contexts follow the services in this form of the planner",
    );
    draft = draft.because(aggregates);
    if brief.aggregates.len() > contexts.len() {
        draft = draft.against(
            count(brief.aggregates.len(), "context"),
            "one language per aggregate leaves nothing to share within it",
        );
    }
    draft.pinned = planning
        .boundaries
        .pins
        .first()
        .cloned()
        .filter(|_| contexts.len() > 1);
    draft
}
