//! The pages of the codes that only planning raises are true.

use underpin_brief::codes::pages::{Form, files, untrue};
use underpin_brief::resolve::check_files;
use underpin_design::Lock;
use underpin_plan::{Options, plan};

fn raised(block: &str) -> Vec<String> {
    let checked = check_files(files(block));
    let mut found = checked.diagnostics;
    if let Some(brief) = &checked.brief {
        found.extend(plan(brief, &Lock::default(), Options::default()).diagnostics);
    }
    found.iter().map(|found| found.code.id.to_owned()).collect()
}

#[test]
fn examples_raise_their_code_alone_and_are_mended() {
    let wrong = untrue(&["U0501", "U0502", "U0503"], Form::Brief, raised);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_design_that_contradicts_itself_is_a_finding() {
    let raised = |text: &str| {
        let form = serde_json::from_str(text).expect("a design in its documented form");
        let found = underpin_plan::built(form, Vec::new()).diagnostics;
        found.iter().map(|found| found.code.id.to_owned()).collect()
    };
    let wrong = untrue(&["U0500"], Form::Design, raised);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
