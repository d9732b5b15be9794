//! Deliverables of whole briefs, from outside.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests read briefs and golden files"
)]

use std::path::{Path, PathBuf};
use underpin_brief::model::Brief;
use underpin_brief::resolve::check_text;
use underpin_deliver::{File, deliver, explain, subjects, summary};
use underpin_design::{Design, Lock};
use underpin_plan::{Cutting, Options, plan};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every brief of the repository under every cut: a name, the brief, its design.
fn designs() -> Vec<(String, Brief, Design)> {
    let mut found = Vec::new();
    for folder in ["examples", "tests/briefs"] {
        let entries = std::fs::read_dir(workspace().join(folder)).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        for path in paths.filter(|path| path.extension().is_some_and(|of| of == "kdl")) {
            let text = std::fs::read_to_string(&path).expect("a brief");
            let stem = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            for (cut, cutting) in [("one", Cutting::One), ("finest", Cutting::Finest)] {
                let name = format!("{folder}/{stem}, {cut}").replace('/', "-");
                let brief = check_text(&name, &text).brief.expect("a brief");
                let outcome = plan(&brief, &Lock::default(), Options { cutting });
                let design = outcome
                    .value
                    .unwrap_or_else(|| panic!("{:?}", outcome.diagnostics));
                found.push((name, brief, design));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn text(files: &[File], path: &str) -> String {
    let file = files
        .iter()
        .find(|file| file.path == path)
        .expect("the file");
    String::from_utf8(file.bytes.clone()).expect("text")
}

/// Compares with a golden file, or writes it anew where `UPDATE_GOLDEN` is set.
fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        std::fs::write(&path, found).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        found, golden,
        "{name}: run with UPDATE_GOLDEN=1 and review the difference"
    );
}

#[test]
fn the_notes_and_a_saga_look_as_ever() {
    for (name, brief, design) in designs() {
        match name.as_str() {
            "examples-notes, one" => {
                let files = deliver(&brief, &design, "{}\n");
                golden("notes-summary.txt", &summary(&brief, &design));
                golden("notes-README.md", &text(&files, "README.md"));
                golden("notes-design.json", &text(&files, "design.json"));
            }
            "tests-briefs-kafka, finest" => {
                let files = deliver(&brief, &design, "{}\n");
                golden("kafka-summary.txt", &summary(&brief, &design));
                golden("kafka-pick.mmd", &text(&files, "docs/flows/pick.mmd"));
                golden(
                    "kafka-pick.txt",
                    &explain(&design, "pick").expect("an explanation"),
                );
            }
            _ => {}
        }
    }
}

#[test]
fn a_summary_fits_one_screen() {
    for (name, brief, design) in designs() {
        let lines = summary(&brief, &design).lines().count();
        assert!(lines <= 40, "{name}: {lines} lines");
    }
}

#[test]
fn every_link_of_the_first_page_leads_to_a_file() {
    for (name, brief, design) in designs() {
        let files = deliver(&brief, &design, "{}\n");
        let page = text(&files, "README.md");
        for target in page
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            assert!(
                files.iter().any(|file| file.path == target),
                "{name}: {target}"
            );
        }
    }
}

#[test]
fn every_flow_has_a_sequence_with_its_participants() {
    for (name, brief, design) in designs() {
        let files = deliver(&brief, &design, "{}\n");
        let sequences: Vec<&File> = files
            .iter()
            .filter(|file| file.path.ends_with(".mmd"))
            .collect();
        assert_eq!(sequences.len(), design.flows().len(), "{name}");
        for file in sequences {
            let drawing = String::from_utf8(file.bytes.clone()).expect("text");
            let known: Vec<&str> = drawing
                .lines()
                .filter_map(|line| line.trim().strip_prefix("participant "))
                .filter_map(|line| line.split(' ').next())
                .collect();
            for line in drawing.lines().filter(|line| line.contains("->>")) {
                let from = line.trim().split('-').next().expect("a sender");
                assert!(known.contains(&from), "{name} {}: {line}", file.path);
            }
            let ends = drawing.lines().filter(|line| line.trim() == "end").count();
            let begins = ["break ", "opt ", "loop "];
            let blocks = drawing
                .lines()
                .filter(|line| begins.iter().any(|b| line.trim().starts_with(b)));
            assert_eq!(ends, blocks.count(), "{name} {}", file.path);
        }
    }
}

#[test]
fn everything_that_is_offered_is_explained() {
    for (name, _, design) in designs() {
        for subject in subjects(&design) {
            // An external that nothing calls has no decision.
            let silent = !design.calls().iter().any(|call| call.to == subject)
                && design
                    .contexts()
                    .iter()
                    .any(|context| context.externals.contains(&subject));
            assert!(
                explain(&design, &subject).is_some() || silent,
                "{name}: {subject}"
            );
        }
    }
}

/// `DELIVER_TO=folder cargo test -p underpin-deliver` writes all files there, for validators.
#[test]
fn files_are_written_where_asked() {
    let Some(folder) = std::env::var_os("DELIVER_TO") else {
        return;
    };
    for (name, brief, design) in designs() {
        for file in deliver(&brief, &design, "{}\n") {
            let path = Path::new(&folder).join(&name).join(&file.path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
            std::fs::write(path, file.bytes).expect("the file can be written");
        }
    }
}
