//! From the claims of a provider to a caller. Must not know how a token is verified.

use super::{Caller, Rejected, claim};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Which claims mean what. A name is looked for as it stands first, then as a path through objects
/// (`realm_access.roles`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// `caller.actor`. Where a token has none and one actor alone may come this way, it is that one.
    pub actor: String,
    /// `caller.roles`: a list, or words in one text.
    pub roles: String,
    /// `caller.tenant`.
    pub tenant: String,
    /// `caller.channel`.
    pub channel: String,
    /// The name that people see.
    pub name: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            actor: claim::ACTOR.to_owned(),
            roles: claim::ROLES.to_owned(),
            tenant: claim::TENANT.to_owned(),
            channel: claim::CHANNEL.to_owned(),
            name: claim::NAME.to_owned(),
        }
    }
}

impl ClaimNames {
    /// What can be named, in the words of the options.
    pub const WORDS: [&str; 5] = ["actor", "roles", "tenant", "channel", "name"];

    /// Gives one of [`ClaimNames::WORDS`] another claim; false where there is no such word.
    pub fn set(&mut self, word: &str, name: &str) -> bool {
        let place = match word {
            "actor" => &mut self.actor,
            "roles" => &mut self.roles,
            "tenant" => &mut self.tenant,
            "channel" => &mut self.channel,
            "name" => &mut self.name,
            _ => return false,
        };
        name.clone_into(place);
        true
    }

    pub(super) fn caller(
        &self,
        claims: Map<String, Value>,
        actors: &[String],
    ) -> Result<Caller, Rejected> {
        let text = |name: &str| {
            found(&claims, name)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let text = |name: &str| text(name).filter(|text| !text.is_empty());
        let actor = match (text(&self.actor), actors) {
            (Some(actor), _) => actor,
            (None, [only]) => only.clone(),
            (None, _) => return Err(Rejected::Incomplete),
        };
        let tops = [
            &self.actor,
            &self.roles,
            &self.tenant,
            &self.channel,
            &self.name,
        ];
        let ours = |name: &str| claim::OURS.contains(&name) || tops.iter().any(|top| *top == name);
        Ok(Caller {
            id: text("sub").ok_or(Rejected::Incomplete)?,
            actor,
            roles: roles(found(&claims, &self.roles)),
            tenant: text(&self.tenant),
            channel: text(&self.channel),
            name: text(&self.name),
            claims: claims.into_iter().filter(|(name, _)| !ours(name)).collect(),
        })
    }
}

fn found<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    let inner = claims.get(first)?;
    rest.split('.')
        .try_fold(inner, |value, step| value.get(step))
}

fn roles(claim: Option<&Value>) -> BTreeSet<String> {
    match claim {
        Some(Value::Array(roles)) => roles
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Value::String(words)) => words.split_whitespace().map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}
