//! Measurements, each a function that returns rows of a table. Times are the best of several
//! runs: what disturbs a run only makes it slower.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod serve;

use std::path::PathBuf;

use crate::proc::{self, Problem, program};
use crate::repo;

/// Builds the released binary, with what else cargo is told, and tells where it is.
fn released(more: &[&str]) -> Result<PathBuf, Problem> {
    let mut build = program(repo::cargo(), &["build", "--quiet", "--release"]);
    build.args(["--package", "underpin"]).args(more);
    proc::run(build.current_dir(repo::root()))?;
    Ok(repo::target()?.join("release/underpin"))
}

/// A row: what, the figure, and what it stands beside.
fn row(what: &str, figure: &str, beside: &str) -> String {
    format!("| {what} | {figure} | {beside} |")
}
