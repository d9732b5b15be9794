//! The design: how the backend is built, as a value with every decision and its drivers.
//!
//! A [`Design`] is made only by [`Parts::finish`], which refuses what does not fit together, so
//! deliverables, simulation and runtime may rely on every name in it. It knows the brief by
//! names and node paths only: never by spans, never by the order of declarations. No later stage
//! is known here.

mod consistency;
mod decision;
mod flow;
mod lock;
mod structure;

pub use consistency::Inconsistency;
pub use decision::{Alternative, Assumption, Cost, Decision, Evidence, Question, QuestionOrigin};
pub use flow::{Call, Flow, FlowKind, Outcome, Role, Step, Undo, UndoKind};
pub use lock::{Lock, LockError};
pub use structure::{Context, Service, System};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// The version of the JSON form.
pub const FORMAT: u32 = 1;

/// Everything that a design says; the JSON form of `design.json`. Lists are sorted by name unless
/// said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Underpin design")]
pub struct Parts {
    /// The version of this form.
    pub format: u32,
    /// What is designed.
    pub system: System,
    /// Bounded contexts: which aggregates speak one language and change together.
    pub contexts: Vec<Context>,
    /// Services: which contexts are deployed together.
    pub services: Vec<Service>,
    /// What commands, policies and queries do, step by step.
    pub flows: Vec<Flow>,
    /// Every call between services or to an external, with its resilience.
    pub calls: Vec<Call>,
    /// Every choice, by kind and subject.
    pub decisions: Vec<Decision>,
    /// Every default that was taken, with what depends on it.
    pub assumptions: Vec<Assumption>,
    /// What only a person can answer.
    pub questions: Vec<Question>,
}

/// A consistent design. Read-only: it derefs to its [`Parts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Design {
    parts: Parts,
}

impl Deref for Design {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Parts {
    /// A design of these parts, sorted.
    ///
    /// # Errors
    /// Everything that does not fit together.
    pub fn finish(mut self) -> Result<Design, Vec<Inconsistency>> {
        self.sort();
        let found = consistency::check(&self);
        if found.is_empty() {
            Ok(Design { parts: self })
        } else {
            Err(found)
        }
    }

    fn sort(&mut self) {
        self.contexts.sort_by(|a, b| a.name.cmp(&b.name));
        self.services.sort_by(|a, b| a.name.cmp(&b.name));
        self.flows.sort_by(|a, b| a.operation.cmp(&b.operation));
        self.calls
            .sort_by(|a, b| (&a.flow, &a.step).cmp(&(&b.flow, &b.step)));
        self.decisions
            .sort_by(|a, b| (&a.kind, &a.subject).cmp(&(&b.kind, &b.subject)));
        self.assumptions.sort_by(|a, b| a.name.cmp(&b.name));
        self.questions
            .sort_by(|a, b| (&a.about, &a.text).cmp(&(&b.about, &b.text)));
    }
}

impl Design {
    /// The documented JSON form: two spaces of indentation, a line break at the end, the same bytes
    /// for the same design.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialisation of these types cannot fail: keys are field names, values are plain.
        let mut text = serde_json::to_string_pretty(&self.parts).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The design in a text of the documented form.
    ///
    /// # Errors
    /// What is wrong with the text or with the design in it, in plain words.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let parts: Parts = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if parts.format != FORMAT {
            return Err(format!(
                "form {} is not the one that is read here, {FORMAT}",
                parts.format
            ));
        }
        parts.finish().map_err(|found| {
            found
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        })
    }

    /// The flow of that operation or policy.
    #[must_use]
    pub fn flow(&self, operation: &str) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.operation == operation)
    }

    /// The service that owns that aggregate.
    #[must_use]
    pub fn service_of(&self, aggregate: &str) -> Option<&Service> {
        let has = |context: &&Context| context.aggregates.iter().any(|name| name == aggregate);
        let context = self.contexts.iter().find(has)?;
        self.services
            .iter()
            .find(|service| service.contexts.contains(&context.name))
    }
}

/// The published JSON Schema of `design.json`, as text.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Parts);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
