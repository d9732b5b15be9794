//! Text to tokens. A token is only a range with a kind: what a string or number is worth is found
//! by `strings` and `numbers`. Shared by the parser and the formatter, so spaces and comments are
//! tokens too.

use super::scan::{Class, class_at};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Spaces within a line.
    Space,
    /// One line break.
    Newline,
    /// `// …` without its line break.
    LineComment,
    /// `/* … */`; `false` where it is not closed.
    BlockComment(bool),
    /// `\` with the rest of its line and its line break.
    Continuation,
    /// `/-`.
    Slashdash,
    /// `{`.
    Open,
    /// `}`.
    Close,
    /// `(`.
    OpenType,
    /// `)`.
    CloseType,
    /// `;`.
    Semicolon,
    /// `=`.
    Equals,
    /// A run of word characters: a bare string, a number, or neither.
    Word,
    /// `#word`.
    Keyword,
    /// A string in quotes.
    Text(Quotes),
    /// A mark that has no meaning here.
    Stray,
    /// The end of the text.
    End,
}

/// How a quoted string is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quotes {
    /// Number of `#` on each side; 0 for a string with escapes.
    pub(super) hashes: usize,
    /// Whether it began with three quotes.
    pub(super) multiline: bool,
    /// Whether it has its closing quotes.
    pub(super) closed: bool,
}

/// A token: a kind and a byte range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Whether `byte` is a character of ASCII that may stand in a bare word.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!' | b'$'..=b'\'' | b'*'..=b'.' | b'0'..=b':' | b'<' | b'>'..=b'Z' | b'^'..=b'z' | b'|' | b'~')
}

