//! Stored bytes beside rows: who may bring them, and what each place accepts. A row holds only a
//! handle of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::model::{Command, Id};

/// What is done with stored bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlobAction {
    /// Asks for a handle.
    Ticket,
    /// Brings the bytes.
    Upload,
    /// Gets them.
    Download,
}

/// The places where commands take handles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlobInputs {
    /// By command.
    pub commands: BTreeMap<Id<Command>, Vec<BlobInput>>,
    /// The most bytes that any place accepts.
    pub largest: u64,
}

/// An input that takes a handle, with what the input and the field that it goes to accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobInput {
    /// Its slot.
    pub slot: usize,
    /// Its name.
    pub name: Arc<str>,
    /// The most bytes.
    pub max: Option<u64>,
    /// Media types, as `image/*`: all must fit.
    pub media: Vec<Arc<str>>,
}

impl BlobInput {
    /// Whether bytes of that many and of that media type may stand there.
    #[must_use]
    pub fn accepts(&self, bytes: u64, media: &str) -> bool {
        let fits = |pattern: &Arc<str>| match pattern.strip_suffix('*') {
            Some(start) => media.starts_with(start),
            None => media == &**pattern,
        };
        self.max.is_none_or(|max| bytes <= max) && self.media.iter().all(fits)
    }
}
