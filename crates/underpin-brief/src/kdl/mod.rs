//! The notation of a brief: KDL 2.0, read by our own parser.
//!
//! `ast` is what a text consists of. [`parse`] reads plain KDL, [`read`] adds the few rules
//! of ours that are about notation alone, [`format()`] writes a text anew. Nothing here knows what a node means in a brief.

pub mod ast;
mod atoms;
mod format;
mod layout;
mod lexer;
mod lint;
mod numbers;
mod parser;
mod report;
mod scan;
mod strings;

pub use ast::{Document, Entry, Name, Node, Style, Value};
pub use format::{WIDTH, format};
pub use parser::{MAX_BYTES, MAX_DEPTH, MAX_ITEMS};

use crate::codes::files;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};
use lexer::{Kind, Lexer};

/// Reads `text` as plain KDL 2.0. Whatever is wrong with it is reported in the order of places;
/// the document holds all that could be understood. Takes time in proportion to the text.
#[must_use]
pub fn parse(file: FileId, text: &str) -> (Document, Vec<Diagnostic>) {
    let mut report = report::Report::new(file, text);
    if text.len() > MAX_BYTES {
        report.too_large(text.len(), MAX_BYTES);
        return (Document::default(), report.finish());
    }
    let document = parser::Parser::new(text, false, &mut report).document();
    let found = report.finish();
    let unmatched = unmatched(&found);
    if unmatched == 0 {
        return (document, found);
    }
    let mut report = report::Report::new(file, text);
    let likelier = parser::Parser::new(text, true, &mut report).document();
    let likelier = (likelier, report.finish());
    let better = (1..=unmatched).contains(&self::unmatched(&likelier.1));
    if better { likelier } else { (document, found) }
}

/// How many braces have no partner.
fn unmatched(found: &[Diagnostic]) -> usize {
    found
        .iter()
        .filter(|found| matches!(found.code.id, "U0105" | "U0106"))
        .count()
}

/// Reads `text` as a brief's notation: KDL 2.0 where a property stands at most once on a node, no
/// word ends in a comma and no operator stands outside quotes. This is the way in for everything
/// that reads a brief.
#[must_use]
pub fn read(file: FileId, text: &str) -> (Document, Vec<Diagnostic>) {
    let (document, mut found) = parse(file, text);
    found.extend(lint::lint(&document));
    found.sort_by_key(|found| (found.primary.span.start, found.primary.span.end));
    (document, found)
}

/// The text of a file, or where it stops being UTF-8. `file` must have been added under its name,
/// with whatever text, so that the diagnostic can be shown.
pub fn decode(file: FileId, bytes: &[u8]) -> Result<&str, Box<Diagnostic>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let offset = u32::try_from(at).unwrap_or(u32::MAX);
        let byte = bytes.get(at).copied().unwrap_or(0);
        let message = format!("byte {at} (0x{byte:02x}) is not UTF-8 text");
        Box::new(
            Diagnostic::error(files::U0001, Span::new(file, offset, offset), message)
                .help("save the file as UTF-8: `iconv -f LATIN1 -t UTF-8 old.kdl > new.kdl`"),
        )
    })
}

/// The place of the bytes `from..to` of the string that stands at `span` (quotes included) of
/// `source`, the whole text of that file: where a mistake inside an expression is shown. Whatever
/// lies beyond the string is taken as its end.
#[must_use]
pub fn place_in(source: &str, span: Span, from: u32, to: u32) -> Span {
    let range = span.start as usize..span.end as usize;
    let mut lexer = Lexer::new(source);
    lexer.at = range.start;
    let Kind::Text(quotes) = lexer.next().kind else {
        return span.slice(from, to);
    };
    let found = strings::origin(source, &range, quotes, &(from as usize..to as usize));
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(span.file, narrow(found.start), narrow(found.end))
}