/// The position in a text from which the next token is read.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self {
            bytes: text.as_bytes(),
            at,
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// The next token; `End` for ever after the last one.
    #[inline]
    pub(super) fn next(&mut self) -> Token {
        let start = self.at;
        let Some((class, width)) = class_at(self.bytes, start) else {
            return Token {
                kind: Kind::End,
                start,
                end: start,
            };
        };
        self.at = start + width;
        let kind = match class {
            Class::Word => {
                self.skip(Class::Word);
                Kind::Word
            }
            Class::Space => {
                if self.bytes.get(self.at).is_none_or(|&byte| !is_plain(byte)) {
                    self.skip(Class::Space);
                }
                Kind::Space
            }
            Class::Newline => Kind::Newline,
            Class::Mark => self.mark(start),
        };
        Token {
            kind,
            start,
            end: self.at,
        }
    }

    /// Past all characters of that class; those of ASCII words, the most of any text, by a table.
    #[inline]
    fn skip(&mut self, class: Class) {
        loop {
            if class == Class::Word {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                self.at += rest
                    .iter()
                    .position(|&byte| !is_plain(byte))
                    .unwrap_or(rest.len());
            }
            match class_at(self.bytes, self.at) {
                Some((found, width)) if found == class => self.at += width,
                _ => return,
            }
        }
    }

    fn mark(&mut self, start: usize) -> Kind {
        match self.byte(start) {
            Some(b'{') => Kind::Open,
            Some(b'}') => Kind::Close,
            Some(b'(') => Kind::OpenType,
            Some(b')') => Kind::CloseType,
            Some(b';') => Kind::Semicolon,
            Some(b'=') => Kind::Equals,
            Some(b'"') => self.text(0),
            Some(b'#') => self.hash(),
            Some(b'/') => self.slash(),
            Some(b'\\') => self.continuation(),
            _ => Kind::Stray,
        }
    }

    fn slash(&mut self) -> Kind {
        match self.byte(self.at) {
            Some(b'-') => {
                self.at += 1;
                Kind::Slashdash
            }
            Some(b'/') => {
                self.skip_line();
                Kind::LineComment
            }
            Some(b'*') => {
                self.at += 1;
                Kind::BlockComment(self.skip_block_comment())
            }
            _ => Kind::Stray,
        }
    }

    /// To the line break, exclusive.
    fn skip_line(&mut self) {
        while let Some((class, width)) = class_at(self.bytes, self.at) {
            if class == Class::Newline {
                break;
            }
            self.at += width;
        }
    }

    /// Past the `*/` that closes the comment just begun; comments nest. Whether it was found.
    fn skip_block_comment(&mut self) -> bool {
        let mut depth = 1u32;
        while depth > 0 {
            match (self.byte(self.at), self.byte(self.at + 1)) {
                (None, _) => return false,
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                }
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        true
    }

    /// After a `\`: the rest of the line if only spaces and comments follow on it.
    fn continuation(&mut self) -> Kind {
        let back = self.at;
        loop {
            self.skip(Class::Space);
            match (self.byte(self.at), self.byte(self.at + 1)) {
                (Some(b'/'), Some(b'*')) => {
                    self.at += 2;
                    if !self.skip_block_comment() {
                        break;
                    }
                }
                (Some(b'/'), Some(b'/')) => self.skip_line(),
                _ => match class_at(self.bytes, self.at) {
                    None => return Kind::Continuation,
                    Some((Class::Newline, width)) => {
                        self.at += width;
                        return Kind::Continuation;
                    }
                    Some(_) => break,
                },
            }
        }
        self.at = back;
        Kind::Stray
    }

    /// After a `#`: a raw string or a keyword.
    fn hash(&mut self) -> Kind {
        let word = self.at;
        while self.byte(self.at) == Some(b'#') {
            self.at += 1;
        }
        let hashes = self.at - word + 1;
        if self.byte(self.at) == Some(b'"') {
            self.at += 1;
            return self.text(hashes);
        }
        self.skip(Class::Word);
        Kind::Keyword
    }

    /// After the first `"` of a string.
    fn text(&mut self, hashes: usize) -> Kind {
        let double = self.byte(self.at) == Some(b'"');
        let multiline = double && self.byte(self.at + 1) == Some(b'"');
        let quotes = |closed| Quotes {
            hashes,
            multiline,
            closed,
        };
        if multiline {
            self.at += 2;
        } else if double && hashes == 0 {
            self.at += 1;
            return Kind::Text(quotes(true));
        }
        let spans_lines =
            multiline && matches!(class_at(self.bytes, self.at), Some((Class::Newline, _)));
        let closed = self.skip_text(hashes, multiline, spans_lines);
        Kind::Text(quotes(closed))
    }

    /// To the end of a string, or to where it must have ended: the end of its line, or of the text
    /// where it may span lines. Whether the closing quotes were found.
    fn skip_text(&mut self, hashes: usize, multiline: bool, spans_lines: bool) -> bool {
        while let Some(byte) = self.byte(self.at) {
            match byte {
                b'"' => {
                    if self.closing(hashes, multiline) {
                        return true;
                    }
                }
                b'\\' if hashes == 0 => self.skip_escape(),
                b' '..=0x7f => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    let plain =
                        |byte: &u8| matches!(byte, b' '..=0x7f) && !matches!(byte, b'"' | b'\\');
                    self.at += rest
                        .iter()
                        .position(|byte| !plain(byte))
                        .unwrap_or(rest.len())
                        .max(1);
                }
                _ => match class_at(self.bytes, self.at) {
                    Some((Class::Newline, _)) if !spans_lines => return false,
                    found => self.at += found.map_or(1, |(_, width)| width),
                },
            }
        }
        false
    }

    /// At a `"`: past the closing quotes if they are that, else past what was looked at.
    fn closing(&mut self, hashes: usize, multiline: bool) -> bool {
        let mut quotes = 0;
        while quotes < 3 && self.byte(self.at) == Some(b'"') {
            quotes += 1;
            self.at += 1;
            if !multiline {
                break;
            }
        }
        if multiline && quotes < 3 {
            return false;
        }
        if multiline && hashes > 0 {
            while self.byte(self.at) == Some(b'"') {
                self.at += 1;
            }
        }
        let mut found = 0;
        while found < hashes && self.byte(self.at) == Some(b'#') {
            found += 1;
            self.at += 1;
        }
        found == hashes
    }

    /// At a `\` in a string: past the escape. One before spaces takes them all, line breaks too.
    fn skip_escape(&mut self) {
        self.at += 1;
        let blank = |class| matches!(class, Class::Space | Class::Newline);
        match class_at(self.bytes, self.at) {
            Some((class, _)) if blank(class) => {
                while let Some((found, width)) = class_at(self.bytes, self.at) {
                    if !blank(found) {
                        break;
                    }
                    self.at += width;
                }
            }
            Some((_, width)) => self.at += width,
            None => {}
        }
    }
}
