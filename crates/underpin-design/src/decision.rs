//! Choices, defaults and open questions, each with the places in the brief that it rests on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Its number, kept in the lock file.
    pub number: u32,
    /// What kind of choice: `boundary`, `storage` …
    pub kind: String,
    /// What it is about: a service, a flow, a query, an external; the system's name for the whole.
    pub subject: String,
    /// The option that was taken.
    pub chosen: String,
    /// Why, in a sentence.
    pub why: String,
    /// The options that were not taken.
    pub alternatives: Vec<Alternative>,
    /// Places in the brief that drove it, as node paths.
    pub drivers: Vec<String>,
    /// Ids of assumptions that it rests on.
    pub assumptions: Vec<String>,
    /// What would turn it.
    pub flips: Vec<String>,
    /// The pin that took it by hand, as a node path.
    pub pinned: Option<String>,
    /// What follows from it.
    pub consequences: Vec<String>,
    /// When to think again.
    pub revisit: Option<String>,
}

/// An option that was not taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// The option.
    pub option: String,
    /// Its price per month; absent where it was not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// Requirements that it would break, as node paths.
    pub violates: Vec<String>,
    /// Why it was not taken.
    pub why: String,
}

/// A default that was taken because the brief says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assumption {
    /// Its id: what decisions refer to.
    pub id: String,
    /// What it is about, as a node path.
    pub about: String,
    /// What is assumed.
    pub text: String,
    /// Where the default comes from, or `judgement`.
    pub source: String,
    /// What depends on it: operations, or decisions as `kind subject`.
    pub dependents: Vec<String>,
    /// How to say otherwise in the brief.
    pub instead: String,
}

/// What only a person can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenQuestion {
    /// The question.
    pub text: String,
    /// What it is about, as a node path; absent where it is about the whole.
    pub about: Option<String>,
    /// Who asks: `brief` or `planner`.
    pub asked_by: String,
}
