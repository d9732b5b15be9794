//! Nothing that a person types ends the check, the order of declarations has no meaning, and a
//! long brief is checked in one go.

use super::briefs;
use underpin_brief::kdl;
use underpin_brief::render::{Format, render};
use underpin_brief::resolve::{Checked, Given, check, check_text};
use underpin_brief::source::FileId;

/// A small generator of numbers: the same seed, the same sequence.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("64 bits") % bound.max(1)
    }
}

fn cases() -> usize {
    let asked = std::env::var("UNDERPIN_FUZZ_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(200)
}

/// Where the sequence begins: other briefs with another `UNDERPIN_FUZZ_SEED`.
fn seed() -> u64 {
    let asked = std::env::var("UNDERPIN_FUZZ_SEED").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(7)
}

/// Pieces of a text: words, spaces and marks.
fn pieces(text: &str) -> Vec<&str> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match rest.find(|c| !in_word(c)) {
            Some(0) => first.len_utf8(),
            Some(end) => end,
            None => rest.len(),
        };
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// The text with a few pieces left out, repeated, swapped or taken from another text.
fn mutated(text: &[&'static str], others: &[&'static str], dice: &mut Dice) -> String {
    let mut pieces = text.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(pieces.len());
        let to = dice.below(pieces.len());
        match dice.below(6) {
            0 => drop(pieces.remove(at)),
            1 => pieces.insert(at, pieces[to]),
            2 => pieces.swap(at, to),
            3 => pieces[at] = others[dice.below(others.len())],
            4 => drop(pieces.drain(at.min(to)..at.max(to).min(at.min(to) + 40))),
            _ => pieces.insert(
                at,
                ["{", "}", "\"", ";", "ä", "=", "?", "*", "\n"][dice.below(9)],
            ),
        }
        if pieces.is_empty() {
            break;
        }
    }
    pieces.concat()
}

/// What holds for every text: it is checked, its findings lie in it, and they can be shown.
fn is_survived(text: &str) -> Checked {
    let checked = check_text("mutated.kdl", text);
    for found in &checked.diagnostics {
        let edits = found
            .helps
            .iter()
            .flat_map(|help| &help.edits)
            .map(|edit| edit.span);
        let related = found.related.iter().map(|label| label.span);
        for span in edits.chain(related).chain([found.primary.span]) {
            assert!(
                text.get(span.start as usize..span.end as usize).is_some(),
                "{found:?}\n{text}"
            );
        }
    }
    let errors = underpin_brief::diagnostic::has_errors(&checked.diagnostics);
    assert_eq!(
        checked.brief.is_none(),
        errors,
        "a brief without errors, or errors:\n{text}"
    );
    checked
}

#[test]
fn fuzz_of_mutated_briefs_is_survived() {
    let briefs: Vec<_> = briefs::all()
        .into_iter()
        .map(|(_, text)| pieces(text.leak()))
        .collect();
    let mut dice = Dice(seed());
    let mut sound = 0;
    for case in 0..cases() {
        let text = &briefs[dice.below(briefs.len())];
        let other = &briefs[dice.below(briefs.len())];
        let checked = is_survived(&mutated(text, other, &mut dice));
        sound += usize::from(checked.brief.is_some());
        // To show a finding costs more than to make it.
        if case % 10 == 0 {
            for format in [Format::Human, Format::Json] {
                let _ = render(format, &checked.sources, &checked.diagnostics, false);
            }
        }
    }
    println!("{} mutated briefs, {sound} of them without error", cases());
}

/// The brief without its places.
fn meaning(checked: &Checked) -> String {
    let text = format!(
        "{:?}",
        checked.brief.as_ref().expect("a brief without error")
    );
    // The texts themselves stand at the end.
    let text = text.split(", texts: Texts(").next().unwrap_or_default();
    let mut parts = text.split("Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        all + part.split_once('}').map_or("", |(_, rest)| rest)
    })
}

#[test]
fn the_order_of_declarations_has_no_meaning() {
    let mut dice = Dice(11);
    for (name, text) in briefs::all() {
        let (document, _) = kdl::read(FileId(0), &text);
        let mut declarations: Vec<&str> = document
            .nodes
            .iter()
            .filter_map(|node| text.get(node.span.start as usize..node.span.end as usize))
            .collect();
        let written = meaning(&check_text(&name, &declarations.join("\n")));
        for _ in 0..3 {
            for at in (1..declarations.len()).rev() {
                declarations.swap(at, dice.below(at + 1));
            }
            let shuffled = check_text(&name, &declarations.join("\n"));
            assert!(
                meaning(&shuffled) == written,
                "{name} depends on the order of declarations"
            );
        }
    }
}

/// A brief of `blocks` aggregates, each with events, commands, queries and a policy.
pub fn long(blocks: usize) -> String {
    let block = include_str!("long_block.txt");
    let header =
        "system long { currency EUR }\nactor clerk kind=staff { channel web; role lead }\n";
    let mut text = header.to_owned();
    for at in 0..blocks {
        text.push_str(&block.replace('%', &at.to_string()));
    }
    text
}

#[test]
fn ten_thousand_lines_are_checked_without_a_finding() {
    let text = long(250);
    assert!(
        text.lines().count() >= 10_000,
        "{} lines",
        text.lines().count()
    );
    let checked = check_text("long.kdl", &text);
    assert!(checked.brief.is_some(), "{:?}", checked.diagnostics.first());
}

#[test]
fn included_files_are_spliced_and_circles_are_told() {
    const MAIN: &str = "system notes\ninclude \"a.kdl\"\ninclude \"b.kdl\"\n";
    let codes = |files: &[(&str, &str)]| {
        let given = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let checked = check(&Given::new(given), "main.kdl");
        let codes: Vec<_> = checked
            .diagnostics
            .iter()
            .map(|found| found.code.id)
            .collect();
        (
            codes,
            checked.brief.map_or(0, |brief| brief.aggregates.len()),
        )
    };
    for (files, expected, aggregates) in [
        (
            &[
                ("main.kdl", MAIN),
                (
                    "a.kdl",
                    "include \"b.kdl\"\naggregate Note { key id; field book Book }",
                ),
                ("b.kdl", "aggregate Book { key id }"),
            ] as &[(&str, &str)],
            vec![],
            2,
        ),
        (
            &[
                ("main.kdl", MAIN),
                ("a.kdl", "include \"b.kdl\""),
                ("b.kdl", "include \"a.kdl\""),
            ],
            vec!["U0215"],
            0,
        ),
        (&[("main.kdl", MAIN), ("a.kdl", "")], vec!["U0214"], 0),
        (&[], vec!["U0001"], 0),
    ] {
        assert_eq!(codes(files), (expected, aggregates), "{files:?}");
    }
}
