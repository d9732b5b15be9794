//! Tokens to nodes: recursive descent with recovery. A mistake costs the word, entry or node it
//! stands in, never the rest of the text. What is said about a mistake is `report`'s business.

use std::ops::Range;
use std::sync::Arc;

use super::ast::{Document, Entry, Name, Node, Style, Value};
use super::lexer::{Kind, Lexer, Quotes, Token};
use super::report::Report;
use super::{numbers, scan, strings};
use crate::source::Span;

/// Blocks may be nested this deep.
pub const MAX_DEPTH: usize = 128;
/// A text may have this many bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// A document may have this many nodes, arguments and properties together.
pub const MAX_ITEMS: usize = 1_000_000;

/// The parser of one text.
pub(super) struct Parser<'a, 'r> {
    text: &'a str,
    lexer: Lexer<'a>,
    token: Token,
    /// Whether a space or comment stood before `token`.
    spaced: bool,
    depth: usize,
    items: usize,
    report: &'r mut Report<'a>,
}

/// A name or value with its byte range.
struct Atom {
    value: Value,
    range: Range<usize>,
}

impl<'a, 'r> Parser<'a, 'r> {
    pub(super) fn new(text: &'a str, report: &'r mut Report<'a>) -> Self {
        for (at, c) in scan::disallowed(text) {
            report.disallowed(at, c);
        }
        let mut lexer = Lexer::new(text);
        let token = lexer.next();
        Self {
            text,
            lexer,
            token,
            spaced: false,
            depth: 0,
            items: 0,
            report,
        }
    }

    pub(super) fn document(mut self) -> Document {
        let mut nodes = Vec::new();
        loop {
            self.nodes(&mut nodes);
            if self.token.kind != Kind::Close {
                return Document { nodes };
            }
            self.report.unexpected_close(self.range());
            self.advance();
        }
    }

    fn advance(&mut self) {
        self.token = self.lexer.next();
    }

    fn range(&self) -> Range<usize> {
        self.token.start..self.token.end
    }

    fn slice(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or("")
    }

    fn span(&self, range: &Range<usize>) -> Span {
        self.report.span(range)
    }

    /// Past spaces, block comments and continued lines.
    fn skip_spaces(&mut self) {
        loop {
            match self.token.kind {
                Kind::BlockComment(false) => self.report.unclosed_comment(self.range()),
                Kind::Space | Kind::BlockComment(true) | Kind::Continuation => {}
                _ => return,
            }
            self.spaced = true;
            self.advance();
        }
    }

    /// Past spaces, comments and line breaks.
    fn skip_lines(&mut self) {
        loop {
            self.skip_spaces();
            if !matches!(self.token.kind, Kind::Newline | Kind::LineComment) {
                return;
            }
            self.advance();
        }
    }

    /// Reads nodes up to the end of the text or a `}`, which is left.
    fn nodes(&mut self, nodes: &mut Vec<Node>) {
        loop {
            self.skip_lines();
            match self.token.kind {
                Kind::End | Kind::Close => return,
                Kind::Semicolon => {
                    self.report.empty_statement(self.range());
                    self.advance();
                }
                Kind::Slashdash => {
                    let mark = self.range();
                    self.advance();
                    self.skip_lines();
                    if matches!(self.token.kind, Kind::End | Kind::Close | Kind::Semicolon) {
                        self.report.nothing_slashed(mark);
                    } else {
                        self.node();
                    }
                }
                _ => nodes.extend(self.node()),
            }
        }
    }

    /// Whether the node that is being read ends here.
    fn at_node_end(&self) -> bool {
        matches!(
            self.token.kind,
            Kind::End | Kind::Newline | Kind::LineComment | Kind::Semicolon | Kind::Close
        )
    }

    fn node(&mut self) -> Option<Node> {
        let start = self.token.start;
        let (ty, instead) = self.annotation();
        let Some(name) = instead.or_else(|| self.node_name(ty.is_some(), start)) else {
            self.skip_rest_of_node();
            return None;
        };
        self.count(&name.range);
        let name_span = self.span(&name.range);
        let mut node = Node {
            ty,
            name: Name {
                text: text_of(name.value),
                span: name_span,
            },
            entries: Vec::new(),
            children: None,
            span: self.span(&(start..name.range.end)),
            head: name_span,
            children_span: Span::default(),
        };
        self.body(&mut node);
        Some(node)
    }

