//! Whether state or the events that led to it are kept.

use super::Draft;
use crate::Planning;

/// One decision per aggregate that keeps a history, one for the rest.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    let brief = planning.brief;
    let pinned = |name: &str| {
        brief.pins.iter().any(|pin| {
            &*pin.kind.text == "write-path" && pin.of.as_ref().is_some_and(|of| &*of.text == name)
        })
    };
    let mut drafts = vec![
        Draft::new("write-path", brief.system.name.to_string())
            .choose(
                "state",
                "rows are read as they are; events are told besides, through the outbox",
            )
            .against(
                "event-sourced",
                "every read would need a projection; nothing asks for former states",
            )
            .because(
                brief
                    .events
                    .rows()
                    .iter()
                    .map(|event| event.path.to_string()),
            ),
    ];
    for aggregate in &brief.aggregates {
        if aggregate.history.is_none() && !pinned(aggregate.name.text.as_ref()) {
            continue;
        }
        let draft = Draft::new("write-path", aggregate.name.to_string())
            .because([aggregate.path.to_string()])
            .choose(
                "state-with-history",
                "former versions are kept beside the row",
            )
            .against(
                "event-sourced",
                "former versions are asked for, not why they changed",
            );
        drafts.push(draft);
    }
    drafts
}
