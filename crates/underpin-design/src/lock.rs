//! What must stay stable between versions of a brief: numbers of decisions, ports, renamed
//! things. Pure: the text is read and written by the command line, beside the brief.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The port of the first service.
pub const FIRST_PORT: u16 = 8101;

/// The lock file's content. Numbers are given once and never again, also when what they were
/// given to disappears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The version of this form.
    #[serde(default)]
    pub form: u32,
    /// Numbers of decisions, by `kind subject`.
    #[serde(default)]
    pub decisions: BTreeMap<String, u32>,
    /// Ports of services, by name.
    #[serde(default)]
    pub ports: BTreeMap<String, u16>,
    /// Former names of renamed things, by node path.
    #[serde(default)]
    pub renamed: BTreeMap<String, String>,
}

/// Why a lock file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockError {
    /// In plain words.
    pub message: String,
    /// Line, from 1; 0 where it is about the whole.
    pub line: usize,
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {})", self.message, self.line)
    }
}

impl Lock {
    /// The lock file of that text.
    ///
    /// # Errors
    /// Text that is not a lock file of this form.
    pub fn read(text: &str) -> Result<Self, LockError> {
        let lock: Self = serde_json::from_str(text).map_err(|error| LockError {
            message: error.to_string(),
            line: error.line(),
        })?;
        let twice = |distinct: usize, all: usize| distinct != all;
        let numbers: std::collections::BTreeSet<_> = lock.decisions.values().collect();
        let ports: std::collections::BTreeSet<_> = lock.ports.values().collect();
        if lock.form > 1
            || twice(numbers.len(), lock.decisions.len())
            || twice(ports.len(), lock.ports.len())
        {
            let message = "not a lock file of this version, or a number stands twice".to_owned();
            return Err(LockError { message, line: 0 });
        }
        Ok(lock)
    }

    /// The text of the lock file.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Gives numbers to decisions and ports to services that have none yet, in the order of
    /// their names, and keeps all that were given before.
    #[must_use]
    pub fn merge(&self, decisions: &[String], services: &[String]) -> Self {
        let mut merged = self.clone();
        merged.form = 1;
        let mut decisions = decisions.to_vec();
        decisions.sort();
        let mut number = merged.decisions.values().max().copied().unwrap_or(0);
        for key in decisions {
            merged.decisions.entry(key).or_insert_with(|| {
                number = number.saturating_add(1);
                number
            });
        }
        let mut services = services.to_vec();
        services.sort();
        let mut port = merged
            .ports
            .values()
            .max()
            .copied()
            .unwrap_or(FIRST_PORT - 1);
        for name in services {
            merged.ports.entry(name).or_insert_with(|| {
                port = port.saturating_add(1);
                port
            });
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::Lock;

    fn strings(words: &str) -> Vec<String> {
        words
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn numbers_once_given_stay_and_are_not_given_again() {
        let first = Lock::default().merge(&strings("b a"), &strings("y x"));
        assert_eq!((first.decisions["a"], first.decisions["b"]), (1, 2));
        assert_eq!((first.ports["x"], first.ports["y"]), (8101, 8102));
        let second = first.merge(&strings("aa b"), &strings("w"));
        assert_eq!(second.decisions["a"], 1, "what disappears keeps its number");
        assert_eq!(second.decisions["aa"], 3);
        assert_eq!(second.ports["w"], 8103);
        assert_eq!(Lock::read(&second.write()), Ok(second));
    }

    #[test]
    fn a_lock_that_gives_a_number_twice_is_refused() {
        assert!(Lock::read(r#"{"decisions":{"a":1,"b":1}}"#).is_err());
        assert!(Lock::read("[").is_err());
        assert!(Lock::read("{}").is_ok());
    }
}
