//! What an admin sees: lines of lists, and the story of one flow.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A flow in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowLine {
    /// Its id.
    pub id: String,
    /// `command` or `policy`.
    pub kind: String,
    /// What it executes.
    pub name: String,
    /// `running`, `undoing`, `in-doubt`, `parked`, `done` or `refused`.
    pub stage: String,
    /// When it was admitted, RFC 3339.
    pub started: String,
    /// Whose it is.
    pub tenant: Option<String>,
    /// Actor and subject of the caller; absent for the service itself.
    pub caller: Option<String>,
    /// Where it stands, in words.
    pub at: String,
    /// Why it does not go on.
    pub why: Option<String>,
}

/// A flow with its journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowStory {
    /// The flow.
    pub flow: FlowLine,
    /// The statements of its outermost level in order.
    pub steps: Vec<StepLine>,
    /// What is still to be taken back, next first, in words.
    pub undo: Vec<String>,
    /// The call at which it stands.
    pub call: Option<CallLine>,
    /// The rows that it holds.
    pub holds: Vec<HoldLine>,
    /// The row that it created, or changed first.
    pub row: Option<RowLine>,
    /// What a person can do about it: arguments of `underpin admin`.
    pub open: Vec<String>,
    /// What persons did about it.
    pub audit: Vec<AuditLine>,
}

/// How far a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Done, skipped by its `when`, or taken back since.
    Passed,
    /// The flow stands here.
    Here,
    /// Not begun.
    ToCome,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepLine {
    /// In words.
    pub what: String,
    /// How far it is.
    pub state: StepState,
    /// Whether it is the pivot: what stands behind it is not taken back.
    pub pivot: bool,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLine {
    /// `external.operation`, or a command.
    pub what: String,
    /// The key under which the other side knows it.
    pub key: String,
    /// Whether it takes back an earlier call.
    pub undo: bool,
    /// What was sent; values that the brief marks personal, sensitive or secret are left out.
    pub input: Json,
}

/// A row by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowLine {
    /// Of which aggregate.
    pub aggregate: String,
    /// Its key.
    pub key: String,
    /// Whose it is.
    pub tenant: Option<String>,
}

/// A held row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldLine {
    /// The row.
    pub row: RowLine,
    /// The flow that holds it.
    pub flow: String,
    /// Why: what others are told who find it busy.
    pub reason: String,
}

/// Something that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What was done, in words.
    pub done: String,
    /// The flow as it is now, where it was about one.
    pub flow: Option<FlowLine>,
}

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// When, RFC 3339.
    pub at: String,
    /// Who.
    pub who: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub target: String,
    /// Why.
    pub why: String,
}

/// An event that a policy was refused for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterLine {
    /// The policy.
    pub policy: String,
    /// The number of the event.
    pub number: i64,
    /// What happened.
    pub source: String,
    /// The key in whose order events are handled.
    pub key: String,
    /// Whose it is.
    pub tenant: Option<String>,
    /// When it happened, RFC 3339.
    pub at: String,
    /// What it was refused for.
    pub reason: String,
    /// How often it was tried again.
    pub attempts: u32,
    /// The flow that waits for a person, where that is why.
    pub flow: Option<String>,
    /// Later events of the same key that wait behind it.
    pub behind: u32,
}

/// A limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitLine {
    /// Its name.
    pub name: String,
    /// `rate`, `count` or `sum`; counts and sums are those of the rows themselves.
    pub kind: String,
    /// How many at most: admissions at once, rows, or the sum.
    pub most: u64,
    /// What is used up, by caller, address or tenant; only of rates.
    pub used: Vec<Used>,
}

/// What one caller, address or tenant has used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Who.
    pub key: String,
    /// Admissions that are left at once.
    pub left: u64,
}

/// A flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagLine {
    /// Its name.
    pub name: String,
    /// Its rollout as the brief says it; absent: off.
    pub rollout: Option<String>,
    /// What was decided by hand.
    pub overrides: Vec<Override>,
}

/// A flag decided by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// For this caller or tenant; absent: for all.
    pub subject: Option<String>,
    /// On or off.
    pub on: bool,
}

/// A fault of a simulated external.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultLine {
    /// `external` or `external.operation`.
    pub of: String,
    /// How it fails.
    pub fault: super::Fault,
    /// Until when, RFC 3339; absent: until it is ended, or the backend stops.
    pub until: Option<String>,
}

/// A figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What is counted.
    pub name: String,
    /// How many.
    pub value: u64,
}

/// What was erased of a person: the proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// What stands for the person from now on.
    pub pseudonym: String,
    /// What was done, by place.
    pub done: Vec<ErasedLine>,
    /// What could not be done here, in words.
    pub left: Vec<String>,
}

/// What was erased at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedLine {
    /// The place, and what was done there.
    pub place: String,
    /// How many rows, events or entries.
    pub count: u64,
}
