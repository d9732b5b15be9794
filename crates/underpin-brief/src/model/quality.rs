//! What is required of the whole, what is fixed by hand, and what is still open.

use super::*;

/// What is required of the whole.
#[derive(Clone, Debug, Default)]
pub struct Quality {
    /// Availability, in general or of a subject.
    pub availability: Vec<(Percent, Option<Name>)>,
    /// Largest loss of data.
    pub recovery_point: Option<Duration>,
    /// Longest outage.
    pub recovery_time: Option<Duration>,
    /// Rules of privacy (`gdpr`).
    pub privacy: Vec<Text>,
    /// Infrastructure budget.
    pub budget: Option<(MoneyRate, Span)>,
    /// Latency, in general.
    pub withins: Vec<Within>,
}

/// An overridden constant of the cost table.
#[derive(Clone, Debug)]
pub struct CostConstant {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: Value,
}

/// A decision taken by hand.
#[derive(Clone, Debug)]
pub struct Pin {
    /// The kind of decision.
    pub kind: Name,
    /// The option, in the words of `explain`.
    pub option: Name,
    /// More words of the option (`pin boundary together A B`).
    pub subjects: Vec<Name>,
    /// Of what.
    pub of: Option<Name>,
    /// Its path.
    pub path: NodePath,
}

/// A question that a person must answer.
#[derive(Clone, Debug)]
pub struct Question {
    /// The question.
    pub text: Text,
    /// The declaration that it is about.
    pub about: Option<Name>,
    /// Where it stands.
    pub span: Span,
}

/// A part of a migration.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Its name.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// The legacy external.
    pub from: Id<External>,
    /// Aggregates that move.
    pub aggregates: Vec<Id<Aggregate>>,
    /// Operations that move.
    pub operations: Vec<LimitedOperation>,
    /// Slices that move first.
    pub after: Vec<Name>,
    /// Both answer, the legacy one counts.
    pub shadow: Option<Shadow>,
    /// A growing share is answered anew.
    pub canary: Option<Canary>,
    /// The way back.
    pub back: Option<Back>,
}

/// Comparison of both sides.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// How long.
    pub duration: Option<Duration>,
    /// Which share.
    pub sample: Option<Percent>,
    /// Fields that may differ.
    pub ignore: Vec<Text>,
    /// How much may differ.
    pub tolerate: Option<Percent>,
}

/// A growing share.
#[derive(Clone, Debug)]
pub struct Canary {
    /// The shares.
    pub steps: Vec<Percent>,
    /// How long each.
    pub every: Option<Duration>,
    /// Spread by what.
    pub by: Option<Text>,
}

/// The way back.
#[derive(Clone, Debug)]
pub struct Back {
    /// How fast.
    pub within: Option<Duration>,
    /// How long it stays open.
    pub open: Option<Duration>,
    /// How former fields follow, where that cannot be inverted.
    pub sets: Vec<(Name, Text)>,
}
