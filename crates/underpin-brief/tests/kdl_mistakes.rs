//! What is said about mistakes in the notation: all of them in one run, each at its place, each
//! with a help that mends it, and never more than a text can bear.

use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::kdl::{self, Document, MAX_BYTES, MAX_DEPTH, MAX_ITEMS};
use underpin_brief::render::apply;
use underpin_brief::source::{FileId, Span};

fn read(text: &str) -> (Document, Vec<Diagnostic>) {
    kdl::read(FileId(0), text)
}

fn slice(text: &str, span: Span) -> &str {
    text.get(span.start as usize..span.end as usize)
        .expect("a place in the text")
}

/// Code and text of each place that is complained about.
fn complaints(text: &str) -> Vec<(&'static str, &str)> {
    let place = |span: Span| slice(text, span);
    read(text)
        .1
        .iter()
        .map(|found| (found.code.id, place(found.primary.span)))
        .collect()
}

#[track_caller]
fn check(text: &str, expected: &[(&str, &str)]) {
    assert_eq!(complaints(text), expected, "in {text:?}");
}

#[test]
fn every_mistake_is_reported_at_its_place() {
    check(
        "a true 30/s 1.5s 99.95% 1..100",
        &[
            ("U0103", "true"),
            ("U0102", "30/s"),
            ("U0102", "1.5s"),
            ("U0102", "99.95%"),
            ("U0102", "1..100"),
        ],
    );
    check(
        "a x=a>=b y=[a, b] z=f(a, b) /p/*\nb null\n",
        &[
            ("U0113", "a>=b"),
            ("U0113", "[a, b]"),
            ("U0113", "f(a, b)"),
            ("U0113", "/p/*"),
            ("U0103", "null"),
        ],
    );
    check(
        "a { move ship, set\n c: 1\n} }\n{ d }",
        &[
            ("U0110", ","),
            ("U0110", ":"),
            ("U0106", "}"),
            ("U0101", "{"),
        ],
    );
    check(
        "a \"open\nb x= \nb k=(t)\nb k=/-1\nb (t)\nc /-\nd \"\\q\" \"\\u{D800}\"",
        &[
            ("U0104", "\""),
            ("U0116", "x="),
            ("U0116", "k="),
            ("U0118", "/-"),
            ("U0117", "(t)"),
            ("U0107", "\\q"),
            ("U0107", "\\u{D800}"),
        ],
    );
}

#[test]
fn a_lost_brace_is_shown_where_the_indentation_tells_of_it() {
    let text = "a {\n    b {\n        c\n}\nd {\n}\n";
    let (_, found) = read(text);
    let [found] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(found.code.id, "U0105");
    assert_eq!(found.primary.span, Span::new(FileId(0), 10, 11));
    let mended = apply(FileId(0), text, &found.helps[0].edits).expect("edits that fit");
    assert_eq!(mended, "a {\n    b {\n        c\n    }\n}\nd {\n}\n");
}

#[test]
fn a_brace_too_few_or_many_leaves_the_rest_of_the_text_as_it_was_meant() {
    let names = |text: &str| {
        let (document, found) = read(text);
        let nodes = document
            .nodes
            .iter()
            .map(|node| format!("{}{}", node.name.text, node.nodes().len()));
        (
            nodes.collect::<Vec<_>>().join(" "),
            found.iter().map(|f| f.code.id).collect::<Vec<_>>(),
        )
    };
    let check = |text: &str, nodes: &str, codes: &[&str]| {
        assert_eq!(names(text), (nodes.to_owned(), codes.to_vec()), "{text:?}");
    };
    check(
        "a {\n    b {\n        c\n    d\n}\ne {\n    f\n}\n",
        "a2 e1",
        &["U0105"],
    );
    check(
        "a {\n    b\n\nc {\n    d\n}\n/- e\nf\n",
        "a1 c1 f0",
        &["U0105"],
    );
    check(
        "a {\n    b {\n        c {\n}\nd\n",
        "a1 d0",
        &["U0105", "U0105"],
    );
    check("a {\n    b c }\n    d\n    e\n}\nf\n", "a3 f0", &["U0106"]);
    check(
        "a {\n    b { c }\n    }\n    d\n}\ne\n",
        "a2 e0",
        &["U0106"],
    );
    check("a {\nb\nc {\nd\n}\n", "a2", &["U0105"]);
    check("a { b { c }\nd", "a1 d0", &["U0105"]);
}

#[test]
fn what_is_right_beside_a_mistake_is_kept() {
    let (document, _) = read("a 1 2x 3 { b true; c }\n) d\ne");
    let names: Vec<&str> = document.nodes.iter().map(|node| &*node.name.text).collect();
    assert_eq!(names, ["a", "e"]);
    assert_eq!(document.nodes[0].entries.len(), 3);
    assert_eq!(document.nodes[0].nodes().len(), 2);
}

