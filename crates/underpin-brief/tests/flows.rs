//! What the analysis says of the flows of whole briefs, as one table.

use std::fmt::Write;
use underpin_brief::diagnostic::Severity;
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

/// The briefs whose flows are tabled; others come and go.
const TABLED: &[&str] = &[
    "bff",
    "collab",
    "kafka",
    "saas",
    "shop",
    "strangler",
    "webhooks",
];

#[test]
fn flows_of_the_briefs_are_analysed_as_ever() {
    let mut found = String::new();
    for (name, text) in super::briefs::all() {
        let known = TABLED
            .iter()
            .any(|brief| name == format!("tests/briefs/{brief}.kdl"));
        if !known {
            continue;
        }
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

/// What a flow of a check is told, without its place.
fn messages(text: &str) -> Vec<(String, String)> {
    let found = check_text("page.kdl", text).diagnostics;
    found
        .iter()
        .map(|found| (found.code.id.to_owned(), found.message.clone()))
        .collect()
}

#[test]
fn the_order_that_is_offered_is_sound() {
    let mut offered = 0;
    for code in underpin_brief::codes::all().filter(|code| code.id.starts_with("U04")) {
        let Some((_, rest)) = code.page.split_once("```kdl bad\n") else {
            continue;
        };
        let (bad, _) = rest.split_once("```\n").expect("a closing fence");
        let checked = check_text("page.kdl", bad);
        for help in checked.diagnostics.iter().flat_map(|found| &found.helps) {
            if help.edits.is_empty() {
                continue;
            }
            offered += 1;
            let (file, _) = checked.sources.iter().next().expect("the text");
            let mended = underpin_brief::render::apply(file, bad, &help.edits).expect("edits");
            assert_eq!(messages(&mended), [], "{code}:\n{mended}");
        }
    }
    assert!(offered >= 3, "only {offered} orders were offered");
}

/// A brief with two counters (natural keys), a lamp with states, an event about each, and an
/// external that can be asked; `body` is what the one command does.
fn with(body: &str) -> String {
    format!(
        r#"system trial
actor guest kind=person
external bank {{
    operation charge idempotent=stay {{ input stay text; fails declined; undo refund {{ set stay=input.stay }} }}
    operation refund idempotent=stay {{ input stay text }}
    operation insure idempotent=stay {{ input stay text; fails refused }}
    operation ask read {{ input stay text; output known bool }}
}}
aggregate Count {{ key name text max=40; field total int default=0; invariant "self.total >= 0" else=too-few }}
aggregate Lamp {{
    key id
    field note text?
    states off on broken {{ move light off to=on; move dim on to=off; move break on off to=broken }}
}}
event Lit about=Lamp {{ field note text }}
command smash {{ allow guest; input lamp Lamp; change lamp Lamp key=input.lamp {{ move break }} }}
command go {{
    allow guest
    input name text max=40
    input lamp Lamp
    input few int min=0 max=9
    {body}
}}
"#
    )
}

/// The codes that a body raises, and its roles where it raises none.
fn check(body: &str, expected: &str) {
    let text = with(body);
    let checked = check_text("trial.kdl", &text);
    let errors = checked
        .diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error);
    let codes: Vec<&str> = errors.map(|found| found.code.id).collect();
    let found = match &checked.brief {
        Some(brief) if codes.is_empty() => {
            let all = table(brief, &Cut::finest(brief));
            all.lines().next().unwrap_or_default().to_owned()
        }
        _ => codes.join(" "),
    };
    let found = found.trim().trim_start_matches("go ");
    assert_eq!(
        found,
        expected,
        "{body}\n{}",
        super::briefs::shown(&checked)
    );
}

#[test]
fn the_pivot_is_the_last_statement_that_can_be_refused() {
    check("create lamp Lamp", "Transaction: lamp>");
    check(
        "create count Count { set name=input.name }",
        "Transaction: count*",
    );
    check(
        "change lamp Lamp key=input.lamp { move light }",
        "Transaction: lamp*",
    );
    check(
        "change count Count key=input.name create { set total=\"self.total + input.few\" }",
        "Transaction: count>",
    );
    check(
        "change count Count key=input.name create { set total=\"self.total - input.few\" }",
        "Transaction: count*",
    );
    check(
        "change count Count key=input.name { require \"self.total >= input.few\" else=short; set total=\"self.total - input.few\" }",
        "Transaction: count*",
    );
}

#[test]
fn a_state_is_known_where_it_was_made_asked_or_moved_to() {
    check(
        "create lamp Lamp; change lamp { move light }",
        "Transaction: lamp> lamp>",
    );
    check(
        "read lamp Lamp key=input.lamp; require \"lamp.state == 'off'\" else=lit; change lamp { move light }",
        "Transaction: lamp- require#1* lamp>",
    );
    check(
        "read lamp Lamp key=input.lamp; change lamp { move light }",
        "Transaction: lamp- lamp*",
    );
    // The same row under another name may have moved in between.
    check(
        "create lamp Lamp; change other Lamp key=input.lamp { move break }; change lamp { move light }",
        "Transaction: lamp< other* lamp>",
    );
}

#[test]
fn what_comes_before_the_pivot_in_another_transaction_is_taken_back() {
    let charge = "call charged bank.charge { set stay=input.name }";
    let insure = "call insured bank.insure { set stay=input.name }";
    check(
        &format!("create lamp Lamp; {charge}; change lamp {{ move light }}"),
        "Saga: lamp< | charged* | lamp> [holds Lamp 0-2]",
    );
    check(&format!("{charge}; {insure}"), "Saga: charged< | insured*");
    check(&format!("{insure}; {charge}"), "U0401");
    check(
        &format!("change lamp Lamp key=input.lamp {{ move light }}; {charge}"),
        "U0401",
    );
    // Others may break the lamp meanwhile, unless it is held because the flow comes back to it.
    let light = "change lamp Lamp key=input.lamp { move light; undo { move dim } }";
    check(&format!("{light}; {charge}"), "U0402");
    check(
        &format!("{light}; {charge}; change other Lamp key=input.lamp {{ move break }}"),
        "Saga: lamp<= | charged* | other> [holds Lamp 0-2]",
    );
    check(
        &format!(
            "change lamp Lamp key=input.lamp {{ move light; undo sure=\"nobody dims it\" {{ move dim }} }}; {charge}"
        ),
        "Saga: lamp<= | charged*",
    );
}

#[test]
fn a_loop_is_judged_as_two_rounds() {
    check(
        "input names text* count=\"1..9\"\n each name in=input.names { change one Count key=name { set total=\"self.total - 1\" } }",
        "Transaction: one*",
    );
    check(
        "input names text* count=\"1..9\"\n each name in=input.names { call insured bank.insure { set stay=name } }",
        "U0401",
    );
    check(
        "input names text* count=\"1..9\"\n each name in=input.names { call charged bank.charge { set stay=name } }",
        "Saga: charged*",
    );
}

#[test]
fn a_loop_over_one_row_at_most_is_judged_as_one_round() {
    let read = |limit: u32| format!("read lamps Lamp where=\"self.state == 'off'\" limit={limit}");
    let insure = "{ call insured bank.insure { set stay=lamp.id } }";
    for (body, expected) in [
        (format!("{}; each lamp in=lamps {insure}", read(2)), "U0401"),
        (
            format!("{}; each lamp in=lamps {insure}", read(1)),
            "Saga: lamps- | insured*",
        ),
        (
            format!(
                "{}; let found=\"lamps.filter(l, has(l.note))\"; each lamp in=found {insure}",
                read(1)
            ),
            "Saga: lamps- found- | insured*",
        ),
        (
            format!("{}; each lamp in=\"take(lamps, 1)\" {insure}", read(2)),
            "Saga: lamps- | insured*",
        ),
        (
            format!("{}; each lamp in=\"take(lamps, 2)\" {insure}", read(2)),
            "U0401",
        ),
    ] {
        check(&body, expected);
    }
}

#[test]
fn events_are_told_after_the_pivot() {
    check(
        "change lamp Lamp key=input.lamp { move light }; emit Lit { set note=input.name }",
        "Transaction: lamp* Lit>",
    );
    check(
        "emit Lit { set note=input.name }; change lamp Lamp key=input.lamp { move light }",
        "U0403",
    );
}
