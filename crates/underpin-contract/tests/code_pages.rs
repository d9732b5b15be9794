//! The examples on the pages of codes 07xx are true.

use underpin_brief::codes;
use underpin_brief::resolve::check_text;
use underpin_contract::derive;

fn block(page: &str, mark: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("```{mark}\n"))
        .expect("an example");
    rest.split_once("```\n")
        .expect("a closing fence")
        .0
        .to_owned()
}

fn raised(text: &str) -> Vec<&'static str> {
    let checked = check_text("page.kdl", text);
    let mut codes: Vec<&str> = checked
        .diagnostics
        .iter()
        .map(|found| found.code.id)
        .collect();
    if let Some(brief) = checked.brief {
        codes.extend(derive(&brief).diagnostics.iter().map(|found| found.code.id));
    }
    codes
}

#[test]
fn examples_raise_their_code_alone_and_are_mended() {
    let pages: Vec<_> = codes::all()
        .filter(|code| code.id.starts_with("U07"))
        .collect();
    assert!(!pages.is_empty());
    for code in pages {
        assert_eq!(
            raised(&block(code.page, "kdl bad")),
            [code.id],
            "{code}, bad"
        );
        let none: [&str; 0] = [];
        assert_eq!(
            raised(&block(code.page, "kdl mended")),
            none,
            "{code}, mended"
        );
    }
}
