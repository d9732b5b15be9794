//! Measurements, each a function that returns rows of a table. Times are the median of several
//! runs: one slow or one lucky run must not move them.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod feeds;
pub(crate) mod growth;
pub(crate) mod others;
pub(crate) mod sagas;
pub(crate) mod serve;
pub(crate) mod shop;
mod sides;

use std::path::PathBuf;
use std::process::Command;

use crate::proc::{self, Problem, program};
use crate::repo;

/// Builds the released binary, with what else cargo is told, and tells where it is; the binary
/// that `UNDERPIN_BINARY` names is taken as it is.
fn released(more: &[&str]) -> Result<PathBuf, Problem> {
    if let Some(given) = std::env::var_os("UNDERPIN_BINARY") {
        return Ok(PathBuf::from(given));
    }
    let mut build = program(repo::cargo(), &["build", "--quiet", "--release"]);
    build.args(["--package", "underpin"]).args(more);
    proc::run(build.current_dir(repo::root()))?;
    Ok(repo::target()?.join("release/underpin"))
}

/// The middle one of the figures; of an even number the upper one of the two.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs the command to its end and tells its CPU seconds, those of its children included.
fn cpu_seconds(command: &Command) -> Result<f64, Problem> {
    let script = "TIMEFORMAT='cpu %3U %3S'; time \"$@\"";
    let mut timed = program("bash", &["-c", script, "bash"]);
    timed.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        value.map(|value| timed.env(name, value));
    }
    if let Some(folder) = command.get_current_dir() {
        timed.current_dir(folder);
    }
    let said = proc::read(&mut timed)?;
    if !said.good {
        let spelled = proc::spelled(command);
        return Err(format!("`{spelled}` failed:\n{}", said.text));
    }
    cpu(&said.text).ok_or_else(|| "bash told no times".to_owned())
}

/// The seconds in `cpu 0.012 0.003`.
fn cpu(text: &str) -> Option<f64> {
    let (_, times) = text.rsplit_once("cpu ")?;
    let mut times = times.split_whitespace().map(str::parse::<f64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

/// A row: what, the figure, and what it stands beside.
fn row(what: &str, figure: &str, beside: &str) -> String {
    format!("| {what} | {figure} | {beside} |")
}

#[cfg(test)]
mod tests {
    use super::{cpu, median};

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn cpu_time_is_user_and_system() {
        let seconds = cpu("said\ncpu 0.010 0.005\n").unwrap();
        assert!((seconds - 0.015).abs() < 1e-9);
    }
}
