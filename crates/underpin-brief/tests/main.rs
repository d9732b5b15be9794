//! Tests of the brief's stages from outside, in one binary.

mod code_pages;
mod kdl_canonical;
mod kdl_conformance;
mod test_data;
