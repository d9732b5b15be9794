//! Tests of the contract from outside, in one binary.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests read briefs and write golden files when asked to; the stage they test does not"
)]

mod code_pages;
mod documents;
mod paths;
mod requests;

use std::path::PathBuf;
use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::resolve::check_text;
use underpin_contract::{Contract, derive};

/// The contract of a brief that must check, with what was found about it.
fn contract(name: &str, text: &str) -> (Contract, Vec<Diagnostic>) {
    let checked = check_text(name, text);
    let found: Vec<String> = checked
        .diagnostics
        .iter()
        .map(|found| format!("{}: {}", found.code, found.message))
        .collect();
    let brief = checked
        .brief
        .unwrap_or_else(|| panic!("{name} does not check: {found:#?}"));
    let outcome = derive(&brief);
    (outcome.value.expect("a contract"), outcome.diagnostics)
}

fn here(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The project's own briefs: those of these tests and the examples, by file name.
fn briefs() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["tests/briefs", "../../examples"] {
        for entry in std::fs::read_dir(here(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "kdl") {
                let name = path
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                found.push((name, std::fs::read_to_string(&path).expect("a brief")));
            }
        }
    }
    found.sort();
    assert!(found.len() > 1, "no briefs found");
    found
}
