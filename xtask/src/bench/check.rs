//! The check of a generated brief: CPU time of the whole process, for 1,000 and 10,000 lines.

use std::fmt::Write;
use std::path::Path;

use super::{cpu_seconds, median, released, row};
use crate::proc::{Problem, program};
use crate::repo;

/// CPU time of `check` on generated briefs.
pub(crate) fn run() -> Result<Vec<String>, Problem> {
    let binary = released(&["--no-default-features"])?;
    let small = milliseconds(&binary, 1_000)?;
    let large = milliseconds(&binary, 10_000)?;
    let ratio = large / small.max(0.1);
    Ok(vec![
        row("check of 1,000 lines, CPU", &format!("{small:.0} ms"), ""),
        row(
            "check of 10,000 lines, CPU",
            &format!("{large:.0} ms"),
            &format!("{ratio:.1} × 1,000 lines"),
        ),
    ])
}

/// Median CPU time of nine runs.
fn milliseconds(binary: &Path, lines: usize) -> Result<f64, Problem> {
    let file = repo::scratch("bench")?.join(format!("{lines}.kdl"));
    repo::write(&file, &brief(lines))?;
    let mut check = program(binary, &["check"]);
    check.arg(&file);
    let runs = (0..9).map(|_| cpu_seconds(&check));
    Ok(median(runs.collect::<Result<_, _>>()?) * 1000.0)
}

/// A brief of about that many lines: one aggregate with its commands and query, many times.
fn brief(lines: usize) -> String {
    let mut text = String::from("system generated {\n}\nactor person kind=person\n");
    let mut number = 0;
    let mut written = 3;
    while written < lines {
        let part = part(number);
        written += part.lines().count();
        let _ = write!(text, "{part}");
        number += 1;
    }
    text
}

/// The part with that number.
pub(super) fn part(number: usize) -> String {
    PART.replace('%', &number.to_string())
}

const PART: &str = include_str!("../../../crates/underpin-brief/benches/thing.txt");

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn the_brief_has_about_the_lines_asked_for() {
        let lines = brief(1_000).lines().count();
        assert!((1_000..1_060).contains(&lines), "{lines}");
    }
}
