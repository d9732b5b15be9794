//! Every diagnostic code has a page, and the examples on the pages are true.

use underpin_brief::codes;
use underpin_brief::kdl;
use underpin_brief::source::FileId;

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
    kdl::read(FileId(0), text)
        .1
        .iter()
        .map(|found| found.code.id)
        .collect()
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

#[test]
fn notation_examples_raise_their_code_alone_and_are_mended() {
    for code in codes::all().filter(|code| code.id.starts_with("U01")) {
        let Some(bad) = block(code.page, "kdl bad") else {
            assert!(code.page.contains("This page has no example"), "{code}");
            continue;
        };
        let mended = block(code.page, "kdl mended").expect("a mended example");
        assert_eq!(raised(&bad), [code.id], "{code}, bad example");
        assert!(
            raised(&mended).is_empty(),
            "{code}, mended example: {:?}",
            raised(&mended)
        );
    }
}
