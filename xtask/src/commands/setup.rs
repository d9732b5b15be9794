//! `cargo xtask setup`: installs the validators that the tests call, pinned, from npm and PyPI,
//! into `.tools` (or the folder that `UNDERPIN_TOOLS` names, so that a cache can be kept).
//!
//! Each half leaves a stamp with the lock file it was made from; a half whose stamp matches is
//! not made again.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::Entry;
use crate::proc::{self, Problem, program, spelled};
use crate::repo;
use crate::report::say;

pub(super) const ENTRY: Entry = Entry {
    name: "setup",
    about: "Install the validators that the tests need (npm, PyPI; pinned)",
    takes: None,
    run,
};

const STAMP: &str = "underpin-stamp";

/// Installs both halves where they are missing or older than their lock files.
pub(super) fn run(_: &[String]) -> Result<(), Problem> {
    half(
        "npm packages",
        "node",
        &["package.json", "package-lock.json", ".npmrc"],
        node,
    )?;
    half("Python packages", "python", &["requirements.txt"], python)
}

/// One half: `folder` under the tools, made by `make` from the named files of `tools/`.
fn half(
    what: &str,
    folder: &str,
    sources: &[&str],
    make: fn(&Path) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let start = Instant::now();
    let folder = repo::tools().join(folder);
    let mut wanted = String::new();
    for source in sources {
        wanted.push_str(&repo::text(&format!("tools/{source}"))?);
    }
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        say(&format!("setup: {what} are there"));
        return Ok(());
    }
    say(&format!(
        "setup: installing {what} into {}",
        folder.display()
    ));
    let problem = |error| format!("cannot make `{}`: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(problem)?;
    }
    fs::create_dir_all(&folder).map_err(problem)?;
    for source in sources {
        repo::write(
            &folder.join(source),
            &repo::text(&format!("tools/{source}"))?,
        )?;
    }
    make(&folder)?;
    repo::write(&stamp, &wanted)?;
    say(&format!(
        "setup: {what} installed in {:.0} s",
        start.elapsed().as_secs_f64()
    ));
    Ok(())
}

fn node(folder: &Path) -> Result<(), Problem> {
    needs("node", "Node.js 20 or newer")?;
    needs("npm", "npm, which comes with Node.js")?;
    quietly(
        program(
            "npm",
            &["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        )
        .current_dir(folder),
    )
}

fn python(folder: &Path) -> Result<(), Problem> {
    needs(
        "python3",
        "Python 3.11 or newer (Debian: python3 and python3-venv)",
    )?;
    quietly(program("python3", &["-m", "venv", "."]).current_dir(folder))?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--require-hashes",
        "-r",
        "requirements.txt",
    ];
    quietly(program(folder.join("bin/python"), &install).current_dir(folder))
}

/// A program that has to be on the machine already.
fn needs(name: &str, what: &str) -> Result<(), Problem> {
    match proc::read(&mut program(name, &["--version"])) {
        Ok(said) if said.good => Ok(()),
        _ => Err(format!(
            "`{name}` is not on this machine: install {what}, then run this again"
        )),
    }
}

/// Runs an installer; what it said is shown only where it failed. A network may fail once, so
/// it is tried twice.
fn quietly(command: &mut std::process::Command) -> Result<(), Problem> {
    let spelled = spelled(command);
    let mut said = proc::read(command)?;
    if !said.good {
        say(&format!("setup: `{spelled}` failed, trying once more"));
        said = proc::read(command)?;
    }
    if said.good {
        Ok(())
    } else {
        Err(format!("`{spelled}` failed:\n{}", said.text))
    }
}
