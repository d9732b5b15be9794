//! `cargo xtask ci`: everything that must be true of a change, in order, each suite timed. All
//! suites run even where one fails. Ends with a table and the sums on a line of their own.

use std::time::{Duration, Instant};

use super::{Entry, docs, schemathesis, validate};
use crate::proc::{self, Problem, program};
use crate::repo;
use crate::report::{Count, Suite, say, table};
use crate::tidy;

pub(super) const ENTRY: Entry = Entry {
    name: "ci",
    about: "Run everything that must be true of a change",
    takes: None,
    run,
};

type Run = fn() -> Result<Count, Problem>;

const SUITES: &[(&str, Run)] = &[
    ("format", || cargo(&["fmt", "--all", "--check"])),
    ("tidy", || tidy()),
    ("lints", || {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ])
    }),
    ("lints compiler half", || {
        cargo(&[
            "clippy",
            "--package",
            "underpin",
            "--no-default-features",
            "--locked",
            "--",
            "-D",
            "warnings",
        ])
    }),
    ("tests", || tests(&["--workspace"], None)),
    ("tests of the engine, finest cut", || {
        tests(
            &["--package", "underpin-run", "--lib", "engine"],
            Some("finest"),
        )
    }),
    ("transcripts", || docs::transcripts(false)),
    ("book", || docs::book()),
    ("markdown", || docs::markdown()),
    ("deliverables", || validate::validate()),
    ("running contract", || schemathesis::all()),
];

/// Runs every suite.
pub(super) fn run(_: &[String]) -> Result<(), Problem> {
    let mut suites = Vec::new();
    for (name, suite) in SUITES {
        say(&format!("\n== {name}"));
        let start = Instant::now();
        let count = suite().unwrap_or_else(|problem| {
            say(&format!("{name}: {problem}"));
            Count::one(false)
        });
        suites.push(Suite {
            name: (*name).to_owned(),
            count,
            took: start.elapsed(),
        });
    }
    let took: Duration = suites.iter().map(|suite| suite.took).sum();
    say(&format!("\neverything took {:.0} s", took.as_secs_f64()));
    say(&table(&suites));
    let failed: Vec<&str> = suites
        .iter()
        .filter(|suite| suite.count.failed > 0)
        .map(|suite| &*suite.name)
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("failed: {}", failed.join(", ")))
    }
}

fn cargo(args: &[&str]) -> Result<Count, Problem> {
    proc::run(program(repo::cargo(), args).current_dir(repo::root()))?;
    Ok(Count::one(true))
}

fn tidy() -> Result<Count, Problem> {
    let mut count = Count::default();
    for check in tidy::CHECKS {
        let findings = (check.run)()?;
        count = count.plus(Count::one(findings.is_empty()));
        findings
            .iter()
            .for_each(|finding| say(&format!("{}: {finding}", check.name)));
    }
    Ok(count)
}

/// All tests of the workspace. A skip is a line `skipped: …` that a test prints; only outside
/// test data may be missing, so any other skip, and a test marked `ignore`, is a failure.
/// Tests, on engines in one service or with `cut`.
fn tests(what: &[&str], cut: Option<&str>) -> Result<Count, Problem> {
    let mut args = vec!["test", "--locked", "--no-fail-fast"];
    args.extend(what);
    args.extend(["--", "--show-output"]);
    let mut command = program(repo::cargo(), &args);
    command.current_dir(repo::root());
    if let Some(cut) = cut {
        command.env("UNDERPIN_TEST_CUT", cut);
        // Every place is tried in one service; of the more places of several services a part,
        // and all of them each night.
        command.env("UNDERPIN_CRASH_EVERY", "5");
    }
    let said = proc::tee(&mut command)?;
    let mut count = counted(&said.text);
    if !said.good && count.failed == 0 {
        count.failed = 1;
    }
    Ok(count)
}

fn counted(text: &str) -> Count {
    let mut count = Count::default();
    for line in text.lines().map(str::trim) {
        if let Some(result) = line.strip_prefix("test result: ") {
            count.passed += before(result, " passed");
            count.failed += before(result, " failed") + before(result, " ignored");
        } else if let Some(skip) = line.strip_prefix("skipped: ") {
            if skip.contains("UNDERPIN_TEST_DATA") || skip.contains("test data") {
                count.skipped += 1;
            } else {
                say(&format!("a skip without leave: {skip}"));
                count.failed += 1;
            }
        }
    }
    count
}

/// The number before a word.
fn before(text: &str, word: &str) -> usize {
    let number = text
        .split(word)
        .next()
        .filter(|before| before.len() < text.len());
    number
        .and_then(|text| text.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::counted;
    use crate::report::Count;

    #[test]
    fn results_of_all_binaries_are_summed() {
        let text = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\n\
            test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured\n";
        assert_eq!(
            counted(text),
            Count {
                passed: 5,
                failed: 1,
                skipped: 0
            }
        );
    }

    #[test]
    fn only_missing_test_data_may_be_skipped() {
        let text = "skipped: 300 cases: no test data (UNDERPIN_TEST_DATA)\nskipped: too slow\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n";
        assert_eq!(
            counted(text),
            Count {
                passed: 3,
                failed: 2,
                skipped: 1
            }
        );
    }
}
