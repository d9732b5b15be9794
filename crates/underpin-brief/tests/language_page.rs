//! The language reference is one brief: its blocks, put one after the other, check without a
//! warning, so that a reader can copy any of them.

use underpin_brief::render::{Format, render};
use underpin_brief::resolve::check_text;

#[test]
fn the_blocks_of_the_language_page_are_one_good_brief() {
    let page = include_str!("../../../docs/language.md");
    let mut brief = String::new();
    let mut inside = false;
    let mut blocks = 0;
    for line in page.lines() {
        match line {
            "```kdl" => (inside, blocks) = (true, blocks + 1),
            "```" => inside = false,
            _ if inside => {
                brief.push_str(line);
                brief.push('\n');
            }
            _ => {}
        }
    }
    println!("{blocks} blocks of the language page checked as one brief");
    assert!(blocks >= 10, "the page has its examples");
    let checked = check_text("language.kdl", &brief);
    let shown = render(Format::Human, &checked.sources, &checked.diagnostics, false);
    assert!(checked.diagnostics.is_empty(), "{shown}");
}
