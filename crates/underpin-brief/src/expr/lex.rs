//! Characters to tokens, with byte offsets into the expression's own text.

use std::sync::Arc;

use crate::model::Decimal;

/// A token and the bytes that it takes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// Kinds of tokens.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Name(Arc<str>),
    /// A magnitude: a minus before it is an operator.
    Int(u64),
    Decimal(Decimal),
    Text(Arc<str>),
    Punct(&'static str),
    End,
}

/// What is wrong with the text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// A text that can take the place of `from..to`.
    pub(super) replacement: Option<String>,
    pub(super) kind: MistakeKind,
}

/// Which code a mistake gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MistakeKind {
    Syntax,
    Reserved,
    Literal,
    TooDeep,
}

impl Mistake {
    pub(super) fn new(kind: MistakeKind, from: u32, to: u32, message: impl Into<String>) -> Self {
        Self {
            from,
            to,
            message: message.into(),
            help: None,
            replacement: None,
            kind,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn replace(mut self, help: impl Into<String>, by: impl Into<String>) -> Self {
        self.replacement = Some(by.into());
        self.help(help)
    }
}

/// Words that the syntax reserves: they name nothing in expressions.
pub const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// Longest first, so that `<=` is not read as `<`.
const PUNCTUATION: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "?", ":", "+", "-", "*", "/", "%", "(", ")",
    "[", "]", "{", "}", ",", ".",
];

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// All tokens of `text`, the last one [`Kind::End`].
pub(super) fn lex(text: &str) -> Result<Vec<Token>, Mistake> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        let from = lexer.at;
        let kind = lexer.token()?;
        let end = kind == Kind::End;
        tokens.push(Token {
            kind,
            from: offset(from),
            to: offset(lexer.at),
        });
        if end {
            return Ok(tokens);
        }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or("")
    }

    fn skip_space(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if !self.rest().starts_with("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn token(&mut self) -> Result<Kind, Mistake> {
        let Some(first) = self.peek() else {
            return Ok(Kind::End);
        };
        if starts_name(first) {
            let name = self.take_while(|c| starts_name(c) || c.is_ascii_digit());
            return Ok(Kind::Name(name.into()));
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if first == '\'' || first == '"' {
            return self.string(first).map(|text| Kind::Text(text.into()));
        }
        let found = PUNCTUATION
            .iter()
            .find(|punct| self.rest().starts_with(**punct));
        if let Some(punct) = found {
            self.at += punct.len();
            return Ok(Kind::Punct(punct));
        }
        let from = self.at;
        self.at += first.len_utf8();
        Err(self.unexpected(first, from))
    }

    fn unexpected(&self, c: char, from: usize) -> Mistake {
        let (from, to) = (offset(from), offset(self.at));
        let mistake = |message: String| Mistake::new(MistakeKind::Syntax, from, to, message);
        match c {
            '=' => mistake("`=` is not an operator of expressions".into())
                .replace("`==` compares", "=="),
            '&' => mistake("`&` is not an operator of expressions".into())
                .replace("`&&` is \"and\"", "&&"),
            '|' => mistake("`|` is not an operator of expressions".into())
                .replace("`||` is \"or\"", "||"),
            '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => {
                mistake(format!("`{c}` is a typographic quote")).replace("text stands in `'`", "'")
            }
            '#' => mistake("`#` has no meaning in an expression".into())
                .help("write `true`, `false` and `null` without `#` here"),
            _ => mistake(format!(
                "`{}` has no meaning in an expression",
                c.escape_debug()
            )),
        }
    }

    fn number(&mut self) -> Result<Kind, Mistake> {
        let from = self.at;
        let digits = self.take_while(|c| c.is_ascii_digit() || c == '_');
        let mut decimal = false;
        if let Some(rest) = self.rest().strip_prefix('.')
            && rest.starts_with(|c: char| c.is_ascii_digit())
        {
            decimal = true;
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit() || c == '_');
        }
        let text = self.text.get(from..self.at).unwrap_or("");
        let literal = |lexer: &Self, message: String| {
            Mistake::new(
                MistakeKind::Literal,
                offset(from),
                offset(lexer.at),
                message,
            )
        };
        if self.peek().is_some_and(starts_name) {
            let number = text.to_owned();
            let word = self.take_while(|c| starts_name(c) || c.is_ascii_digit());
            let mistake = literal(self, format!("`{number}{word}` is not a number"));
            let unit = crate::model::Duration::UNITS
                .iter()
                .any(|(unit, _)| *unit == word);
            let written = format!("duration('{number}{word}')");
            return Err(if unit {
                mistake.replace("a length of time is written with `duration`", written)
            } else {
                mistake
            });
        }
        if decimal {
            let value = Decimal::parse(text).map(Kind::Decimal);
            return value.ok_or_else(|| {
                literal(self, format!("`{text}` does not fit a decimal"))
                    .help("decimals have at most nine digits after the point and nine before it")
            });
        }
        let plain: String = digits.chars().filter(|c| *c != '_').collect();
        plain.parse().map(Kind::Int).map_err(|_| {
            literal(self, format!("`{text}` does not fit an int"))
                .help("whole numbers lie between -9223372036854775808 and 9223372036854775807")
        })
    }

    fn string(&mut self, quote: char) -> Result<String, Mistake> {
        let from = self.at;
        self.at += quote.len_utf8();
        let mut text = String::new();
        loop {
            let start = self.at;
            let Some(c) = self.peek() else {
                let message = "this text has no closing quote";
                let (from, to) = (offset(from), offset(self.at));
                return Err(Mistake::new(MistakeKind::Syntax, from, to, message)
                    .help(format!("end the text with `{quote}`")));
            };
            self.at += c.len_utf8();
            if c == quote {
                return Ok(text);
            }
            if c != '\\' {
                text.push(c);
                continue;
            }
            let Some(escaped) = self.escape() else {
                let (start, to) = (offset(start), offset(self.at));
                let written = self.text.get(start as usize..self.at).unwrap_or("\\");
                let message = format!("`{written}` is not an escape");
                return Err(Mistake::new(MistakeKind::Syntax, start, to, message)
                    .help("the escapes are \\\\ \\' \\\" \\n \\r \\t and \\uXXXX"));
            };
            text.push(escaped);
        }
    }

    fn escape(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        match c {
            '\\' | '\'' | '"' | '`' | '?' => Some(c),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'x' | 'X' => self.code(2),
            'u' => self.code(4),
            'U' => self.code(8),
            _ => None,
        }
    }

    fn code(&mut self, digits: usize) -> Option<char> {
        let rest = self.rest().get(..digits)?;
        if !rest.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += digits;
        char::from_u32(u32::from_str_radix(rest, 16).ok()?)
    }
}
