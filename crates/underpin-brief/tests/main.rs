//! Tests of the brief's stages from outside, in one binary.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the outside test data; the stage they test does not"
)]

mod briefs;
mod check_cases;
mod check_robust;
mod code_pages;
mod expr_cel;
mod expr_laws;
mod expr_world;
mod flows;
mod kdl_canonical;
mod kdl_conformance;
mod kdl_format;
mod kdl_fuzz;
mod kdl_mistakes;
mod kdl_text;
mod language_page;
mod test_data;