    fn node_name(&mut self, annotated: bool, start: usize) -> Option<Atom> {
        match self.token.kind {
            Kind::Word | Kind::Keyword | Kind::Text(_) => {
                let atom = self.atom(true)?;
                if atom.value.as_str().is_none() {
                    self.report
                        .name_expected(atom.range.clone(), self.slice(&atom.range));
                }
                Some(atom)
            }
            _ if annotated => {
                self.report.lone_annotation(start..self.token.start);
                None
            }
            Kind::Open => {
                self.report.block_without_node(self.range());
                None
            }
            _ => {
                self.stray();
                None
            }
        }
    }

    /// After a node that has no name: its blocks are still looked at.
    fn skip_rest_of_node(&mut self) {
        let mut ignored = Node {
            ty: None,
            name: Name {
                text: "".into(),
                span: Span::default(),
            },
            entries: Vec::new(),
            children: None,
            span: Span::default(),
            head: Span::default(),
            children_span: Span::default(),
        };
        self.body(&mut ignored);
    }

    /// Entries and blocks up to the end of the node, its terminator included.
    fn body(&mut self, node: &mut Node) {
        let mut blocked = false;
        self.spaced = false;
        loop {
            self.skip_spaces();
            if self.at_node_end() {
                break;
            }
            let slashed = self.token.kind == Kind::Slashdash;
            if slashed {
                let mark = self.range();
                self.advance();
                self.skip_lines();
                self.spaced = true;
                if self.at_node_end() {
                    self.report.nothing_slashed(mark);
                    break;
                }
            }
            if self.token.kind == Kind::Open {
                self.block(node, slashed);
                blocked = true;
            } else {
                if blocked && self.missing_node_end() {
                    return;
                }
                blocked = false;
                let entry = self.entry();
                if !slashed && let Some(entry) = entry {
                    node.entries.push(entry);
                }
            }
        }
        if node.children.is_none() {
            let end = node.entries.last().map_or(node.head, |entry| entry.span);
            node.head = node.head.to(end);
            node.span = node.span.to(end);
            node.children_span = Span::new(end.file, end.end, end.end);
        }
        if self.token.kind == Kind::Semicolon {
            self.advance();
        }
    }

    /// After a block, where only the node's end may follow: says so. Whether what follows is read
    /// as the next node; if not, it is a property or a value of this one.
    fn missing_node_end(&mut self) -> bool {
        self.report.missing_node_end(self.range());
        self.spaced = true;
        let property = self.text.as_bytes().get(self.token.end) == Some(&b'=');
        !property && matches!(self.token.kind, Kind::Word | Kind::Text(_) | Kind::OpenType)
    }

    /// The block that begins here.
    fn block(&mut self, node: &mut Node, slashed: bool) {
        let open = self.range();
        if self.depth >= MAX_DEPTH {
            self.report.too_deep(open, MAX_DEPTH);
            self.skip_block();
            return;
        }
        self.advance();
        self.depth += 1;
        let mut children = Vec::new();
        self.nodes(&mut children);
        self.depth -= 1;
        let end = self.token.end;
        if self.token.kind == Kind::Close {
            self.report.closed(open.clone(), self.range());
            self.advance();
        } else {
            self.report.unclosed_block(open.clone(), end);
        }
        self.spaced = false;
        if slashed {
            return;
        }
        if node.children.is_some() {
            self.report.second_block(open);
            return;
        }
        let before = node.entries.last().map_or(node.head, |entry| entry.span);
        node.head = node.head.to(before);
        node.children_span = self.span(&(open.start..end));
        node.span = node.span.to(node.children_span);
        node.children = Some(children);
    }

    /// Past the block that begins here, however deep it is.
    fn skip_block(&mut self) {
        let mut open = 0usize;
        loop {
            match self.token.kind {
                Kind::Open => open += 1,
                Kind::Close => open = open.saturating_sub(1),
                Kind::End => return,
                _ => {}
            }
            self.advance();
            if open == 0 {
                return;
            }
        }
    }

