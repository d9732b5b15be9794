//! `cargo xtask tidy`: the checks of the repository itself. They run as a test of this crate
//! too.

use super::Entry;
use crate::proc::Problem;
use crate::report::{Count, closing, say};
use crate::tidy;

pub(super) const ENTRY: Entry = Entry {
    name: "tidy",
    about: "Check the repository itself: crate direction, module docs, registrations, words",
    takes: None,
    run,
};

fn run(_: &[String]) -> Result<(), Problem> {
    let mut count = Count::default();
    for check in tidy::CHECKS {
        let findings = (check.run)()?;
        count = count.plus(Count::one(findings.is_empty()));
        let verdict = if findings.is_empty() { "ok" } else { "FAILED" };
        say(&format!("tidy: {} … {verdict}", check.name));
        for finding in findings {
            say(&format!("  {finding}"));
        }
    }
    say(&closing(count));
    if count.failed == 0 {
        Ok(())
    } else {
        Err(format!("{} checks failed", count.failed))
    }
}
