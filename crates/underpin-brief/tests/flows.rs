//! What the analysis says of the flows of whole briefs, as one table.

use std::fmt::Write;
use underpin_brief::flow::{Cut, Flow, FlowId, Role, StepUndo, analyse};
use underpin_brief::model::Brief;
use underpin_brief::resolve::check_text;

/// One line per flow: `name kind: segments`, steps in the order of statements, `|` between
/// segments, `-` local, `<` compensatable (`<=` with a written undo), `*` pivot, `>` retriable.
fn table(brief: &Brief, cut: &Cut) -> String {
    let mut out = String::new();
    for id in FlowId::all(brief) {
        let flow = analyse(brief, id, cut);
        write!(out, "{} {:?}:", id.name(brief), flow.kind).expect("text");
        for (at, step) in flow.steps.iter().enumerate() {
            let starts = at > 0 && flow.segments.iter().any(|segment| segment.first == at);
            let border = if starts { " |" } else { "" };
            write!(out, "{border} {}{}", step.name, mark(&flow, at)).expect("text");
        }
        for hold in &flow.holds {
            let aggregate = &brief.aggregates.get(hold.aggregate).name;
            write!(out, " [holds {aggregate} {}-{}]", hold.from, hold.until).expect("text");
        }
        out.push('\n');
    }
    out
}

fn mark(flow: &Flow, at: usize) -> &'static str {
    let step = &flow.steps[at];
    match (step.role, &step.undo) {
        (Role::Local, _) => "-",
        (Role::Pivot, _) => "*",
        (Role::Retriable, _) => ">",
        (Role::Compensatable, StepUndo::Written | StepUndo::Waived(_)) => "<=",
        (Role::Compensatable, _) => "<",
    }
}

#[test]
fn flows_of_the_briefs_are_analysed_as_ever() {
    let mut found = String::new();
    for (name, text) in super::briefs::all() {
        let checked = check_text(&name, &text);
        let Some(brief) = &checked.brief else {
            writeln!(found, "## {name}: {} findings", checked.diagnostics.len()).expect("text");
            println!("{}", super::briefs::shown(&checked));
            continue;
        };
        writeln!(found, "## {name}, one service").expect("text");
        found.push_str(&table(brief, &Cut::one(brief)));
        writeln!(found, "## {name}, finest cut").expect("text");
        found.push_str(&table(brief, &Cut::finest(brief)));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flows.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &found).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        found, golden,
        "run with UPDATE_GOLDEN=1 and review the difference"
    );
}
