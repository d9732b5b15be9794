//! The commands, one file each, one line of registration each.

use crate::terminal::Terminal;
use clap::Subcommand;
use std::process::ExitCode;

macro_rules! commands {
    ($($(#[$meta:meta])* $name:ident: $module:ident,)*) => {
        $($(#[$meta])* mod $module;)*

        /// What can be asked of the tool.
        #[derive(Subcommand)]
        pub enum Command {
            $($(#[$meta])* $name($module::Args),)*
        }

        impl Command {
            /// Carries it out.
            pub fn run(self, terminal: &mut Terminal) -> ExitCode {
                match self {
                    $($(#[$meta])* Self::$name(args) => $module::run(&args, terminal),)*
                }
            }
        }
    };
}

commands! {
    New: new,
    Check: check,
    Fmt: fmt,
    Plan: plan,
    Explain: explain,
    #[cfg(feature = "run")]
    Run: run,
    #[cfg(feature = "run")]
    Token: token,
    #[cfg(feature = "run")]
    Admin: admin,
    Completions: completions,
}

/// Everything in order.
const FINE: ExitCode = ExitCode::SUCCESS;

/// Something was found, or failed and was explained.
fn findings() -> ExitCode {
    ExitCode::from(1)
}

/// Tells what went wrong outside of a brief, and how to go on.
fn fail(terminal: &mut Terminal, message: &str, help: &str) -> ExitCode {
    terminal.err(&format!("error: {message}\n"));
    if !help.is_empty() {
        terminal.err(&format!("  = help: {help}\n"));
    }
    findings()
}
