//! Compares the engine with what a brief means: seeded scripts against the reference interpreter,
//! judged by the four rules of the promise; briefs that are given and briefs that are generated; the
//! suite itself tested by faults that are planted into the engine.

pub mod briefs;
pub mod calendar;
pub mod chance;
pub mod clock;
mod compare;
pub mod count;
pub mod generate;
pub mod held;
pub mod house;
pub mod make;
#[cfg(feature = "mutations")]
pub mod mutations;
pub mod outside;
pub mod rename;
pub mod runs;
pub mod script;
pub mod settled;
