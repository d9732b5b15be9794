//! Why: decisions with their alternatives and drivers, assumptions, questions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// It stands in the brief.
    Given,
    /// It follows by a formula.
    Derived,
    /// It is a default.
    Assumed,
}

/// A price per month in two columns that are never only added up. Whole units of the system's
/// default currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// The currency (ISO 4217).
    pub currency: String,
    /// What machines cost, derived.
    pub infrastructure: u64,
    /// What people cost, assumed.
    pub engineering: u64,
}

/// A choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Its number, kept in the lock file.
    pub number: u32,
    /// The kind: `boundary`, `flow`, `resilience` …
    pub kind: String,
    /// What is decided about: a name of the brief or design, or `system`.
    pub subject: String,
    /// The option that was chosen.
    pub chosen: String,
    /// Why, in a sentence.
    pub why: String,
    /// What else there was.
    pub alternatives: Vec<Alternative>,
    /// Places in the brief that drive it, as node paths.
    pub drivers: Vec<String>,
    /// Assumptions that it rests on, by name.
    pub assumptions: Vec<String>,
    /// What would have to change for another choice.
    pub flips: Vec<String>,
    /// Whether it was fixed by hand.
    pub pinned: bool,
    /// What follows from it, good and bad.
    pub consequences: Vec<String>,
    /// When to think again.
    pub revisit: String,
}

/// An option that was not chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// The option.
    pub option: String,
    /// Its price; absent where it is not priced yet.
    pub cost: Option<Cost>,
    /// Requirements that it would violate.
    pub violates: Vec<String>,
    /// Why it was not chosen.
    pub why: String,
}

/// A default that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assumption {
    /// Its name: `stale of my-orders`.
    pub name: String,
    /// The value that was taken.
    pub value: String,
    /// Where the default comes from.
    pub source: String,
    /// What depends on it: operations, decisions.
    pub affects: Vec<String>,
    /// The line that would replace it, ready to be pasted; empty where none is.
    pub instead: String,
}

/// Who asks a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuestionOrigin {
    /// The brief.
    Brief,
    /// The planner.
    Planner,
}

/// What only a person can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The question.
    pub text: String,
    /// What it is about; empty for the whole.
    pub about: String,
    /// Who asks.
    pub origin: QuestionOrigin,
    /// What hangs on the answer.
    pub decides: Vec<String>,
}
