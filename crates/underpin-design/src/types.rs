//! What a design says: contexts, services, flows and calls. Durations are milliseconds.

use crate::decision::{Assumption, Decision, OpenQuestion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the form; raised when a field changes its meaning or disappears.
pub const FORM_VERSION: u32 = 1;

/// How a backend is built, and why. See [`crate::Builder`].
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    pub(crate) form: DesignForm,
}

/// The documented form of a design (`design.json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "design.json")]
pub struct DesignForm {
    /// The version of this form.
    pub form: u32,
    /// What is designed.
    pub system: System,
    /// Bounded contexts: what speaks one language and changes together.
    pub contexts: Vec<Context>,
    /// What is deployed: every context belongs to exactly one service.
    pub services: Vec<Service>,
    /// What happens for each command, policy and query.
    pub flows: Vec<Flow>,
    /// Requests that cross a border of a service, with how they behave when it does not answer.
    pub calls: Vec<Call>,
    /// Every choice, with what drove it.
    pub decisions: Vec<Decision>,
    /// Every default that was taken because the brief says nothing.
    pub assumptions: Vec<Assumption>,
    /// What only a person can answer.
    pub questions: Vec<OpenQuestion>,
}

/// What is designed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Its name in the brief.
    pub name: String,
    /// A title for people.
    pub title: String,
    /// What it is for.
    pub purpose: Option<String>,
    /// The version of its public contract.
    pub version: u32,
    /// Its currencies, the default first.
    pub currencies: Vec<String>,
    /// Its regions, the default first.
    pub regions: Vec<String>,
}

/// A bounded context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// Its aggregates, by name.
    pub aggregates: Vec<String>,
    /// External systems that it talks to, by name.
    pub externals: Vec<String>,
}

/// What is deployed as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its contexts, by name.
    pub contexts: Vec<String>,
    /// Teams that own its aggregates, by name.
    pub teams: Vec<String>,
    /// The port that it listens on where each service runs by itself; kept in the lock file.
    pub port: u16,
}

/// What happens for one command, policy or query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// The command, policy or query; `policy/code` for what a policy does where it was refused.
    pub operation: String,
    /// How it is carried out.
    pub kind: FlowKind,
    /// Its place in the brief.
    pub driver: String,
    /// The service that keeps its progress.
    pub home: String,
    /// Services that take part, by name.
    pub services: Vec<String>,
    /// Its steps in order.
    pub steps: Vec<Step>,
    /// The name of the step after which nothing is refused; absent in one transaction.
    pub pivot: Option<String>,
    /// Rows kept from others until the flow ends.
    pub holds: Vec<Hold>,
    /// Whether the answer comes before the work is done.
    pub accepted: bool,
    /// When it gives up (before the pivot) or answers that it continues (after it).
    pub deadline_ms: Option<u64>,
    /// The 99th percentile that the brief requires.
    pub within_p99_ms: Option<u64>,
}

/// How a flow is carried out.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum FlowKind {
    /// One transaction in one service.
    Transaction,
    /// Several transactions or calls; what was done is taken back where a later step is refused.
    Saga,
    /// Reading only.
    Query,
}

/// A step of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name: that of its statement, numbered where it repeats.
    pub name: String,
    /// Its segment, from 1: steps of one segment are one transaction, a call is its own segment.
    pub segment: u32,
    /// Who carries it out: a service, or an external system.
    pub service: String,
    /// What it is for the fate of its flow.
    pub role: StepRole,
    /// What it does, in the words of the brief: verb and target.
    pub does: String,
    /// Its place in the brief.
    pub driver: String,
    /// What takes it back; absent where nothing does or needs to.
    pub undo: Option<String>,
    /// Refusal codes that it can end with.
    pub refusals: Vec<String>,
    /// Whether it is done for every element of a list.
    pub repeated: bool,
    /// Whether it is skipped under a condition.
    pub conditional: bool,
    /// Whether its outcome may stay unknown until a person settles it.
    pub in_doubt: bool,
}

/// What a step is for the fate of its flow.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum StepRole {
    /// Nothing of it is seen outside its transaction.
    Local,
    /// It is taken back where a later step is refused.
    Compensatable,
    /// The last step that can be refused.
    Pivot,
    /// It is repeated until it is done.
    Retriable,
}

/// A row kept from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Of which aggregate.
    pub aggregate: String,
    /// From this step on.
    pub from: String,
    /// Until this step is done.
    pub until: String,
}

/// A request that crosses a border of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The service that asks.
    pub from: String,
    /// The service or external system that is asked.
    pub to: String,
    /// What is asked: an operation of the external, a command, or the step of another service.
    pub operation: String,
    /// The flow that asks.
    pub flow: String,
    /// The step that asks.
    pub step: String,
    /// How long one attempt may take.
    pub timeout_ms: u64,
    /// How often it is repeated after the first attempt while the deadline allows.
    pub retries: u32,
    /// Whether a repetition under its key is harmless.
    pub idempotent: bool,
    /// The operation that tells whether it happened, where there is one.
    pub status: Option<String>,
    /// Whether something stands in for the answer where it cannot be had.
    pub fallback: bool,
}

impl Design {
    /// Its documented form.
    #[must_use]
    pub fn form(&self) -> &DesignForm {
        &self.form
    }

    /// What is designed.
    #[must_use]
    pub fn system(&self) -> &System {
        &self.form.system
    }

    /// Bounded contexts, by name.
    #[must_use]
    pub fn contexts(&self) -> &[Context] {
        &self.form.contexts
    }

    /// Services, by name.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.form.services
    }

    /// Flows: commands, policies, queries, each by name.
    #[must_use]
    pub fn flows(&self) -> &[Flow] {
        &self.form.flows
    }

    /// Calls, in the order of flows and steps.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.form.calls
    }

    /// Decisions, by kind and subject.
    #[must_use]
    pub fn decisions(&self) -> &[Decision] {
        &self.form.decisions
    }

    /// Assumptions, by what they are about.
    #[must_use]
    pub fn assumptions(&self) -> &[Assumption] {
        &self.form.assumptions
    }

    /// Questions, by text.
    #[must_use]
    pub fn questions(&self) -> &[OpenQuestion] {
        &self.form.questions
    }

    /// The flow of an operation.
    #[must_use]
    pub fn flow(&self, operation: &str) -> Option<&Flow> {
        self.form
            .flows
            .iter()
            .find(|flow| flow.operation == operation)
    }

    /// `design.json`: the same bytes for the same design.
    #[must_use]
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.form).unwrap_or_default();
        text.push('\n');
        text
    }
}
