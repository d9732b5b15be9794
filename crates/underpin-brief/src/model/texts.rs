//! The texts that a brief was checked from, as a backend keeps them beside the rows that follow
//! from them. Nothing may be derived from them but the same brief again, and words for people.

use crate::source::{Sources, Span};
use std::sync::Arc;

/// One text: the name shown to people, and the whole of it.
pub type NamedText = (Arc<str>, Arc<str>);

/// All texts of a brief, the named one first.
#[derive(Clone, Debug, Default)]
pub struct Texts(Arc<[NamedText]>);

impl Texts {
    /// Texts under their names, the one that includes the others first.
    #[must_use]
    pub fn new(texts: Vec<NamedText>) -> Self {
        Self(texts.into())
    }

    /// The texts of a check.
    #[must_use]
    pub fn of(sources: &Sources) -> Self {
        let texts = sources
            .iter()
            .map(|(_, source)| (Arc::clone(&source.name), Arc::clone(&source.text)));
        Self(texts.collect())
    }

    /// Names and texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &NamedText> {
        self.0.iter()
    }

    /// Whether both say the same, letter by letter; where the files lie does not matter.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let text = |(_, text): &NamedText| Arc::clone(text);
        self.0.iter().map(text).eq(other.0.iter().map(text))
    }

    /// What stands at a span; empty where it is in none of them.
    #[must_use]
    pub fn at(&self, span: Span) -> &str {
        self.0
            .get(span.file.0 as usize)
            .and_then(|(_, text)| text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }

    /// The line around a span, without what encloses it.
    #[must_use]
    pub fn line(&self, span: Span) -> &str {
        let Some((_, text)) = self.0.get(span.file.0 as usize) else {
            return "";
        };
        let (before, after) = text
            .split_at_checked(span.start as usize)
            .unwrap_or((text, ""));
        let from = before.rfind(['\n', ';', '{', '}']).map_or(0, |at| at + 1);
        let until = after
            .find(['\n', ';', '}'])
            .map_or(text.len(), |at| before.len() + at);
        text.get(from..until).unwrap_or("").trim()
    }
}
