//! The development issuer: key, name and audience, and the two documents that it publishes. Must
//! not know HTTP.

use super::key::SigningKey;
use crate::folder::Folder;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;

/// Names of the issuer, one per line; the last one is current. Tokens minted under an earlier port
/// stay valid: the key is the same.
const FILE: &str = "issuers";
const FIRST: &str = "http://127.0.0.1:8080";

/// The issuer of a data folder.
pub struct Issuer {
    pub(super) key: SigningKey,
    pub(super) names: Vec<String>,
    pub(super) audience: String,
}

impl Issuer {
    /// The issuer of the data folder, for the system of that name; its key is born where there is
    /// none.
    ///
    /// # Errors
    /// What the disk says; a damaged key file.
    pub fn of(data: &Folder, system: &str) -> io::Result<Self> {
        let folder = data.inner("identity")?;
        let names = folder.read_or_born(FILE, || format!("{FIRST}\n"))?;
        Ok(Self {
            key: SigningKey::of(&folder)?,
            names: names.lines().map(str::to_owned).collect(),
            audience: system.to_owned(),
        })
    }

    /// The same for a server at `address`: its name becomes the current one.
    ///
    /// # Errors
    /// As [`Issuer::of`].
    pub fn at(data: &Folder, system: &str, address: SocketAddr) -> io::Result<Self> {
        let mut issuer = Self::of(data, system)?;
        let name = format!("http://{address}");
        if issuer.names.last() != Some(&name) {
            issuer.names.retain(|known| *known != name);
            issuer.names.push(name);
            data.inner("identity")?
                .replace(FILE, &format!("{}\n", issuer.names.join("\n")))?;
        }
        Ok(issuer)
    }

    /// The current name (`iss`).
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.last().map_or(FIRST, String::as_str)
    }

    /// The key set that verifies its tokens.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.key.jwk()] })
    }

    /// `/.well-known/openid-configuration`. Tokens are minted on the command line, so there is no
    /// authorization endpoint to name.
    #[must_use]
    pub fn configuration(&self) -> Value {
        let name = self.name();
        json!({
            "issuer": name,
            "jwks_uri": format!("{name}/.well-known/jwks.json"),
            "response_types_supported": ["none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "claims_supported": ["iss", "aud", "sub", "iat", "nbf", "exp", "jti",
                "actor", "roles", "tenant", "channel", "name"],
        })
    }
}
