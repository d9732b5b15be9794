//! Every diagnostic code has a page, and the examples on the pages are true.

use underpin_brief::codes;
use underpin_brief::codes::pages::{Form, files, untrue};
use underpin_brief::resolve::check_files;

#[test]
fn every_code_has_a_page_with_its_title() {
    for code in codes::all() {
        assert!(code.page.starts_with(&format!("# {}: ", code.id)), "{code}");
        assert!(
            !code.title().is_empty() && !code.title().ends_with('.'),
            "{code}"
        );
    }
}

/// Who runs the examples of a range: the tests of this crate, of the planner, of the contract, of
/// the running backend (briefs of which a part is not served) and of the command line.
const RUN: &[(&str, Form)] = &[
    ("U00", Form::Commands),
    ("U01", Form::Brief),
    ("U02", Form::Brief),
    ("U03", Form::Brief),
    ("U04", Form::Brief),
    ("U0500", Form::Design),
    ("U05", Form::Brief),
    ("U069", Form::Commands),
    ("U06", Form::Brief),
    ("U07", Form::Brief),
];

#[test]
fn every_code_has_a_pair_of_examples_that_somebody_runs() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for code in codes::all() {
        let expected = RUN.iter().find(|(range, _)| code.id.starts_with(range));
        let form = code.pair().map(|pair| pair.form);
        count += usize::from(form.is_some());
        if form != expected.map(|(_, form)| *form) {
            wrong.push(format!("{code}: {form:?}"));
        }
    }
    println!("{count} of {} codes have a pair", codes::all().count());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn examples_raise_their_code_alone_and_are_mended() {
    let raised = |block: &str| {
        let found = check_files(files(block)).diagnostics;
        found.iter().map(|found| found.code.id.to_owned()).collect()
    };
    let wrong = untrue(&["U01", "U02", "U03", "U04"], Form::Brief, raised);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_block_may_hold_several_files_and_lines_that_stand_often() {
    for (block, expected) in [
        ("a\nb\n", vec![("brief.kdl", "a\nb\n")]),
        (
            "// file: x.kdl\na\n// file: y.kdl\nb\n",
            vec![("x.kdl", "a\n"), ("y.kdl", "b\n")],
        ),
        (
            "a // 3 times\nb // at times\n",
            vec![("brief.kdl", "a\na\na\nb // at times\n")],
        ),
        (
            "// as long as a page // 2 times\n",
            vec![("brief.kdl", "// as long as a page\n// as long as a page\n")],
        ),
    ] {
        let found = files(block);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(name, text)| (&**name, &**text))
            .collect();
        assert_eq!(found, expected, "{block}");
    }
}
