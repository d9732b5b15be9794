//! Small helpers of the page: escaping and looking into JSON. Must not know OpenAPI beyond `$ref`.

use serde_json::Value;

/// The text with everything replaced that HTML reads as markup, also within attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The text with what stands between backticks set as code; a lone backtick stays.
pub(super) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((code, after)) = after.split_once('`') else {
            break;
        };
        out.push_str(&escape(before));
        out.push_str("<code>");
        out.push_str(&escape(code));
        out.push_str("</code>");
        rest = after;
    }
    out.push_str(&escape(rest));
    out
}

/// A text member of an object.
pub(super) fn text_of<'a>(value: Option<&'a Value>, name: &str) -> Option<&'a str> {
    value?.get(name)?.as_str()
}

/// What a `$ref` points to within the document; the value itself where it is none. Follows a few
/// steps only, so that a circle ends.
pub(super) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let mut found = value;
    for _ in 0..8 {
        let Some(target) = text_of(Some(found), "$ref") else {
            break;
        };
        match target
            .strip_prefix('#')
            .and_then(|pointer| document.pointer(pointer))
        {
            Some(next) => found = next,
            None => break,
        }
    }
    found
}

/// The last segment of a `$ref`.
pub(super) fn ref_name(value: &Value) -> Option<&str> {
    text_of(Some(value), "$ref")?.rsplit('/').next()
}
