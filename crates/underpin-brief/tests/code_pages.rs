//! Every diagnostic code has a page, and the examples on the pages are true.

use underpin_brief::codes;
use underpin_brief::resolve::check_text;

/// The fenced block of `page` that is marked `mark`.
fn block(page: &str, mark: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("```{mark}\n"))?;
    Some(
        rest.split_once("```\n")
            .expect("a closing fence")
            .0
            .to_owned(),
    )
}

fn raised(text: &str) -> Vec<&'static str> {
    let found = check_text("page.kdl", text).diagnostics;
    found.iter().map(|found| found.code.id).collect()
}

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

/// Ranges whose codes a check of a text can raise.
const CHECKED: &[&str] = &["U01", "U02", "U03", "U04"];

#[test]
fn examples_raise_their_code_alone_and_are_mended() {
    let mut wrong = Vec::new();
    for code in codes::all().filter(|code| CHECKED.iter().any(|range| code.id.starts_with(range))) {
        let Some(bad) = block(code.page, "kdl bad") else {
            if !code.page.contains("This page has no example") {
                wrong.push(format!("{code} has no example"));
            }
            continue;
        };
        let mended = block(code.page, "kdl mended").expect("a mended example");
        if raised(&bad) != [code.id] {
            wrong.push(format!("{code}, bad example: {:?}", raised(&bad)));
        }
        if !raised(&mended).is_empty() {
            wrong.push(format!("{code}, mended example: {:?}", raised(&mended)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
