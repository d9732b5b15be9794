//! Which aggregates stand in a store: its own, copies of other services' rows, or nothing. It must
//! not know why a cut was drawn.

use underpin_brief::model::{Aggregate, Brief, Id};

/// How the rows of an aggregate stand in one store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Here, and only here, they are written.
    #[default]
    Own,
    /// Copies that follow their owner: read by queries and conditions, written by nobody else.
    Replica,
    /// Not here.
    Absent,
}

/// What stands in one store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// How each aggregate stands here; own where nothing is said.
    presence: Vec<Presence>,
    /// Aggregates whose writes are logged, since others follow them.
    logged: Vec<bool>,
}

impl Contents {
    /// Everything, followed by nobody: the only store there is.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Whether every aggregate is the store's own.
    #[must_use]
    pub fn whole(&self) -> bool {
        self.presence.iter().all(|one| *one == Presence::Own)
    }

    /// What `presence` says of each aggregate, with a log for those that `followed` names.
    #[must_use]
    pub fn new(
        brief: &Brief,
        presence: impl Fn(Id<Aggregate>) -> Presence,
        followed: impl Fn(Id<Aggregate>) -> bool,
    ) -> Self {
        let ids = || brief.aggregates.iter().map(|(id, _)| id);
        Self {
            presence: ids().map(presence).collect(),
            logged: ids().map(followed).collect(),
        }
    }

    /// How an aggregate stands here.
    #[must_use]
    pub fn presence(&self, of: Id<Aggregate>) -> Presence {
        self.presence.get(of.index()).copied().unwrap_or_default()
    }

    /// Whether writes to an aggregate are logged for those who follow it.
    #[must_use]
    pub fn logged(&self, of: Id<Aggregate>) -> bool {
        self.logged.get(of.index()).copied().unwrap_or(false)
    }
}
