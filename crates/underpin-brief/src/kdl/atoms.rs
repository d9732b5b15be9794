//! Names, values, annotations and marks out of place: the words of the parser.

use std::ops::Range;
use std::sync::Arc;

use super::ast::{Name, Style, Value};
use super::lexer::{Kind, Quotes};
use super::parser::{Atom, Parser};
use super::{numbers, scan, strings};

impl<'a> Parser<'a, '_> {
    /// The annotation `(name)` if one begins here, and the spaces after it. Where the parentheses
    /// hold something else, that is reported and taken as the text that was meant.
    pub(super) fn annotation(&mut self) -> (Option<Box<Name>>, Option<Atom>) {
        if self.token.kind != Kind::OpenType {
            return (None, None);
        }
        let open = self.token.start;
        self.advance();
        self.skip_spaces();
        let atom = match self.token.kind {
            Kind::Word | Kind::Keyword | Kind::Text(_) => self.simple_atom(),
            _ => None,
        };
        self.skip_spaces();
        if self.token.kind != Kind::CloseType {
            let range = self.word_from(open);
            let word = self.slice(&range);
            self.report.must_be_quoted(range.clone(), word);
            return (
                None,
                Some(Atom {
                    value: self.bare(word),
                    range,
                }),
            );
        }
        let range = open..self.token.end;
        self.advance();
        let glued = matches!(self.token.kind, Kind::Word | Kind::Keyword | Kind::Text(_));
        self.skip_spaces();
        let name = atom.filter(|atom| atom.value.as_str().is_some());
        let Some(name) = name else {
            let word = self.slice(&range);
            if glued {
                self.report.bad_annotation(range, word);
                return (None, None);
            }
            self.report.must_be_quoted(range.clone(), word);
            return (
                None,
                Some(Atom {
                    value: self.bare(word),
                    range,
                }),
            );
        };
        let name = Name {
            text: text_of(name.value),
            span: self.span(&name.range),
        };
        (Some(Box::new(name)), None)
    }

    /// The name, number, string or keyword that stands here; where something is attached to it
    /// that it cannot have, the whole word is reported and taken as text. `key` tells that a `=`
    /// may follow.
    pub(super) fn atom(&mut self, key: bool) -> Option<Atom> {
        let start = self.token.start;
        let bare = matches!(self.token.kind, Kind::Word | Kind::Keyword);
        if bare && self.is_attached(key) {
            let range = self.word_from(start);
            let word = self.slice(&range);
            self.report.must_be_quoted(range.clone(), word);
            return Some(Atom {
                value: self.bare(word),
                range,
            });
        }
        self.simple_atom()
    }

    /// Whether the bare token here is followed by a character that makes it neither a name nor a
    /// number.
    fn is_attached(&self, key: bool) -> bool {
        let rest = self.text.get(self.token.end..).unwrap_or("").as_bytes();
        match rest {
            [b'/', b'/' | b'*' | b'-', ..] => false,
            [b'=', ..] => !key,
            [b'"', ..] => self.token.kind == Kind::Word && self.slice(&self.range()) == "r",
            [b'\\', ..] => self.lexer.clone().next().kind == Kind::Stray,
            [b'/' | b'(' | b')' | b'[' | b']' | b'#', ..] => true,
            _ => false,
        }
    }

    fn simple_atom(&mut self) -> Option<Atom> {
        let range = self.range();
        let token = self.token;
        self.advance();
        let value = match token.kind {
            Kind::Word => self.word(&range),
            Kind::Keyword => self.keyword(&range),
            Kind::Text(quotes) => self.quoted(&range, quotes),
            _ => return None,
        };
        Some(Atom { value, range })
    }

    fn word(&mut self, range: &Range<usize>) -> Value {
        let word = self.slice(range);
        if matches!(word, "true" | "false" | "null" | "inf" | "-inf" | "nan") {
            self.report.bare_keyword(range.clone(), word);
        } else if numbers::begins_like_a_number(word) {
            match numbers::value(word) {
                Ok(value) => return value,
                Err(why) => self.report.bad_number(range.clone(), word, why),
            }
        }
        self.bare(word)
    }

    fn keyword(&mut self, range: &Range<usize>) -> Value {
        match self.slice(range) {
            "#true" => Value::Bool(true),
            "#false" => Value::Bool(false),
            "#null" => Value::Null,
            "#inf" => Value::Infinity,
            "#-inf" => Value::NegativeInfinity,
            "#nan" => Value::NotANumber,
            word => {
                self.report.unknown_keyword(range.clone(), word);
                self.bare(word)
            }
        }
    }

    fn quoted(&mut self, range: &Range<usize>, quotes: Quotes) -> Value {
        if !quotes.closed {
            self.report.unclosed_string(range.clone(), quotes);
        }
        let mut faults = Vec::new();
        let text = strings::value(self.text, range, quotes, &mut faults);
        for fault in faults {
            self.report.fault(range, fault);
        }
        let style = match (quotes.hashes > 0, quotes.multiline) {
            (false, false) => Style::Quoted,
            (true, false) => Style::Raw,
            (false, true) => Style::Multiline,
            (true, true) => Style::RawMultiline,
        };
        Value::String { text, style }
    }

    /// Reports the mark that stands here and has no place, with what is attached to it.
    pub(super) fn stray(&mut self) {
        match self.token.kind {
            Kind::Equals => {
                let start = self.token.start;
                self.advance();
                let double = self.token.kind == Kind::Equals && self.token.start == start + 1;
                self.report
                    .stray_equals(start..start + 1 + usize::from(double));
                if double {
                    self.advance();
                }
                // What follows was said with the mark: it needs no space, too.
                self.spaced = true;
            }
            Kind::Slashdash => {
                self.report.misplaced_slashdash(self.range());
                self.spaced = true;
                self.advance();
            }
            _ => {
                let range = self.word_from(self.token.start);
                self.report.stray(range.clone(), self.slice(&range));
            }
        }
    }

    /// The word that begins at `start`, as a person sees it: up to a space, but with what stands
    /// in brackets on the same line. Moves past it.
    pub(super) fn word_from(&mut self, start: usize) -> Range<usize> {
        let rest = self.text.get(start..).unwrap_or("");
        let end = start + extent(rest).max(1);
        let end = end.max(self.token.start.min(self.text.len()));
        self.lexer.at = (end..self.text.len())
            .find(|&at| self.text.is_char_boundary(at))
            .unwrap_or(self.text.len());
        let end = self.lexer.at;
        self.advance();
        start..end
    }

    fn bare(&mut self, word: &str) -> Value {
        Value::String {
            text: self.pool.share(word),
            style: Style::Bare,
        }
    }
}

