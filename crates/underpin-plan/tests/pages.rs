//! The pages of the codes that only planning raises are true.

use underpin_brief::codes;
use underpin_brief::resolve::check_text;
use underpin_design::Lock;
use underpin_plan::{Options, plan};

fn raised(text: &str) -> Vec<&'static str> {
    let checked = check_text("page.kdl", text);
    let mut found: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|found| found.code.id)
        .collect();
    if let Some(brief) = &checked.brief {
        let outcome = plan(brief, &Lock::default(), Options::default());
        found.extend(outcome.diagnostics.iter().map(|found| found.code.id));
    }
    found
}

fn block<'a>(page: &'a str, mark: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("```{mark}\n"))?;
    rest.split_once("```\n").map(|(block, _)| block)
}

#[test]
fn examples_raise_their_code_alone_and_are_mended() {
    let mut wrong = Vec::new();
    for code in codes::all().filter(|code| code.id.starts_with("U05")) {
        let (Some(bad), Some(mended)) =
            (block(code.page, "kdl bad"), block(code.page, "kdl mended"))
        else {
            if !code.page.contains("This page has no example") {
                wrong.push(format!("{code} has no examples"));
            }
            continue;
        };
        if raised(bad) != [code.id] || !raised(mended).is_empty() {
            wrong.push(format!(
                "{code}: {:?}, mended {:?}",
                raised(bad),
                raised(mended)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
