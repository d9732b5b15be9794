//! Minting a token. Must not know the brief: who asks for a token has looked up the actor.

use super::claim;
use super::issuer::Issuer;
use crate::world::World;
use jsonwebtoken::{Algorithm, Header, encode};
use serde_json::{Map, Value, json};
use std::fmt;
use std::time::Duration;

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// `caller.actor`.
    pub actor: String,
    /// `caller.id`.
    pub subject: String,
    /// `caller.roles`.
    pub roles: Vec<String>,
    /// `caller.tenant`.
    pub tenant: Option<String>,
    /// `caller.channel`.
    pub channel: Option<String>,
    /// Everything else; `name` is the display name.
    pub claims: Map<String, Value>,
    /// How long it is valid.
    pub lifetime: Duration,
}

impl TokenRequest {
    /// A token for `subject` as `actor`, valid for twelve hours, with nothing else in it.
    #[must_use]
    pub fn new(actor: &str, subject: &str) -> Self {
        Self {
            actor: actor.to_owned(),
            subject: subject.to_owned(),
            roles: Vec::new(),
            tenant: None,
            channel: None,
            claims: Map::new(),
            lifetime: Duration::from_secs(12 * 3600),
        }
    }
}

/// Why no token was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmintable {
    /// A free claim has the name of one with a meaning of its own.
    Reserved(String),
    /// The subject is empty.
    NoSubject,
    /// The library could not sign.
    Unsigned(String),
}

impl fmt::Display for Unmintable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved(name) => write!(f, "the claim `{name}` is set by an option of its own"),
            Self::NoSubject => f.write_str("a token needs a subject"),
            Self::Unsigned(why) => write!(f, "the token could not be signed: {why}"),
        }
    }
}

impl Issuer {
    /// A signed token.
    ///
    /// # Errors
    /// A claim that has an option of its own, an empty subject.
    pub fn mint(&self, request: &TokenRequest, world: &World) -> Result<String, Unmintable> {
        let reserved =
            |name: &&String| claim::OURS.contains(&name.as_str()) && *name != claim::NAME;
        if let Some(name) = request.claims.keys().find(reserved) {
            return Err(Unmintable::Reserved(name.clone()));
        }
        if request.subject.is_empty() {
            return Err(Unmintable::NoSubject);
        }
        let now = world.now().unix_seconds();
        let lifetime = i64::try_from(request.lifetime.as_secs()).unwrap_or(i64::MAX);
        let mut claims = request.claims.clone();
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("iss", json!(self.name()));
        put("aud", json!(self.audience));
        put("sub", json!(request.subject));
        put("iat", json!(now));
        put("nbf", json!(now));
        put("exp", json!(now.saturating_add(lifetime)));
        put("jti", json!(world.id().to_string()));
        put(claim::ACTOR, json!(request.actor));
        put(claim::ROLES, json!(request.roles));
        for (name, value) in [
            (claim::TENANT, &request.tenant),
            (claim::CHANNEL, &request.channel),
        ] {
            if let Some(value) = value {
                put(name, json!(value));
            }
        }
        let header = Header {
            kid: Some(self.key.id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        encode(&header, &claims, self.key.private())
            .map_err(|error| Unmintable::Unsigned(error.to_string()))
    }
}
