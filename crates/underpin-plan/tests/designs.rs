//! Every brief of the repository is planned; the same brief gives the same bytes, however it is
//! written down.

use std::path::{Path, PathBuf};
use underpin_brief::diagnostic::Severity;
use underpin_brief::model::Brief;
use underpin_brief::resolve::check_text;
use underpin_design::{Design, DesignForm, Lock};
use underpin_plan::{Cutting, Options, lock_of, plan};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn briefs() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["examples", "tests/briefs"] {
        let entries = std::fs::read_dir(workspace().join(folder)).expect("a folder");
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "kdl") {
                let text = std::fs::read_to_string(&path).expect("a brief");
                found.push((path.display().to_string(), text));
            }
        }
    }
    found.sort();
    found
}

fn brief(name: &str, text: &str) -> Brief {
    let checked = check_text(name, text);
    checked
        .brief
        .unwrap_or_else(|| panic!("{name}: {:?}", checked.diagnostics))
}

fn design(brief: &Brief, cutting: Cutting) -> Design {
    let outcome = plan(brief, &Lock::default(), Options { cutting });
    outcome
        .value
        .unwrap_or_else(|| panic!("{:?}", outcome.diagnostics))
}

#[test]
fn every_brief_is_planned_without_an_error_under_every_cut() {
    for (name, text) in briefs() {
        let brief = brief(&name, &text);
        for cutting in [Cutting::Pins, Cutting::One, Cutting::Finest] {
            let outcome = plan(&brief, &Lock::default(), Options { cutting });
            let errors: Vec<_> = outcome
                .diagnostics
                .iter()
                .filter(|found| found.severity == Severity::Error)
                .collect();
            assert!(errors.is_empty(), "{name} {cutting:?}: {errors:#?}");
            assert!(outcome.value.is_some(), "{name} {cutting:?}");
        }
    }
}

#[test]
fn the_documented_form_reads_back() {
    for (name, text) in briefs() {
        let design = design(&brief(&name, &text), Cutting::Finest);
        let form: DesignForm = serde_json::from_str(&design.json()).expect("the form");
        assert_eq!(&form, design.form(), "{name}");
    }
}

/// The text with its top-level declarations in reverse, a comment before each and every line
/// shifted.
fn rewritten(text: &str) -> String {
    let mut declarations: Vec<String> = vec![String::new()];
    let mut depth = 0_usize;
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or("");
        if let Some(last) = declarations.last_mut() {
            last.push_str("  ");
            last.push_str(line);
            last.push('\n');
        }
        depth += code.matches('{').count();
        depth = depth.saturating_sub(code.matches('}').count());
        if depth == 0 {
            declarations.push(String::new());
        }
    }
    declarations.reverse();
    declarations.join("// another comment\n\n")
}

#[test]
fn comments_and_the_order_of_declarations_never_change_the_design() {
    for (name, text) in briefs() {
        let written = design(&brief(&name, &text), Cutting::Pins).json();
        let again = design(&brief(&name, &rewritten(&text)), Cutting::Pins).json();
        assert_eq!(written, again, "{name}");
    }
}

#[test]
fn numbers_and_ports_of_the_lock_are_kept() {
    for (name, text) in briefs() {
        let brief = brief(&name, &text);
        let first = design(&brief, Cutting::One);
        let lock = lock_of(&first, &Lock::default());
        let again = plan(
            &brief,
            &lock,
            Options {
                cutting: Cutting::One,
            },
        )
        .value
        .expect("a design");
        assert_eq!(first.json(), again.json(), "{name}");
        let finest = plan(
            &brief,
            &lock,
            Options {
                cutting: Cutting::Finest,
            },
        );
        let finest = finest.value.expect("a design");
        for decision in first.decisions() {
            let same = |other: &&underpin_design::Decision| {
                (&other.kind, &other.subject) == (&decision.kind, &decision.subject)
            };
            if let Some(other) = finest.decisions().iter().find(same) {
                assert_eq!(other.number, decision.number, "{name} {}", decision.kind);
            }
        }
    }
}

#[test]
fn no_call_outlives_its_flow() {
    for (name, text) in briefs() {
        let design = design(&brief(&name, &text), Cutting::Finest);
        for flow in design.flows() {
            let Some(deadline) = flow.deadline_ms else {
                continue;
            };
            let calls = design
                .calls()
                .iter()
                .filter(|call| call.flow == flow.operation);
            let total: u64 = calls
                .map(|call| call.timeout_ms * u64::from(call.retries + 1))
                .sum();
            assert!(
                total <= deadline,
                "{name} {}: {total} of {deadline} ms",
                flow.operation
            );
        }
    }
}
