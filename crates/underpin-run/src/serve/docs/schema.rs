//! Schemas on the page: one line where they are used, a table of properties where they are shown.
//! Must not know operations.

use super::html::{escape, prose, ref_name, resolved, text_of};
use serde_json::Value;
use std::fmt::Write;

/// How deep properties of properties are listed.
const DEPTH: usize = 6;

/// The named schemas of the document.
pub(super) fn all(document: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let all = document
        .pointer("/components/schemas")
        .and_then(Value::as_object);
    all.into_iter()
        .flatten()
        .map(|(name, schema)| (name.as_str(), schema))
}

/// The section with all named schemas.
pub(super) fn section(out: &mut String, document: &Value) {
    for (name, schema) in all(document) {
        let name = escape(name);
        let _ = writeln!(
            out,
            "<section class=\"schema\" id=\"schema-{name}\" aria-labelledby=\"schema-{name}-h\">\n\
             <h3 id=\"schema-{name}-h\">{name}</h3>"
        );
        if let Some(about) = text_of(Some(schema), "description") {
            let _ = writeln!(out, "<p>{}</p>", prose(about));
        }
        let _ = writeln!(out, "<p>{}</p>", line(schema));
        table(out, document, schema);
        out.push_str("</section>\n");
    }
}

/// A schema in a few words, named ones as links.
pub(super) fn line(schema: &Value) -> String {
    if let Some(name) = ref_name(schema) {
        let name = escape(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for (word, joint) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
        if let Some(several) = schema.get(word).and_then(Value::as_array) {
            // A named form that is only narrowed down is known by its name.
            let named: Vec<&Value> = several.iter().filter(|of| ref_name(of).is_some()).collect();
            let shown = match word {
                "allOf" if !named.is_empty() => named,
                _ => several.iter().collect(),
            };
            return shown.into_iter().map(line).collect::<Vec<_>>().join(joint);
        }
    }
    let mut words = match schema.get("type") {
        Some(Value::String(one)) => typed(one, schema),
        Some(Value::Array(several)) => {
            let names: Vec<&str> = several.iter().filter_map(Value::as_str).collect();
            let typed: Vec<String> = names.iter().map(|name| typed(name, schema)).collect();
            typed.join(" or ")
        }
        _ => "any".to_owned(),
    };
    if let Some(fixed) = schema.get("const") {
        words = format!("<code>{}</code>", escape(&fixed.to_string()));
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let shown = choices.iter().map(|choice| match choice {
            Value::String(text) => escape(text),
            other => escape(&other.to_string()),
        });
        words = format!(
            "<code>{}</code>",
            shown.collect::<Vec<_>>().join("</code> <code>")
        );
    }
    for (name, sign) in BOUNDS {
        if let Some(bound) = schema.get(name) {
            let _ = write!(
                words,
                " <span class=\"muted\">{sign} {}</span>",
                escape(&bound.to_string())
            );
        }
    }
    words
}

const BOUNDS: [(&str, &str); 8] = [
    ("minimum", "≥"),
    ("maximum", "≤"),
    ("minLength", "length ≥"),
    ("maxLength", "length ≤"),
    ("minItems", "items ≥"),
    ("maxItems", "items ≤"),
    ("default", "default"),
    ("pattern", "matches"),
];

fn typed(name: &str, schema: &Value) -> String {
    match name {
        "array" => match schema.get("items") {
            Some(items) => format!("list of {}", line(items)),
            None => "list".to_owned(),
        },
        "string" => text_of(Some(schema), "format").map_or("text".to_owned(), escape),
        other => escape(other),
    }
}

/// The properties of a schema as a table; nothing where it has none.
pub(super) fn table(out: &mut String, document: &Value, schema: &Value) {
    let mut rows = String::new();
    properties(&mut rows, document, schema, "", 0);
    if !rows.is_empty() {
        let _ = writeln!(
            out,
            "<div class=\"scroll\"><table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th>\
             </tr></thead><tbody>\n{rows}</tbody></table></div>"
        );
    }
}

fn properties(out: &mut String, document: &Value, schema: &Value, prefix: &str, depth: usize) {
    if depth >= DEPTH {
        return;
    }
    for part in schema
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        properties(out, document, resolved(document, part), prefix, depth + 1);
    }
    let inner = if schema.get("items").is_some() {
        schema.get("items")
    } else {
        Some(schema)
    };
    let Some(inner) = inner else { return };
    let required: Vec<&str> = inner
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    for (name, property) in inner
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        let mark = if required.contains(&name.as_str()) {
            " <b title=\"required\">*</b>"
        } else {
            ""
        };
        let about = text_of(Some(property), "description").unwrap_or("");
        let _ = writeln!(
            out,
            "<tr><td><code>{}</code>{mark}</td><td>{}</td><td>{}</td></tr>",
            escape(&path),
            line(property),
            prose(about)
        );
        // Named schemas have a section of their own.
        if property.get("$ref").is_none() {
            properties(out, document, property, &path, depth + 1);
        }
    }
}
