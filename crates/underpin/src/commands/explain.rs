//! `underpin explain CODE` and `underpin explain FILE [NAME]`: what a diagnostic means, and why the
//! design is as it is.

use super::{FINE, fail};
use crate::planned::{self, Boundaries};
use crate::terminal::Terminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use underpin_brief::codes;
use underpin_brief::suggest;

/// Explain a diagnostic code, or a part of the design of a brief.
#[derive(clap::Args)]
pub struct Args {
    /// A code such as U0401, `language` for the language reference, or a brief.
    #[arg(value_name = "CODE|FILE")]
    what: String,
    /// With a brief: an operation, a policy, an external, a service, a kind of decision.
    name: Option<String>,
    #[command(flatten)]
    boundaries: Boundaries,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> ExitCode {
    if let Some(code) = codes::find(&args.what) {
        terminal.out(code.page);
        return FINE;
    }
    if args.what == "language" {
        terminal.out(include_str!("../../../../docs/language.md"));
        return FINE;
    }
    let path = PathBuf::from(&args.what);
    if !path.exists() && looks_like_a_code(&args.what) {
        let known: Vec<&str> = codes::all().map(|code| code.id).collect();
        let close = suggest::closest(&args.what.to_uppercase(), known.iter().copied());
        let help = close.map(|close| format!("did you mean `{close}`?")).unwrap_or_default();
        return fail(terminal, &format!("no diagnostic has the code `{}`", args.what), &help);
    }
    subject(&path, args, terminal)
}

fn looks_like_a_code(text: &str) -> bool {
    let digits = text.strip_prefix(['U', 'u']);
    digits.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

fn subject(path: &Path, args: &Args, terminal: &mut Terminal) -> ExitCode {
    let planned = match planned::plan(path, args.boundaries, terminal) {
        Ok(planned) => planned,
        Err(code) => return code,
    };
    let subjects = underpin_deliver::subjects(&planned.design);
    let Some(name) = &args.name else {
        terminal.out(&format!("{}\n", subjects.join("\n")));
        return FINE;
    };
    match underpin_deliver::explain(&planned.design, name) {
        Some(text) => {
            terminal.out(&text);
            FINE
        }
        None => {
            let help = match suggest::closest(name, subjects.iter().map(String::as_str)) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("`underpin explain {}` lists what can be explained", path.display()),
            };
            fail(terminal, &format!("the design has nothing called `{name}`"), &help)
        }
    }
}
