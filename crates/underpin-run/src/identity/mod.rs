//! Who asks. For development an OpenID Connect issuer lives in the process: its key is born in the
//! data folder, `underpin token` mints with it, the server verifies and publishes what clients
//! need to verify too. An OpenID Connect provider elsewhere takes its place where one is named. Must
//! not know what callers may do: that is the brief's `allow`.

mod caller;
mod external;
mod issuer;
mod key;
mod mint;
mod names;
mod trust;
mod verify;

pub use caller::Caller;
pub use external::{ClaimNames, ExternalIssuer, Provider};
pub use issuer::Issuer;
pub use key::SigningKey;
pub use mint::{TokenRequest, Unmintable};
pub use names::Names;
pub use trust::Trust;
pub use verify::{Rejected, bearer};

/// Names of claims that the language gives a meaning; all others are `caller.claims`.
mod claim {
    pub(super) const ACTOR: &str = "actor";
    pub(super) const ROLES: &str = "roles";
    pub(super) const TENANT: &str = "tenant";
    pub(super) const CHANNEL: &str = "channel";
    pub(super) const NAME: &str = "name";
    /// Claims of RFC 7519 and those above: not part of `caller.claims`.
    pub(super) const OURS: [&str; 12] = [
        "iss", "aud", "sub", "iat", "nbf", "exp", "jti", ACTOR, ROLES, TENANT, CHANNEL, NAME,
    ];
}

#[cfg(test)]
mod tests;
