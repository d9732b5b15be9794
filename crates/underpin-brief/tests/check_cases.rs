//! Briefs with mistakes, and what a person is told: `check/<case>.kdl` and `check/<case>.txt`.
//! `UPDATE_GOLDEN=1` writes the texts anew; read the difference before it is committed.

use super::briefs::shown;
use std::path::Path;
use underpin_brief::resolve::check_text;

#[test]
fn mistakes_are_told_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check");
    let bless = std::env::var_os("UPDATE_GOLDEN").is_some();
    let cases = super::test_data::files(&folder, "kdl");
    assert!(!cases.is_empty());
    for case in cases {
        let text = std::fs::read_to_string(&case).expect("a case");
        let name = case
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let told = shown(&check_text(&name, &text));
        let golden = case.with_extension("txt");
        if bless {
            std::fs::write(&golden, &told).expect("to write the text");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert!(told == expected, "{name} is told differently:\n{told}");
    }
}
