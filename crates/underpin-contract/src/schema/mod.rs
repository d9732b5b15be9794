//! What values look like on the wire: one description from which JSON is read and checked, JSON
//! is written, JSON Schema is emitted and examples are made. It must not know operations.

mod emit;
mod example;
mod read;
mod text;
mod time;
mod write;

#[cfg(test)]
mod tests;

pub use write::{Shown, canonical_json};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use underpin_brief::model::{Currency, Decimal, Value};

/// The form of a value on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Any JSON value whose compact text has at most that many bytes.
    Any {
        /// Largest compact text in bytes.
        max_bytes: Option<u64>,
    },
    /// `true` or `false`.
    Bool,
    /// A JSON number without a fraction.
    Integer {
        /// Smallest.
        min: Option<i64>,
        /// Largest.
        max: Option<i64>,
    },
    /// A JSON string; lengths in Unicode scalars.
    Text {
        /// Shortest.
        min: Option<u64>,
        /// Longest.
        max: Option<u64>,
        /// What else holds of it.
        format: TextFormat,
    },
    /// A JSON string such as `"12.5"`, so that no reader rounds it.
    Decimal {
        /// Smallest.
        min: Option<Decimal>,
        /// Largest.
        max: Option<Decimal>,
        /// Whether it is only written, never read: results may be longer than what is accepted.
        shown: bool,
    },
    /// `{"amount": "9.80", "currency": "EUR"}`.
    Money(MoneyForm),
    /// The same in a path or a query string: `9.80` or `9.80 EUR`.
    MoneyText(MoneyForm),
    /// `"2026-11-22"`.
    Date {
        /// Earliest, in days since 1970-01-01.
        min: Option<i32>,
        /// Latest.
        max: Option<i32>,
    },
    /// RFC 3339, written in UTC: `"2026-11-22T15:04:05Z"`.
    Time,
    /// ISO 8601 without years and months: `"PT1H30M"`.
    Duration {
        /// Shortest, in microseconds.
        min: Option<i64>,
        /// Longest.
        max: Option<i64>,
    },
    /// One of these strings.
    Enum(Vec<Arc<str>>),
    /// A JSON array.
    List {
        /// Its elements.
        items: Box<Schema>,
        /// At least.
        min: u32,
        /// At most.
        max: Option<u32>,
    },
    /// A JSON object with names that are values.
    Map(Box<Schema>),
    /// A JSON object with these properties and no others.
    Object(Object),
    /// The key of a row whose aggregate has several key fields: a JSON object of them.
    Key(Vec<(Arc<str>, Schema)>),
    /// The form inside, or `null`.
    Nullable(Box<Schema>),
    /// The component of that name.
    Named(Arc<str>),
    /// Only `null`.
    Null,
}

/// Amounts that are accepted and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyForm {
    /// Accepted currencies, the default first.
    pub currencies: Vec<Currency>,
    /// Smallest, in minor units.
    pub min: Option<i64>,
    /// Largest, in minor units.
    pub max: Option<i64>,
    /// Whether it is only written, never read: results may be longer than what is accepted.
    pub shown: bool,
}

/// What holds of a text besides its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// Nothing.
    Plain,
    /// Something, an `@`, something; no blanks.
    Email,
    /// `http` or `https`, a host name, perhaps a port, a path, a query.
    Url,
    /// Letters, digits, `_` and `-`: generated ids, handles, cursors.
    Token,
    /// A path of this backend, made after that template; only written.
    Path(Arc<str>),
}

/// A JSON object with known properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// What people read above it.
    pub title: Option<Arc<str>>,
    /// Its properties in order.
    pub fields: Vec<Field>,
    /// How many slots a value of it has.
    pub width: usize,
}

/// A property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: Arc<str>,
    /// The slot of the structured value that it fills.
    pub slot: usize,
    /// Its form.
    pub schema: Schema,
    /// Whether it must be there.
    pub required: bool,
    /// The value where it is not there; absent without one.
    pub default: Option<Value>,
    /// It is accepted and never shown.
    pub secret: bool,
}

/// Why a value was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// A JSON pointer into the body, or the name of a parameter.
    pub pointer: String,
    /// What is wrong, in plain words.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.message)
    }
}

/// Forms with a name; the functions that read and write values stand here because forms refer
/// to each other by these names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Components {
    /// By name.
    pub schemas: BTreeMap<Arc<str>, Schema>,
}

/// The form of whatever has no component: accepts everything.
static ANYTHING: Schema = Schema::Any { max_bytes: None };

impl Components {
    /// The form behind a name; any other form is itself.
    #[must_use]
    pub fn follow<'a>(&'a self, schema: &'a Schema) -> &'a Schema {
        match schema {
            Schema::Named(name) => self.schemas.get(name).unwrap_or(&ANYTHING),
            other => other,
        }
    }
}

impl Schema {
    /// The form, or `null`; never doubled.
    #[must_use]
    pub fn nullable(self) -> Self {
        match self {
            Self::Nullable(_) | Self::Null => self,
            other => Self::Nullable(Box::new(other)),
        }
    }

    /// The form without `null`.
    #[must_use]
    pub fn present(&self) -> &Self {
        match self {
            Self::Nullable(inner) => inner,
            other => other,
        }
    }

    /// The form that the same values have in a path or a query string.
    #[must_use]
    pub fn in_url(&self) -> Self {
        match self.present() {
            Self::Money(form) => Self::MoneyText(form.clone()),
            other => other.clone(),
        }
    }

    /// Whether values are one piece of text in a URL; others are JSON there.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        !matches!(
            self,
            Self::Any { .. }
                | Self::Money(_)
                | Self::List { .. }
                | Self::Map(_)
                | Self::Object(_)
                | Self::Key(_)
                | Self::Nullable(_)
                | Self::Named(_)
                | Self::Null
        )
    }

    /// Whether values have an order, so that ranges of them can be asked for.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        matches!(
            self.present(),
            Self::Integer { .. }
                | Self::Decimal { .. }
                | Self::Money(_)
                | Self::MoneyText(_)
                | Self::Date { .. }
                | Self::Time
                | Self::Duration { .. }
        )
    }

    /// An opaque text made by the backend, of at most that many characters.
    #[must_use]
    pub fn token(max: u64) -> Self {
        Self::Text {
            min: Some(1),
            max: Some(max),
            format: TextFormat::Token,
        }
    }
}

impl Components {
    /// A key as texts for a path: one per key field.
    #[must_use]
    pub fn key_texts(key: &Value) -> Vec<String> {
        match key {
            Value::List(parts) => parts.iter().flat_map(Self::key_texts).collect(),
            leaf => write::plain(leaf).into_iter().collect(),
        }
    }
}

/// The names of the path segments that a key takes: one per leaf, joined with `_` where a key
/// field is itself a key of several fields.
#[must_use]
pub(crate) fn key_segments(name: &str, schema: &Schema) -> Vec<String> {
    match schema {
        Schema::Key(fields) => fields
            .iter()
            .flat_map(|(field, inner)| match inner {
                Schema::Key(_) => key_segments(field, inner)
                    .into_iter()
                    .map(|leaf| format!("{field}_{leaf}"))
                    .collect(),
                _ => vec![field.to_string()],
            })
            .collect(),
        _ => vec![name.to_owned()],
    }
}
