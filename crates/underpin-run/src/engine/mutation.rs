//! Faults that are planted into the engine to test its tests: each must be found within a bounded
//! number of scripts. Compiled only with the feature `mutations`; without it nothing is ever planted
//! and the questions here are constants.

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// No statement is taken back.
    SkipUndo,
    /// A row that is changed again after the pivot is not kept from others.
    DropHold,
    /// A flow is answered and its transaction does not stay.
    AnswerBeforeCommit,
    /// A policy deals with an event a second time.
    ApplyTwice,
    /// A row of any tenant is found by its key.
    ForgetTenant,
    /// Invariants are checked by the last statement only.
    LateInvariants,
    /// What happened to rows is told before the pivot.
    EarlyLifecycle,
    /// A `read` gets the row as it was when it was first read.
    StaleRead,
    /// The answer `busy` is kept for its key.
    ReplayBusy,
}

impl Mutation {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 9] = [
        ("skip-undo", Self::SkipUndo),
        ("drop-hold", Self::DropHold),
        ("answer-before-commit", Self::AnswerBeforeCommit),
        ("apply-twice", Self::ApplyTwice),
        ("forget-tenant", Self::ForgetTenant),
        ("late-invariants", Self::LateInvariants),
        ("early-lifecycle", Self::EarlyLifecycle),
        ("stale-read", Self::StaleRead),
        ("replay-busy", Self::ReplayBusy),
    ];

    /// Whether it is planted.
    #[cfg(not(feature = "mutations"))]
    pub(super) const fn planted(self) -> bool {
        false
    }
}

#[cfg(feature = "mutations")]
mod planted {
    use super::Mutation;
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};
    use underpin_brief::model::Value;

    static PLANTED: Mutex<Option<Mutation>> = Mutex::new(None);
    static READ: Mutex<BTreeMap<(usize, Value), Value>> = Mutex::new(BTreeMap::new());

    /// Plants a fault, or none, in every engine of this process.
    pub fn plant(mutation: Option<Mutation>) {
        *PLANTED.lock().unwrap_or_else(PoisonError::into_inner) = mutation;
        READ.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    impl Mutation {
        /// Whether it is planted.
        pub(in crate::engine) fn planted(self) -> bool {
            *PLANTED.lock().unwrap_or_else(PoisonError::into_inner) == Some(self)
        }
    }

    /// The row as it was when it was first read.
    pub(in crate::engine) fn first_read(of: usize, key: &Value, row: Value) -> Value {
        if !Mutation::StaleRead.planted() {
            return row;
        }
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        read.entry((of, key.clone())).or_insert(row).clone()
    }
}

#[cfg(feature = "mutations")]
pub(super) use planted::first_read;
#[cfg(feature = "mutations")]
pub use planted::plant;
