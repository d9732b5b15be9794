//! Clean builds of both halves, in a target folder of their own.

use super::{cpu_seconds, row};
use crate::proc::{Problem, program};
use crate::repo;

/// CPU time of a debug build of the compiler half and of everything.
pub(crate) fn run() -> Result<Vec<String>, Problem> {
    let compiler = clean(&["--no-default-features"])?;
    let whole = clean(&[])?;
    let ratio = whole / compiler.max(0.1);
    Ok(vec![
        row(
            "clean build of the compiler half",
            &format!("{compiler:.0} s CPU"),
            "",
        ),
        row(
            "clean build of everything",
            &format!("{whole:.0} s CPU"),
            &format!("{ratio:.1} × the half"),
        ),
    ])
}

fn clean(extra: &[&str]) -> Result<f64, Problem> {
    let target = repo::scratch("target")?;
    let mut build = program(
        repo::cargo(),
        &["build", "--quiet", "--package", "underpin"],
    );
    build
        .args(extra)
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(repo::root());
    let took = cpu_seconds(&build);
    let _ = std::fs::remove_dir_all(&target);
    took
}
