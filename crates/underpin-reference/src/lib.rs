//! What a brief means, as an interpreter: its state is rows, flows, outboxes, timers, stored
//! answers and the clock; one transition is one segment of the finest legal cut, one call, one
//! delivery or one timer. Small enough to be read beside `docs/semantics.md`.
//!
//! Nothing here is shared with the engine but the checked brief, the analysis of its flows and the
//! evaluation of expressions (decision 0011). No storage, no waiting, no chance.

mod act;
mod caller;
mod flow;
mod look;
mod meaning;
mod policy;
mod query;
mod row;
mod state;
mod undo;
mod view;

pub use caller::{Caller, Scope};
pub use meaning::{Meaning, Step};
pub use query::{Asked, Page, Shown, ShownBy};
pub use state::{
    Answer, Call, Cause, Effect, Flow, Outcome, Outside, Place, Request, Stage, State, Work,
};
