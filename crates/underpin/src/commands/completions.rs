//! `underpin completions SHELL`: a completion script on standard output.

use super::FINE;
use crate::terminal::Terminal;
use clap::CommandFactory;
use std::process::ExitCode;

/// Write a completion script for a shell to standard output.
#[derive(clap::Args)]
pub struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "underpin", &mut script);
    terminal.out(&String::from_utf8_lossy(&script));
    FINE
}
