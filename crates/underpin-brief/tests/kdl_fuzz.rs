//! Random texts: our parser against the reference one, and against its own promises.

use std::fmt::Write as _;

use kdl::{KdlDocument, KdlValue};
use underpin_brief::diagnostic::{Diagnostic, has_errors};
use underpin_brief::kdl::{self as ours, Document, Value};
use underpin_brief::source::FileId;

use crate::kdl_text::{Random, cases, document, mutated};

/// What a document says, in one form for both parsers.
fn shape_of_ours(document: &Document, out: &mut String) {
    for node in &document.nodes {
        let ty = node.ty.as_ref().map(|ty| &*ty.text);
        write!(out, "{ty:?} {:?}", node.name.text).expect("a string takes all");
        for entry in &node.entries {
            let key = entry.key.as_ref().map(|key| &*key.text);
            let ty = entry.ty.as_ref().map(|ty| &*ty.text);
            write!(out, " {key:?}={ty:?}{}", worth(&entry.value)).expect("a string takes all");
        }
        if !node.nodes().is_empty() {
            out.push_str("{\n");
            let inner = Document {
                nodes: node.nodes().to_vec(),
            };
            shape_of_ours(&inner, out);
            out.push('}');
        }
        out.push('\n');
    }
}

fn worth(value: &Value) -> String {
    match value {
        Value::String { text, .. } => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Large(text) => text.to_string(),
        Value::Decimal(text) => format!("{:?}", text.parse::<f64>().expect("a decimal")),
        Value::Bool(truth) => truth.to_string(),
        Value::Null => "null".to_owned(),
        Value::Infinity => "inf".to_owned(),
        Value::NegativeInfinity => "-inf".to_owned(),
        Value::NotANumber => "NaN".to_owned(),
    }
}

fn shape_of_theirs(document: &KdlDocument, out: &mut String) {
    for node in document.nodes() {
        let ty = node.ty().map(kdl::KdlIdentifier::value);
        write!(out, "{ty:?} {:?}", node.name().value()).expect("a string takes all");
        for entry in node.entries() {
            let key = entry.name().map(kdl::KdlIdentifier::value);
            let ty = entry.ty().map(kdl::KdlIdentifier::value);
            let value = match entry.value() {
                KdlValue::String(text) => format!("{text:?}"),
                KdlValue::Integer(number) => number.to_string(),
                KdlValue::Float(number) => format!("{number:?}"),
                KdlValue::Bool(truth) => truth.to_string(),
                KdlValue::Null => "null".to_owned(),
            };
            write!(out, " {key:?}={ty:?}{value}").expect("a string takes all");
        }
        if let Some(children) = node
            .children()
            .filter(|children| !children.nodes().is_empty())
        {
            out.push_str("{\n");
            shape_of_theirs(children, out);
            out.push('}');
        }
        out.push('\n');
    }
}

/// Where the reference parser departs from the specification, as far as random texts have shown;
/// `found` is what we say. What both accept must be
/// equal, with one exception in [`compare`].
fn only_we_refuse(text: &str, found: &[Diagnostic]) -> Option<&'static str> {
    let found_all = |wanted: &[&str]| found.iter().all(|found| wanted.contains(&found.code.id));
    let only = |code: &str| found_all(&[code]);
    if only("U0109") {
        Some("it lets disallowed code points pass in some places")
    } else if found_all(&["U0103", "U0109"]) && text.contains("-inf") {
        Some("it takes a bare `-inf` for a string")
    } else if only("U0118") && text.matches("/-").count() > 1 {
        Some("it takes `/-/-` for one")
    } else if only("U0120") && text.contains("/-") {
        Some("it takes a `/-` entry after a block, and a `/-` node without an end")
    } else if only("U0114") {
        Some("it ends a keyword in the middle of a word")
    } else if text.contains("#\"\"\"") && found.iter().any(|found| found.code.id == "U0121") {
        Some("it lets a raw string on one line begin with two quotes")
    } else {
        None
    }
}

