//! Whole briefs check: the seven of the tests, the examples, the one of the language reference.

use std::path::{Path, PathBuf};
use underpin_brief::render::{Format, render};
use underpin_brief::resolve::{Checked, check_text};

/// A file of the workspace.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All diagnostics as a person sees them.
pub fn shown(checked: &Checked) -> String {
    render(Format::Human, &checked.sources, &checked.diagnostics, false)
}

fn briefs_of(folder: &str) -> Vec<(String, String)> {
    super::test_data::files(&workspace().join(folder), "kdl")
        .into_iter()
        .map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (
                format!("{folder}/{name}"),
                std::fs::read_to_string(path).expect("a brief"),
            )
        })
        .collect()
}

/// Every block of the language reference, one after the other: one brief.
fn reference() -> (String, String) {
    let page = std::fs::read_to_string(workspace().join("docs/language.md")).expect("the page");
    let blocks = page
        .split("```kdl\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    (
        "docs/language.md".to_owned(),
        blocks.collect::<Vec<_>>().join("\n"),
    )
}

/// Every whole brief of the repository.
pub fn all() -> Vec<(String, String)> {
    let mut all = briefs_of("tests/briefs");
    all.extend(briefs_of("examples"));
    all.push(reference());
    all
}

#[test]
fn every_brief_of_the_repository_checks_without_a_finding() {
    let mut broken = Vec::new();
    for (name, text) in all() {
        let checked = check_text(&name, &text);
        if !checked.diagnostics.is_empty() {
            println!("{}", shown(&checked));
            broken.push(name);
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}
