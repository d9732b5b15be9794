//! The register of commands: one file and one line each.

mod bench;
mod ci;
mod docs;
mod equivalence;
mod fsync;
mod nightly;
mod schemathesis;
mod setup;
mod test;
mod tidy;
mod validate;

use clap::{Arg, ArgMatches, Command};

use crate::proc::Problem;

/// One command of `cargo xtask`.
pub(crate) struct Entry {
    name: &'static str,
    about: &'static str,
    /// The names of the arguments it takes, all optional, any number.
    takes: Option<&'static str>,
    run: fn(&[String]) -> Result<(), Problem>,
}

const COMMANDS: &[Entry] = &[
    bench::ENTRY,
    ci::ENTRY,
    docs::ENTRY,
    equivalence::ENTRY,
    nightly::ENTRY,
    schemathesis::ENTRY,
    setup::ENTRY,
    test::ENTRY,
    tidy::ENTRY,
    validate::ENTRY,
];

/// The command line, with every command of the register.
pub(crate) fn cli() -> Command {
    let commands = COMMANDS.iter().map(|entry| {
        let command = Command::new(entry.name).about(entry.about);
        match entry.takes {
            Some(name) => command.arg(
                Arg::new("words")
                    .value_name(name)
                    .num_args(0..)
                    .allow_hyphen_values(true),
            ),
            None => command,
        }
    });
    Command::new("cargo xtask")
        .about("Set-up, checks of the repository itself and measurements")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(commands)
}

/// Runs the command that was asked for.
pub(crate) fn run(matches: &ArgMatches) -> Result<(), Problem> {
    let Some((name, matches)) = matches.subcommand() else {
        return Err("no command".to_owned());
    };
    let Some(entry) = COMMANDS.iter().find(|entry| entry.name == name) else {
        return Err(format!("no command `{name}`"));
    };
    let words: Vec<String> = match entry.takes {
        Some(_) => matches
            .get_many("words")
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        None => Vec::new(),
    };
    (entry.run)(&words)
}

/// The names of the commands.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|entry| entry.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        cli().debug_assert();
    }

    #[test]
    fn every_command_is_registered_in_order() {
        let names: Vec<_> = names().collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(names, sorted);
    }
}
