//! The command line as a person uses it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests, which say how many cases ran"
)]

mod admin;
mod code_pages;
mod commands;
mod running;
mod support;
