//! What a quoted string says: escapes resolved, indentation taken off, and for each byte of the
//! result the place it came from. Knows nothing of what a string means.

use std::ops::Range;
use std::sync::Arc;

use super::lexer::Quotes;
use super::scan::{Class, class_at, is_newline, is_space};

/// A mistake inside a string, with its byte range in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// `\` before a character that needs none and has no meaning with one.
    UnknownEscape(Range<usize>),
    /// `\u{…}` that names no character.
    BadCodePoint(Range<usize>),
    /// Text on the line of the opening `"""`.
    NoLineBreak(Range<usize>),
    /// Text on the line of the closing `"""`.
    LastLine(Range<usize>),
    /// A line that does not begin with the indentation of the closing `"""`: the place is the
    /// line's own indentation.
    Indentation(Range<usize>),
}

/// A run of bytes of the result that was copied from the text or stands for one escape.
#[derive(Clone, Debug)]
struct Piece {
    /// Where it begins in the result.
    result: usize,
    /// What it was in the text.
    source: Range<usize>,
    copied: bool,
}

/// Receives the result; remembers where it came from only if asked.
#[derive(Default)]
struct Out {
    text: String,
    pieces: Option<Vec<Piece>>,
}

impl Out {
    /// Appends what stands at `source` of `text`.
    fn copy(&mut self, text: &str, source: Range<usize>) {
        let part = text.get(source.clone()).unwrap_or("");
        self.push(part, source, true);
    }

    /// Appends what the escape or line break at `source` stands for.
    fn stand_for(&mut self, part: &str, source: Range<usize>) {
        self.push(part, source, false);
    }

    fn push(&mut self, part: &str, source: Range<usize>, copied: bool) {
        if let Some(pieces) = &mut self.pieces
            && !part.is_empty()
        {
            pieces.push(Piece {
                result: self.text.len(),
                source,
                copied,
            });
        }
        self.text.push_str(part);
    }
}

/// The string in the byte range `token` of `text`, quoted as `quotes` says.
pub(super) fn value(
    text: &str,
    token: &Range<usize>,
    quotes: Quotes,
    faults: &mut Vec<Fault>,
) -> Arc<str> {
    let body = body(token, quotes);
    let raw = text.get(body.clone()).unwrap_or("");
    if !quotes.multiline && (quotes.hashes > 0 || !raw.as_bytes().contains(&b'\\')) {
        return raw.into();
    }
    let mut out = Out {
        text: String::with_capacity(raw.len()),
        pieces: None,
    };
    decode(text, body, quotes, &mut out, faults);
    out.text.into()
}

/// The byte range in `text` that became the bytes `wanted` of the string in the range `token`.
pub(super) fn origin(
    text: &str,
    token: &Range<usize>,
    quotes: Quotes,
    wanted: &Range<usize>,
) -> Range<usize> {
    let body = body(token, quotes);
    let mut out = Out {
        text: String::new(),
        pieces: Some(Vec::new()),
    };
    decode(text, body.clone(), quotes, &mut out, &mut Vec::new());
    let (pieces, length) = (out.pieces.unwrap_or_default(), out.text.len());
    let after = pieces.last().map_or(body.start, |piece| piece.source.end);
    let place = |offset: usize| -> Range<usize> {
        let index = pieces.partition_point(|piece| piece.result <= offset);
        match index.checked_sub(1).and_then(|index| pieces.get(index)) {
            _ if offset >= length => after..after,
            None => body.start..body.start,
            Some(piece) if piece.copied => {
                let start = piece.source.start + (offset - piece.result);
                start..start + 1
            }
            Some(piece) => piece.source.clone(),
        }
    };
    let start = place(wanted.start).start;
    let end = if wanted.end > wanted.start {
        place(wanted.end - 1).end
    } else {
        start
    };
    start..end.max(start)
}

fn body(token: &Range<usize>, quotes: Quotes) -> Range<usize> {
    let mark = quotes.hashes + if quotes.multiline { 3 } else { 1 };
    let start = (token.start + mark).min(token.end);
    let end = if quotes.closed {
        token.end.saturating_sub(mark)
    } else {
        token.end
    };
    start..end.max(start)
}

fn decode(text: &str, body: Range<usize>, quotes: Quotes, out: &mut Out, faults: &mut Vec<Fault>) {
    if quotes.multiline {
        return dedented(text, body, quotes, out, faults);
    }
    if quotes.hashes > 0 {
        return out.copy(text, body);
    }
    for part in without_blank_escapes(text, body) {
        unescaped(text, part, out, faults);
    }
}

/// The parts of `body` that are left when every `\` before spaces is taken out with them.
fn without_blank_escapes(text: &str, body: Range<usize>) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut parts = Vec::new();
    let (mut start, mut at) = (body.start, body.start);
    while at < body.end {
        if bytes.get(at) != Some(&b'\\') {
            at += 1;
            continue;
        }
        let mut after = at + 1;
        while let Some((Class::Space | Class::Newline, width)) = class_at(bytes, after) {
            after += width;
        }
        if after == at + 1 || after > body.end {
            at += 2;
            continue;
        }
        parts.push(start..at);
        (start, at) = (after, after);
    }
    parts.push(start..body.end);
    parts
}

/// Appends `part`, in which no `\` stands before a space, with its escapes resolved.
fn unescaped(text: &str, part: Range<usize>, out: &mut Out, faults: &mut Vec<Fault>) {
    let mut at = part.start;
    while at < part.end {
        let rest = text.get(at..part.end).unwrap_or("");
        let copied = rest.find('\\').unwrap_or(rest.len());
        out.copy(text, at..at + copied);
        at += copied;
        if at < part.end {
            at = escape(text, at..part.end, out, faults);
        }
    }
}

