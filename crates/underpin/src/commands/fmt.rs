//! `underpin fmt FILE…`: one layout for all briefs; comments and meaning stay.

use super::{FINE, fail, findings};
use crate::files;
use crate::loaded::Format;
use crate::terminal::Terminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use underpin_brief::kdl;
use underpin_brief::source::Sources;

/// Lay briefs out; comments and meaning stay.
#[derive(clap::Args)]
pub struct Args {
    /// The briefs.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Change nothing; exit 1 if a file would change.
    #[arg(long)]
    check: bool,
    /// Print the result instead of writing it.
    #[arg(long, conflicts_with = "check")]
    stdout: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> ExitCode {
    let mut code = FINE;
    for path in &args.files {
        if let Err(failed) = one(path, args, terminal) {
            code = failed;
        }
    }
    code
}

fn one(path: &Path, args: &Args, terminal: &mut Terminal) -> Result<(), ExitCode> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| fail(terminal, &format!("cannot read {shown}: {error}"), ""))?;
    let mut sources = Sources::default();
    sources.add(&shown, &text);
    let formatted = kdl::format(&text).map_err(|found| {
        let colour = terminal.colour_err();
        terminal.err(&Format::Human.render(&sources, &found, colour));
        findings()
    })?;
    if args.stdout {
        terminal.out(&formatted);
    } else if formatted != text && args.check {
        terminal.out(&format!("{shown} is not laid out; run: underpin fmt {shown}\n"));
        return Err(findings());
    } else if formatted != text {
        files::replace(path, formatted.as_bytes())
            .map_err(|error| fail(terminal, &format!("cannot write {shown}: {error}"), ""))?;
        terminal.out(&format!("{shown} laid out\n"));
    }
    Ok(())
}
