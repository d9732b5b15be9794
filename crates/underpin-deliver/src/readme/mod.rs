//! `README.md`: the first page, one screen.

use crate::summary::{about_the_whole, aggregates, load, path};
use crate::words::{cell, count};
use crate::{OPENAPI, sequences};
use std::fmt::Write;
use underpin_brief::model::Brief;
use underpin_design::{Design, Flow, FlowKind};

/// The page.
pub(crate) fn page(brief: &Brief, design: &Design) -> String {
    let mut out = format!("# {}\n", design.system().title);
    if let Some(purpose) = &design.system().purpose {
        add(&mut out, &format!("\n{purpose}\n"));
    }
    services(brief, design, &mut out);
    flows(design, &mut out);
    choices(design, &mut out);
    questions(design, &mut out);
    add(&mut out, "\n## Files\n\n");
    add(
        &mut out,
        "- [design.json](design.json): the design as a value\n",
    );
    add(
        &mut out,
        &format!("- [{OPENAPI}]({OPENAPI}): the HTTP interface\n"),
    );
    add(
        &mut out,
        "- [decisions](decisions/README.md): every decision with its drivers\n",
    );
    out
}

fn add(out: &mut String, text: &str) {
    out.push_str(text);
}

fn services(brief: &Brief, design: &Design, out: &mut String) {
    add(
        out,
        "\n## Services\n\n| service | aggregates | externals | teams | load |\n",
    );
    add(out, "|---|---|---|---|---|\n");
    for service in design.services() {
        let contexts = design
            .contexts()
            .iter()
            .filter(|of| service.contexts.contains(&of.name));
        let externals: Vec<String> = contexts.flat_map(|of| of.externals.clone()).collect();
        let row = [
            service.name.clone(),
            aggregates(design, service).join(", "),
            externals.join(", "),
            service.teams.join(", "),
            load(brief, design, service),
        ];
        let row = row.map(|text| cell(&text));
        // Writing to a text does not fail.
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
}

fn link(flow: &Flow) -> String {
    format!("[{}]({})", cell(&flow.operation), sequences::path(flow))
}

fn flows(design: &Design, out: &mut String) {
    add(out, "\n## Flows\n\n");
    let of = |kind: FlowKind| design.flows().iter().filter(move |flow| flow.kind == kind);
    if of(FlowKind::Saga).next().is_some() {
        add(
            out,
            "Sagas: `↩` is taken back where a later step is refused, `│` is the pivot, `→` is\n",
        );
        add(
            out,
            "repeated until it is done.\n\n| saga | steps |\n|---|---|\n",
        );
        for flow in of(FlowKind::Saga) {
            let _ = writeln!(out, "| {} | {} |", link(flow), cell(&path(flow)));
        }
        out.push('\n');
    }
    let names = |kind| of(kind).map(link).collect::<Vec<_>>().join(", ");
    for (title, kind) in [
        ("Transactions", FlowKind::Transaction),
        ("Queries", FlowKind::Query),
    ] {
        let names = names(kind);
        if !names.is_empty() {
            let _ = writeln!(out, "- {title}: {names}");
        }
    }
}

/// Decisions about the whole and those taken by hand; the rest stand on their page.
fn choices(design: &Design, out: &mut String) {
    add(out, "\n## Decisions\n\n");
    let system = &design.system().name;
    for decision in design.decisions() {
        if !about_the_whole(design, decision) && decision.pinned.is_none() {
            continue;
        }
        let pinned = if decision.pinned.is_some() {
            ", pinned"
        } else {
            ""
        };
        let about = if &decision.subject == system {
            String::new()
        } else {
            format!(" of {}", decision.subject)
        };
        let _ = writeln!(
            out,
            "- {}{about}: **{}**{pinned}: {}",
            decision.kind, decision.chosen, decision.why
        );
    }
    let rest = count(design.decisions().len(), "decision");
    let _ = writeln!(out, "- all {rest}: [decisions](decisions/README.md)");
    if design.assumptions().is_empty() {
        return;
    }
    add(out, "\n## Assumptions\n\n");
    for assumption in design.assumptions() {
        let dependents = count(assumption.dependents.len(), "dependent");
        let _ = writeln!(
            out,
            "- `{}`: {} ({}, {dependents}); otherwise {}",
            assumption.about, assumption.text, assumption.source, assumption.instead
        );
    }
}

fn questions(design: &Design, out: &mut String) {
    if design.questions().is_empty() {
        return;
    }
    add(out, "\n## Questions\n\n");
    for question in design.questions() {
        let about = question.about.as_ref().map(|about| format!(" (`{about}`)"));
        let _ = writeln!(out, "- {}{}", question.text, about.unwrap_or_default());
    }
}
