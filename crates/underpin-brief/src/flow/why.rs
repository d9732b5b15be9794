//! What a refusal comes from, so that a finding can name it and show where it is declared.

use crate::diagnostic::Diagnostic;
use crate::model::Text;
use crate::source::Span;

/// Why something may be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Why {
    /// What is said about the values, rows or systems.
    pub reason: Reason,
    /// Where that is declared.
    pub place: Span,
}

/// What kind of thing refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A condition that is not proved, with its code: an invariant or a `require`.
    Condition(Text),
    /// The bounds of a field.
    Bounds,
    /// Another row may have the value or the key.
    Taken,
    /// A move from states in which the row is not known to be.
    Move(Text),
    /// A row or an element that may be missing.
    Missing,
    /// An external operation that `fails` with a code.
    Fails(Text),
    /// Another command.
    Command,
    /// An exact limit.
    Limit(Text),
}

impl Why {
    pub(super) fn new(reason: Reason, place: Span) -> Self {
        Self { reason, place }
    }

    fn words(&self) -> String {
        match &self.reason {
            Reason::Condition(code) => {
                format!("refused with `{code}` where this is not proved to hold")
            }
            Reason::Bounds => "refused where the value is outside of these bounds".to_owned(),
            Reason::Taken => "refused with `exists` where another row has it".to_owned(),
            Reason::Move(name) => {
                format!("`{name}` is refused with `illegal-move` from any other state")
            }
            Reason::Missing => "refused with `not-found` where it is missing".to_owned(),
            Reason::Fails(code) => format!("refused with `{code}`"),
            Reason::Command => "refused with whatever that command is refused with".to_owned(),
            Reason::Limit(name) => format!("refused where the limit `{name}` is reached"),
        }
    }
}

/// The finding with the place that says why something in it may be refused, said once.
pub(super) fn also(found: Diagnostic, why: Option<&Why>) -> Diagnostic {
    match why {
        Some(why) if found.related.iter().all(|label| label.span != why.place) => {
            found.also(why.place, why.words())
        }
        _ => found,
    }
}
