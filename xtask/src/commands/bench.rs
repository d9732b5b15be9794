//! `cargo xtask bench`: measures what `docs/performance.md` tells, in rows to paste there. Each
//! figure stands beside another one of the same run, because a figure alone says little.

use super::Entry;
use crate::bench::{build, check, feeds, growth, others, sagas, serve, shop};
use crate::proc::Problem;
use crate::report::say;

pub(super) const ENTRY: Entry = Entry {
    name: "bench",
    about: "Measure: check, feeds, growth, others, sagas, serve (needs wrk), shop, build; without a name, all of them",
    takes: Some("part"),
    run,
};

type Run = fn() -> Result<Vec<String>, Problem>;

const PARTS: &[(&str, Run)] = &[
    ("build", build::run),
    ("check", check::run),
    ("feeds", feeds::run),
    ("growth", growth::run),
    ("others", others::run),
    ("sagas", sagas::run),
    ("serve", serve::run),
    ("shop", shop::run),
];

fn run(words: &[String]) -> Result<(), Problem> {
    for (name, part) in PARTS {
        if words.is_empty() || words.iter().any(|word| word == name) {
            say(&format!("bench: {name}"));
            part()?.iter().for_each(|row| say(row));
        }
    }
    Ok(())
}