/// Appends what the escape at the start of `rest` stands for; returns where it ends.
fn escape(text: &str, rest: Range<usize>, out: &mut Out, faults: &mut Vec<Fault>) -> usize {
    let start = rest.start;
    let tail = text.get(start + 1..rest.end).unwrap_or("");
    let Some(c) = tail.chars().next() else {
        faults.push(Fault::UnknownEscape(start..rest.end));
        return rest.end;
    };
    let end = start + 1 + c.len_utf8();
    let plain = match c {
        '"' => "\"",
        '\\' => "\\",
        'b' => "\u{8}",
        'f' => "\u{c}",
        'n' => "\n",
        'r' => "\r",
        't' => "\t",
        's' => " ",
        'u' => return code_point(tail, start, out, faults),
        _ => {
            faults.push(Fault::UnknownEscape(start..end));
            out.copy(text, start..end);
            return end;
        }
    };
    out.stand_for(plain, start..end);
    end
}

/// Appends the character of the `u{…}` that `tail` begins with, `start` being its `\`.
fn code_point(tail: &str, start: usize, out: &mut Out, faults: &mut Vec<Fault>) -> usize {
    let inner = tail.strip_prefix("u{");
    let digits = inner.map_or("", |inner| {
        let end = inner
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(inner.len());
        inner.get(..end).unwrap_or("")
    });
    let closed = inner
        .and_then(|inner| inner.get(digits.len()..))
        .is_some_and(|r| r.starts_with('}'));
    let width = 2 + usize::from(inner.is_some()) + digits.len() + usize::from(closed);
    let end = start + width;
    let c = u32::from_str_radix(digits, 16)
        .ok()
        .and_then(char::from_u32);
    match c {
        Some(c) if closed && digits.len() <= 6 => {
            out.stand_for(c.encode_utf8(&mut [0; 4]), start..end);
        }
        _ => faults.push(Fault::BadCodePoint(start..end)),
    }
    end
}

/// Appends the lines of a `"""` string without the indentation of its last line.
fn dedented(
    text: &str,
    body: Range<usize>,
    quotes: Quotes,
    out: &mut Out,
    faults: &mut Vec<Fault>,
) {
    let Some((Class::Newline, first)) = class_at(text.as_bytes(), body.start) else {
        let line = text
            .get(body.clone())
            .and_then(|rest| rest.find(is_newline));
        faults.push(Fault::NoLineBreak(
            body.start..line.map_or(body.end, |at| body.start + at),
        ));
        return out.copy(text, body);
    };
    let inner = (body.start + first).min(body.end)..body.end;
    let parts = if quotes.hashes > 0 {
        vec![inner]
    } else {
        without_blank_escapes(text, inner)
    };
    let mut lines = lines(text, parts);
    let Some(last) = lines.pop() else { return };
    let prefix: String = last
        .parts
        .iter()
        .filter_map(|part| text.get(part.clone()))
        .collect();
    let blank = prefix.find(|c| !is_space(c));
    if let Some(at) = blank
        && quotes.closed
    {
        let whole = last.range();
        let start = if last.parts.len() == 1 {
            whole.start + at
        } else {
            whole.start
        };
        faults.push(Fault::LastLine(start..whole.end));
    }
    let prefix = if blank.is_some() { "" } else { &prefix };
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.stand_for("\n", line.newline.clone());
        }
        push_line(text, line, prefix, quotes.hashes > 0, out, faults);
    }
}

/// A line of a string: what is left of it when escaped blanks are taken out.
struct Line {
    parts: Vec<Range<usize>>,
    /// The line break before it; empty for the first.
    newline: Range<usize>,
}

impl Line {
    fn range(&self) -> Range<usize> {
        let start = self
            .parts
            .first()
            .map_or(self.newline.end, |part| part.start);
        start..self.parts.last().map_or(start, |part| part.end)
    }
}

fn lines(text: &str, parts: Vec<Range<usize>>) -> Vec<Line> {
    let bytes = text.as_bytes();
    let mut lines = Vec::new();
    let start = parts.first().map_or(0, |part| part.start);
    let mut line = Line {
        parts: Vec::new(),
        newline: start..start,
    };
    for part in parts {
        let (mut start, mut at) = (part.start, part.start);
        while at < part.end {
            let Some((class, width)) = class_at(bytes, at) else {
                break;
            };
            if class == Class::Newline {
                line.parts.push(start..at);
                let next = Line {
                    parts: Vec::new(),
                    newline: at..at + width,
                };
                lines.push(std::mem::replace(&mut line, next));
                start = at + width;
            }
            at += width;
        }
        line.parts.push(start..part.end.max(start));
    }
    lines.push(line);
    lines
}

fn push_line(
    text: &str,
    line: &Line,
    prefix: &str,
    raw: bool,
    out: &mut Out,
    faults: &mut Vec<Fault>,
) {
    let blank = |part: &Range<usize>| {
        text.get(part.clone())
            .is_none_or(|p| p.chars().all(is_space))
    };
    if line.parts.iter().all(blank) {
        return;
    }
    let mut left = prefix;
    for part in &line.parts {
        let mut start = part.start;
        if !left.is_empty() {
            let content = text.get(part.clone()).unwrap_or("");
            let same = content
                .bytes()
                .zip(left.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            if same < left.len() && same < content.len() {
                let own = content.find(|c| !is_space(c)).unwrap_or(content.len());
                faults.push(Fault::Indentation(part.start..part.start + own));
                left = "";
            } else {
                start += same;
                left = left.get(same..).unwrap_or("");
            }
        }
        if raw {
            out.copy(text, start..part.end);
        } else {
            unescaped(text, start..part.end, out, faults);
        }
    }
}
