//! What there is: the system, its contexts, its services.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is designed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Its name.
    pub name: String,
    /// A title for people; the name where the brief has none.
    pub title: String,
    /// What it is for, in a sentence; empty where the brief does not say.
    pub purpose: String,
    /// The version of the public contract.
    pub version: u32,
    /// Regions, the default first.
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
    /// Externals that only it talks to, by name.
    pub externals: Vec<String>,
    /// Teams that own its aggregates, by name.
    pub teams: Vec<String>,
}

/// A deployable unit with a database of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its contexts, by name.
    pub contexts: Vec<String>,
    /// What it answers for, in a sentence.
    pub responsibility: String,
}
