//! Clean builds of both halves, in a target folder of their own.

use std::time::Instant;

use super::row;
use crate::proc::{self, Problem, program};
use crate::repo;

/// Wall time of a debug build of the compiler half and of everything.
pub(crate) fn run() -> Result<Vec<String>, Problem> {
    let compiler = clean(&["--no-default-features"])?;
    let whole = clean(&[])?;
    let ratio = whole / compiler.max(0.1);
    Ok(vec![
        row(
            "clean build of the compiler half",
            &format!("{compiler:.0} s"),
            "",
        ),
        row(
            "clean build of everything",
            &format!("{whole:.0} s"),
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
    let start = Instant::now();
    proc::run(&mut build)?;
    let took = start.elapsed().as_secs_f64();
    let _ = std::fs::remove_dir_all(&target);
    Ok(took)
}
