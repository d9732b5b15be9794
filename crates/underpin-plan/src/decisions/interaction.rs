//! How a policy learns of what it reacts to.

use super::Draft;
use crate::Planning;
use underpin_brief::model::{EventSource, Trigger};

/// One decision per policy on a message.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    let on = planning
        .brief
        .policies
        .rows()
        .iter()
        .filter_map(|policy| match &policy.trigger {
            Trigger::On { source, .. } => Some((policy, *source)),
            Trigger::Every(_) | Trigger::Cron { .. } => None,
        });
    on.map(|(policy, source)| {
        let draft =
            Draft::new("interaction", policy.name.to_string()).because([policy.path.to_string()]);
        match source {
            EventSource::Sent(external, _) => draft
                .because([format!(
                    "external {}",
                    planning.brief.externals.get(external).name
                )])
                .choose(
                    "event",
                    "the external tells; asking it again and again would be late and costly",
                )
                .against("poll", "late by half the interval, and mostly for nothing"),
            _ => draft
                .choose(
                    "event",
                    "the sender does not wait and need not know who reacts",
                )
                .against("call", "the sender would wait for it, and fail with it"),
        }
    })
    .collect()
}
