//! Where an expression is written: a value of the notation with its place.

use std::sync::Arc;

use crate::kdl::{self, Entry};
use crate::source::{Sources, Span};

/// The value of an entry that holds an expression: a string is an expression, a number, `#true`
/// and `#null` are literals.
#[derive(Clone, Copy, Debug)]
pub struct ExprSource<'a> {
    /// The value.
    pub value: &'a kdl::Value,
    /// Where it stands, quotes included.
    pub span: Span,
    /// The whole text of its file.
    pub file: &'a str,
}

impl<'a> ExprSource<'a> {
    /// The value of `entry`, which was read from one of `sources`.
    #[must_use]
    pub fn entry(entry: &'a Entry, sources: &'a Sources) -> Self {
        let file = sources
            .get(entry.value_span.file)
            .map_or("", |source| &source.text);
        Self {
            value: &entry.value,
            span: entry.value_span,
            file,
        }
    }

    /// The place of the bytes `from..to` of the expression's text.
    #[must_use]
    pub fn place(&self, from: u32, to: u32) -> Span {
        kdl::place_in(self.file, self.span, from, to)
    }
}

/// As [`ExprSource`], but owned: what is kept between passes.
#[derive(Clone, Debug)]
pub struct OwnedSource {
    value: kdl::Value,
    span: Span,
    file: Arc<str>,
}

impl OwnedSource {
    /// The value of `entry`, which was read from one of `sources`.
    #[must_use]
    pub fn entry(entry: &Entry, sources: &Sources) -> Self {
        let file = sources.get(entry.value_span.file);
        let file = file.map_or_else(|| "".into(), |source| Arc::clone(&source.text));
        Self {
            value: entry.value.clone(),
            span: entry.value_span,
            file,
        }
    }

    /// It, borrowed.
    #[must_use]
    pub fn get(&self) -> ExprSource<'_> {
        ExprSource {
            value: &self.value,
            span: self.span,
            file: &self.file,
        }
    }
}

#[cfg(test)]
impl OwnedSource {
    /// A quoted text that stands alone in its file.
    pub(super) fn text(text: &str) -> Self {
        let value = kdl::Value::String {
            text: text.into(),
            style: kdl::Style::Quoted,
        };
        let file: Arc<str> = format!("\"{text}\"").into();
        let end = u32::try_from(file.len()).unwrap();
        Self {
            value,
            span: Span::new(crate::source::FileId(0), 0, end),
            file,
        }
    }
}
