//! What `explain` answers about an operation, a flow, an external system or a decision.

use crate::summary::table;
use crate::words::{count, time};
use std::fmt::Write;
use underpin_design::{Call, Decision, Design, Flow, FlowKind, Step, StepRole};

/// Everything that can be explained: operations, externals, services, kinds of decision.
#[must_use]
pub fn subjects(design: &Design) -> Vec<String> {
    let mut names: Vec<String> = design
        .flows()
        .iter()
        .map(|flow| flow.operation.clone())
        .collect();
    names.extend(
        design
            .decisions()
            .iter()
            .map(|decision| decision.kind.clone()),
    );
    names.extend(
        design
            .decisions()
            .iter()
            .map(|decision| decision.subject.clone()),
    );
    names.extend(
        design
            .contexts()
            .iter()
            .flat_map(|context| context.externals.clone()),
    );
    names.sort();
    names.dedup();
    names
}

/// What there is to say about `name`; `None` where the design does not know it. `name` may also
/// be `kind subject` of a decision.
#[must_use]
pub fn explain(design: &Design, name: &str) -> Option<String> {
    let mut out = String::new();
    if let Some(flow) = design.flow(name) {
        explain_flow(design, flow, &mut out);
    }
    let calls: Vec<&Call> = design
        .calls()
        .iter()
        .filter(|call| call.to == name)
        .collect();
    if !calls.is_empty() {
        explain_calls(name, &calls, &mut out);
    }
    let about: Vec<&Decision> = design
        .decisions()
        .iter()
        .filter(|of| {
            of.kind == name || of.subject == name || format!("{} {}", of.kind, of.subject) == name
        })
        .collect();
    for decision in about {
        explain_decision(design, decision, &mut out);
    }
    (!out.is_empty()).then(|| format!("{}\n", out.trim_end()))
}

fn line(out: &mut String, text: &str) {
    // Writing to a text does not fail.
    let _ = writeln!(out, "{}", text.trim_end());
}

fn explain_flow(design: &Design, flow: &Flow, out: &mut String) {
    let kind = match flow.kind {
        FlowKind::Transaction => "one transaction".to_owned(),
        FlowKind::Query => "reads only".to_owned(),
        FlowKind::Saga => {
            let segments = flow.steps.last().map_or(0, |step| step.segment as usize);
            format!("saga of {}", count(segments, "segment"))
        }
    };
    line(
        out,
        &format!("{}: {kind} in {}", flow.operation, flow.services.join(", ")),
    );
    let rows: Vec<[String; 5]> = flow.steps.iter().map(|step| row(flow, step)).collect();
    for row in table(&rows) {
        line(out, &format!("  {row}"));
    }
    if let Some(pivot) = &flow.pivot {
        line(
            out,
            &format!(
                "Pivot: {pivot}. Until then a refusal undoes what was done, last first; after it everything is repeated until it is done."
            ),
        );
    }
    for hold in &flow.holds {
        line(
            out,
            &format!(
                "Holds the row of {} from {} to {}: others may read it, a change waits 1 s, then is refused as busy.",
                hold.aggregate, hold.from, hold.until
            ),
        );
    }
    if let Some(deadline) = flow.deadline_ms {
        let after = if flow.kind == FlowKind::Saga {
            ": before the pivot undone and 504, after it 202 and completed"
        } else {
            ": then 504"
        };
        line(out, &format!("Deadline {}{after}.", time(deadline)));
    }
    if let Some(within) = flow.within_p99_ms {
        line(
            out,
            &format!("Required: 99 of 100 within {}.", time(within)),
        );
    }
    let calls: Vec<&Call> = design
        .calls()
        .iter()
        .filter(|of| of.flow == flow.operation)
        .collect();
    if !calls.is_empty() {
        let total: u64 = calls
            .iter()
            .map(|call| call.timeout_ms * u64::from(call.retries + 1))
            .sum();
        line(
            out,
            &format!("Calls: {} at most, all attempts together.", time(total)),
        );
    }
    assumed(design, flow, out);
    line(out, &format!("Because of {}.", flow.driver));
    out.push('\n');
}

