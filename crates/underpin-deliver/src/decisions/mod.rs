//! `decisions/README.md`: every decision in one table, with what it was taken against.

use crate::words::cell;
use std::fmt::Write;
use underpin_design::Design;

/// The page.
pub(crate) fn page(design: &Design) -> String {
    let mut out = format!("# Decisions of {}\n\n", design.system().title);
    out.push_str("Numbers are kept in the lock file beside the brief.\n\n");
    out.push_str("| no. | kind | about | chosen | why | against | because of |\n");
    out.push_str("|---|---|---|---|---|---|---|\n");
    let mut decisions: Vec<_> = design.decisions().iter().collect();
    decisions.sort_by_key(|decision| decision.number);
    for decision in decisions {
        let against: Vec<String> = decision
            .alternatives
            .iter()
            .map(|other| format!("{}: {}", other.option, other.why))
            .collect();
        let drivers: Vec<String> = decision
            .drivers
            .iter()
            .map(|driver| format!("`{driver}`"))
            .collect();
        let pinned = if decision.pinned.is_some() {
            " (pinned)"
        } else {
            ""
        };
        let row = [
            decision.number.to_string(),
            decision.kind.clone(),
            cell(&decision.subject),
            format!("{}{pinned}", cell(&decision.chosen)),
            cell(&decision.why),
            cell(&against.join("; ")),
            cell(&drivers.join(", ")),
        ];
        // Writing to a text does not fail.
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    out
}