    fn entry(&mut self) -> Option<Entry> {
        let start = self.token.start;
        self.check_spaced();
        let (ty, instead) = self.annotation();
        let atom = match instead {
            Some(atom) => atom,
            None if matches!(self.token.kind, Kind::Word | Kind::Keyword | Kind::Text(_)) => {
                self.atom(true)?
            }
            None if ty.is_some() => {
                self.report.lone_annotation(start..self.token.start);
                return None;
            }
            None => {
                self.stray();
                return None;
            }
        };
        self.count(&atom.range);
        self.spaced = false;
        self.skip_spaces();
        if self.token.kind == Kind::Equals {
            return self.property(atom, ty);
        }
        let (value_span, span) = (self.span(&atom.range), self.span(&(start..atom.range.end)));
        Some(Entry {
            key: None,
            ty,
            value: atom.value,
            value_span,
            span,
        })
    }

    /// The value of the property `key`, at its `=`.
    fn property(&mut self, key: Atom, ty: Option<Name>) -> Option<Entry> {
        let equals = self.range();
        if let Some(ty) = ty {
            self.report.annotated_key(ty.span, key.range.clone());
        }
        if key.value.as_str().is_none() {
            self.report
                .name_expected(key.range.clone(), self.slice(&key.range));
        }
        self.advance();
        self.skip_spaces();
        let (ty, instead) = self.annotation();
        let atom = match instead {
            Some(atom) => atom,
            None if matches!(self.token.kind, Kind::Word | Kind::Keyword | Kind::Text(_)) => {
                self.atom(false)?
            }
            None => {
                self.property_value_missing(&key.range, equals, ty.is_some());
                return None;
            }
        };
        self.spaced = false;
        let (value_span, span) = (
            self.span(&atom.range),
            self.span(&(key.range.start..atom.range.end)),
        );
        let key = Name {
            text: text_of(key.value),
            span: self.span(&key.range),
        };
        Some(Entry {
            key: Some(key),
            ty,
            value: atom.value,
            value_span,
            span,
        })
    }

    fn property_value_missing(
        &mut self,
        key: &Range<usize>,
        equals: Range<usize>,
        annotated: bool,
    ) {
        if self.at_node_end() || self.token.kind == Kind::Open {
            self.report.no_value(key.start..equals.end, self.slice(key));
        } else if self.token.kind == Kind::Slashdash {
            self.report.misplaced_slashdash(self.range());
        } else if annotated {
            self.report.lone_annotation(equals.end..self.token.start);
        } else {
            self.stray();
        }
    }

    /// Reports a missing space before the entry that begins here, once per place.
    fn check_spaced(&mut self) {
        if !self.spaced
            && !matches!(
                self.token.kind,
                Kind::Stray | Kind::Equals | Kind::CloseType
            )
        {
            self.report.missing_space(self.range());
        }
        self.spaced = false;
    }

    /// The annotation `(name)` if one begins here, and the spaces after it. Where the parentheses
    /// hold something else, that is reported and taken as the text that was meant.
    fn annotation(&mut self) -> (Option<Name>, Option<Atom>) {
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
                    value: string(word, Style::Bare),
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
                    value: string(word, Style::Bare),
                    range,
                }),
            );
        };
        let name = Name {
            text: text_of(name.value),
            span: self.span(&name.range),
        };
        (Some(name), None)
    }

    /// The name, number, string or keyword that stands here; where something is attached to it
    /// that it cannot have, the whole word is reported and taken as text. `key` tells that a `=`
    /// may follow.
    fn atom(&mut self, key: bool) -> Option<Atom> {
        let start = self.token.start;
        let bare = matches!(self.token.kind, Kind::Word | Kind::Keyword);
        if bare && self.is_attached(key) {
            let range = self.word_from(start);
            let word = self.slice(&range);
            self.report.must_be_quoted(range.clone(), word);
            return Some(Atom {
                value: string(word, Style::Bare),
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
        string(word, Style::Bare)
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
                string(word, Style::Bare)
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
    fn stray(&mut self) {
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
    fn word_from(&mut self, start: usize) -> Range<usize> {
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

    fn count(&mut self, range: &Range<usize>) {
        self.items += 1;
        if self.items == MAX_ITEMS + 1 {
            self.report.too_many_items(range.clone(), MAX_ITEMS);
            self.lexer.at = self.text.len();
            self.advance();
        }
    }
}

fn string(text: &str, style: Style) -> Value {
    Value::String {
        text: text.into(),
        style,
    }
}

fn text_of(value: Value) -> Arc<str> {
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
