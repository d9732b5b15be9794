//! Whose tokens are believed: the development issuer's or a provider's, never both. Must not know
//! what a caller may do.

use super::{Caller, Issuer, Provider, Rejected};
use crate::world::Moment;
use std::sync::Arc;

/// Whose tokens are believed.
#[derive(Clone)]
pub enum Trust {
    /// The development issuer of the data folder.
    Development(Arc<Issuer>),
    /// A provider elsewhere; tokens of the development issuer are then worth nothing.
    External(Arc<Provider>),
}

impl Trust {
    /// The caller whom `token` names at `now`.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub async fn verify(&self, token: &str, now: Moment) -> Result<Caller, Rejected> {
        match self {
            Self::Development(issuer) => issuer.verify(token, now),
            Self::External(provider) => provider.verify(token, now).await,
        }
    }
}
