//! Designs of whole briefs, from outside.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the briefs of the repository"
)]

mod designs;
mod pages;
