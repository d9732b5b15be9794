//! `underpin plan FILE`: how the backend would be built, on one screen, as JSON, or as files.

use super::{FINE, fail};
use crate::files;
use crate::planned::{self, Boundaries, Planned};
use crate::terminal::Terminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use underpin_deliver::File;

/// Plan a brief: show the design on one screen, and write its documents with --out.
#[derive(clap::Args)]
pub struct Args {
    /// The brief.
    file: PathBuf,
    /// Write the deliverables into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the design is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    boundaries: Boundaries,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One screen.
    Human,
    /// The design, as in design.json.
    Json,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> ExitCode {
    let planned = match planned::plan(&args.file, args.boundaries, terminal) {
        Ok(planned) => planned,
        Err(code) => return code,
    };
    match args.format {
        Format::Human => terminal.out(&underpin_deliver::summary(&planned.brief, &planned.design)),
        Format::Json => terminal.out(&planned.design.json()),
    }
    let Some(out) = &args.out else {
        return FINE;
    };
    match write(&planned, &args.file, out) {
        Ok(count) if args.format == Format::Human => {
            terminal.out(&format!("{} {count} files\n", folder(out)));
            FINE
        }
        Ok(_) => FINE,
        Err((path, error)) => fail(terminal, &format!("cannot write {}: {error}", path.display()), ""),
    }
}

fn folder(path: &Path) -> String {
    format!("{}/", path.display().to_string().trim_end_matches('/'))
}

/// Writes the deliverables and the lock file; says how many files there are.
fn write(
    planned: &Planned,
    brief: &Path,
    out: &Path,
) -> Result<usize, (PathBuf, std::io::Error)> {
    let openapi = underpin_contract::openapi(&planned.contract);
    let mut text = serde_json::to_string_pretty(&openapi).unwrap_or_default();
    text.push('\n');
    let delivered = underpin_deliver::deliver(&planned.brief, &planned.design, &text);
    let count = delivered.len();
    for File { path, bytes } in delivered {
        let place = out.join(path);
        files::replace(&place, &bytes).map_err(|error| (place, error))?;
    }
    let lock = underpin_plan::lock_of(&planned.design, &planned.lock);
    if lock != planned.lock {
        let place = planned::lock_path(brief);
        files::replace(&place, lock.write().as_bytes()).map_err(|error| (place, error))?;
    }
    Ok(count)
}
