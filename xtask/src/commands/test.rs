//! `cargo xtask test`: installs what the tests need, then runs everything. The one command of
//! the README, and of continuous integration.

use super::{Entry, ci, setup};
use crate::proc::Problem;

pub(super) const ENTRY: Entry = Entry {
    name: "test",
    about: "Install what the tests need and run everything (setup, then ci)",
    takes: None,
    run,
};

fn run(words: &[String]) -> Result<(), Problem> {
    setup::run(words)?;
    ci::run(words)
}
