//! `cargo xtask nightly`: what takes longer than a change should wait for. Prints the figures
//! that stand in `docs/status.md`.

use std::time::Instant;

use super::{Entry, schemathesis};
use crate::proc::{self, Problem, program};
use crate::repo;
use crate::report::{Count, closing, say};

pub(super) const ENTRY: Entry = Entry {
    name: "nightly",
    about: "Run what takes longer: a million fuzzed documents, the ADR linter, long Schemathesis",
    takes: Some("part"),
    run,
};

type Run = fn() -> Result<Count, Problem>;

const PARTS: &[(&str, Run)] = &[("fuzz", fuzz), ("records", records), ("schemathesis", long)];

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

/// The decision records, by a linter for them that takes a quarter of an hour to build.
fn records() -> Result<Count, Problem> {
    let tools = repo::tools().join("cargo");
    let linter = tools.join("bin/mdbook-lint");
    if !proc::is_file(&linter) {
        let mut install = program(
            repo::cargo(),
            &["install", "mdbook-lint", "--version", "0.16.2", "--locked"],
        );
        proc::run(install.arg("--root").arg(&tools))?;
    }
    let names = repo::files()?;
    let records = names
        .iter()
        .filter(|name| name.starts_with("docs/decisions/0") && name.ends_with(".md"));
    let rules: Vec<String> = (1..=17).map(|number| format!("ADR{number:03}")).collect();
    let mut lint = program(
        &linter,
        &["lint", "--fail-on-warnings", "--enable", &rules.join(",")],
    );
    proc::run(lint.args(records).current_dir(repo::root()))?;
    Ok(Count::one(true))
}

/// Schemathesis with two hundred cases an operation.
fn long() -> Result<Count, Problem> {
    if std::env::var_os("UNDERPIN_SCHEMATHESIS_CASES").is_none() {
        say("nightly: set UNDERPIN_SCHEMATHESIS_CASES=200 for two hundred cases an operation");
    }
    schemathesis::all()
}
