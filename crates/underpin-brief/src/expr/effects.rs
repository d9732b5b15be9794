//! What an expression reads: slots of rows, joins, the caller, the time.

use std::collections::BTreeSet;

use super::eval::Defines;
use crate::model::{Aggregate, Expr, Id, Root};

/// A dot through a reference: from which row slot to which aggregate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The aggregate whose row holds the reference; `None` where it comes from an input, an event
    /// or a binding.
    pub from: Option<Id<Aggregate>>,
    /// The row slot that holds it, where it comes from a row.
    pub slot: Option<usize>,
    /// The aggregate that is looked at.
    pub to: Id<Aggregate>,
}

/// What an expression reads, defines included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Row slots, per aggregate.
    pub slots: BTreeSet<(Id<Aggregate>, usize)>,
    /// Whole rows (a row that is passed on as a value).
    pub rows: BTreeSet<Id<Aggregate>>,
    /// Joins.
    pub joins: BTreeSet<Edge>,
    /// Roots.
    pub roots: BTreeSet<Root>,
    /// Whether a secret is drawn.
    pub secret: bool,
}

impl Reads {
    /// Whether it depends on who asks.
    #[must_use]
    pub fn caller(&self) -> bool {
        self.roots.contains(&Root::Caller)
    }

    /// Whether it depends on the time of admission.
    #[must_use]
    pub fn now(&self) -> bool {
        self.roots.contains(&Root::Now)
    }

    /// Adds what `other` reads.
    pub fn add(&mut self, other: Self) {
        self.slots.extend(other.slots);
        self.rows.extend(other.rows);
        self.joins.extend(other.joins);
        self.roots.extend(other.roots);
        self.secret |= other.secret;
    }
}

/// What `expr` reads, looking through `defines`.
#[must_use]
pub fn reads(expr: &Expr, defines: &dyn Defines) -> Reads {
    let _ = (expr, defines);
    Reads::default()
}
