//! `cargo xtask equivalence`: engine and reference against each other, on seeded scripts.

use super::Entry;
use crate::proc::{self, Problem, program};
use crate::repo;

pub(super) const ENTRY: Entry = Entry {
    name: "equivalence",
    about: "Compare the engine with what briefs mean; `--mutations` plants faults",
    takes: Some("words"),
    run,
};

fn run(words: &[String]) -> Result<(), Problem> {
    all("dev", words)
}

/// Runs it in a build profile.
pub(super) fn all(profile: &str, words: &[String]) -> Result<(), Problem> {
    // Faults are compiled in only where they are asked for.
    let planted = words.iter().any(|word| word == "--mutations");
    let features = if planted { "mutations" } else { "" };
    let args = [
        "run",
        "--quiet",
        "--package",
        "underpin-equivalence",
        "--features",
        features,
        "--profile",
        profile,
        "--",
    ];
    let mut run = program(repo::cargo(), &args);
    proc::run(run.args(words).current_dir(repo::root()))
}
