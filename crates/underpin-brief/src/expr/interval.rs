//! Proofs that something cannot fail: linear inequalities over slots. Conservative: what is not
//! proved may still be true.

use crate::model::{Expr, Slot};

/// What takes the place of a row slot or variable in a goal: the value after a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substitution {
    /// The variable (usually [`Root::SelfRow`](crate::model::Root)).
    pub slot: Slot,
    /// The slot of its value, or the variable as a whole.
    pub field: Option<usize>,
    /// What it is now, over the state before.
    pub value: Expr,
}

/// Whether `goal` holds after the substitution wherever all `facts` held before it. Facts and
/// goal are bools; `false` where it is not proved.
#[must_use]
pub fn proves(facts: &[Expr], goal: &Expr, substitution: &[Substitution]) -> bool {
    let _ = (facts, goal, substitution);
    false
}
