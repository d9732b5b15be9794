//! The character classes of KDL 2.0. Knows single characters only, no tokens.

/// What the notation makes of one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// May stand in a bare word.
    Word,
    /// A space of any kind.
    Space,
    /// A line break of any kind.
    Newline,
    /// One of `\ / ( ) { } ; [ ] " # =`.
    Mark,
}

/// The class of the character that starts at byte `at`, and its length in bytes (`\r\n` is one
/// line break); `None` at the end.
#[inline(always)]
pub(super) fn class_at(bytes: &[u8], at: usize) -> Option<(Class, usize)> {
    let first = *bytes.get(at)?;
    Some(match first {
        b'\t' | b' ' => (Class::Space, 1),
        b'\r' if bytes.get(at + 1) == Some(&b'\n') => (Class::Newline, 2),
        b'\n' | b'\r' | 0x0b | 0x0c => (Class::Newline, 1),
        b'\\' | b'/' | b'(' | b')' | b'{' | b'}' | b';' | b'[' | b']' | b'"' | b'#' | b'=' => {
            (Class::Mark, 1)
        }
        0..0x80 => (Class::Word, 1),
        0xc2 | 0xe1..=0xe3 => rare(bytes, at),
        0x80..0xe0 => (Class::Word, 2),
        0xe0..0xf0 => (Class::Word, 3),
        0xf0.. => (Class::Word, 4),
    })
}

/// The class of a character whose first byte is shared by spaces and line breaks beyond ASCII.
#[cold]
fn rare(bytes: &[u8], at: usize) -> (Class, usize) {
    let pair = (
        bytes.get(at + 1).copied().unwrap_or(0),
        bytes.get(at + 2).copied().unwrap_or(0),
    );
    match (bytes.get(at), pair) {
        (Some(0xc2), (0x85, _)) => (Class::Newline, 2),
        (Some(0xc2), (0xa0, _)) => (Class::Space, 2),
        (Some(0xc2), _) => (Class::Word, 2),
        (Some(0xe2), (0x80, 0xa8 | 0xa9)) => (Class::Newline, 3),
        (Some(0xe1), (0x9a, 0x80))
        | (Some(0xe2), (0x80, 0x80..=0x8a | 0xaf))
        | (Some(0xe2), (0x81, 0x9f))
        | (Some(0xe3), (0x80, 0x80)) => (Class::Space, 3),
        _ => (Class::Word, 3),
    }
}

/// Whether `c` is a space of the notation.
pub(super) fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// Whether `c` is a line break of the notation.
pub(super) fn is_newline(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Every character of `text` that may stand nowhere in a document, with its byte offset: control
/// characters, marks that change the direction of writing, and a byte order mark that is not the
/// first character.
pub(super) fn disallowed(text: &str) -> Vec<(usize, char)> {
    let suspicious = |byte: u8| matches!(byte, 0..=8 | 0x0e..=0x1f | 0x7f | 0xe2 | 0xef);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text
        .as_bytes()
        .get(at..)
        .and_then(|rest| rest.iter().position(|&byte| suspicious(byte)))
        .map(|skipped| at + skipped)
    {
        let Some(c) = text.get(next..).and_then(|rest| rest.chars().next()) else {
            break;
        };
        let bad = matches!(
            c,
            '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{200e}' | '\u{200f}'
                | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        ) || (c == '\u{feff}' && next > 0);
        if bad {
            found.push((next, c));
        }
        at = next + c.len_utf8();
    }
    found
}
