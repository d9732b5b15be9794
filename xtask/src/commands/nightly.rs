//! `cargo xtask nightly`: what takes longer than a change should wait for. Prints the figures
//! that stand in `docs/status.md`.

use std::time::Instant;

use super::{Entry, equivalence, fsync, schemathesis};
use crate::proc::{self, Problem, program};
use crate::repo;
use crate::report::{Count, closing, say};

pub(super) const ENTRY: Entry = Entry {
    name: "nightly",
    about: "Run what takes longer: a million fuzzed documents, a thousand kills, a disk that drops unsynced writes, the ADR linter, long Schemathesis",
    takes: Some("part"),
    run,
};

type Run = fn() -> Result<Count, Problem>;

const PARTS: &[(&str, Run)] = &[
    ("equivalence", compared),
    ("crashes", crashes),
    ("fsync", fsync::run),
    ("fuzz", fuzz),
    ("kills", kills),
    ("records", records),
    ("schemathesis", long),
];

fn run(words: &[String]) -> Result<(), Problem> {
    let mut count = Count::default();
    for (name, part) in PARTS {
        if !words.is_empty() && !words.iter().any(|word| word == name) {
            continue;
        }
        let start = Instant::now();
        let one = part().unwrap_or_else(|problem| {
            say(&format!("nightly: {name}: {problem}"));
            Count::one(false)
        });
        count = count.plus(one);
        let took = start.elapsed().as_secs_f64();
        say(&format!("nightly: {name}: {} in {took:.0} s", closing(one)));
    }
    say(&closing(count));
    if count.failed == 0 {
        Ok(())
    } else {
        Err(format!("{} failed", count.failed))
    }
}

/// Engine and reference on every brief, fifty generated ones, every cut; then the planted faults.
fn compared() -> Result<Count, Problem> {
    let long = ["--scripts", "20", "--generated", "50", "--steps", "60"];
    equivalence::all("dev", &long.map(str::to_owned))?;
    equivalence::all("dev", &["--mutations".to_owned()])?;
    Ok(Count::one(true))
}

/// A million documents through the front end (or as many as `UNDERPIN_FUZZ_CASES` says).
fn fuzz() -> Result<Count, Problem> {
    let cases = std::env::var("UNDERPIN_FUZZ_CASES").unwrap_or_else(|_| "1000000".to_owned());
    let args = [
        "test",
        "--release",
        "--package",
        "underpin-brief",
        "fuzz",
        "--",
        "--nocapture",
    ];
    let mut test = program(repo::cargo(), &args);
    let said = proc::tee(
        test.env("UNDERPIN_FUZZ_CASES", cases)
            .current_dir(repo::root()),
    )?;
    let ran = said
        .text
        .lines()
        .any(|line| line.starts_with("test result: ok. ") && !line.contains(" 0 passed"));
    Ok(Count::one(said.good && ran))
}

/// A crash at every place of every flow under the finest cut; one service is part of the tests.
fn crashes() -> Result<Count, Problem> {
    let args = [
        "test",
        "--package",
        "underpin-run",
        "at_any_place",
        "--",
        "--nocapture",
    ];
    let mut test = program(repo::cargo(), &args);
    let said = proc::tee(
        test.env("UNDERPIN_TEST_CUT", "finest")
            .current_dir(repo::root()),
    )?;
    let ran = said.text.contains(" flows with ");
    Ok(Count::one(said.good && ran))
}

/// A thousand random kills of the running shop under load (or as many as `UNDERPIN_KILLS` says);
/// everything that was acknowledged must be there, once.
fn kills() -> Result<Count, Problem> {
    let count = std::env::var("UNDERPIN_KILLS").unwrap_or_else(|_| "1000".to_owned());
    let args = [
        "test",
        "--package",
        "underpin",
        "killed_again",
        "--",
        "--nocapture",
    ];
    let mut test = program(repo::cargo(), &args);
    let said = proc::tee(test.env("UNDERPIN_KILLS", &count).current_dir(repo::root()))?;
    let ran = said.text.contains(&format!("{count} kills, "));
    Ok(Count::one(said.good && ran))
}

/// The decision records, by a linter for them that takes minutes to build.
fn records() -> Result<Count, Problem> {
    const INSTALL: &str = "install mdbook-lint --version 0.16.2 --locked --no-default-features \
        --features adr --root";
    let tools = repo::tools().join("cargo");
    let linter = tools.join("bin/mdbook-lint");
    if !proc::is_file(&linter) {
        let install: Vec<&str> = INSTALL.split_whitespace().collect();
        proc::run(program(repo::cargo(), &install).arg(&tools))?;
    }
    let mut names = repo::files()?;
    names.retain(|name| name.starts_with("docs/decisions/0") && name.ends_with(".md"));
    let rules: Vec<String> = (1..=17).map(|number| format!("ADR{number:03}")).collect();
    let mut lint = program(
        &linter,
        &["lint", "--fail-on-warnings", "--enable", &rules.join(",")],
    );
    proc::run(lint.args(&names).current_dir(repo::root()))?;
    Ok(Count {
        passed: names.len(),
        failed: 0,
        skipped: 0,
    })
}

/// Schemathesis with two hundred cases an operation.
fn long() -> Result<Count, Problem> {
    if std::env::var_os("UNDERPIN_SCHEMATHESIS_CASES").is_none() {
        say("nightly: set UNDERPIN_SCHEMATHESIS_CASES=200 for two hundred cases an operation");
    }
    schemathesis::all()
}
