//! What checking costs, each beside another figure of the same run: our parser beside the reference
//! one, the whole check beside parsing. `cargo bench -p underpin-brief --bench front` prints rows
//! for `docs/performance.md`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a measurement reads a clock, prints, and ends where its own text is wrong"
)]

use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use underpin_brief::kdl;
use underpin_brief::resolve::check_text;
use underpin_brief::source::FileId;

fn main() {
    let text = brief(10_000);
    let megabytes = text.len() as f64 / 1e6;
    let lines = text.lines().count();
    let ours = median(9, || {
        drop(black_box(kdl::parse(FileId(0), black_box(&text))));
    });
    let theirs = median(3, || {
        drop(black_box(::kdl::KdlDocument::parse_v2(black_box(&text))));
    });
    let json = as_json(&text);
    let generic = median(9, || {
        drop(black_box(serde_json::from_str::<serde_json::Value>(
            black_box(&json),
        )));
    });
    let check = median(9, || drop(black_box(check_text("a.kdl", black_box(&text)))));
    let edited = text.replacen("count >= 0", "count >= 1", 1);
    let again = median(9, || {
        drop(black_box(check_text("a.kdl", black_box(&edited))));
    });
    println!("{lines} lines, {megabytes:.2} MB");
    row(
        "parse",
        ours,
        &format!(
            "{:.0} MB/s; {:.0} × as fast as the `kdl` crate ({theirs:.1?}); {:.1} × the time of `serde_json` on a JSON text of equal size ({generic:.1?})",
            megabytes / ours.as_secs_f64(),
            ratio(theirs, ours),
            ratio(ours, generic)
        ),
    );
    row(
        "check",
        check,
        &format!("{:.1} × parsing", ratio(check, ours)),
    );
    row(
        "check again after an edit",
        again,
        &format!("{:.2} × the first", ratio(again, check)),
    );
}

/// A JSON text of the same size, at most a line longer: an array with the words of each line.
fn as_json(text: &str) -> String {
    let mut rows = Vec::new();
    let mut size = 2;
    for line in text.lines().cycle() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let row = serde_json::json!(words).to_string();
        size += row.len() + 1;
        rows.push(row);
        if size >= text.len() {
            break;
        }
    }
    format!("[{}]", rows.join(","))
}

fn ratio(of: Duration, to: Duration) -> f64 {
    of.as_secs_f64() / to.as_secs_f64()
}

fn row(what: &str, took: Duration, beside: &str) {
    println!("| {what} | {took:.1?} | {beside} |");
}

/// How long this thread was on a processor, so that what else runs on the machine does not count.
fn on_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = text.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(first.expect("nanoseconds"))
}

/// The median of several runs.
fn median(runs: u32, mut run: impl FnMut()) -> Duration {
    let one = |_| {
        let start = on_cpu();
        run();
        on_cpu().saturating_sub(start)
    };
    let mut runs: Vec<Duration> = (0..runs).map(one).collect();
    runs.sort();
    runs.get(runs.len() / 2).copied().unwrap_or_default()
}

/// A brief of about that many lines: one aggregate with its commands and query, many times.
fn brief(lines: usize) -> String {
    let mut text = String::from("system generated {\n}\nactor person kind=person\n");
    let mut number = 0;
    let mut written = 3;
    while written < lines {
        let part = PART.replace('%', &number.to_string());
        written += part.lines().count();
        let _ = write!(text, "{part}");
        number += 1;
    }
    text
}

/// What `cargo xtask bench check` takes, too: the figures of both are of one text.
const PART: &str = include_str!("thing.txt");
