//! From the `Authorization` header to a caller. Must not know what the caller asks for.

use super::caller::Caller;
use super::claim;
use super::issuer::Issuer;
use crate::world::Moment;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

/// How far clocks may differ, in seconds.
const SKEW: i64 = 30;

/// Why a token is not accepted: answered 401 with this as `error_description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Not `Bearer` and a token.
    Scheme,
    /// Not a token, or signed by nobody we know, or with an algorithm that is not allowed.
    Signature,
    /// From another issuer.
    Issuer,
    /// For another audience.
    Audience,
    /// Expired.
    Expired,
    /// Not valid yet.
    Early,
    /// Issued longer ago than is accepted, or nobody says when.
    Aged,
    /// Without subject or actor.
    Incomplete,
    /// Of an actor who does not sign in through this issuer.
    Actor,
    /// The issuer's keys cannot be had now: nobody can tell whether the token is good.
    Unready,
}

impl Rejected {
    /// What the client is told.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Scheme => "the authorization header is not a bearer token",
            Self::Signature => "the token's signature is not valid",
            Self::Issuer => "the token is from another issuer",
            Self::Audience => "the token is for another audience",
            Self::Expired => "the token has expired",
            Self::Early => "the token is not valid yet",
            Self::Aged => "the token was issued too long ago",
            Self::Incomplete => "the token names no subject or no actor",
            Self::Actor => "the token's actor does not sign in through this issuer",
            Self::Unready => "the issuer's keys cannot be had at the moment",
        }
    }
}

/// The token of an `Authorization` header.
///
/// # Errors
/// [`Rejected::Scheme`].
pub fn bearer(header: &str) -> Result<&str, Rejected> {
    let (scheme, token) = header.trim().split_once(' ').ok_or(Rejected::Scheme)?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
        .then_some(token)
        .ok_or(Rejected::Scheme)
}

impl Issuer {
    /// The caller whom `token` names at `now`.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn verify(&self, token: &str, now: Moment) -> Result<Caller, Rejected> {
        let header = decode_header(token).map_err(|_| Rejected::Signature)?;
        if header.alg != Algorithm::ES256 || header.kid.as_deref() != Some(&self.key.id) {
            return Err(Rejected::Signature);
        }
        let claims = decode::<Map<String, Value>>(token, self.key.public(), &signature_only())
            .map_err(|_| Rejected::Signature)?
            .claims;
        self.check(&claims, now)?;
        caller(claims)
    }

    fn check(&self, claims: &Map<String, Value>, now: Moment) -> Result<(), Rejected> {
        issued_by(claims, |issuer| {
            self.names.iter().any(|name| name == issuer)
        })?;
        meant_for(claims, &self.audience)?;
        within_its_time(claims, now)
    }
}

/// Whether the issuer is one of ours.
pub(super) fn issued_by(
    claims: &Map<String, Value>,
    ours: impl Fn(&str) -> bool,
) -> Result<(), Rejected> {
    let issuer = text(claims, "iss").ok_or(Rejected::Issuer)?;
    ours(issuer).then_some(()).ok_or(Rejected::Issuer)
}

/// Whether it is for that audience.
pub(super) fn meant_for(claims: &Map<String, Value>, audience: &str) -> Result<(), Rejected> {
    let meant = |value: &Value| value.as_str() == Some(audience);
    let for_us = match claims.get("aud") {
        Some(Value::Array(several)) => several.iter().any(meant),
        Some(one) => meant(one),
        None => false,
    };
    for_us.then_some(()).ok_or(Rejected::Audience)
}

/// A moment that a claim names, in seconds; parts of a second are left out.
fn seconds(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    let number = claims.get(name)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float saturates, and no time is that far"
    )]
    number
        .as_i64()
        .or_else(|| number.as_f64().map(|float| float as i64))
}

/// Whether it is valid at `now`.
pub(super) fn within_its_time(claims: &Map<String, Value>, now: Moment) -> Result<(), Rejected> {
    let now = now.unix_seconds();
    if seconds(claims, "exp").is_none_or(|end| now >= end.saturating_add(SKEW)) {
        return Err(Rejected::Expired);
    }
    if seconds(claims, "nbf").is_some_and(|start| now < start.saturating_sub(SKEW)) {
        return Err(Rejected::Early);
    }
    Ok(())
}

/// Whether it was issued at most `most` ago, and not in the future.
pub(super) fn young(
    claims: &Map<String, Value>,
    now: Moment,
    most: std::time::Duration,
) -> Result<(), Rejected> {
    let issued = seconds(claims, "iat").ok_or(Rejected::Aged)?;
    let now = now.unix_seconds();
    if issued > now.saturating_add(SKEW) {
        return Err(Rejected::Early);
    }
    let most = i64::try_from(most.as_secs()).unwrap_or(i64::MAX);
    let end = issued.saturating_add(most).saturating_add(SKEW);
    (now < end).then_some(()).ok_or(Rejected::Aged)
}

/// The library checks the signature; issuer, audience and times are checked here, because the
/// clock is the runtime's.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn caller(claims: Map<String, Value>) -> Result<Caller, Rejected> {
    let owned = |name| text(&claims, name).map(str::to_owned);
    let roles = claims.get(claim::ROLES).and_then(Value::as_array);
    let roles = roles
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    Ok(Caller {
        id: owned("sub").ok_or(Rejected::Incomplete)?,
        actor: owned(claim::ACTOR).ok_or(Rejected::Incomplete)?,
        roles,
        tenant: owned(claim::TENANT),
        channel: owned(claim::CHANNEL),
        name: owned(claim::NAME),
        claims: claims
            .into_iter()
            .filter(|(name, _)| !claim::OURS.contains(&name.as_str()))
            .collect(),
    })
}
