//! A caller as the brief sees one. Must not know how a token looks.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Who asks: `caller` in expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The subject; unique within its actor.
    pub id: String,
    /// The name of the declared actor.
    pub actor: String,
    /// Role names within the actor.
    pub roles: BTreeSet<String>,
    /// The key of the tenant's row, where the token names one.
    pub tenant: Option<String>,
    /// The channel, where the token names one.
    pub channel: Option<String>,
    /// The display name, where the token carries one.
    pub name: Option<String>,
    /// All claims that have no meaning of their own.
    pub claims: Map<String, Value>,
}
