//! How messages travel.

use super::Draft;
use crate::Planning;
use underpin_brief::model::{Deliver, Via};

/// One decision for the whole.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    let brief = planning.brief;
    let streams = brief
        .feeds
        .rows()
        .iter()
        .filter(|feed| matches!(feed.deliver, Deliver::Stream));
    let mut topics: Vec<String> = streams.map(|feed| feed.path.to_string()).collect();
    let mut kafka = false;
    for external in &brief.externals {
        for sends in &external.sends {
            if sends.via != Via::Webhook {
                kafka |= sends.via == Via::Kafka;
                topics.push(sends.path.to_string());
            }
        }
    }
    let events = brief
        .events
        .rows()
        .iter()
        .map(|event| event.path.to_string());
    let draft = Draft::new("broker", brief.system.name.to_string());
    if topics.is_empty() {
        let draft = draft
            .choose(
                "none",
                "the outbox of each service is read directly; nobody outside reads a topic",
            )
            .against(
                "nats",
                "another thing to run, for messages that stay inside",
            )
            .against(
                "kafka",
                "another thing to run, for messages that stay inside",
            )
            .because(events)
            .flips("a feed is delivered as a stream, or an external sends through a topic");
        return vec![draft];
    }
    let (chosen, other) = if kafka {
        ("kafka", "nats")
    } else {
        ("nats", "kafka")
    };
    let draft = draft
        .choose(chosen, "topics stand in the brief")
        .against(
            other,
            "one broker is enough, and the externals speak the other",
        )
        .breaking("none", "there would be no topics", topics.clone())
        .because(topics);
    vec![draft]
}
