//! `underpin check FILE`: everything that is wrong with a brief, in one run.

use super::{FINE, findings};
use crate::loaded::{Checked, Format};
use crate::planned;
use crate::terminal::Terminal;
use std::path::PathBuf;
use std::process::ExitCode;
use underpin_brief::diagnostic::{Severity, has_errors};

/// Check a brief and show everything that is wrong with it.
#[derive(clap::Args)]
pub struct Args {
    /// The brief.
    file: PathBuf,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> ExitCode {
    let checked = planned::check(&args.file);
    let colour = terminal.colour_out();
    let text = args.format.render(&checked.sources, &checked.diagnostics, colour);
    terminal.out(&text);
    if args.format == Format::Human {
        terminal.out(&summary(&args.file.display().to_string(), &checked));
    }
    if has_errors(&checked.diagnostics) { findings() } else { FINE }
}

fn summary(file: &str, checked: &Checked) -> String {
    let count = |severity| checked.diagnostics.iter().filter(|d| d.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let Some(brief) = checked.brief.as_ref().filter(|_| errors == 0) else {
        return format!("{file}: {}\n", plural(errors, "error"));
    };
    let found = if warnings == 0 { String::new() } else { format!(", {}", plural(warnings, "warning")) };
    format!(
        "{file}: fine{found} · {} · {} · {} · {}\n",
        plural(brief.aggregates.len(), "aggregate"),
        plural(brief.externals.len(), "external"),
        plural(brief.commands.len() + brief.queries.len(), "operation"),
        plural(brief.policies.len(), "policy").replace("policys", "policies"),
    )
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
