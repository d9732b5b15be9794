//! Reads values of nodes that were compared with the grammar. What does not fit was reported
//! there, so everything here is silent.

use super::grammar::{self, kinds};
use crate::kdl::{Entry, Node, Value as Kdl};
use crate::model::{Bytes, Currency, Decimal, Duration, MoneyRate, Name, Percent, Rate, Text};

/// Readers of one entry.
pub(super) trait EntryExt {
    fn name(&self) -> Option<Name>;
    fn text(&self) -> Option<Text>;
    fn natural(&self) -> Option<u64>;
    fn small(&self) -> Option<u32>;
    fn duration(&self) -> Option<Duration>;
    fn percent(&self) -> Option<Percent>;
    fn rate(&self) -> Option<Rate>;
    fn bytes(&self) -> Option<Bytes>;
    fn day(&self) -> Option<i32>;
    fn decimal(&self) -> Option<Decimal>;
}

impl EntryExt for Entry {
    fn name(&self) -> Option<Name> {
        let text = self.value.as_str().filter(|text| !text.is_empty())?;
        Some(Name {
            text: text.into(),
            span: self.value_span,
        })
    }

    fn text(&self) -> Option<Text> {
        self.value.as_str().map(Text::from)
    }

    fn natural(&self) -> Option<u64> {
        kinds::natural(&self.value)
    }

    fn small(&self) -> Option<u32> {
        self.natural()
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn duration(&self) -> Option<Duration> {
        kinds::positive_duration(self.value.as_str()?)
    }

    fn percent(&self) -> Option<Percent> {
        kinds::percent(self.value.as_str()?)
    }

    fn rate(&self) -> Option<Rate> {
        kinds::rate(self.value.as_str()?)
    }

    fn bytes(&self) -> Option<Bytes> {
        Bytes::parse(self.value.as_str()?)
    }

    fn day(&self) -> Option<i32> {
        kinds::day(self.value.as_str()?)
    }

    fn decimal(&self) -> Option<Decimal> {
        kinds::decimal(&self.value)
    }
}

/// Readers of one node.
pub(super) trait NodeExt {
    /// The first argument as a name.
    fn title(&self) -> Option<Name>;
    /// The first child of that name.
    fn child(&self, name: &str) -> Option<&Node>;
    /// The first argument of the first child of that name.
    fn child_arg(&self, name: &str) -> Option<&Entry>;
    /// Arguments of all children of that name.
    fn child_args<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry>;
    /// Whether that mark stands after the first `from` arguments.
    fn mark(&self, from: usize, mark: &str) -> bool;
    /// The text of a property.
    fn word(&self, name: &str) -> Option<&str>;
}

impl NodeExt for Node {
    fn title(&self) -> Option<Name> {
        self.arg(0)?.name()
    }

    fn child(&self, name: &str) -> Option<&Node> {
        self.nodes().iter().find(|node| node.is(name))
    }

    fn child_arg(&self, name: &str) -> Option<&Entry> {
        self.child(name)?.arg(0)
    }

    fn child_args<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.children_named(name).flat_map(Node::args)
    }

    fn mark(&self, from: usize, mark: &str) -> bool {
        self.args()
            .skip(from)
            .any(|entry| entry.value.as_str() == Some(mark))
    }

    fn word(&self, name: &str) -> Option<&str> {
        self.prop(name)?.value.as_str()
    }
}

/// The name of the node itself as a name of the model.
pub(super) fn name_of(name: &crate::kdl::Name) -> Name {
    Name {
        text: name.text.clone(),
        span: name.span,
    }
}

/// `place-order` and `PlaceOrder` as `place_order`: how expressions name them.
pub(super) fn snake(name: &str) -> String {
    grammar::respell(grammar::Case::Snake, name)
}

pub(super) fn currency(entry: &Entry) -> Option<Currency> {
    Currency::parse(entry.value.as_str()?)
}

pub(super) fn budget(entry: &Entry) -> Option<MoneyRate> {
    MoneyRate::parse(entry.value.as_str()?)
}

/// Whether the value is `#null`.
pub(super) fn is_null(entry: &Entry) -> bool {
    matches!(entry.value, Kdl::Null)
}
