//! Types of expressions and fields, and the shapes of structured values.

use super::table::Id;
use super::{Actor, Aggregate, Enum, Record};
use std::fmt;
use std::sync::Arc;

/// The type of a field or an expression. Only [`Type::Optional`] admits the absent value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// Unicode text.
    Text,
    /// 64-bit signed integer.
    Int,
    /// Nine fractional digits.
    Decimal,
    /// An amount in minor units with its currency.
    Money,
    /// Truth value.
    Bool,
    /// A calendar day.
    Date,
    /// An instant (UTC, microseconds).
    Time,
    /// A length of time.
    Duration,
    /// An e-mail address.
    Email,
    /// An absolute URL.
    Url,
    /// Any JSON value.
    Json,
    /// A handle of stored bytes.
    Blob,
    /// Operations of a merged text.
    Edits,
    /// The name of a `tier`.
    Tier,
    /// The name of a region.
    Region,
    /// A value of a declared enum.
    Enum(Id<Enum>),
    /// A state name of an aggregate.
    State(Id<Aggregate>),
    /// A value of a declared record.
    Record(Id<Record>),
    /// The identity of an actor: a text with `id` and `name`.
    Actor(Id<Actor>),
    /// A reference: the key of a row of that aggregate.
    Ref(Id<Aggregate>),
    /// A row of that aggregate, laid out by its `row` shape.
    Row(Id<Aggregate>),
    /// A structured value that is not declared by name (input, output, event, caller …).
    Struct(Arc<Shape>),
    /// A list.
    List(Box<Type>),
    /// A map from the first type to the second.
    Map(Box<Type>, Box<Type>),
    /// Absent or a value of the inner type (which is never itself optional).
    Optional(Box<Type>),
    /// The type of `null` and of an empty literal's content; fits everything it can become.
    Nothing,
    /// The type of an expression that was already reported; fits everywhere, so that one mistake
    /// gives one diagnostic. Never part of a [`Brief`](super::Brief).
    Error,
}

impl Type {
    /// `T?`, without doubling.
    #[must_use]
    pub fn optional(self) -> Self {
        match self {
            Self::Optional(_) | Self::Error | Self::Nothing => self,
            other => Self::Optional(Box::new(other)),
        }
    }

    /// `T*`.
    #[must_use]
    pub fn list(self) -> Self {
        Self::List(Box::new(self))
    }

    /// The type without its `?`.
    #[must_use]
    pub fn required(&self) -> &Self {
        match self {
            Self::Optional(inner) => inner,
            other => other,
        }
    }

    /// Whether the value may be absent.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        matches!(self, Self::Optional(_))
    }
}

/// Where a field of a shape comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// Part of the key.
    Key,
    /// Declared.
    Declared,
    /// Given by the language: `id` `created` `version` `state` `tenant` and the like.
    System,
}

/// A slot of a [`Shape`]: name and type, without the marks of a declared field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotType {
    /// Name in expressions.
    pub name: Arc<str>,
    /// Type.
    pub ty: Type,
    /// Origin.
    pub origin: Origin,
}

/// The layout of a structured value: slots in order. A value of it is a
/// [`Value::Struct`](super::Value::Struct) with one value per slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    /// What people read: `input of "x"`, `caller`.
    pub title: Arc<str>,
    /// The slots.
    pub slots: Vec<SlotType>,
}

impl Shape {
    /// Position and type of the slot of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(usize, &Type)> {
        let at = self.slots.iter().position(|slot| &*slot.name == name)?;
        self.slots.get(at).map(|slot| (at, &slot.ty))
    }
}

/// Names of declared things, for showing a [`Type`] as it is written in a brief.
pub trait TypeNames {
    /// The name of an enum.
    fn enum_name(&self, id: Id<Enum>) -> &str;
    /// The name of a record.
    fn record_name(&self, id: Id<Record>) -> &str;
    /// The name of an actor.
    fn actor_name(&self, id: Id<Actor>) -> &str;
    /// The name of an aggregate.
    fn aggregate_name(&self, id: Id<Aggregate>) -> &str;
}

impl Type {
    /// The type as it is written in a brief (`Line*`, `money?`).
    pub fn show<'a>(&'a self, names: &'a dyn TypeNames) -> impl fmt::Display + 'a {
        Shown { ty: self, names }
    }
}

struct Shown<'a> {
    ty: &'a Type,
    names: &'a dyn TypeNames,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = |ty| Shown {
            ty,
            names: self.names,
        };
        match self.ty {
            Type::Text => f.write_str("text"),
            Type::Int => f.write_str("int"),
            Type::Decimal => f.write_str("decimal"),
            Type::Money => f.write_str("money"),
            Type::Bool => f.write_str("bool"),
            Type::Date => f.write_str("date"),
            Type::Time => f.write_str("time"),
            Type::Duration => f.write_str("duration"),
            Type::Email => f.write_str("email"),
            Type::Url => f.write_str("url"),
            Type::Json => f.write_str("json"),
            Type::Blob => f.write_str("blob"),
            Type::Edits => f.write_str("edits"),
            Type::Tier => f.write_str("tier"),
            Type::Region => f.write_str("region"),
            Type::Enum(id) => f.write_str(self.names.enum_name(*id)),
            Type::State(id) => write!(f, "state of {}", self.names.aggregate_name(*id)),
            Type::Record(id) => f.write_str(self.names.record_name(*id)),
            Type::Actor(id) => f.write_str(self.names.actor_name(*id)),
            Type::Ref(id) => f.write_str(self.names.aggregate_name(*id)),
            Type::Row(id) => write!(f, "row of {}", self.names.aggregate_name(*id)),
            Type::Struct(shape) => f.write_str(&shape.title),
            Type::List(inner) => write!(f, "{}*", again(inner)),
            Type::Optional(inner) => write!(f, "{}?", again(inner)),
            Type::Map(key, value) => write!(f, "map of {} to {}", again(key), again(value)),
            Type::Nothing => f.write_str("null"),
            Type::Error => f.write_str("?"),
        }
    }
}
