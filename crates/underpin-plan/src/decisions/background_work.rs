//! What runs without a client: timers, calendars, accepted commands.

use super::Draft;
use crate::Planning;
use underpin_brief::model::{AnswerMode, Trigger};

/// One decision, where anything runs in the background.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    let brief = planning.brief;
    let timed = brief
        .policies
        .rows()
        .iter()
        .filter(|policy| match &policy.trigger {
            Trigger::On { after, .. } => after.is_some(),
            Trigger::Every(_) | Trigger::Cron { .. } => true,
        });
    let mut drivers: Vec<String> = timed.map(|policy| policy.path.to_string()).collect();
    let accepted = brief
        .commands
        .rows()
        .iter()
        .filter(|of| of.answer == AnswerMode::Accepted);
    drivers.extend(accepted.map(|command| command.path.to_string()));
    if drivers.is_empty() {
        return Vec::new();
    }
    let draft = Draft::new("background-work", brief.system.name.to_string())
        .choose(
            "timers-in-the-database",
            "a timer is written with the row that it belongs to, so none is lost or left over",
        )
        .against(
            "scheduler",
            "a second store that must agree with the first after every crash",
        )
        .against(
            "job-queue",
            "another thing to run; the rows already say what is due",
        )
        .because(drivers)
        .so("work is repeated until it is done, or parked for an operator");
    vec![draft]
}
