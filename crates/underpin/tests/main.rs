//! The command line as a person uses it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod code_pages;
mod admin;
mod commands;
mod running;
mod support;
