//! How clients talk with the system.

use super::Draft;
use crate::Planning;

/// One style for the whole.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    let brief = planning.brief;
    let shaped = brief
        .queries
        .rows()
        .iter()
        .filter(|query| !query.shapes.is_empty());
    let shaped: Vec<String> = shaped.map(|query| query.path.to_string()).collect();
    let mut draft = Draft::new("api-style", brief.system.name.to_string())
        .choose(
            "rest",
            "commands and queries are named by the brief; clients need no other questions",
        )
        .against(
            "grpc",
            "browsers need a gateway for it, and no actor asks for it",
        )
        .because(
            brief
                .actors
                .rows()
                .iter()
                .map(|actor| format!("actor {}", actor.name)),
        )
        .so("one OpenAPI document, problem details, entity tags, keyset pages");
    draft = if shaped.is_empty() {
        draft.against(
            "graphql",
            "no query differs by channel, so clients would choose among what they all show",
        )
    } else {
        draft
            .against(
                "graphql",
                "shapes per channel are named in the brief and served as they are",
            )
            .flips("more channels than shapes can be named for")
            .because(shaped)
    };
    vec![draft]
}