fn assumed(design: &Design, flow: &Flow, out: &mut String) {
    let rests: Vec<String> = design
        .assumptions()
        .iter()
        .filter(|of| of.dependents.contains(&flow.operation))
        .map(|of| of.text.clone())
        .collect();
    if !rests.is_empty() {
        line(out, &format!("Assumes: {}.", rests.join("; ")));
    }
}

fn row(flow: &Flow, step: &Step) -> [String; 5] {
    let role = match step.role {
        StepRole::Local => "",
        StepRole::Compensatable => "can be taken back",
        StepRole::Pivot => "pivot",
        StepRole::Retriable => "repeated until done",
    };
    let mut notes: Vec<String> = Vec::new();
    if !step.refusals.is_empty() {
        notes.push(format!("refuses {}", step.refusals.join(", ")));
    }
    notes.extend(step.undo.as_ref().map(|undo| format!("undo: {undo}")));
    if step.repeated {
        notes.push("for each".to_owned());
    }
    if step.in_doubt {
        notes.push("may end in doubt".to_owned());
    }
    let segment = if flow.kind == FlowKind::Query {
        String::new()
    } else {
        step.segment.to_string()
    };
    [
        segment,
        step.does.clone(),
        step.service.clone(),
        role.to_owned(),
        notes.join("; "),
    ]
}

fn explain_calls(name: &str, calls: &[&Call], out: &mut String) {
    line(
        out,
        &format!("{name}: called by {}", count(calls.len(), "step")),
    );
    let rows: Vec<[String; 4]> = calls
        .iter()
        .map(|call| {
            let again = match (call.retries, &call.status) {
                (0, None) => "not repeated".to_owned(),
                (0, Some(status)) => format!("asks {status}"),
                (retries, _) => format!("repeated up to {retries} times"),
            };
            let place = format!("{}/{}", call.flow, call.step);
            [
                call.operation.clone(),
                place,
                format!("{} per attempt", time(call.timeout_ms)),
                again,
            ]
        })
        .collect();
    for row in table(&rows) {
        line(out, &format!("  {row}"));
    }
    out.push('\n');
}

fn explain_decision(design: &Design, decision: &Decision, out: &mut String) {
    line(
        out,
        &format!(
            "{} of {} (decision {})",
            decision.kind, decision.subject, decision.number
        ),
    );
    let pinned = decision
        .pinned
        .as_ref()
        .map(|pin| format!(" (pinned: {pin})"))
        .unwrap_or_default();
    line(
        out,
        &format!("▸ {}: {}{pinned}", decision.chosen, decision.why),
    );
    for other in &decision.alternatives {
        let cost = other
            .cost
            .as_ref()
            .map(|cost| format!(" ({cost})"))
            .unwrap_or_default();
        line(out, &format!("  {}{cost}: {}", other.option, other.why));
        if !other.violates.is_empty() {
            line(out, &format!("    breaks {}", other.violates.join(", ")));
        }
    }
    for (title, texts) in [
        ("So", &decision.consequences),
        ("Flips when", &decision.flips),
    ] {
        for text in texts {
            line(out, &format!("  {title} {text}"));
        }
    }
    let assumed = design
        .assumptions()
        .iter()
        .filter(|of| decision.assumptions.contains(&of.id));
    for assumption in assumed {
        line(
            out,
            &format!("  Assumes {} ({})", assumption.text, assumption.source),
        );
    }
    if let Some(revisit) = &decision.revisit {
        line(out, &format!("  Think again when {revisit}"));
    }
    if !decision.drivers.is_empty() {
        line(
            out,
            &format!("  Because of {}", decision.drivers.join(", ")),
        );
    }
    out.push('\n');
}
