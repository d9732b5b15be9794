//! Defaults: what stands in where the brief says nothing, and what depends on it.

use crate::Planning;
use crate::calls::latency_p99;
use crate::words::time;
use underpin_brief::model::*;
use underpin_design::{Assumption, FlowKind};

/// A client waits so long for a command without `deadline`.
pub const DEFAULT_DEADLINE_MS: u64 = 10_000;
/// An external without `latency` answers within this at the 99th percentile.
pub const DEFAULT_LATENCY_P99_MS: u64 = 1_000;
/// A query without `stale` may be so old.
pub const DEFAULT_STALE_MS: u64 = 5_000;

/// Every default that was taken.
pub(crate) fn assumptions(planning: &Planning<'_>) -> Vec<Assumption> {
    let mut found = Vec::new();
    deadlines(planning, &mut found);
    latencies(planning, &mut found);
    staleness(planning, &mut found);
    general(planning, &mut found);
    found
}

fn deadlines(planning: &Planning<'_>, found: &mut Vec<Assumption>) {
    let silent: Vec<String> = planning
        .brief
        .commands
        .rows()
        .iter()
        .filter(|command| command.deadline.is_none() && command.answer == AnswerMode::Final)
        .map(|command| command.name.to_string())
        .collect();
    if silent.is_empty() {
        return;
    }
    found.push(Assumption {
        id: "deadline".to_owned(),
        about: format!("system {}", planning.brief.system.name),
        text: format!("a client waits at most {}", time(DEFAULT_DEADLINE_MS)),
        source: "judgement".to_owned(),
        dependents: silent,
        instead: "`deadline \"5s\"` in the command".to_owned(),
    });
}

fn latencies(planning: &Planning<'_>, found: &mut Vec<Assumption>) {
    for (_, external) in planning.brief.externals.iter() {
        let silent = external
            .operations
            .rows()
            .iter()
            .any(|of| latency_p99(external, of).is_none());
        let name = external.name.to_string();
        if !silent || external.operations.is_empty() {
            continue;
        }
        let calls = planning.calls.iter().filter(|call| call.to == name);
        let mut dependents: Vec<String> = calls.map(|call| call.flow.clone()).collect();
        dependents.sort();
        dependents.dedup();
        found.push(Assumption {
            id: format!("latency {name}"),
            about: format!("external {name}"),
            text: format!(
                "99 of 100 answers come within {}",
                time(DEFAULT_LATENCY_P99_MS)
            ),
            source: "judgement".to_owned(),
            dependents,
            instead: "`latency p50=\"100ms\" p99=\"1s\"` in the external".to_owned(),
        });
    }
}

fn staleness(planning: &Planning<'_>, found: &mut Vec<Assumption>) {
    let rows = planning.brief.queries.rows().iter();
    let silent: Vec<String> = rows
        .filter(|query| query.stale.max.is_none() && query.of != QuerySource::Parts)
        .map(|query| query.name.to_string())
        .collect();
    if silent.is_empty() {
        return;
    }
    found.push(Assumption {
        id: "stale".to_owned(),
        about: format!("system {}", planning.brief.system.name),
        text: format!("an answer may be {} old", time(DEFAULT_STALE_MS)),
        source: "language".to_owned(),
        dependents: silent,
        instead: "`stale \"1s\"` in the query".to_owned(),
    });
}

/// Settled points of the language that every operation rests on.
fn general(planning: &Planning<'_>, found: &mut Vec<Assumption>) {
    let about = format!("system {}", planning.brief.system.name);
    let commands = planning.brief.commands.rows().iter();
    let commands: Vec<String> = commands.map(|command| command.name.to_string()).collect();
    if commands.is_empty() {
        return;
    }
    let sagas = planning
        .flows
        .iter()
        .filter(|flow| flow.kind == FlowKind::Saga);
    let sagas: Vec<String> = sagas.map(|flow| flow.operation.clone()).collect();
    if sagas.iter().any(|saga| {
        planning
            .flows
            .iter()
            .any(|f| &f.operation == saga && !f.holds.is_empty())
    }) {
        found.push(Assumption {
            id: "hold-wait".to_owned(),
            about: about.clone(),
            text: "a change of a held row waits 1 s, then is refused as `busy`".to_owned(),
            source: "language".to_owned(),
            dependents: sagas,
            instead: "`hold=never` at a command that must not hold rows".to_owned(),
        });
    }
    found.push(Assumption {
        id: "replay".to_owned(),
        about,
        text: "an answer is kept 24 h for repetitions under its key".to_owned(),
        source: "language".to_owned(),
        dependents: commands,
        instead: "`once=` at a command whose input names its own key".to_owned(),
    });
    if planning.boundaries.cut.count() > 1 {
        found.push(Assumption {
            id: "authorization-lag".to_owned(),
            about: format!("system {}", planning.brief.system.name),
            text: "facts of other services behind `allow` may be 5 s old".to_owned(),
            source: "language".to_owned(),
            dependents: planning.boundaries.names(),
            instead: "`allow … fresh`".to_owned(),
        });
    }
}
