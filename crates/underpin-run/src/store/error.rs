//! What can go wrong in the store. Refusals of a brief are not errors here.

use std::fmt;

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Too much is waiting to be written; nothing was done.
    Full,
    /// The store is stopped or stopping; the outcome of what was waiting is not known.
    Stopped,
    /// The database said something unexpected; the batch was rolled back.
    Database(String),
    /// A row does not read back as its declared type, or a closure panicked.
    Defect(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("too many writes are waiting"),
            Self::Stopped => f.write_str("the store is stopped"),
            Self::Database(what) => write!(f, "the database failed: {what}"),
            Self::Defect(what) => write!(f, "a defect in the store: {what}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.to_string())
    }
}
