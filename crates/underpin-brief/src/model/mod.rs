//! The checked brief: every name resolved, every expression typed, every quantity read.
//!
//! A [`Brief`] is made only by `resolve`, so whoever holds one needs no error handling for what
//! was checked. It knows no design and no storage. Tables are sorted by name, spans are kept for
//! diagnostics only: nothing downstream may depend on a span or on the order of declarations.

mod actors;
mod data;
mod expr;
mod limits;
mod operations;
mod quality;
mod statements;
mod table;
mod texts;
mod types;
mod units;
mod value;
mod walk;

pub use actors::*;
pub use data::*;
pub use expr::*;
pub use limits::*;
pub use operations::*;
pub use quality::*;
pub use statements::*;
pub use table::{Id, Named, Table};
pub use texts::{NamedText, Texts};
pub use types::{Origin, Shape, SlotType, Type, TypeNames};
pub use units::{
    Bytes, Currency, Decimal, Duration, MoneyRate, Percent, Period, Rate, Text, div_half_even,
};
pub use value::Value;

use crate::source::Span;
use std::fmt;
use std::sync::Arc;

/// A name as declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The text.
    pub text: Arc<str>,
    /// Where it stands.
    pub span: Span,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A place in a brief that survives reformatting: `command place-order/call charge`. Kind and
/// name per level, levels joined by `/`; a statement without a name is `kind#n`, counted from 1
/// among its kind on its level.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodePath(pub Arc<str>);

impl NodePath {
    /// The path of a declaration.
    #[must_use]
    pub fn declaration(kind: &str, name: &str) -> Self {
        Self(format!("{kind} {name}").into())
    }

    /// One level deeper.
    #[must_use]
    pub fn child(&self, kind: &str, name: &str) -> Self {
        Self(format!("{}/{kind} {name}", self.0).into())
    }
}

impl fmt::Display for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything that a brief says, checked.
#[derive(Clone, Debug)]
pub struct Brief {
    /// The header.
    pub system: System,
    /// Teams.
    pub teams: Table<Team>,
    /// Actors.
    pub actors: Table<Actor>,
    /// External systems.
    pub externals: Table<External>,
    /// Records.
    pub records: Table<Record>,
    /// Enums.
    pub enums: Table<Enum>,
    /// Aggregates.
    pub aggregates: Table<Aggregate>,
    /// Events.
    pub events: Table<Event>,
    /// Views.
    pub views: Table<View>,
    /// Queries.
    pub queries: Table<Query>,
    /// Commands.
    pub commands: Table<Command>,
    /// Policies.
    pub policies: Table<Policy>,
    /// Feeds.
    pub feeds: Table<Feed>,
    /// Limits.
    pub limits: Table<Limit>,
    /// Tenancy, where customers are kept apart.
    pub tenancy: Option<Tenancy>,
    /// Tiers.
    pub tiers: Table<Tier>,
    /// Flags.
    pub flags: Table<Flag>,
    /// Slices of a migration.
    pub slices: Table<Slice>,
    /// Required qualities.
    pub quality: Quality,
    /// Overridden cost constants, by name.
    pub costs: Vec<CostConstant>,
    /// Pins, by kind and subject.
    pub pins: Vec<Pin>,
    /// Questions asked by the author.
    pub questions: Vec<Question>,
    /// What it was checked from, for whoever keeps it; nothing else may be derived from it.
    pub texts: Texts,
}

impl TypeNames for Brief {
    fn enum_name(&self, id: Id<Enum>) -> &str {
        self.enums.get(id).name()
    }

    fn record_name(&self, id: Id<Record>) -> &str {
        self.records.get(id).name()
    }

    fn actor_name(&self, id: Id<Actor>) -> &str {
        self.actors.get(id).name()
    }

    fn aggregate_name(&self, id: Id<Aggregate>) -> &str {
        self.aggregates.get(id).name()
    }
}

macro_rules! named {
    ($($kind:ty),* $(,)?) => {
        $(impl Named for $kind {
            fn name(&self) -> &str {
                &self.name.text
            }
        })*
    };
}

named!(
    Team,
    Actor,
    External,
    ExternalOperation,
    Sends,
    Record,
    Enum,
    Aggregate,
    Define,
    Move,
    Event,
    View,
    Query,
    Command,
    Policy,
    Feed,
    Limit,
    Tier,
    Flag,
    Slice,
    Field,
);
