//! `underpin fmt FILE…`: one layout for all briefs; comments and meaning stay. A file with a
//! `system` is a whole brief, so it is checked, too: it is laid out whatever is wrong with its
//! meaning, but the findings are shown and the exit code is 1. A file without one is a part of a
//! brief and has no meaning alone.

use super::{FINE, fail, findings};
use crate::files;
use crate::loaded::{self, Format};
use crate::terminal::Terminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use underpin_brief::kdl;
use underpin_brief::diagnostic::has_errors;
use underpin_brief::source::{FileId, Sources};

/// Lay briefs out; comments and meaning stay. A file with a `system` is checked, too.
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
        if is_whole(&text) {
            checked(path, terminal)?;
        }
        return Err(findings());
    } else if formatted != text {
        files::replace(path, formatted.as_bytes())
            .map_err(|error| fail(terminal, &format!("cannot write {shown}: {error}"), ""))?;
        terminal.out(&format!("{shown} laid out\n"));
    }
    if is_whole(&formatted) {
        checked(path, terminal)?;
    }
    Ok(())
}

/// Whether a text is a brief and not a part of one.
fn is_whole(text: &str) -> bool {
    let (document, _) = kdl::read(FileId(0), text);
    document.nodes.iter().any(|node| node.is("system"))
}

/// Shows what is wrong with the meaning of a brief.
fn checked(path: &Path, terminal: &mut Terminal) -> Result<(), ExitCode> {
    let checked = loaded::check(path);
    loaded::show_errors(&checked.sources, &checked.diagnostics, terminal);
    if has_errors(&checked.diagnostics) {
        return Err(findings());
    }
    Ok(())
}