/// The same where we accept what it refuses with the message `why`.
fn only_we_accept(text: &str, why: &str) -> Option<&'static str> {
    let mut before_slashdash = text
        .match_indices("/-")
        .filter_map(|(at, _)| text.get(..at).and_then(|before| before.chars().last()));
    if before_slashdash.any(|c| !c.is_whitespace()) {
        Some("it refuses `/-` directly after a bare word, which cannot contain `/`")
    } else if text.contains("/-") && text.contains(';') && why.contains("invalid node name") {
        Some("it refuses a node that follows a `/-` node and `;`")
    } else {
        None
    }
}

fn compare(text: &str) -> Result<(), String> {
    let (document, found) = ours::parse(FileId(0), text);
    match (found.is_empty(), KdlDocument::parse_v2(text)) {
        (false, Err(_)) => Ok(()),
        (true, Ok(theirs)) => {
            let (mut left, mut right) = (String::new(), String::new());
            shape_of_ours(&document, &mut left);
            shape_of_theirs(&theirs, &mut right);
            let glued = ["true", "false", "null", "inf", "nan"]
                .iter()
                .any(|keyword| text.contains(&format!("{keyword}/-")));
            // It silently loses the rest of a document after a keyword and `/-` without a space.
            if left == right || glued {
                Ok(())
            } else {
                Err(format!("ours {left}\ntheirs {right}"))
            }
        }
        (false, Ok(_)) if only_we_refuse(text, &found).is_some() => Ok(()),
        (false, Ok(_)) => Err(format!("only we refuse: {found:?}")),
        (true, Err(why)) => {
            let why = format!("{:?}", why.diagnostics);
            match only_we_accept(text, &why) {
                Some(_) => Ok(()),
                None => Err(format!("only we accept: {why}")),
            }
        }
    }
}

/// A text for `seed`: every third one is valid, the others nearly so.
fn text(seed: u64) -> String {
    let mut random = Random::new(seed);
    let valid = document(&mut random);
    if seed.is_multiple_of(3) {
        valid
    } else {
        mutated(&mut random, &valid)
    }
}

#[test]
fn valid_documents_are_accepted() {
    for seed in (0..3_000).step_by(3) {
        let text = text(seed);
        let (_, found) = ours::parse(FileId(0), &text);
        assert!(!has_errors(&found), "seed {seed}: {text:?}: {found:?}");
    }
}

#[test]
fn the_reference_parser_agrees() {
    let mut differences = Vec::new();
    let mut both_refuse = 0;
    let total = cases(1_500).min(100_000);
    for seed in 0..total as u64 {
        let text = text(seed);
        both_refuse += usize::from(has_errors(&ours::parse(FileId(0), &text).1));
        if let Err(why) = compare(&text) {
            differences.push(format!("seed {seed}: {text:?}\n{why}"));
        }
    }
    println!("{total} documents compared, {both_refuse} of them refused");
    assert!(both_refuse > total / 10, "hardly any text was wrong");
    let shown = differences
        .iter()
        .take(14)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n\n");
    assert!(
        differences.is_empty(),
        "{} differences:\n{shown}",
        differences.len()
    );
}

#[test]
fn no_text_makes_the_parser_panic_or_leave_its_bounds() {
    let total = cases(10_000);
    for seed in 0..total as u64 {
        let mut random = Random::new(seed ^ 0xfeed_f00d);
        let mut text = document(&mut random);
        for _ in 0..random.below(6) {
            text = mutated(&mut random, &text);
        }
        let (document, found) = ours::read(FileId(0), &text);
        for found in &found {
            let span = found.primary.span;
            let place = text.get(span.start as usize..span.end as usize);
            assert!(place.is_some(), "seed {seed}: {text:?}: {found:?}");
        }
        for node in &document.nodes {
            let place = text.get(node.span.start as usize..node.span.end as usize);
            assert!(
                place.is_some_and(|place| !place.is_empty()),
                "seed {seed}: {text:?}"
            );
        }
    }
    println!("{total} texts read");
}