#[test]
fn places_within_strings_are_places_in_the_text() {
    let check = |text: &str, part: &str| {
        let (document, found) = read(text);
        assert!(found.is_empty(), "{found:?}");
        let entry = document.nodes[0].arg(0).expect("an argument");
        let value = entry.value.as_str().expect("a string");
        let from = u32::try_from(value.find(part).expect("the part")).expect("small");
        let to = from + u32::try_from(part.len()).expect("small");
        let span = kdl::place_in(text, entry.value_span, from, to);
        slice(text, span).to_owned()
    };
    assert_eq!(check("a \"self.x >= y\"", ">="), ">=");
    assert_eq!(check("a input.order", "order"), "order");
    assert_eq!(check("a #\"x \"q\" y\"#", "y"), "y");
    assert_eq!(check(r#"a "x\n\u{e9} \   y z""#, "y"), "y");
    assert_eq!(check(r#"a "x\n\u{e9} z""#, "é"), "\\u{e9}");
    assert_eq!(check("a \"\"\"\n    x\n      y\\tz\n    \"\"\"", "z"), "z");
    assert_eq!(
        check("a \"\"\"\n    x\n      y\\tz\n    \"\"\"", "\n  y"),
        "\n      y"
    );
    let end = kdl::place_in("a \"xy\"", Span::new(FileId(0), 2, 6), 2, 9);
    assert_eq!((end.start, end.end), (5, 5));
}

#[test]
fn bounds_are_kept_without_stack_or_time_running_out() {
    let codes = |text: &str| {
        let mut codes: Vec<_> = read(text).1.iter().map(|found| found.code.id).collect();
        codes.dedup();
        codes
    };
    let nested = |depth| format!("{}{}", "a{".repeat(depth), "}".repeat(depth));
    assert!(codes(&nested(MAX_DEPTH)).is_empty());
    assert_eq!(codes(&nested(MAX_DEPTH + 1)), ["U0111"]);
    assert_eq!(codes(&nested(100_000)), ["U0111"]);
    assert_eq!(codes(&"a;".repeat(MAX_ITEMS + 1)), ["U0112"]);
    assert_eq!(codes(&" ".repeat(MAX_BYTES + 1)), ["U0112"]);
}

#[test]
#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it is about time"
)]
fn time_grows_no_faster_than_the_text() {
    let scraps = [
        "a{",
        "}",
        "(",
        "[",
        "f( ",
        "/*",
        "\"",
        "\"\"\"\n",
        "#\"",
        "##\"\"\"\n",
        "\\",
        "\\\n",
        "/-",
        "=",
        "a=",
        "a{}",
        "/-{}",
        "1..",
        "a b\n",
        "\t",
        "é",
        "\"\\",
        "\"\"\"\n\\\n",
        ";",
        "a /*b*/",
        "#",
        "a (",
        "\u{85}",
        "a{}/-{}",
        "-inf ",
        "a=a ",
    ];
    for scrap in scraps {
        let text = scrap.repeat(60_000 / scrap.len());
        let begun = std::time::Instant::now();
        let _ = read(&text);
        let _ = kdl::format(&text);
        let took = begun.elapsed();
        assert!(took.as_secs() < 10, "60 kB of {scrap:?} took {took:?}");
    }
}

#[test]
fn a_file_that_is_not_utf8_is_refused_at_its_byte() {
    assert_eq!(kdl::decode(FileId(0), "é".as_bytes()).expect("text"), "é");
    let found = kdl::decode(FileId(0), b"abc\xe9d").expect_err("Latin 1");
    assert_eq!(found.code.id, "U0001");
    assert_eq!(found.message, "byte 3 (0xe9) is not UTF-8 text");
}

#[test]
fn the_first_change_a_help_proposes_mends_the_mistake() {
    let texts = [
        "a 30/s",
        "a x=1.5s",
        "a true",
        "a x=a>=b",
        "a \"open\nb",
        "a \"\"\"\n  open",
        "a {\n b\n",
        "a }",
        "a\n}\n",
        "a \"\\q\"",
        "a .5",
        "a -1.",
        "a 1.0.0",
        "a \u{200e}b",
        "a { b c, d }",
        "a: 1",
        "a f(x)",
        "a #True",
        "a \"b\"\"c\"",
        "a x=",
        "a /-",
        "a x=1 /-;",
        "a /* b",
        "a {} b",
        "a = 1",
        ";a",
        "a ()1",
        "a (x + y)",
        "a r\"b\"",
        "a #\"b\nc",
        "1a b",
        "a k=1 k=1",
        "a )",
    ];
    for text in texts {
        let (_, found) = read(text);
        let first = found.first().unwrap_or_else(|| panic!("{text:?} is fine"));
        let help = first.helps.iter().find(|help| !help.edits.is_empty());
        let Some(help) = help else {
            panic!("no change for {text:?}: {first:?}")
        };
        let mended = apply(FileId(0), text, &help.edits).expect("edits that fit");
        let left = read(&mended).1;
        assert!(left.is_empty(), "{text:?} became {mended:?}: {left:?}");
    }
}
