//! What a run has reached, so that nobody takes silence for agreement.

use std::collections::BTreeMap;

/// Counters by name.
#[derive(Clone, Debug, Default)]
pub struct Counts(pub BTreeMap<String, u64>);

impl Counts {
    /// Once more.
    pub fn add(&mut self, name: impl Into<String>) {
        *self.0.entry(name.into()).or_default() += 1;
    }

    /// All of another run.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            *self.0.entry(name.clone()).or_default() += count;
        }
    }

    /// How often something was reached.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// One line per kind: `refused: exists 3, not-found 12`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, count) in &self.0 {
            let (kind, what) = name.split_once(' ').unwrap_or((name, ""));
            kinds
                .entry(kind)
                .or_default()
                .push(format!("{what} {count}").trim().to_owned());
        }
        kinds
            .iter()
            .map(|(kind, all)| format!("{kind}: {}", all.join(", ")))
            .collect()
    }
}
