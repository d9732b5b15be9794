//! Quantities, counts and lists as people read them; texts made safe for where they stand.

use underpin_brief::model::{Decimal, Load};

/// `850 ms`, `1.5 s`, `30 min`.
pub(crate) fn time(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        ms if ms < 120_000 && ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms if ms < 120_000 => {
            let tenths = format!("{}.{:03}", ms / 1_000, ms % 1_000);
            format!("{} s", tenths.trim_end_matches('0'))
        }
        ms => format!("{} min", ms / 60_000),
    }
}

/// `1 flow`, `3 flows`, `2 queries`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}

/// `12,000`.
pub(crate) fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The sum of the peaks, per second, rounded up; `None` where none is given.
pub(crate) fn peak<'a>(loads: impl Iterator<Item = &'a Load>) -> Option<i64> {
    let rates = loads
        .filter_map(|load| load.peak.or(load.mean))
        .map(|rate| rate.per_second());
    let total = rates.fold(None, |sum: Option<Decimal>, rate| {
        Some(
            sum.unwrap_or(Decimal::ZERO)
                .checked_add(rate)
                .unwrap_or(rate),
        )
    });
    total.map(|total| (total.nanos() + 999_999_999) / 1_000_000_000)
}

/// The text in a cell of a Markdown table.
pub(crate) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The text in a Mermaid message or note: without what ends it or begins an entity.
pub(crate) fn label(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            ';' => ',',
            '#' | ':' | '\n' | '\r' | '<' | '>' | '"' => ' ',
            other => other,
        })
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
