//! The lock file: what must stay the same between versions of a brief. Written by the tool,
//! reviewed by people, kept beside the brief. Pure: text in, text out.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The version of the form.
const FORMAT: u32 = 1;

/// What stays the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The version of this form.
    format: u32,
    /// Numbers of decisions, by `kind of subject`. A number is never given twice.
    decisions: BTreeMap<String, u32>,
    /// Ports of services, by name.
    ports: BTreeMap<String, u16>,
}

/// Why a lock file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockError(String);

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self {
            format: FORMAT,
            decisions: BTreeMap::new(),
            ports: BTreeMap::new(),
        }
    }
}

impl Lock {
    /// The lock in a text.
    ///
    /// # Errors
    /// A text that is no lock file, or one of a later form.
    pub fn read(text: &str) -> Result<Self, LockError> {
        let lock: Self = serde_json::from_str(text)
            .map_err(|error| LockError(format!("the lock file cannot be read: {error}")))?;
        if lock.format != FORMAT {
            let message = format!(
                "the lock file has form {}, this tool reads {FORMAT}",
                lock.format
            );
            return Err(LockError(message));
        }
        Ok(lock)
    }

    /// The text of the lock file: sorted, a line break at the end.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The number of a decision; a new one gets the next that was never given.
    pub fn decision_number(&mut self, kind: &str, subject: &str) -> u32 {
        let next = self
            .decisions
            .values()
            .max()
            .map_or(1, |last| last.saturating_add(1));
        *self
            .decisions
            .entry(format!("{kind} of {subject}"))
            .or_insert(next)
    }

    /// The port of a service; a new one gets the next from 8081 that was never given.
    pub fn port(&mut self, service: &str) -> u16 {
        let next = self
            .ports
            .values()
            .max()
            .map_or(8081, |last| last.saturating_add(1));
        *self.ports.entry(service.to_owned()).or_insert(next)
    }
}
