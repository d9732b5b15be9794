//! Each form on one small text.

use super::{Format, apply, render, summary};
use crate::codes::notation;
use crate::diagnostic::{Diagnostic, Edit};
use crate::kdl;
use crate::source::{FileId, Sources, Span};

const TEXT: &str = "team wéb size=4s\nflag on=true {\n";

fn shown(format: Format) -> String {
    let mut sources = Sources::default();
    let file = sources.add("a b.kdl", TEXT);
    let (_, found) = kdl::read(file, TEXT);
    render(format, &sources, &found, false)
}

#[test]
fn people_see_the_place_and_what_to_write() {
    let expected = "\
error[U0102]: the quantity `4s` is not quoted
 --> a b.kdl:1:15
  |
1 | team wéb size=4s
  |               ^^
  |
  = help: quote it: `\"4s\"`

error[U0103]: `true` has no `#`
 --> a b.kdl:2:9
  |
2 | flag on=true {
  |         ^^^^
  |
  = help: the value is written with `#`: `#true`
  = help: the text is written with quotes: `\"true\"`

";
    let shown = shown(Format::Human);
    assert!(shown.starts_with(expected), "{shown}");
    assert!(
        shown.contains("error[U0105]: this block is not closed"),
        "{shown}"
    );
}

#[test]
fn programs_get_stable_fields_first() {
    let shown = shown(Format::Json);
    let first = "{\"diagnostics\":[{\"code\":\"U0102\",\"severity\":\"error\",\
        \"message\":\"the quantity `4s` is not quoted\",\"file\":\"a b.kdl\",\"line\":1,\
        \"column\":15,\"end_line\":1,\"end_column\":17,\"help\":\"quote it: `\\\"4s\\\"`\",";
    assert!(shown.starts_with(first), "{shown}");
}

#[test]
fn github_gets_one_escaped_line_each() {
    let shown = shown(Format::Github);
    let first = "::error file=a b.kdl,line=1,endLine=1,col=15,endColumn=17,title=U0102::\
        the quantity `4s` is not quoted%0Ahelp: quote it: `\"4s\"`\n";
    assert!(shown.starts_with(first), "{shown}");
    assert_eq!(shown.lines().count(), 3, "{shown}");
}

#[test]
fn scanners_get_a_rule_per_code_and_a_result_per_finding() {
    let log: serde_json::Value = serde_json::from_str(&shown(Format::Sarif)).expect("JSON");
    let run = &log["runs"][0];
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "U0102");
    let index = result["ruleIndex"].as_u64().expect("an index");
    assert_eq!(
        run["tool"]["driver"]["rules"][index as usize]["id"],
        "U0102"
    );
    let location = &result["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "a%20b.kdl");
    assert_eq!(location["region"]["startColumn"], 15);
    assert_eq!(
        result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"],
        "\"4s\""
    );
}

#[test]
fn places_outside_every_file_are_survived() {
    let mut sources = Sources::default();
    let file = sources.add("a.kdl", "é");
    for span in [
        Span::new(FileId(7), 3, 9),
        Span::new(file, 1, 40),
        Span::new(file, 50, 60),
    ] {
        let found = Diagnostic::error(notation::U0101, span, "odd")
            .label("here")
            .also(Span::new(FileId(9), 0, 1), "and there")
            .fix("change", Span::new(file, 1, 1), "x\ny");
        for format in [Format::Human, Format::Json, Format::Sarif, Format::Github] {
            assert!(render(format, &sources, std::slice::from_ref(&found), true).contains("odd"));
        }
    }
}

#[test]
fn edits_apply_together_or_not_at_all() {
    let edit = |start, end, text: &str| Edit {
        span: Span::new(FileId(0), start, end),
        text: text.to_owned(),
    };
    let applied = |edits: &[Edit]| apply(FileId(0), "abcd", edits);
    assert_eq!(
        applied(&[edit(3, 4, "D"), edit(0, 0, "<"), edit(1, 2, "")]).as_deref(),
        Some("<acD")
    );
    assert_eq!(applied(&[edit(0, 3, ""), edit(2, 4, "")]), None);
    assert_eq!(applied(&[edit(2, 9, "")]), None);
}

#[test]
fn findings_are_counted_by_weight() {
    let at = Span::default();
    let error = Diagnostic::error(notation::U0101, at, "a");
    let note = Diagnostic::note(notation::U0101, at, "b");
    assert_eq!(summary(&[error.clone(), note, error]), "2 errors, 1 note");
    assert_eq!(summary(&[]), "");
}
