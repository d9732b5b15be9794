//! Answers as text for people. What a program needs stands in the JSON form.

use underpin_run::admin::{
    AuditLine, Erased, Fault, FaultLine, Figure, FlagLine, FlowLine, FlowStory, HoldLine, LetterLine, LimitLine,
    RowLine, StepLine, StepState, Told,
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
        Told::DeadLetters(lines) => list(lines, "no event waits for a person", letter),
        Told::Limits(lines) => list(lines, "the brief has no limits", limit),
        Told::Flags(lines) => list(lines, "the brief has no flags", flag),
        Told::Faults(lines) => list(lines, "no fault is set", fault),
        Told::Status(lines) => {
            let line = |one: &Figure| format!("{:<24} {}\n", one.name, one.value);
            lines.iter().map(line).collect()
        }
        Told::Erased(erased) => self::erased(erased),
        Told::Audit(lines) => list(lines, "nothing was changed by hand", audit),
    }
}

fn erased(erased: &Erased) -> String {
    let mut text = match erased.done.is_empty() {
        true => "nothing was known of them\n".to_owned(),
        false => format!("erased; `{}` stands for them now\n", erased.pseudonym),
    };
    for line in &erased.done {
        text.push_str(&format!("  {}: {}\n", line.place, line.count));
    }
    for left in &erased.left {
        text.push_str(&format!("left: {left}\n"));
    }
    text
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

fn letter(line: &LetterLine) -> String {
    let of = line.tenant.as_ref().map_or(String::new(), |tenant| format!(" of {tenant}"));
    let flow = line.flow.as_ref().map_or(String::new(), |flow| format!(" · decide about flow {flow}"));
    format!(
        "{} {} · {} `{}`{of} · {} · refused for `{}` after {} more attempts{flow} · {} wait behind it\n",
        line.policy, line.number, line.source, line.key, line.at, line.reason, line.attempts, line.behind
    )
}

fn limit(line: &LimitLine) -> String {
    let used = line.used.iter().map(|one| format!("    {} has {} left\n", one.key, one.left));
    format!("{} · {} of at most {}\n{}", line.name, line.kind, line.most, used.collect::<String>())
}

fn flag(line: &FlagLine) -> String {
    let switch = |on: bool| if on { "on" } else { "off" };
    let overrides = line.overrides.iter().map(|one| {
        let whom = one.subject.as_deref().unwrap_or("all");
        format!(" · by hand {} for {whom}", switch(one.on))
    });
    let rollout = line.rollout.as_deref().unwrap_or("off");
    format!("{} · {rollout}{}\n", line.name, overrides.collect::<String>())
}

fn fault(line: &FaultLine) -> String {
    let share = |millionths: u32| f64::from(millionths) / 10_000.0;
    let what = match line.fault {
        Fault::Down => "down".to_owned(),
        Fault::Slow(millis) => format!("takes {millis} ms"),
        Fault::Errors(part) => format!("turns away {} %", share(part)),
        Fault::Lost(part) => format!("loses {} % of its answers", share(part)),
    };
    let until = line.until.as_deref().unwrap_or("it is healed");
    format!("{} · {what} · until {until}\n", line.of)
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
