//! The command line of Underpin: one file per command in `commands`, registered in one line.
//!
//! This is the only crate that reads and writes files of the user. Exit codes: 0 fine, 1 findings
//! or a failure that was explained, 2 wrong usage.

mod commands;
mod files;
mod loaded;
mod planned;
mod terminal;

use clap::Parser;
use commands::Command;
use std::process::ExitCode;
use terminal::Terminal;

/// A query planner for backends: check a brief, plan it, explain it, run it.
#[derive(Parser)]
#[command(
    name = "underpin",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = terminal::Colour::Auto, alias = "color")]
    colour: terminal::Colour,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut terminal = Terminal::new(cli.colour);
    cli.command.run(&mut terminal)
}
