//! Checks of the repository itself, each a function from nothing to findings. One file per
//! subject, one line per check in the register; all run as tests of this crate.

mod crates;
mod documents;
mod purity;
mod registers;
mod sources;
mod words;

use crate::proc::Problem;

/// One check: its name and what it finds; nothing found is good.
pub(crate) struct Check {
    /// What it makes sure of.
    pub(crate) name: &'static str,
    /// The findings, each a line for a person.
    pub(crate) run: fn() -> Result<Vec<String>, Problem>,
}

/// Every check.
pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "crates depend in the direction of the table",
        run: crates::direction,
    },
    Check {
        name: "the compiler half stands without the server half",
        run: crates::halves,
    },
    Check {
        name: "licences of dependencies are known",
        run: crates::licences,
    },
    Check {
        name: "pure crates ban the outside world",
        run: purity::bans,
    },
    Check {
        name: "every source file has a module doc",
        run: sources::module_docs,
    },
    Check {
        name: "no source file is long",
        run: sources::lengths,
    },
    Check {
        name: "every source file is part of its crate",
        run: sources::orphans,
    },
    Check {
        name: "a crate has one integration binary",
        run: sources::integration,
    },
    Check {
        name: "exceptions from lints are expected with a reason",
        run: sources::exceptions,
    },
    Check {
        name: "codes and their pages match",
        run: registers::codes,
    },
    Check {
        name: "decision records are listed",
        run: registers::decisions,
    },
    Check {
        name: "documents are in the book",
        run: registers::book,
    },
    Check {
        name: "crates are on the map",
        run: registers::map,
    },
    Check {
        name: "dependencies are explained",
        run: registers::dependencies,
    },
    Check {
        name: "commands named in documents exist",
        run: documents::commands,
    },
    Check {
        name: "continuous integration runs the command of the README",
        run: documents::ci,
    },
    Check {
        name: "no word of an example's domain in the crates",
        run: words::domain,
    },
    Check {
        name: "no address of a machine or a registry",
        run: words::addresses,
    },
];

#[cfg(test)]
mod tests {
    use super::CHECKS;

    #[test]
    fn the_repository_is_tidy() {
        let mut found = Vec::new();
        for check in CHECKS {
            for finding in (check.run)().unwrap() {
                found.push(format!("{}: {finding}", check.name));
            }
        }
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }
}
