//! What `plan` prints: the design on one screen.

use crate::words::{count, peak, thousands, time};
use std::fmt::Write;
use underpin_brief::model::{Brief, Named};
use underpin_design::{Decision, Design, Flow, FlowKind, Service, Step, StepRole};

/// So many sagas are shown.
const SAGAS: usize = 8;
/// So many questions are shown.
const QUESTIONS: usize = 5;

/// The design on one screen; every figure is given by the brief or counted.
#[must_use]
pub fn summary(brief: &Brief, design: &Design) -> String {
    let mut out = String::new();
    head(brief, design, &mut out);
    services(brief, design, &mut out);
    flows(design, &mut out);
    choices(design, &mut out);
    questions(design, &mut out);
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

fn head(brief: &Brief, design: &Design, out: &mut String) {
    let operations = brief.commands.len() + brief.queries.len();
    let parts = [
        design.system().title.clone(),
        count(brief.aggregates.len(), "aggregate"),
        count(brief.externals.len(), "external"),
        count(operations, "operation"),
    ];
    line(out, &parts.join(" · "));
    let sagas = design
        .flows()
        .iter()
        .filter(|flow| flow.kind == FlowKind::Saga)
        .count();
    let parts = [
        count(design.services().len(), "service"),
        count(design.services().len(), "database"),
        count(sagas, "saga"),
        count(design.decisions().len(), "decision"),
        count(design.assumptions().len(), "assumption"),
    ];
    line(out, &parts.join(" · "));
}

fn services(brief: &Brief, design: &Design, out: &mut String) {
    let rows: Vec<[String; 4]> = design
        .services()
        .iter()
        .map(|service| {
            [
                service.name.clone(),
                aggregates(design, service).join(" "),
                service.teams.join(" "),
                load(brief, design, service),
            ]
        })
        .collect();
    for row in table(&rows) {
        line(out, &format!("  {row}"));
    }
}

/// The aggregates of a service, by name.
pub(crate) fn aggregates(design: &Design, service: &Service) -> Vec<String> {
    let contexts = design
        .contexts()
        .iter()
        .filter(|of| service.contexts.contains(&of.name));
    contexts
        .flat_map(|context| context.aggregates.clone())
        .collect()
}

/// Peaks of what begins in a service, as the brief gives them.
pub(crate) fn load(brief: &Brief, design: &Design, service: &Service) -> String {
    let home = |name: &str| {
        design
            .flow(name)
            .is_some_and(|flow| flow.home == service.name)
    };
    let reads = brief
        .queries
        .rows()
        .iter()
        .filter(|query| home(query.name()));
    let reads = peak(reads.flat_map(|query| &query.loads));
    let writes = brief
        .commands
        .rows()
        .iter()
        .filter(|command| home(command.name()));
    let writes = peak(writes.flat_map(|command| &command.loads));
    let said = [(reads, "reads/s"), (writes, "writes/s")];
    let said = said
        .iter()
        .filter_map(|(rate, unit)| rate.map(|rate| format!("{} {unit}", thousands(rate))));
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        String::new()
    } else {
        format!("{} at peak", said.join(", "))
    }
}

fn flows(design: &Design, out: &mut String) {
    let sagas: Vec<&Flow> = design
        .flows()
        .iter()
        .filter(|flow| flow.kind == FlowKind::Saga)
        .collect();
    let shown = sagas.iter().take(SAGAS);
    let rows: Vec<[String; 3]> = shown
        .map(|flow| [flow.operation.clone(), path(flow), promise(flow)])
        .collect();
    for row in table(&rows) {
        line(out, &row);
    }
    if sagas.len() > SAGAS {
        line(
            out,
            &format!("… and {} more", count(sagas.len() - SAGAS, "saga")),
        );
    }
}

/// `reserve↩ create↩ │charge│ confirm→`: what can be taken back, the pivot, what follows it.
pub(crate) fn path(flow: &Flow) -> String {
    let word = |step: &Step| match step.role {
        StepRole::Local => None,
        StepRole::Compensatable => Some(format!("{}↩", step.name)),
        StepRole::Pivot => Some(format!("│{}│", step.name)),
        StepRole::Retriable => Some(format!("{}→", step.name)),
    };
    flow.steps
        .iter()
        .filter_map(word)
        .collect::<Vec<_>>()
        .join(" ")
}

fn promise(flow: &Flow) -> String {
    let within = flow
        .within_p99_ms
        .map(|ms| format!("p99 within {}", time(ms)));
    let deadline = flow.deadline_ms.map(|ms| format!("deadline {}", time(ms)));
    let accepted = flow.accepted.then(|| "answered at once".to_owned());
    let accepted = accepted.filter(|_| flow.driver.starts_with("command "));
    within
        .into_iter()
        .chain(deadline)
        .chain(accepted)
        .collect::<Vec<_>>()
        .join(", ")
}

fn choices(design: &Design, out: &mut String) {
    let pinned: Vec<String> = design
        .decisions()
        .iter()
        .filter(|decision| decision.pinned.is_some())
        .map(|decision| format!("{} {}", decision.kind, decision.chosen))
        .collect();
    if !pinned.is_empty() {
        line(out, &format!("Pinned       {}", pinned.join(", ")));
    }
    let none = design
        .decisions()
        .iter()
        .filter(|decision| decision.chosen == "none");
    for decision in none {
        line(
            out,
            &format!("Refused      {} ({})", decision.kind, decision.why),
        );
    }
    let whole: Vec<String> = design
        .decisions()
        .iter()
        .filter(|of| about_the_whole(design, of) && of.chosen != "none" && of.pinned.is_none())
        .map(|of| format!("{} {}", of.kind, of.chosen))
        .collect();
    if !whole.is_empty() {
        line(out, &format!("Chosen       {}", whole.join(", ")));
    }
}

/// Whether a decision is about the system, not about something of the same name.
pub(crate) fn about_the_whole(design: &Design, decision: &Decision) -> bool {
    let parts = [
        "authentication",
        "flow",
        "interaction",
        "read-path",
        "realtime",
        "resilience",
    ];
    decision.subject == design.system().name && !parts.contains(&decision.kind.as_str())
}

fn questions(design: &Design, out: &mut String) {
    for question in design.questions().iter().take(QUESTIONS) {
        let about = question
            .about
            .as_ref()
            .map(|about| format!(" ({about})"))
            .unwrap_or_default();
        line(out, &format!("Question     {}{about}", question.text));
    }
    if design.questions().len() > QUESTIONS {
        let more = design.questions().len() - QUESTIONS;
        line(out, &format!("… and {}", count(more, "more question")));
    }
}

/// Rows with columns as wide as their widest cell.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    rows.iter()
        .map(|row| {
            let mut text = String::new();
            for (cell, width) in row.iter().zip(&widths).filter(|(_, width)| **width > 0) {
                let fill = width.saturating_sub(cell.chars().count()) + 2;
                // Writing to a text does not fail.
                let _ = write!(text, "{cell}{}", " ".repeat(fill));
            }
            text.trim_end().to_owned()
        })
        .collect()
}
