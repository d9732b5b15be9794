//! How live feeds reach clients.

use super::Draft;
use crate::Planning;
use underpin_brief::model::Deliver;

/// One decision per live feed.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    let live = planning
        .brief
        .feeds
        .rows()
        .iter()
        .filter(|feed| matches!(feed.deliver, Deliver::Live));
    live.map(|feed| {
        Draft::new("realtime", feed.name.to_string())
            .choose(
                "server-sent-events",
                "messages go one way, over plain HTTP, and resume by their last id",
            )
            .against("websocket", "a second way up that nothing uses")
            .against("long-polling", "a request per message")
            .because([feed.path.to_string()])
    })
    .collect()
}
