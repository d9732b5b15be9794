//! Who asks: a bearer token signed with ES256 by the one issuer.

use crate::store::Refused;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

/// The claims that are used.
#[derive(Debug, Deserialize)]
pub struct Caller {
    /// The subject.
    pub sub: String,
    /// The kind of actor.
    pub actor: String,
    /// Its roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Where it comes from.
    #[serde(default)]
    pub channel: Option<String>,
}

/// The issuer's keys.
pub struct Issuer {
    keys: Vec<(String, DecodingKey)>,
    validation: Validation,
}

impl Issuer {
    /// Of a JSON Web Key Set.
    pub fn new(keys: &str, issuer: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let set: JwkSet = serde_json::from_str(keys)?;
        let mut known = Vec::new();
        for key in &set.keys {
            let id = key.common.key_id.clone().unwrap_or_default();
            known.push((id, DecodingKey::from_jwk(key)?));
        }
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&["shop"]);
        validation.set_issuer(&[issuer]);
        validation.validate_nbf = true;
        Ok(Self {
            keys: known,
            validation,
        })
    }

    /// The caller, of that kind.
    pub fn caller(&self, headers: &HeaderMap, actor: &str) -> Result<Caller, Refused> {
        const NOBODY: Refused = Refused::With(401, "unauthenticated");
        let header = headers
            .get(AUTHORIZATION)
            .and_then(|header| header.to_str().ok());
        let token = header
            .and_then(|header| header.strip_prefix("Bearer "))
            .ok_or(NOBODY)?;
        let id = decode_header(token).ok().and_then(|header| header.kid);
        let key = self
            .keys
            .iter()
            .find(|(known, _)| Some(known) == id.as_ref());
        let (_, key) = key.ok_or(NOBODY)?;
        let caller = decode::<Caller>(token, key, &self.validation)
            .map_err(|_| NOBODY)?
            .claims;
        if caller.actor != actor {
            return Err(Refused::With(403, "forbidden"));
        }
        Ok(caller)
    }
}
