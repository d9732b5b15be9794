//! The tokens of a valid text as a tree that keeps comments and line breaks.

use super::super::lexer::{Kind, Lexer, Token};
use super::super::scan;

/// A node or a comment of its own, with what surrounds it.
pub(super) struct Item<'a> {
    /// The name, entries, blocks and comments in their order.
    pub(super) pieces: Vec<Piece<'a>>,
    /// Whether it is a node and not only comments.
    pub(super) node: bool,
    /// Whether an empty line stands before it.
    pub(super) blank_before: bool,
    /// Whether it follows the item before it on the same line, after a `;`.
    pub(super) joined: bool,
    /// The `// …` at its end.
    pub(super) comment: Option<&'a str>,
}

/// A part of an item.
pub(super) enum Piece<'a> {
    /// A name, an entry or a block comment, ready to be written.
    Text(String),
    /// A line break within a node, with the comments after its `\`.
    Break(Option<&'a str>),
    /// A block.
    Block(Block<'a>),
}

/// A block of a node.
pub(super) struct Block<'a> {
    /// What stands before its `{`: nothing, or `/-` with comments.
    pub(super) prefix: String,
    /// The `// …` after its `{`.
    pub(super) comment: Option<&'a str>,
    /// What stands in it.
    pub(super) items: Vec<Item<'a>>,
    /// Whether it was written on one line.
    pub(super) one_line: bool,
}

/// The items of `text`, which is valid.
pub(super) fn document(text: &str) -> Vec<Item<'_>> {
    let mut lexer = Lexer::new(text);
    let token = lexer.next();
    let mut reader = Reader { text, lexer, token };
    reader.items()
}

struct Reader<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    token: Token,
}

/// What ended an item.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Semicolon,
    Line,
}

impl<'a> Reader<'a> {
    fn advance(&mut self) {
        self.token = self.lexer.next();
    }

