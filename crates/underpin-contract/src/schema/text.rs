//! What the formats of texts accept. Each test here has its pattern beside it, as documents show
//! it: both must accept the same texts.

use super::TextFormat;

/// Whether `text` is of that format.
pub(super) fn fits(format: &TextFormat, text: &str) -> Result<(), String> {
    let ok = match format {
        TextFormat::Plain | TextFormat::Path(_) => true,
        TextFormat::Email => is_email(text),
        TextFormat::Url => is_url(text),
        TextFormat::Token => text.bytes().all(is_token_byte),
    };
    if ok {
        Ok(())
    } else {
        Err(wanted(format).to_owned())
    }
}

/// The pattern of a format, as JSON Schema has it.
pub(super) fn pattern(format: &TextFormat) -> Option<&'static str> {
    match format {
        TextFormat::Plain | TextFormat::Path(_) => None,
        TextFormat::Email => Some("^[!-?A-~]+@[!-?A-~]+$"),
        TextFormat::Url => Some("^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][!-~]*)?$"),
        TextFormat::Token => Some("^[A-Za-z0-9_-]+$"),
    }
}

fn wanted(format: &TextFormat) -> &'static str {
    match format {
        TextFormat::Plain | TextFormat::Path(_) => "must be a text",
        TextFormat::Email => "must be an e-mail address such as `ada@example.org`",
        TextFormat::Url => "must be an absolute `http` or `https` URL",
        TextFormat::Token => "may have only letters, digits, `_` and `-`",
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn is_visible(byte: u8) -> bool {
    (b'!'..=b'~').contains(&byte)
}

fn is_email(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| is_visible(b) && b != b'@');
    text.split_once('@')
        .is_some_and(|(local, host)| part(local) && part(host))
}

fn is_url(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    else {
        return false;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let host_fits = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    let port_fits = port.is_none_or(|port| {
        (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit())
    });
    host_fits && port_fits && path.bytes().all(is_visible)
}
