//! What is said about each mistake in the notation: code, words, place, help. Knows no grammar.

use std::ops::Range;

use super::layout::Line;
use super::lexer::Quotes;
use super::numbers::NotANumber;
use super::strings::Fault;
use crate::codes::{Code, notation};
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};
use crate::suggest;

/// So many mistakes are described; the text is beyond help then.
const MAX_REPORTS: usize = 200;

/// The help for an expression in several words.
pub(super) const QUOTE_WHOLE: &str =
    "an expression with spaces or operators is quoted as a whole: `when=\"a >= b\"`";

/// Collects what was found in one text.
pub(super) struct Report<'a> {
    file: FileId,
    text: &'a str,
    found: Vec<Diagnostic>,
    /// Whether reading was given up, so that nothing more is said about what is missing.
    given_up: bool,
    /// A closing brace that is indented unlike the line of its opening one.
    suspect: Option<(Range<usize>, Range<usize>)>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: FileId, text: &'a str) -> Self {
        Self {
            file,
            text,
            found: Vec::new(),
            given_up: false,
            suspect: None,
        }
    }

    /// Everything found, in the order of places.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.found
            .sort_by_key(|found| (found.primary.span.start, found.primary.span.end));
        self.found
    }

    pub(super) fn span(&self, range: &Range<usize>) -> Span {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span::new(self.file, narrow(range.start), narrow(range.end))
    }

    fn add(&mut self, diagnostic: Diagnostic) {
        if self.found.len() < MAX_REPORTS {
            self.found.push(diagnostic);
        }
    }

    fn error(&self, code: Code, range: &Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.span(range), message)
    }

    fn slice(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or("")
    }

    pub(super) fn disallowed(&mut self, at: usize, c: char) {
        let range = at..at + c.len_utf8();
        let message = format!(
            "the character U+{:04X} may not stand in a brief",
            u32::from(c)
        );
        let found = self
            .error(notation::U0109, &range, message)
            .fact("control characters and marks that turn the direction of writing are not seen by readers")
            .fix("remove it", self.span(&range), "");
        self.add(found);
    }

    pub(super) fn too_large(&mut self, bytes: usize, limit: usize) {
        let message = format!("the text has {bytes} bytes, at most {limit} are read");
        let found = self.error(notation::U0112, &(0..0), message);
        self.add(found.help("split it into files and join them with `include \"file.kdl\"`"));
        self.given_up = true;
    }

    pub(super) fn too_many_items(&mut self, range: Range<usize>, limit: usize) {
        let message = format!("more than {limit} nodes, arguments and properties");
        let found = self
            .error(notation::U0112, &range, message)
            .label("nothing is read from here on");
        self.add(found);
        self.given_up = true;
    }

    pub(super) fn too_deep(&mut self, open: Range<usize>, limit: usize) {
        let message = format!("blocks are nested deeper than {limit} levels");
        let found = self
            .error(notation::U0111, &open, message)
            .label("this block is not read");
        self.add(found);
    }

    pub(super) fn stray(&mut self, range: Range<usize>, word: &str) {
        if matches!(word, "" | ")" | "]" | "[" | "(" | "\\" | "=" | "/")
            || word.starts_with([')', '\\'])
        {
            let message = format!("unexpected `{word}`");
            let mut found = self.error(notation::U0101, &range, message);
            if word.starts_with('\\') {
                found = found.help("a `\\` continues a node only at the end of its line");
            } else {
                found = found.fix("remove it", self.span(&range), "");
            }
            return self.add(found);
        }
        self.must_be_quoted(range, word);
    }

    pub(super) fn stray_equals(&mut self, mut range: Range<usize>) {
        // Of `a == 0`, the first mark was taken for that of a property.
        let before = range.start.checked_sub(1);
        if before.and_then(|at| self.text.as_bytes().get(at)) == Some(&b'=') {
            range.start -= 1;
        }
        let found = if range.len() > 1 {
            self.error(notation::U0113, &range, "`==` stands outside quotes")
                .help(QUOTE_WHOLE)
        } else {
            self.error(notation::U0101, &range, "unexpected `=`")
                .label("a node's own value has no `=`, a property is `name=value`")
                .fix("remove it", self.span(&range), "")
        };
        self.add(found);
    }

    pub(super) fn empty_statement(&mut self, range: Range<usize>) {
        let found = self
            .error(notation::U0101, &range, "unexpected `;`")
            .label("no node stands before it")
            .fix("remove it", self.span(&range), "");
        self.add(found);
    }

    pub(super) fn block_without_node(&mut self, open: Range<usize>) {
        let found = self
            .error(notation::U0101, &open, "a block without a node")
            .label("a block begins on the line of its node's name")
            .help("write the name of the node before the `{`, on the same line");
        self.add(found);
    }

    pub(super) fn name_expected(&mut self, range: Range<usize>, word: &str) {
        let found = self
            .error(notation::U0101, &range, format!("`{word}` is not a name"))
            .label("a name begins with a letter, or stands in quotes")
            .fix("quote it", self.span(&range), format!("\"{word}\""));
        self.add(found);
    }

    pub(super) fn must_be_quoted(&mut self, range: Range<usize>, word: &str) {
        let span = self.span(&range);
        let quoted = quote(word);
        let number = word
            .trim_start_matches(['+', '-', '.'])
            .starts_with(|c: char| c.is_ascii_digit());
        let found = if number {
            self.error(
                notation::U0102,
                &range,
                format!("the quantity `{word}` is not quoted"),
            )
        } else if let Some(inner) = word
            .strip_prefix("r\"")
            .and_then(|rest| rest.strip_suffix('"'))
        {
            let found = self.error(notation::U0113, &range, "a raw string has no `r`");
            return self.add(found.fix("write `#` on both sides", span, format!("#\"{inner}\"#")));
        } else {
            let message = format!("`{word}` is not quoted");
            self.error(notation::U0113, &range, message)
                .label("only names and dotted paths stand without quotes")
        };
        self.add(found.fix("quote it", span, quoted));
    }

    pub(super) fn bad_number(&mut self, range: Range<usize>, word: &str, why: NotANumber) {
        if why == NotANumber::Quantity {
            return self.must_be_quoted(range, word);
        }
        let span = self.span(&range);
        let found = self.error(notation::U0108, &range, format!("`{word}` is not a number"));
        let mended = mended_number(word);
        self.add(match mended {
            Some(number) => found.fix("write digits on both sides of the point", span, number),
            None => found.fix("quote it if it is text", span, quote(word)),
        });
    }

    pub(super) fn bare_keyword(&mut self, range: Range<usize>, word: &str) {
        let span = self.span(&range);
        let found = self
            .error(notation::U0103, &range, format!("`{word}` has no `#`"))
            .fix("the value is written with `#`", span, format!("#{word}"))
            .fix(
                "the text is written with quotes",
                span,
                format!("\"{word}\""),
            );
        self.add(found);
    }

    pub(super) fn unknown_keyword(&mut self, range: Range<usize>, word: &str) {
        let span = self.span(&range);
        let known = ["#true", "#false", "#null", "#inf", "#-inf", "#nan"];
        let found = self.error(
            notation::U0114,
            &range,
            format!("`{word}` is not a keyword"),
        );
        self.add(match suggest::closest(word, known) {
            Some(meant) => found.fix("did you mean", span, meant),
            None => found.fix("quote it if it is text", span, quote(word)),
        });
    }

    pub(super) fn missing_space(&mut self, range: Range<usize>) {
        let at = self.span(&(range.start..range.start));
        let found = self
            .error(notation::U0115, &range, "no space before this value")
            .fix("separate the two by a space", at, " ");
        self.add(found);
    }

    pub(super) fn no_value(&mut self, range: Range<usize>, key: &str) {
        let after = self.span(&(range.end..range.end));
        let found = self
            .error(
                notation::U0116,
                &range,
                format!("the property `{key}` has no value"),
            )
            .fix("give it a value, here an empty text", after, "\"\"");
        self.add(found);
    }

    pub(super) fn lone_annotation(&mut self, range: Range<usize>) {
        let found = self
            .error(notation::U0117, &range, "a type annotation without a value or a node")
            .help("text in parentheses at the beginning of a word is a type annotation: quote an expression");
        self.add(found);
    }

    pub(super) fn bad_annotation(&mut self, range: Range<usize>, word: &str) {
        let span = self.span(&range);
        let found = self
            .error(
                notation::U0117,
                &range,
                format!("`{word}` is no type annotation"),
            )
            .label("one name stands between the parentheses");
        self.add(found.fix("remove it", span, ""));
    }

    pub(super) fn annotated_key(&mut self, annotation: Span, key: Range<usize>) {
        let found = self
            .error(
                notation::U0117,
                &key,
                "a type annotation before a property's name",
            )
            .also(annotation, "the annotation")
            .help("write it before the value: `name=(type)value`");
        self.add(found);
    }

    pub(super) fn nothing_slashed(&mut self, mark: Range<usize>) {
        let found = self
            .error(notation::U0118, &mark, "nothing follows this `/-`")
            .label("it takes out the node, value or block after it")
            .fix("remove it", self.span(&mark), "");
        self.add(found);
    }

    pub(super) fn misplaced_slashdash(&mut self, mark: Range<usize>) {
        let found = self
            .error(
                notation::U0118,
                &mark,
                "`/-` takes out whole nodes, values and blocks only",
            )
            .help("write it before the type annotation or the property's name");
        self.add(found);
    }

    pub(super) fn unclosed_comment(&mut self, range: Range<usize>) {
        let open = range.start..range.start + 2;
        let end = self.span(&(range.end..range.end));
        let found = self
            .error(notation::U0119, &open, "this comment is not closed")
            .fix("close it", end, " */");
        self.add(found);
    }

    pub(super) fn missing_node_end(&mut self, range: Range<usize>) {
        let at = self.span(&(range.start..range.start));
        let found = self
            .error(notation::U0120, &range, "a node ends with its block")
            .fix("begin the next node with `;` or on a new line", at, "; ");
        self.add(found);
    }

    pub(super) fn second_block(&mut self, open: Range<usize>) {
        let found = self
            .error(notation::U0120, &open, "a second block on one node")
            .help("write its nodes into the first block");
        self.add(found);
    }

    pub(super) fn unexpected_close(&mut self, range: Range<usize>) {
        let mut found = self
            .error(notation::U0106, &range, "this `}` closes nothing")
            .fix("remove it", self.span(&range), "");
        if let Some((open, close)) = &self.suspect {
            found = found.also(self.span(open), "this block").also(
                self.span(close),
                "ends here, where the indentation is another",
            );
        }
        self.add(found);
    }

    /// Remembers the first block whose end looks out of place.
    pub(super) fn closed(&mut self, open: Range<usize>, close: Range<usize>) {
        if self.suspect.is_some() {
            return;
        }
        let bytes = self.text.as_bytes();
        let end = Line::of(bytes, close.start);
        if !end.begins_at(close.start) {
            return;
        }
        let begin = Line::of(bytes, open.start);
        if begin.start != end.start && begin.indent != end.indent {
            self.suspect = Some((open, close));
        }
    }

    pub(super) fn unclosed_block(&mut self, open: Range<usize>, end: usize) {
        if self.given_up {
            return;
        }
        let bytes = self.text.as_bytes();
        let indent = Line::of(bytes, open.start).indent;
        let close = format!("{}}}", " ".repeat(indent));
        let found = self.error(notation::U0105, &open, "this block is not closed");
        let found = if let Some((open, close)) = &self.suspect {
            let start = Line::of(bytes, close.start).start;
            let indent = Line::of(bytes, open.start).indent;
            let line = format!("{}}}\n", " ".repeat(indent));
            found
                .also(
                    self.span(open),
                    "by the indentation, this block lacks its `}`",
                )
                .also(self.span(close), "this `}` closes it instead")
                .fix("close that one", self.span(&(start..start)), line)
        } else if self.text.ends_with('\n') {
            found.fix("close it", self.span(&(end..end)), close + "\n")
        } else {
            found.fix("close it", self.span(&(end..end)), format!("\n{close}"))
        };
        self.add(found);
    }

    /// A block that by the indentation ends before byte `at`, the first of a line.
    pub(super) fn unclosed_before(&mut self, open: Range<usize>, at: usize) {
        let bytes = self.text.as_bytes();
        let indent = Line::of(bytes, open.start).indent;
        let start = Line::of(bytes, at).start;
        let line = format!("{}}}\n", " ".repeat(indent));
        let found = self
            .error(notation::U0105, &open, "this block is not closed")
            .also(
                self.span(&(at..at)),
                "by the indentation, it ends before this line",
            )
            .fix("close it", self.span(&(start..start)), line);
        self.add(found);
    }

    pub(super) fn unclosed_string(&mut self, range: Range<usize>, quotes: Quotes) {
        let mark = quotes.hashes + if quotes.multiline { 3 } else { 1 };
        let open = range.start..(range.start + mark).min(range.end);
        let text = self.slice(&range).trim_end();
        let end = range.start + text.len();
        let hashes = "#".repeat(quotes.hashes);
        let close = if quotes.multiline {
            format!("\n\"\"\"{hashes}")
        } else {
            format!("\"{hashes}")
        };
        let mut found = self
            .error(notation::U0104, &open, "this string is not closed")
            .also(self.span(&(end..end)), "it ends here at the latest")
            .fix("close it", self.span(&(end..end)), close);
        if !quotes.multiline {
            found = found.fact("a string over several lines begins and ends with `\"\"\"`");
        }
        self.add(found);
    }

    pub(super) fn fault(&mut self, string: &Range<usize>, fault: Fault) {
        let found = match fault {
            Fault::UnknownEscape(range) => {
                let escape = self.slice(&range);
                let found =
                    self.error(notation::U0107, &range, format!("`{escape}` is not an escape"));
                found
                    .fix("a backslash is written twice", self.span(&range), format!("\\{escape}"))
                    .help("in `#\"…\"#` backslashes are plain text")
            }
            Fault::BadCodePoint(range) => {
                let escape = self.slice(&range);
                let message = format!("`{escape}` names no character");
                self.error(notation::U0107, &range, message).help(
                    "write `\\u{…}` with one to six hexadecimal digits, at most 10FFFF, no surrogate",
                )
            }
            Fault::NoLineBreak(range) => self
                .error(notation::U0121, &range, "text on the line of the opening `\"\"\"`")
                .also(self.span(string), "this string spans lines")
                .help("begin the text on the next line, or use a single `\"`"),
            Fault::LastLine(range) => self
                .error(notation::U0121, &range, "text on the line of the closing `\"\"\"`")
                .help("put the closing `\"\"\"` on a line of its own"),
            Fault::Indentation(range) => self
                .error(notation::U0121, &range, "this line is indented less than the closing `\"\"\"`")
                .also(self.span(&(string.end..string.end)), "the closing quotes")
                .help("begin every line with the spaces and tabs that stand before the closing quotes"),
        };
        self.add(found);
    }
}

/// `word` as a string of the notation.
fn quote(word: &str) -> String {
    if word.contains(['"', '\\']) {
        let mut hashes = String::from("#");
        while word.contains(&format!("\"{hashes}")) {
            hashes.push('#');
        }
        format!("{hashes}\"{word}\"{hashes}")
    } else {
        format!("\"{word}\"")
    }
}

/// The number that was meant by one whose point lacks its neighbour.
fn mended_number(word: &str) -> Option<String> {
    let (whole, fraction) = word.split_once('.')?;
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    let (sign, whole) = match whole.strip_prefix('-') {
        Some(whole) => ("-", whole),
        None => ("", whole.strip_prefix('+').unwrap_or(whole)),
    };
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let or_zero = |part: &'_ str| {
        if part.is_empty() {
            "0".to_owned()
        } else {
            part.to_owned()
        }
    };
    Some(format!("{sign}{}.{}", or_zero(whole), or_zero(fraction)))
}
