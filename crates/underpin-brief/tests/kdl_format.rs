//! The formatter: one canonical form, nothing lost.

use underpin_brief::kdl::{self, Document, Node};
use underpin_brief::source::FileId;

use crate::kdl_text::{Random, cases, document, mutated};
use crate::test_data;

/// What a document says, styles and places left out.
fn meaning(document: &Document) -> String {
    let mut out = String::new();
    document
        .nodes
        .iter()
        .for_each(|node| node_meaning(node, &mut out));
    out
}

fn node_meaning(node: &Node, out: &mut String) {
    let ty = node.ty.as_ref().map(|ty| &ty.text);
    out.push_str(&format!("{ty:?}{:?}", node.name.text));
    for entry in &node.entries {
        let key = entry.key.as_ref().map(|key| &key.text);
        let ty = entry.ty.as_ref().map(|ty| &ty.text);
        let value = match entry.value.as_str() {
            Some(text) => format!("{text:?}"),
            None => format!("{:?}", entry.value),
        };
        out.push_str(&format!(" {key:?}={ty:?}{value}"));
    }
    if let Some(children) = &node.children {
        out.push('{');
        children.iter().for_each(|child| node_meaning(child, out));
        out.push('}');
    }
    out.push('\n');
}

/// The comments and `/-` of a text, as far as they can be told by sight: some after a `*` may be
/// missed.
fn marks(text: &str) -> usize {
    let (mut rest, mut count) = (text, 0);
    while let Some(at) = rest.find(['/', '*']) {
        let mark = rest.get(at..at + 2).unwrap_or("");
        count += usize::from(matches!(mark, "/*" | "//" | "/-"));
        let width = if matches!(mark, "/*" | "//" | "/-" | "*/") {
            2
        } else {
            1
        };
        rest = rest.get(at + width..).expect("a character boundary");
    }
    count
}

/// Formats `text` and checks that it says the same, has lost no comment, and stays as it is when
/// formatted again. `None` where it is no KDL.
fn formatted(text: &str) -> Option<String> {
    let (before, _) = kdl::parse(FileId(0), text);
    let once = kdl::format(text).ok()?;
    let (after, found) = kdl::parse(FileId(0), &once);
    assert!(found.is_empty(), "{text:?}\nbecame\n{once:?}\n{found:?}");
    assert_eq!(
        meaning(&before),
        meaning(&after),
        "{text:?}\nbecame\n{once:?}"
    );
    assert!(marks(text) <= marks(&once), "{text:?}\nbecame\n{once:?}");
    let twice = kdl::format(&once).expect("still KDL");
    assert_eq!(once, twice, "from {text:?}");
    Some(once)
}

fn check(before: &str, after: &str) {
    assert_eq!(formatted(before).as_deref(), Some(after), "from {before:?}");
}

#[test]
fn spaces_and_lines_become_canonical() {
    check(
        "a   b  c = 1\n\n\n\n  d{\n e\n\n}\n",
        "a b c=1\n\nd {\n    e\n}\n",
    );
    check("\n\n a;b;\nc", "a; b\nc\n");
    check("a { b;c ; }", "a { b; c }\n");
    check("a {\n  b; c\n}", "a {\n    b; c\n}\n");
    check("a {\n}", "a {}\n");
    check(
        "a 1 \\\n 2 \\\n\\\n 3 \\\n\nb",
        "a 1 \\\n    2 \\\n    3\nb\n",
    );
}

#[test]
fn what_does_not_fit_one_line_is_spread() {
    let long = "x".repeat(60);
    check(
        &format!("a {{ {long}; {long} }}"),
        &format!("a {{\n    {long}\n    {long}\n}}\n"),
    );
    check(&format!("{long}; {long}"), &format!("{long}\n{long}\n"));
}

#[test]
fn comments_stay_where_they_are() {
    check("// a\n\nb // c\n", "// a\n\nb // c\n");
    check("a { // b\n c\n // d\n}", "a { // b\n    c\n    // d\n}\n");
    check("a; // b\nc", "a // b\nc\n");
    check("a; /* b */\nc", "a /* b */\nc\n");
    check(
        "/* a */ b/*c*/1 /- d /-{ e }",
        "/* a */ b /*c*/ 1 /-d /-{ e }\n",
    );
    check("a \\ // b\n 1 /- // c\n 2", "a \\ // b\n    1 /- // c\n2\n");
    check("a k /*b*/ = (/*c*/t) 1", "a k/*b*/=(/*c*/t)1\n");
    check("\\ // a\nb", "// a\nb\n");
}

#[test]
fn expressions_are_quoted_unless_they_are_paths() {
    check(
        "a k=b.c d=e>f Line* text? x,y",
        "a k=b.c d=\"e>f\" Line* text? \"x,y\"\n",
    );
    check("a>b c>d=1", "a>b c>d=1\n");
}

#[test]
fn a_text_that_is_not_kdl_is_not_formatted() {
    let found = kdl::format("a true\nb 30s").expect_err("two mistakes");
    assert_eq!(
        found.iter().map(|found| found.code.id).collect::<Vec<_>>(),
        ["U0103", "U0102"]
    );
}

#[test]
fn briefs_and_the_suite_keep_their_meaning() {
    for name in [
        "briefs",
        "kdl_test_cases/input",
        "kdl_test_cases/expected_kdl",
    ] {
        let Some(folder) = test_data::folder(name) else {
            continue;
        };
        let paths = test_data::files(&folder, "kdl");
        let done = paths.iter().filter(|path| {
            let text = std::fs::read_to_string(path).expect("UTF-8");
            formatted(&text).is_some()
        });
        println!(
            "{} of {} texts in {name} formatted",
            done.count(),
            paths.len()
        );
    }
}

#[test]
fn random_documents_keep_their_meaning() {
    let total = cases(2_000);
    for seed in 0..total as u64 {
        let mut random = Random::new(seed ^ 0x0f0f_1234);
        let valid = document(&mut random);
        assert!(formatted(&valid).is_some(), "seed {seed}");
        formatted(&mutated(&mut random, &valid));
    }
}