    fn slice(&self) -> &'a str {
        self.text
            .get(self.token.start..self.token.end)
            .unwrap_or("")
    }

    /// The text of the token here, which is passed.
    fn take(&mut self) -> &'a str {
        let text = self.slice();
        self.advance();
        text
    }

    /// Items up to a `}`, which is left, or the end.
    fn items(&mut self) -> Vec<Item<'a>> {
        let mut items: Vec<Item<'a>> = Vec::new();
        let mut newlines = 0usize;
        let mut last = End::Line;
        loop {
            match self.token.kind {
                Kind::End | Kind::Close => return items,
                Kind::Space | Kind::Semicolon => self.advance(),
                Kind::Newline => {
                    newlines += 1;
                    self.advance();
                }
                Kind::LineComment if last == End::Semicolon && newlines == 0 => {
                    let comment = self.take().trim_end();
                    if let Some(item) = items.last_mut() {
                        item.comment = Some(comment);
                    }
                }
                _ => {
                    let joined = last == End::Semicolon && newlines == 0;
                    let blank_before = newlines >= 2 && !items.is_empty();
                    newlines = 0;
                    let Some((mut item, end)) = self.item() else {
                        continue;
                    };
                    item.blank_before = blank_before;
                    item.joined = joined && item.node;
                    last = end;
                    match items.last_mut() {
                        Some(before) if joined && !item.node => {
                            before.pieces.append(&mut item.pieces);
                            before.comment = item.comment;
                        }
                        _ => items.push(item),
                    }
                }
            }
        }
    }

    /// The item that begins here; `None` where a continued line holds nothing.
    fn item(&mut self) -> Option<(Item<'a>, End)> {
        let mut item = Item {
            pieces: Vec::new(),
            node: false,
            blank_before: false,
            joined: false,
            comment: None,
        };
        let mut end = End::Line;
        loop {
            match self.token.kind {
                Kind::Space => self.advance(),
                Kind::BlockComment(_) => item.pieces.push(Piece::Text(self.take().to_owned())),
                Kind::Continuation => {
                    let comment = comment_of(self.take());
                    if item.node {
                        push_break(&mut item.pieces, comment);
                    } else if let Some(comment) = comment {
                        item.pieces.push(Piece::Text(comment.to_owned()));
                        if comment.contains("//") {
                            break;
                        }
                    }
                }
                Kind::LineComment => {
                    item.comment = Some(self.take().trim_end());
                    break;
                }
                Kind::Semicolon => {
                    end = End::Semicolon;
                    self.advance();
                    break;
                }
                Kind::Newline | Kind::Close | Kind::End => break,
                _ => {
                    self.piece(&mut item);
                    item.node = true;
                }
            }
        }
        drop_last_break(&mut item);
        let something = item.node || item.comment.is_some() || !item.pieces.is_empty();
        something.then_some((item, end))
    }

    /// The name, entry or block that begins here.
    fn piece(&mut self, item: &mut Item<'a>) {
        let mut text = String::new();
        if self.token.kind == Kind::Slashdash {
            text.push_str(self.take());
            self.inner(&mut text);
        }
        if self.token.kind == Kind::Open {
            let block = self.block(text);
            item.pieces.push(Piece::Block(block));
            return;
        }
        self.typed(&mut text, item.node);
        if item.node {
            let mut between = String::new();
            let (lexer, token) = (self.lexer.clone(), self.token);
            self.inner(&mut between);
            if self.token.kind == Kind::Equals {
                text.push_str(&between);
                text.push_str(self.take());
                self.inner(&mut text);
                self.typed(&mut text, true);
            } else {
                (self.lexer, self.token) = (lexer, token);
            }
        }
        item.pieces.push(Piece::Text(text));
    }

    /// Appends the annotation and the name or value that stand here.
    fn typed(&mut self, text: &mut String, value: bool) {
        if self.token.kind == Kind::OpenType {
            text.push_str(self.take());
            self.inner(text);
            text.push_str(self.take());
            self.inner(text);
            text.push_str(self.take());
            self.inner(text);
        }
        let word = self.slice();
        let key = self.text.as_bytes().get(self.token.end) == Some(&b'=');
        if value && !key && self.token.kind == Kind::Word && needs_quotes(word) {
            text.push('"');
            text.push_str(word);
            text.push('"');
        } else {
            text.push_str(word);
        }
        self.advance();
    }

    /// Appends the comments in the space that begins here, and nothing else of it.
    fn inner(&mut self, text: &mut String) {
        loop {
            match self.token.kind {
                Kind::Space | Kind::Newline => {}
                Kind::BlockComment(_) => text.push_str(self.slice()),
                Kind::LineComment => {
                    text.push(' ');
                    text.push_str(self.slice().trim_end());
                    text.push('\n');
                }
                Kind::Continuation => {
                    if let Some(comment) = comment_of(self.slice()) {
                        text.push_str(" \\ ");
                        text.push_str(comment);
                        text.push('\n');
                    }
                }
                _ => return,
            }
            self.advance();
        }
    }

    /// The block whose `{` stands here.
    fn block(&mut self, prefix: String) -> Block<'a> {
        let start = self.token.start;
        self.advance();
        while self.token.kind == Kind::Space {
            self.advance();
        }
        let comment = (self.token.kind == Kind::LineComment).then(|| self.take().trim_end());
        let items = self.items();
        let end = self.token.end;
        self.advance();
        let one_line = self
            .text
            .get(start..end)
            .is_some_and(|text| !text.contains(scan::is_newline));
        Block {
            prefix,
            comment,
            items,
            one_line,
        }
    }
}

/// A line break after which nothing follows is none; its comment ends the item.
fn drop_last_break(item: &mut Item<'_>) {
    while matches!(item.pieces.last(), Some(Piece::Break(_))) {
        let Some(Piece::Break(Some(comment))) = item.pieces.pop() else {
            continue;
        };
        match item.comment {
            None => item.comment = Some(comment),
            Some(_) => item.pieces.push(Piece::Text(format!("\\ {comment}\n"))),
        }
    }
}

/// Appends a line break; two in a row are one unless comments are in them.
fn push_break<'a>(pieces: &mut Vec<Piece<'a>>, comment: Option<&'a str>) {
    match (pieces.last_mut(), comment) {
        (Some(Piece::Break(_)), None) => {}
        (Some(Piece::Break(before @ None)), Some(_)) => *before = comment,
        _ => pieces.push(Piece::Break(comment)),
    }
}

/// The comments after the `\` of a continued line.
fn comment_of(continuation: &str) -> Option<&str> {
    let text = continuation.get(1..).unwrap_or("");
    let text = text.trim_matches(|c| scan::is_space(c) || scan::is_newline(c));
    (!text.is_empty()).then_some(text)
}

/// Whether a bare word is more than a name, a dotted path or a type with its suffix. What the
/// notation's own rules complain about is left as it is, so that they still do.
fn needs_quotes(word: &str) -> bool {
    let numeric = super::super::numbers::begins_like_a_number(word);
    let path = word.strip_suffix(['?', '*']).unwrap_or(word);
    let plain = path
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let operator = word.chars().all(super::super::lint::is_operator);
    !numeric && !plain && !operator && !word.ends_with(',')
}
