//! Tokens to nodes: recursive descent with recovery. A mistake costs the word, entry or node it
//! stands in, never the rest of the text. What is said about a mistake is `report`'s business.

use std::ops::Range;

use super::ast::{Document, Entry, Name, Node, Value};
use super::atoms::{Pool, text_of};
use super::layout::Layout;
use super::lexer::{Kind, Lexer, Token};
use super::report::Report;
use super::scan;
use crate::source::Span;

/// Blocks may be nested this deep.
pub const MAX_DEPTH: usize = 128;
/// A text may have this many bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// A document may have this many nodes, arguments and properties together.
pub const MAX_ITEMS: usize = 1_000_000;

/// The parser of one text.
pub(super) struct Parser<'a, 'r> {
    pub(super) text: &'a str,
    pub(super) lexer: Lexer<'a>,
    pub(super) token: Token,
    /// Whether a space or comment stood before `token`.
    pub(super) spaced: bool,
    depth: usize,
    items: usize,
    layout: Layout<'a>,
    /// Entries of the nodes that are being read: a pile, so that each list is made once and in its
    /// size.
    entries: Vec<Entry>,
    /// Nodes of the blocks that are being read, likewise.
    nodes: Vec<Node>,
    pub(super) pool: Pool,
    pub(super) report: &'r mut Report<'a>,
}

/// A name or value with its byte range.
pub(super) struct Atom {
    pub(super) value: Value,
    pub(super) range: Range<usize>,
}

impl<'a, 'r> Parser<'a, 'r> {
    /// With `guided`, the indentation decides where blocks end; for texts whose braces do not match.
    pub(super) fn new(text: &'a str, guided: bool, report: &'r mut Report<'a>) -> Self {
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
            layout: Layout {
                bytes: text.as_bytes(),
                guided,
                open: Vec::new(),
            },
            entries: Vec::new(),
            nodes: Vec::new(),
            pool: Pool::default(),
            report,
        }
    }

    pub(super) fn document(mut self) -> Document {
        let mut nodes = Vec::new();
        loop {
            nodes.append(&mut self.nodes());
            if self.token.kind != Kind::Close {
                return Document { nodes };
            }
            self.report.unexpected_close(self.range());
            self.advance();
        }
    }

    pub(super) fn advance(&mut self) {
        self.token = self.lexer.next();
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.token.start..self.token.end
    }

    pub(super) fn slice(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or("")
    }

    pub(super) fn span(&self, range: &Range<usize>) -> Span {
        self.report.span(range)
    }

    /// Past spaces, block comments and continued lines.
    pub(super) fn skip_spaces(&mut self) {
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
    fn nodes(&mut self) -> Vec<Node> {
        let base = self.nodes.len();
        loop {
            self.skip_lines();
            match self.token.kind {
                Kind::Close if self.layout.is_stray(self.token.start) => {
                    self.report.unexpected_close(self.range());
                    self.advance();
                }
                Kind::End | Kind::Close => return self.nodes.drain(base..).collect(),
                _ if self.layout.is_outside(self.token.start) => {
                    return self.nodes.drain(base..).collect();
                }
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
                _ => {
                    let node = self.node();
                    self.nodes.extend(node);
                }
            }
        }
    }

    /// Whether the node that is being read ends here.
    pub(super) fn at_node_end(&self) -> bool {
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
        let base = self.entries.len();
        self.spaced = false;
        self.parts(node);
        node.entries = self.entries.drain(base..).collect();
        node.span = node.span.to(node.head);
        if node.children.is_none() {
            let end = node.head.end;
            node.children_span = Span::new(node.head.file, end, end);
        }
        if self.token.kind == Kind::Semicolon {
            self.advance();
        }
    }

    /// The entries of `node`, which are left on the pile, and its blocks.
    fn parts(&mut self, node: &mut Node) {
        let mut blocked = false;
        loop {
            self.skip_spaces();
            if self.at_node_end() {
                return;
            }
            let slashed = self.token.kind == Kind::Slashdash;
            if slashed {
                let mark = self.range();
                self.advance();
                self.skip_lines();
                self.spaced = true;
                if self.at_node_end() {
                    return self.report.nothing_slashed(mark);
                }
            }
            if self.token.kind == Kind::Open {
                if self.block(node, slashed) {
                    return;
                }
                blocked = true;
                continue;
            }
            if blocked && self.missing_node_end() {
                return;
            }
            blocked = false;
            let entry = self.entry();
            if !slashed && let Some(entry) = entry {
                node.head = node.head.to(entry.span);
                self.entries.push(entry);
            }
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

    /// The block that begins here. Whether its node ends with it because the block is not closed.
    fn block(&mut self, node: &mut Node, slashed: bool) -> bool {
        let open = self.range();
        if self.depth >= MAX_DEPTH {
            self.report.too_deep(open, MAX_DEPTH);
            self.skip_block();
            return false;
        }
        self.advance();
        self.depth += 1;
        self.layout.enter(open.start);
        let children = self.nodes();
        let outside = self.token.kind != Kind::End && self.layout.is_outside(self.token.start);
        self.layout.open.pop();
        self.depth -= 1;
        let end = if outside {
            self.token.start
        } else {
            self.token.end
        };
        if outside {
            self.report.unclosed_before(open.clone(), self.token.start);
        } else if self.token.kind == Kind::Close {
            self.report.closed(open.clone(), self.range());
            self.advance();
        } else {
            self.report.unclosed_block(open.clone(), end);
        }
        self.spaced = false;
        if slashed {
            return outside;
        }
        if node.children.is_some() {
            self.report.second_block(open);
            return outside;
        }
        node.children_span = self.span(&(open.start..end));
        node.span = node.span.to(node.children_span);
        node.children = Some(children);
        outside
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
    fn property(&mut self, key: Atom, ty: Option<Box<Name>>) -> Option<Entry> {
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

    fn count(&mut self, range: &Range<usize>) {
        self.items += 1;
        if self.items == MAX_ITEMS + 1 {
            self.report.too_many_items(range.clone(), MAX_ITEMS);
            self.lexer.at = self.text.len();
            self.advance();
        }
    }
}