/// Texts seen lately, so that one that comes again and again is held once.
#[derive(Default)]
pub(super) struct Pool {
    slots: Vec<Option<Arc<str>>>,
}

impl Pool {
    const SLOTS: usize = 1024;
    const LONGEST: usize = 32;

    /// `text`, shared with its last occurrence if that was lately.
    fn share(&mut self, text: &str) -> Arc<str> {
        if text.len() > Self::LONGEST {
            return text.into();
        }
        if self.slots.is_empty() {
            self.slots.resize(Self::SLOTS, None);
        }
        let mix = |mixed: usize, byte: u8| (mixed ^ usize::from(byte)).wrapping_mul(0x0100_0193);
        let mixed = text.bytes().fold(text.len(), mix);
        let Some(slot) = self.slots.get_mut((mixed ^ (mixed >> 15)) % Self::SLOTS) else {
            return text.into();
        };
        match slot {
            Some(known) if &**known == text => Arc::clone(known),
            _ => Arc::clone(slot.insert(text.into())),
        }
    }
}

pub(super) fn text_of(value: Value) -> Arc<str> {
    match value {
        Value::String { text, .. } | Value::Large(text) | Value::Decimal(text) => text,
        Value::Integer(number) => number.to_string().into(),
        Value::Bool(true) => "#true".into(),
        Value::Bool(false) => "#false".into(),
        Value::Null => "#null".into(),
        Value::Infinity => "#inf".into(),
        Value::NegativeInfinity => "#-inf".into(),
        Value::NotANumber => "#nan".into(),
    }
}

/// How far brackets are followed; a longer bracket is no slip of the pen.
const LOOK_AHEAD: usize = 120;

/// The length of the word at the start of `rest`: with balanced brackets if they close on this
/// line, else up to the first space.
fn extent(rest: &str) -> usize {
    let mut depth = 0usize;
    let mut simple = None;
    for (at, c) in rest.char_indices() {
        let ends = scan::is_space(c) || matches!(c, ';' | '{' | '}');
        if ends && depth == 0 {
            return at;
        }
        if ends || scan::is_newline(c) {
            simple.get_or_insert(at);
        }
        if scan::is_newline(c) || at > LOOK_AHEAD {
            return simple.unwrap_or(at);
        }
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if depth == 0 {
        rest.len()
    } else {
        simple.unwrap_or(rest.len())
    }
}
