//! The admin surface: what a person may ask a running backend and tell it to do, as plain values,
//! and how they travel. It never stands on the contract's paths: it has a listener and a
//! credential of its own. Must not know how flows are executed.

pub mod client;
mod door;
mod lines;

pub use door::{Desk, Published, publish, withdraw};
pub use lines::{
    AuditLine, CallLine, Change, Erased, ErasedLine, FaultLine, Figure, FlagLine, FlowLine,
    FlowStory, HoldLine, LetterLine, LimitLine, Override, RowLine, StepLine, StepState, Used,
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

/// Which parked events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letters {
    /// Of this policy; absent: of all.
    pub policy: Option<String>,
    /// The event of this number; absent: all.
    pub number: Option<i64>,
}

/// How a simulated external fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// It is not reached: no call has an effect.
    Down,
    /// Each call takes so many milliseconds.
    Slow(u64),
    /// So many of a million calls are turned away before they have an effect.
    Errors(u32),
    /// So many of a million answers are lost after the call had its effect.
    Lost(u32),
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
    /// Erases what is known of a person.
    Erase {
        /// The subject of their tokens.
        subject: String,
        /// Who.
        by: By,
    },
    /// Events that a policy was refused for and that wait for a person.
    DeadLetters {
        /// Only of this policy.
        policy: Option<String>,
    },
    /// Gives parked events to their policies again.
    Redrive {
        /// Which.
        letters: Letters,
        /// Who.
        by: By,
    },
    /// Takes parked events off the list: their policies never see them again.
    Discard {
        /// Which.
        letters: Letters,
        /// Who.
        by: By,
    },
    /// Limits with what is used up of those that are counted in memory.
    Limits,
    /// Fills the buckets of a limit again.
    ResetLimit {
        /// Its name.
        limit: String,
        /// Only for this caller, address or tenant, as `Limits` names it.
        key: Option<String>,
        /// Who.
        by: By,
    },
    /// Flags with their overrides.
    Flags,
    /// Overrides a flag, or ends an override.
    SetFlag {
        /// Its name.
        flag: String,
        /// Only for this caller or tenant; absent: for all.
        subject: Option<String>,
        /// On or off; absent: as its rollout says.
        on: Option<bool>,
        /// Who.
        by: By,
    },
    /// Faults of simulated externals.
    Faults,
    /// Lets a simulated external fail.
    Fault {
        /// `external` or `external.operation`.
        of: String,
        /// How.
        fault: Fault,
        /// For how long, ms; absent: until it is ended, or the backend stops.
        millis: Option<u64>,
        /// Who.
        by: By,
    },
    /// Ends all faults of an external.
    Heal {
        /// `external` or `external.operation`; absent: all.
        of: Option<String>,
        /// Who.
        by: By,
    },
    /// How much waits where.
    Status,
    /// Copies the data folder into an empty one while it is used.
    Backup {
        /// Where to, an absolute path.
        folder: String,
        /// Who.
        by: By,
    },
    /// Takes on nothing new, or again: queries are answered, flows in progress go on.
    Quiesce {
        /// Whether it takes on nothing new.
        on: bool,
        /// Who.
        by: By,
    },
    /// Answers what is in flight and ends the process.
    Drain {
        /// Who.
        by: By,
    },
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
            Self::DeadLetters { .. } => "dead-letters",
            Self::Redrive { .. } => "redrive",
            Self::Discard { .. } => "discard",
            Self::Limits => "limits",
            Self::ResetLimit { .. } => "reset-limit",
            Self::Flags => "flags",
            Self::SetFlag { .. } => "set-flag",
            Self::Faults => "faults",
            Self::Fault { .. } => "fault",
            Self::Heal { .. } => "heal",
            Self::Status => "status",
            Self::Backup { .. } => "backup",
            Self::Quiesce { .. } => "quiesce",
            Self::Drain { .. } => "drain",
            Self::Erase { .. } => "erase",
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
    /// Parked events.
    DeadLetters(Vec<LetterLine>),
    /// Limits.
    Limits(Vec<LimitLine>),
    /// Flags.
    Flags(Vec<FlagLine>),
    /// Faults.
    Faults(Vec<FaultLine>),
    /// Figures.
    Status(Vec<Figure>),
    /// What was erased.
    Erased(Box<Erased>),
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
