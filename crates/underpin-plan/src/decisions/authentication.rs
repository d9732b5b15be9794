//! How callers prove who they are.

use super::Draft;
use crate::Planning;
use underpin_brief::model::{Actor, ActorKind};

/// One decision per actor.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    planning.brief.actors.rows().iter().map(actor).collect()
}

fn actor(actor: &Actor) -> Draft {
    let path = format!("actor {}", actor.name);
    let words: Vec<String> = actor.sign_in.iter().map(ToString::to_string).collect();
    let draft = Draft::new("authentication", actor.name.to_string()).because([path]);
    match actor.kind {
        ActorKind::Partner | ActorKind::System if words.is_empty() => draft
            .choose(
                "client-credentials",
                "a system has no person who could sign in",
            )
            .against("api-key", "a key that is sent each time is stolen once")
            .against(
                "mtls",
                "certificates must be handed out and renewed; nothing here asks for it",
            ),
        _ if words.is_empty() => draft
            .choose(
                "oidc",
                "tokens of an identity provider; no password is kept here",
            )
            .against(
                "own-accounts",
                "passwords, resets and second factors would have to be built",
            ),
        _ => draft.choose(words.join("+"), "as the actor says").against(
            "own-accounts",
            "passwords, resets and second factors would have to be built",
        ),
    }
}
