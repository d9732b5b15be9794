//! What happens: flows with their steps, and calls with their resilience.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a flow is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FlowKind {
    /// One transaction of one service.
    Transaction,
    /// Several segments with compensation, pivot and retriable tail.
    Saga,
    /// It changes nothing.
    Query,
}

/// What a command, a policy, an `else` of a policy or a query does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// The name of the command, policy or query; `policy/code` for an `else`.
    pub operation: String,
    /// Its place in the brief.
    pub source: String,
    /// How it is carried out.
    pub kind: FlowKind,
    /// Services that take part, its home first.
    pub services: Vec<String>,
    /// Steps in the written order.
    pub steps: Vec<Step>,
    /// The step after which nothing is refused; absent where nothing can be refused at all.
    pub pivot: Option<String>,
    /// Rows that are kept from others until it ends: the binding or step that names the row.
    pub holds: Vec<String>,
    /// Codes with which it can refuse, by name.
    pub refusals: Vec<String>,
    /// When it gives up, in milliseconds from admission; absent for policies without one.
    pub deadline_ms: Option<u64>,
    /// The required 99th percentile of its latency, in milliseconds.
    pub within_p99_ms: Option<u64>,
}

/// What a step is for the fate of its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Nothing of it is seen outside its transaction.
    Local,
    /// It is taken back where a later step is refused.
    Compensatable,
    /// The last step that can be refused.
    Pivot,
    /// It is repeated until it is done.
    Retriable,
}

/// A statement of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name, unique in the flow.
    pub name: String,
    /// What it does: `read create change delete call emit each require let return`.
    pub verb: String,
    /// On what: an aggregate, `external.operation`, a command, an event; empty for none.
    pub target: String,
    /// The segment that it belongs to, counted from 1.
    pub segment: u32,
    /// The service that executes it; for a call, the service that calls.
    pub service: String,
    /// Its role.
    pub role: Role,
    /// What takes it back.
    pub undo: Undo,
    /// Codes with which this step can refuse, in order of the checks.
    pub refusals: Vec<String>,
    /// Whether it runs only under a condition.
    pub conditional: bool,
}

/// What takes a step back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// Where it comes from.
    pub kind: UndoKind,
    /// What is done, in a few words; empty for none.
    pub what: String,
}

/// Where an undo comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UndoKind {
    /// Nothing has to be taken back.
    Unneeded,
    /// The default of the statement's kind.
    Default,
    /// Written in the brief.
    Written,
    /// Deliberately none, with the reason.
    None,
}

/// What becomes of a call whose answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The other side is asked whether it happened.
    AskStatus,
    /// The call is repeated under its key.
    Repeat,
    /// It is tried at most once and ends in doubt, for a person.
    InDoubt,
}

/// A call between services or to an external.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The flow that makes it.
    pub flow: String,
    /// The step that makes it.
    pub step: String,
    /// The calling service.
    pub from: String,
    /// The external or service that is called.
    pub to: String,
    /// The operation that is called.
    pub operation: String,
    /// What becomes of a lost answer.
    pub unknown_outcome: Outcome,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// How often it is tried at most before the deadline; after the pivot it goes on until done.
    pub attempts: u32,
    /// How long all attempts may take together, in milliseconds; absent: until done.
    pub budget_ms: Option<u64>,
}
