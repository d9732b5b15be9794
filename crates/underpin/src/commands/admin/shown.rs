//! Answers as text for people. What a program needs stands in the JSON form.

use underpin_run::admin::{
    AuditLine, FlowLine, FlowStory, HoldLine, RowLine, StepLine, StepState, Told,
};

/// The whole answer, ending with a line break.
pub fn text(told: &Told) -> String {
    match told {
        Told::Flows(lines) => list(lines, "no flow is in progress or waits for a person", flow),
        Told::Flow(story) => self::story(story),
        Told::Changed(change) => match &change.flow {
            Some(line) => format!("{}\n{}", change.done, flow(line)),
            None => format!("{}\n", change.done),
        },
        Told::Holds(lines) => list(lines, "no row is held", hold),
        Told::Audit(lines) => list(lines, "nothing was changed by hand", audit),
    }
}

fn list<T>(lines: &[T], none: &str, one: impl Fn(&T) -> String) -> String {
    match lines.is_empty() {
        true => format!("{none}\n"),
        false => lines.iter().map(one).collect(),
    }
}

fn flow(line: &FlowLine) -> String {
    let caller = match (&line.caller, &line.tenant) {
        (Some(caller), Some(tenant)) => format!(" · {caller} of {tenant}"),
        (Some(caller), None) => format!(" · {caller}"),
        (None, Some(tenant)) => format!(" · in {tenant}"),
        (None, None) => String::new(),
    };
    let why = line.why.as_ref().map_or(String::new(), |why| format!("\n    because {why}"));
    format!(
        "{} {} · {} · {}{caller} · since {}{why}\n",
        line.stage, line.id, line.name, line.at, line.started
    )
}

fn row(row: &RowLine) -> String {
    let of = row.tenant.as_ref().map_or(String::new(), |tenant| format!(" of {tenant}"));
    format!("{} `{}`{of}", row.aggregate, row.key)
}

fn hold(line: &HoldLine) -> String {
    format!("{} · held by {} · {}\n", row(&line.row), line.flow, line.reason)
}

fn audit(line: &AuditLine) -> String {
    let why = match line.why.as_str() {
        "" => String::new(),
        why => format!(" · {why}"),
    };
    format!("{} · {} · {} · {}{why}\n", line.at, line.who, line.action, line.target)
}

fn step(line: &StepLine) -> String {
    let mark = match line.state {
        StepState::Passed => "✓",
        StepState::Here => "→",
        StepState::ToCome => "·",
    };
    let pivot = if line.pivot { "   (pivot: what follows is not taken back)" } else { "" };
    format!("  {mark} {}{pivot}\n", line.what)
}

fn story(story: &FlowStory) -> String {
    let mut text = flow(&story.flow);
    let mut part = |title: &str, lines: String| {
        if !lines.is_empty() {
            text.push_str(&format!("{title}\n{lines}"));
        }
    };
    part("statements", story.steps.iter().map(step).collect());
    if let Some(call) = &story.call {
        let verb = if call.undo { "takes back" } else { "calls" };
        part(
            "call",
            format!("  {verb} {} with key `{}`: {}\n", call.what, call.key, call.input),
        );
    }
    part("still to be taken back if it is undone", story.undo.iter().map(|one| format!("  {one}\n")).collect());
    part("holds", story.holds.iter().map(|one| format!("  {}\n", row(&one.row))).collect());
    if let Some(first) = &story.row {
        part("row", format!("  {}\n", row(first)));
    }
    part("done about it", story.audit.iter().map(|one| format!("  {}", audit(one))).collect());
    part("what can be done", story.open.iter().map(|one| format!("  underpin admin {one}\n")).collect());
    text
}
