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
    let ours = best(9, || {
        drop(black_box(kdl::parse(FileId(0), black_box(&text))));
    });
    let theirs = best(3, || {
        drop(black_box(::kdl::KdlDocument::parse_v2(black_box(&text))));
    });
    let check = best(9, || drop(black_box(check_text("a.kdl", black_box(&text)))));
    let edited = text.replacen("count >= 0", "count >= 1", 1);
    let again = best(9, || {
        drop(black_box(check_text("a.kdl", black_box(&edited))));
    });
    println!("{lines} lines, {megabytes:.2} MB");
    row(
        "parse",
        ours,
        &format!(
            "{:.0} × faster than the `kdl` crate ({theirs:.1?})",
            ratio(theirs, ours)
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

/// The shortest of several runs.
fn best(runs: u32, mut run: impl FnMut()) -> Duration {
    let one = |_| {
        let start = on_cpu();
        run();
        on_cpu().saturating_sub(start)
    };
    (0..runs).map(one).min().unwrap_or_default()
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

const PART: &str = "
aggregate Thing% {
    key id
    field owner person
    field title text max=200
    field count int min=0
    define mine \"self.owner == caller.id\"
    invariant \"self.count >= 0 && self.title != 'closed'\" else=too-few
    states open closed {
        move close open to=closed
    }
}
command add-thing-% {
    allow person
    input title text max=200
    create thing Thing% {
        set owner=caller.id title=input.title count=0
    }
    return thing=thing.id
}
command count-thing-% {
    allow person when=input.thing.mine
    input thing Thing%
    input more int min=1 max=10
    change thing Thing% key=input.thing {
        require \"self.count < 1000\" else=too-many
        set count=\"self.count + input.more\"
    }
}
command close-thing-% {
    allow person when=input.thing.mine
    input thing Thing%
    change thing Thing% key=input.thing { move close }
}
query things-% of=Thing% {
    allow person when=self.mine
    filter state
    sort title id
    show id title count state
    page max=50
}
";
