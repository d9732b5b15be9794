//! `underpin new [NAME]`: a brief to start from.

use super::{FINE, fail};
use crate::terminal::Terminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Start a brief: a small one that checks and runs, or a copy of a shipped example.
#[derive(clap::Args)]
pub struct Args {
    /// The name of the system, in kebab-case; the file is `NAME.kdl`.
    name: String,
    /// Start from a shipped example instead.
    #[arg(long, value_enum)]
    example: Option<Example>,
    /// Write there instead.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The shipped examples.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Example {
    /// A web shop: catalogue, carts, orders that are paid once, parcels, returns.
    Shop,
    /// Notebooks and notes.
    Notes,
    /// Appointments of many practices, kept apart.
    Clinic,
}

impl Example {
    fn text(self) -> &'static str {
        match self {
            Self::Shop => include_str!("../../../../examples/shop.kdl"),
            Self::Notes => include_str!("../../../../examples/notes.kdl"),
            Self::Clinic => include_str!("../../../../examples/clinic.kdl"),
        }
    }
}

const STARTER: &str = include_str!("starter.kdl");

pub fn run(args: &Args, terminal: &mut Terminal) -> ExitCode {
    if !is_kebab_case(&args.name) {
        let help = "lower-case letters, digits and single hyphens, a letter first: `car-pool`";
        return fail(terminal, &format!("`{}` cannot name a system", args.name), help);
    }
    let path = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}.kdl", args.name)));
    let text = match args.example {
        Some(example) => rename(example.text(), &args.name),
        None => STARTER.replacen("system starter", &format!("system {}", args.name), 1),
    };
    match write_new(&path, &text) {
        Ok(()) => {
            let shown = path.display();
            terminal.out(&format!(
                "wrote {shown}\nnext: underpin check {shown} · underpin plan {shown} · underpin run {shown}\n"
            ));
            FINE
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let message = format!("{} exists already; nothing was written", path.display());
            fail(terminal, &message, "choose another name, or another place with --out FILE")
        }
        Err(error) => fail(terminal, &format!("cannot write {}: {error}", path.display()), ""),
    }
}

/// Replaces the name in the `system` line of an example.
fn rename(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with("system ")).unwrap_or_default();
    text.replacen(line, &format!("system {name} {{"), 1)
}

fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::options().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

fn is_kebab_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.contains("--")
        && !name.ends_with('-')
}
