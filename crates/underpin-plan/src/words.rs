//! Names and quantities as people read them.

use underpin_brief::model::*;

/// A duration in milliseconds, rounded up.
pub(crate) fn millis(duration: Duration) -> u64 {
    let micros = u64::try_from(duration.micros).unwrap_or(0);
    micros.div_ceil(1000)
}

/// `850 ms`, `1.5 s`, `30 min`.
pub(crate) fn time(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        ms if ms < 120_000 && ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms if ms < 120_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms => format!("{} min", ms / 60_000),
    }
}

/// A share as it is written: `99.95%`.
pub(crate) fn percent(percent: Percent) -> String {
    format!("{}%", decimal(percent.0.nanos()))
}

/// A number of billionths without trailing zeros.
pub(crate) fn decimal(nanos: i64) -> String {
    let (whole, part) = (nanos / 1_000_000_000, (nanos % 1_000_000_000).abs());
    let part = format!("{part:09}");
    let part = part.trim_end_matches('0');
    if part.is_empty() {
        whole.to_string()
    } else {
        format!("{whole}.{part}")
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// `1 flow`, `3 flows`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// A nameless child of a declaration.
pub(crate) fn part(path: &NodePath, kind: &str) -> String {
    format!("{path}/{kind}")
}

/// The path of a declaration of any kind.
pub(crate) fn path_of(brief: &Brief, name: &str) -> Option<String> {
    let paths = [
        brief
            .commands
            .find(name)
            .map(|id| brief.commands.get(id).path.to_string()),
        brief
            .queries
            .find(name)
            .map(|id| brief.queries.get(id).path.to_string()),
        brief
            .policies
            .find(name)
            .map(|id| brief.policies.get(id).path.to_string()),
        brief
            .feeds
            .find(name)
            .map(|id| brief.feeds.get(id).path.to_string()),
        brief
            .aggregates
            .find(name)
            .map(|id| brief.aggregates.get(id).path.to_string()),
        brief
            .events
            .find(name)
            .map(|id| brief.events.get(id).path.to_string()),
        brief
            .views
            .find(name)
            .map(|id| brief.views.get(id).path.to_string()),
        brief
            .slices
            .find(name)
            .map(|id| brief.slices.get(id).path.to_string()),
        brief
            .externals
            .find(name)
            .map(|_| NodePath::declaration("external", name).to_string()),
        brief
            .actors
            .find(name)
            .map(|_| NodePath::declaration("actor", name).to_string()),
        brief
            .teams
            .find(name)
            .map(|_| NodePath::declaration("team", name).to_string()),
    ];
    paths.into_iter().flatten().next()
}
