//! The examples on the pages of codes 07xx are true.

use underpin_brief::codes::pages::{Form, files, untrue};
use underpin_brief::resolve::check_files;
use underpin_contract::derive;

fn raised(block: &str) -> Vec<String> {
    let checked = check_files(files(block));
    let mut found = checked.diagnostics;
    if let Some(brief) = checked.brief {
        found.extend(derive(&brief).diagnostics);
    }
    found.iter().map(|found| found.code.id.to_owned()).collect()
}

#[test]
fn examples_raise_their_code_alone_and_are_mended() {
    let wrong = untrue(&["U07"], Form::Brief, raised);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
