//! The admin surface: what a person may ask a running backend and tell it to do, as plain values,
//! and how they travel. It never stands on the contract's paths: it has a listener and a
//! credential of its own. Must not know how flows are executed.

pub mod client;
mod door;
mod lines;

pub use door::{Desk, Published, publish, withdraw};
pub use lines::{
    AuditLine, CallLine, Change, FlowLine, FlowStory, HoldLine, RowLine, StepLine, StepState,
};

use crate::backend::Pending;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Who changes something, and why; both are kept in the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// A name: the account of the machine where nobody says another.
    pub who: String,
    /// The reason, in words.
    pub why: String,
}

/// What a person found out about a call whose answer was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It had its effect, and answered so.
    Happened {
        /// What it answered, as its declaration says; absent where it answers nothing.
        output: Option<Json>,
    },
    /// It had no effect.
    DidNotHappen,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Ask {
    /// Flows that are not over, and those that wait for a person; of one stage where it is named.
    Flows {
        /// `running`, `undoing`, `in-doubt` or `parked`.
        stage: Option<String>,
    },
    /// One flow with its journal.
    Flow {
        /// Which.
        id: String,
    },
    /// Says what became of the lost call of a flow in doubt.
    Resolve {
        /// Which flow.
        id: String,
        /// What became of it.
        verdict: Verdict,
        /// Who says so.
        by: By,
    },
    /// Lets a parked flow try again where it stands.
    Retry {
        /// Which.
        id: String,
        /// Who.
        by: By,
    },
    /// Takes the statement, or undo, at which a parked flow stands as done by hand.
    Skip {
        /// Which.
        id: String,
        /// What the call answered, where it is a call that answers something.
        output: Option<Json>,
        /// Who.
        by: By,
    },
    /// Ends a flow that waits for a person as it stands.
    End {
        /// Which.
        id: String,
        /// Who.
        by: By,
    },
    /// Rows that flows hold.
    Holds,
    /// What was changed by whom, latest first.
    Audit {
        /// How many at most.
        limit: u32,
    },
}

impl Ask {
    /// The word by which it is logged.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Flows { .. } => "flows",
            Self::Flow { .. } => "flow",
            Self::Resolve { .. } => "resolve",
            Self::Retry { .. } => "retry",
            Self::Skip { .. } => "skip",
            Self::End { .. } => "end",
            Self::Holds => "holds",
            Self::Audit { .. } => "audit",
        }
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// Flows.
    Flows(Vec<FlowLine>),
    /// One flow.
    Flow(Box<FlowStory>),
    /// Something was changed.
    Changed(Box<Change>),
    /// Held rows.
    Holds(Vec<HoldLine>),
    /// The audit log.
    Audit(Vec<AuditLine>),
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// A stable word: `unknown` (nobody has it), `not-now`, `bad-output`, `unavailable`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Refused {
    /// A refusal with a help.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            help: help.into(),
        }
    }
}

/// What answers an admin.
pub trait Admin: Send + Sync + 'static {
    /// Answers, or does what is asked; durable when it returns.
    fn ask(&self, ask: Ask) -> Pending<'_, Result<Told, Refused>>;
}
