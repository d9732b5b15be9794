//! The directory of display names: the last `name` that a token of a subject carried. Must not
//! know tokens.

use crate::folder::Folder;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

const FILE: &str = "identity/names.json";

/// Names by actor and subject, kept in the data folder.
pub struct Names {
    data: Folder,
    known: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
}

impl Names {
    /// The names that the data folder knows.
    ///
    /// # Errors
    /// What the disk says; a damaged file.
    pub fn of(data: &Folder) -> io::Result<Self> {
        let known = match data.read(FILE)? {
            Some(text) => serde_json::from_str(&text)?,
            None => BTreeMap::new(),
        };
        Ok(Self {
            data: data.clone(),
            known: Mutex::new(known),
        })
    }

    /// The name of `subject` as `actor`.
    #[must_use]
    pub fn find(&self, actor: &str, subject: &str) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(actor)?.get(subject).cloned()
    }

    /// Forgets every name of `subject`; how many there were.
    ///
    /// # Errors
    /// What the disk says.
    pub fn forget(&self, subject: &str) -> io::Result<usize> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = known
            .values_mut()
            .filter_map(|of| of.remove(subject))
            .count();
        if forgotten > 0 {
            self.data.replace(FILE, &serde_json::to_string(&*known)?)?;
        }
        Ok(forgotten)
    }

    /// Remembers `name` for `subject` as `actor`; writes only what is news.
    ///
    /// # Errors
    /// What the disk says.
    pub fn learn(&self, actor: &str, subject: &str, name: &str) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let subjects = known.entry(actor.to_owned()).or_default();
        if subjects.get(subject).is_some_and(|old| old == name) {
            return Ok(());
        }
        subjects.insert(subject.to_owned(), name.to_owned());
        self.data.inner("identity")?;
        self.data.replace(FILE, &serde_json::to_string(&*known)?)
    }
}
