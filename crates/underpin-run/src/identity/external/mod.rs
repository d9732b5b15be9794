//! An OpenID Connect provider elsewhere: its discovery document and its keys, fetched, kept and
//! renewed; tokens of it verified. Must not know the brief: which actors may come this way and
//! which claims mean what is told.

mod claims;
mod fetch;
mod keys;
mod renewal;

pub use claims::ClaimNames;

use super::verify::{self, Rejected};
use super::{Caller, claim};
use crate::folder::Folder;
use crate::world::Moment;
use fetch::Fetch;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use keys::{Key, KeySet};
use renewal::{Need, Renewal};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What was fetched last, so that a restart survives an absence of the provider.
const FILE: &str = "identity/provider.json";

/// Whose tokens are believed, and how they are read.
#[derive(Clone, Debug)]
pub struct ExternalIssuer {
    /// The issuer (`iss`), to the letter; `https`, or `http` on a loopback address.
    pub url: String,
    /// The audience that a token must be for; `None`: the system's name.
    pub audience: Option<String>,
    /// Which claims mean what.
    pub claims: ClaimNames,
    /// How long after its `iat` a token is accepted at most.
    pub max_age: Duration,
}

impl ExternalIssuer {
    /// An issuer with the claims of development tokens and a day of token age.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            audience: None,
            claims: ClaimNames::default(),
            max_age: Duration::from_secs(24 * 3600),
        }
    }
}

/// The provider as this process knows it.
pub struct Provider {
    options: ExternalIssuer,
    audience: String,
    actors: Vec<String>,
    fetch: Fetch,
    data: Folder,
    known: Mutex<Known>,
    /// One fetch at a time.
    fetching: tokio::sync::Mutex<()>,
}

struct Known {
    keys: Arc<KeySet>,
    renewal: Renewal,
}

impl Provider {
    /// The provider, asked once. Where it cannot be reached, what an earlier run has kept of it is
    /// used while that is young enough.
    ///
    /// # Errors
    /// A URL that is not allowed, or a provider of which nothing usable is known.
    pub async fn open(
        options: ExternalIssuer,
        system: &str,
        actors: Vec<String>,
        data: &Folder,
        now: Moment,
    ) -> Result<Arc<Self>, String> {
        let fetch = Fetch::new(&options.url)?;
        let provider = Arc::new(Self {
            audience: options
                .audience
                .clone()
                .unwrap_or_else(|| system.to_owned()),
            options,
            actors,
            fetch,
            data: data.clone(),
            known: Mutex::new(Known {
                keys: Arc::default(),
                renewal: Renewal::default(),
            }),
            fetching: tokio::sync::Mutex::new(()),
        });
        if let Err(why) = provider.renew(now, None).await {
            let kept = provider.kept();
            let age = kept.as_ref().map(|(_, at)| now.since(*at));
            match (kept, age) {
                (Some((keys, at)), Some(age)) if age <= renewal::USABLE => {
                    provider.learn(keys, at);
                }
                _ => return Err(why),
            }
        }
        Ok(provider)
    }

    /// The issuer's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.options.url
    }

    /// The audience that a token must be for.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The caller whom `token` names at `now`.
    ///
    /// # Errors
    /// Why it is not accepted; [`Rejected::Unready`] where that cannot be told for want of keys.
    pub async fn verify(self: &Arc<Self>, token: &str, now: Moment) -> Result<Caller, Rejected> {
        let header = decode_header(token).map_err(|_| Rejected::Signature)?;
        // Nothing that must be understood is: RFC 7515, section 4.1.11.
        if header.crit.is_some() {
            return Err(Rejected::Signature);
        }
        let key = self.key(header.kid.as_deref(), now).await?;
        if !key.admits(header.alg) {
            return Err(Rejected::Signature);
        }
        let claims =
            decode::<Map<String, Value>>(token, &key.decoding, &signature_only(header.alg))
                .map_err(|_| Rejected::Signature)?
                .claims;
        verify::issued_by(&claims, |issuer| issuer == self.options.url)?;
        verify::meant_for(&claims, &self.audience)?;
        verify::within_its_time(&claims, now)?;
        verify::young(&claims, now, self.options.max_age)?;
        let caller = self.options.claims.caller(claims, &self.actors)?;
        match self.actors.contains(&caller.actor) {
            true => Ok(caller),
            false => Err(Rejected::Actor),
        }
    }

    /// The key of that name, fetched where it is news.
    async fn key(self: &Arc<Self>, id: Option<&str>, now: Moment) -> Result<Key, Rejected> {
        let (found, need) = self.look(id, now);
        match (found, need) {
            (Some(key), Need::Nothing) => return Ok(key),
            (Some(key), Need::Soon) => {
                let own = Arc::clone(self);
                tokio::spawn(async move { own.renew(now, Some(now)).await });
                return Ok(key);
            }
            (None, Need::Nothing | Need::Soon) => return Err(Rejected::Signature),
            (_, Need::Wait) => return Err(Rejected::Unready),
            (_, Need::Now) => {}
        }
        // What goes wrong is seen by looking again: keys that are there go on.
        let _ = self.renew(now, Some(now)).await;
        match self.look(id, now) {
            (Some(key), Need::Nothing | Need::Soon) => Ok(key),
            (_, Need::Wait | Need::Now) => Err(Rejected::Unready),
            (None, _) => Err(Rejected::Signature),
        }
    }

    fn look(&self, id: Option<&str>, now: Moment) -> (Option<Key>, Need) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = known.keys.find(id);
        let need = known.renewal.need(key.is_some(), now);
        (key, need)
    }

    /// Fetches the keys, unless somebody else has tried since `asked`.
    async fn renew(&self, now: Moment, asked: Option<Moment>) -> Result<(), String> {
        let _one = self.fetching.lock().await;
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.is_some_and(|asked| !known.renewal.may_try(asked)) {
                return Ok(());
            }
            known.renewal.tried(now);
        }
        let document = self.fetch.keys(&self.options.url).await?;
        let keys = KeySet::read(&document);
        if keys.is_empty() {
            return Err("its key set holds no key of an allowed kind".to_owned());
        }
        self.learn(keys, now);
        let kept = json!({ "issuer": self.options.url, "at": now.0, "keys": document });
        // A folder that cannot be written costs the next restart its independence, nothing now.
        let _ = self
            .data
            .inner("identity")
            .and_then(|_| self.data.replace(FILE, &kept.to_string()));
        Ok(())
    }

    fn learn(&self, keys: KeySet, at: Moment) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.keys = Arc::new(keys);
        known.renewal.fetched(at);
    }

    fn kept(&self) -> Option<(KeySet, Moment)> {
        let text = self.data.read(FILE).ok()??;
        let kept: Value = serde_json::from_str(&text).ok()?;
        let same = kept.get("issuer")?.as_str()? == self.options.url;
        let keys = KeySet::read(kept.get("keys")?);
        let at = Moment(kept.get("at")?.as_i64()?);
        (same && !keys.is_empty()).then_some((keys, at))
    }
}

/// The library checks the signature; everything else is checked here, by the runtime's clock.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

#[cfg(test)]
mod tests;
