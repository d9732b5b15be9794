//! The conformance suite of KDL 2.0.

use underpin_brief::diagnostic::has_errors;
use underpin_brief::kdl;
use underpin_brief::source::FileId;

use crate::kdl_canonical::canonical;
use crate::test_data;

/// What is wrong with the outcome for `input`, if anything; `expected` is `None` where it must be
/// refused.
fn check(input: &str, expected: Option<&str>) -> Option<String> {
    let (document, found) = kdl::parse(FileId(0), input);
    match expected {
        None if has_errors(&found) => None,
        None => Some(format!("accepted as\n{}", canonical(&document))),
        Some(_) if has_errors(&found) => Some(format!("refused: {found:?}")),
        Some(expected) if canonical(&document) == expected => None,
        Some(_) => Some(format!("read as\n{}", canonical(&document))),
    }
}

#[test]
fn every_case_of_the_suite_is_read_or_refused_as_it_demands() {
    let Some(folder) = test_data::folder("kdl_test_cases") else {
        return;
    };
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in test_data::files(&folder.join("input"), "kdl") {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let input = std::fs::read_to_string(&path).expect("UTF-8");
        let refused = name.ends_with("_fail.kdl");
        let expected = (!refused).then(|| {
            std::fs::read_to_string(folder.join("expected_kdl").join(&name))
                .expect("an expectation")
        });
        wrong.extend(check(&input, expected.as_deref()).map(|why| format!("{name}: {why}")));
        count += 1;
    }
    println!("{count} cases of the KDL suite, {} wrong", wrong.len());
    assert!(count > 300, "only {count} cases were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
