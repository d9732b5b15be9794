//! Set-up, checks of the repository itself and measurements: `cargo xtask COMMAND`.
//!
//! One file per command in `commands/`, one line each in its register. Nothing here is part of
//! the product, and no crate of the product may use it.

mod backend;
mod bench;
mod commands;
mod durable;
mod http;
mod proc;
mod repo;
mod report;
mod tidy;
mod transcript;

use std::process::ExitCode;

fn main() -> ExitCode {
    let matches = commands::cli().get_matches();
    let ended = commands::run(&matches);
    repo::clean();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            report::say(&format!("xtask: {problem}"));
            ExitCode::FAILURE
        }
    }
}
