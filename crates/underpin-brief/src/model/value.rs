//! Values of expressions and rows. Cheap to clone: everything large is shared.

use super::units::{Currency, Decimal, Duration};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A value. Its type is known where it stands; two values are compared only where the checker has
/// found their types comparable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Absent.
    Null,
    /// Truth value.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Decimal.
    Decimal(Decimal),
    /// Minor units and currency.
    Money(i64, Currency),
    /// Text; also e-mail, url, state, enum value, tier, region, actor id, blob handle and the key
    /// of a reference whose aggregate has one text key.
    Text(Arc<str>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Time(i64),
    /// A length of time.
    Duration(Duration),
    /// A list; also the key of a reference whose aggregate has several key fields.
    List(Arc<[Value]>),
    /// A map (`read … keys=`, map literals).
    Map(Arc<BTreeMap<Value, Value>>),
    /// A structured value: one value per slot of its shape.
    Struct(Arc<[Value]>),
    /// JSON, kept as canonical text (object keys sorted, no spaces) so that equality is
    /// equality of content.
    Json(Arc<str>),
}

impl Value {
    /// A text value.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// A list value.
    #[must_use]
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(items.into())
    }

    /// A structured value.
    #[must_use]
    pub fn record(slots: Vec<Value>) -> Self {
        Self::Struct(slots.into())
    }

    /// Whether the value is absent.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The slot at `index` of a structured value; absent for anything else.
    #[must_use]
    pub fn slot(&self, index: usize) -> &Value {
        match self {
            Self::Struct(slots) => slots.get(index).unwrap_or(&Self::Null),
            _ => &Self::Null,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value; anything else, also absence, is `false`.
    #[must_use]
    pub fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }
}
