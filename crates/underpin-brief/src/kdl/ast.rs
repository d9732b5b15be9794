//! What a text in the notation consists of: nodes with arguments, properties and children, each
//! with its place. Nothing here knows what a node means in a brief.

use std::sync::Arc;

use crate::source::Span;

/// A whole text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The top-level nodes in written order.
    pub nodes: Vec<Node>,
}

/// A name with its place: of a node, a property or a type annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name without quotes and with its escapes resolved.
    pub text: Arc<str>,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// One node: `(ty)name entries… { children… }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The type annotation before the name.
    pub ty: Option<Box<Name>>,
    /// The name.
    pub name: Name,
    /// Arguments and properties in written order; slash-dashed ones are absent.
    pub entries: Vec<Entry>,
    /// The nodes of its block; `None` where it has no block.
    pub children: Option<Vec<Node>>,
    /// From the type annotation or name to the end of the last entry or of the block.
    pub span: Span,
    /// From the name to the end of the last entry.
    pub head: Span,
    /// The block with its braces; empty at the end of `head` where there is none.
    pub children_span: Span,
}

/// An argument (no key) or a property.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The property's name.
    pub key: Option<Name>,
    /// The type annotation before the value.
    pub ty: Option<Box<Name>>,
    /// The value.
    pub value: Value,
    /// Where the value stands, quotes included, type annotation excluded.
    pub value_span: Span,
    /// The whole entry, from its key or type annotation to the end of its value.
    pub span: Span,
}

/// A value of an argument or a property.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text with escapes resolved, and how it was written.
    String {
        /// The text itself.
        text: Arc<str>,
        /// How it was written.
        style: Style,
    },
    /// A whole number in any base.
    Integer(i128),
    /// A whole number beyond 128 bits, as it was written but without `_`.
    Large(Arc<str>),
    /// A number with a fraction or an exponent, as it was written but without `_`.
    Decimal(Arc<str>),
    /// `#true` or `#false`.
    Bool(bool),
    /// `#null`.
    Null,
    /// `#inf`.
    Infinity,
    /// `#-inf`.
    NegativeInfinity,
    /// `#nan`.
    NotANumber,
}

/// How a string was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Style {
    /// `word`.
    Bare,
    /// `"text"`, with escapes.
    Quoted,
    /// `#"text"#`, without escapes.
    Raw,
    /// `"""` and a line break, with escapes and with the indentation taken off.
    Multiline,
    /// `#"""` and a line break, without escapes and with the indentation taken off.
    RawMultiline,
}

impl Node {
    /// The arguments in written order.
    pub fn args(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.key.is_none())
    }

    /// The properties in written order.
    pub fn props(&self) -> impl Iterator<Item = (&Name, &Entry)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((entry.key.as_ref()?, entry)))
    }

    /// The argument at `index`, counted from 0.
    #[must_use]
    pub fn arg(&self, index: usize) -> Option<&Entry> {
        self.args().nth(index)
    }

    /// The property of that name; the last one where it is repeated, as the notation has it.
    #[must_use]
    pub fn prop(&self, name: &str) -> Option<&Entry> {
        self.props()
            .filter(|(key, _)| &*key.text == name)
            .map(|(_, entry)| entry)
            .last()
    }

    /// The nodes of its block; none where it has no block.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        self.children.as_deref().unwrap_or_default()
    }

    /// The children of that name in written order.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.nodes().iter().filter(move |node| node.is(name))
    }

    /// Whether this is its name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        &*self.name.text == name
    }
}

impl Value {
    /// The text of a string; `None` of anything else.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String { text, .. } => Some(text),
            _ => None,
        }
    }

    /// How a string was written; `None` of anything else.
    #[must_use]
    pub fn style(&self) -> Option<Style> {
        match self {
            Self::String { style, .. } => Some(*style),
            _ => None,
        }
    }

    /// The whole number; `None` of anything else and beyond 128 bits.
    #[must_use]
    pub fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth value; `None` of anything else.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }
}
