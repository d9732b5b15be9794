//! From a file to a brief, a design and a contract: what `plan`, `explain` and `run` stand on. The
//! lock file lies beside the brief: `a.kdl` has `a.lock.json`.

use crate::loaded::{self, Checked};
use crate::terminal::Terminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use underpin_brief::diagnostic::{Diagnostic, has_errors};
use underpin_brief::model::Brief;
use underpin_contract::Contract;
use underpin_design::{Design, Lock};
use underpin_plan::{Cutting, Options};

/// Everything that follows from a brief.
pub struct Planned {
    /// The brief.
    pub brief: Brief,
    /// Its design.
    pub design: Design,
    /// What clients see.
    pub contract: Contract,
    /// The lock that the design was planned with.
    pub lock: Lock,
}

/// Which boundaries to take.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[group(multiple = false)]
pub struct Boundaries {
    /// One service, whatever is pinned.
    #[arg(long)]
    one: bool,
    /// As many services as the brief's hard constraints allow.
    #[arg(long)]
    finest: bool,
}

impl Boundaries {
    fn options(self) -> Options {
        let cutting = match (self.one, self.finest) {
            (true, _) => Cutting::One,
            (_, true) => Cutting::Finest,
            _ => Cutting::Pins,
        };
        Options { cutting }
    }
}

/// A checked brief with everything that planning it found: what `check` shows.
pub fn check(path: &Path) -> Checked {
    let mut checked = loaded::check(path);
    if let Some(brief) = &checked.brief {
        let lock = lock(path).unwrap_or_default();
        let found = feasibility(brief, &lock);
        checked.diagnostics.extend(found);
        checked
            .diagnostics
            .sort_by_key(|found| (found.primary.span, found.code.id));
    }
    checked
}

fn feasibility(brief: &Brief, lock: &Lock) -> Vec<Diagnostic> {
    underpin_plan::plan(brief, lock, Options::default()).diagnostics
}

/// Checks and plans the brief at `path`; what stands in the way is shown, and ends the command.
pub fn plan(path: &Path, cut: Boundaries, terminal: &mut Terminal) -> Result<Planned, ExitCode> {
    let lock = match lock(path) {
        Ok(lock) => lock,
        Err(message) => {
            terminal.err(&format!("error: {message}\n"));
            return Err(ExitCode::from(1));
        }
    };
    let checked = loaded::check(path);
    let mut found = checked.diagnostics;
    let planned = checked.brief.and_then(|brief| {
        let contract = underpin_contract::derive(&brief);
        let design = underpin_plan::plan(&brief, &lock, cut.options());
        found.extend(design.diagnostics);
        Some(Planned {
            contract: contract.value?,
            design: design.value?,
            brief,
            lock,
        })
    });
    loaded::show_errors(&checked.sources, &found, terminal);
    planned
        .filter(|_| !has_errors(&found))
        .ok_or(ExitCode::from(1))
}

/// Where the lock file of a brief lies.
pub fn lock_path(brief: &Path) -> PathBuf {
    brief.with_extension("lock.json")
}

fn lock(brief: &Path) -> Result<Lock, String> {
    let path = lock_path(brief);
    match std::fs::read_to_string(&path) {
        Ok(text) => Lock::read(&text).map_err(|error| format!("{}: {error}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Lock::default()),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
    }
}
