//! The reference page: one HTML page made from the OpenAPI document, with its style and script
//! inside, so that it needs no network. Must not know the contract or the brief: what is not in
//! the document is not on the page.

mod html;
mod operation;
mod schema;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use html::{escape, prose, text_of};
use serde_json::Value;
use std::fmt::Write;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The methods of a path item, in the order in which they are shown.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// A page and the content security policy that admits exactly its own style and script.
pub struct Page {
    /// The page.
    pub html: String,
    /// The policy.
    pub policy: String,
}

/// The page of that document.
#[must_use]
pub fn page(document: &Value) -> Page {
    let info = document.get("info");
    let title = text_of(info, "title").unwrap_or("API reference");
    let mut body = String::new();
    header(&mut body, title, info);
    let operations = operations(document);
    navigation(&mut body, &operations, document);
    body.push_str("<main id=\"main\">\n");
    for entry in &operations {
        operation::section(&mut body, document, entry);
    }
    schema::section(&mut body, document);
    body.push_str("</main>\n");
    let title = escape(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n{body}<script>{SCRIPT}</script>\n</body>\n</html>\n"
    );
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        sum(STYLE),
        sum(SCRIPT)
    );
    Page { html, policy }
}

fn sum(text: &str) -> String {
    STANDARD.encode(digest(&SHA256, text.as_bytes()))
}

/// One operation of the document.
struct Operation<'a> {
    method: &'static str,
    path: &'a str,
    item: &'a Value,
    value: &'a Value,
    anchor: String,
}

impl Operation<'_> {
    fn tag(&self) -> &str {
        let first = self
            .value
            .get("tags")
            .and_then(Value::as_array)
            .and_then(|tags| tags.first());
        first.and_then(Value::as_str).unwrap_or("Operations")
    }
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document.get("paths").and_then(Value::as_object);
    let mut found: Vec<Operation<'_>> = Vec::new();
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            if let Some(value) = item.get(method) {
                let name = text_of(Some(value), "operationId");
                let anchor =
                    name.map_or_else(|| format!("{method}-{}", found.len()), str::to_owned);
                found.push(Operation {
                    method,
                    path,
                    item,
                    value,
                    anchor: format!("op-{anchor}"),
                });
            }
        }
    }
    // Groups in the order of the document's tags, else of their first operation; operations in the
    // order of the document.
    let tags = document.get("tags").and_then(Value::as_array);
    let named = tags
        .into_iter()
        .flatten()
        .filter_map(|tag| text_of(Some(tag), "name"));
    let order: Vec<String> = named
        .chain(found.iter().map(Operation::tag))
        .map(str::to_owned)
        .collect();
    found.sort_by_key(|entry| order.iter().position(|tag| tag == entry.tag()));
    found
}

fn header(out: &mut String, title: &str, info: Option<&Value>) {
    let version = text_of(info, "version").unwrap_or("");
    let _ = write!(
        out,
        "<a class=\"skip\" href=\"#main\">Skip to the operations</a>\n<header>\n<div><h1>{}</h1>\
         <p class=\"muted\">version {} · <a href=\"/openapi.json\">openapi.json</a></p></div>\n\
         <label class=\"token\">Token<input id=\"token\" type=\"password\" autocomplete=\"off\" \
         spellcheck=\"false\" placeholder=\"underpin token … prints one\"></label>\n</header>\n",
        escape(title),
        escape(version)
    );
    if let Some(about) = text_of(info, "description") {
        let _ = writeln!(out, "<p class=\"about\">{}</p>", prose(about));
    }
}

fn navigation(out: &mut String, operations: &[Operation<'_>], document: &Value) {
    out.push_str(
        "<nav aria-label=\"Operations\">\n<input id=\"find\" type=\"search\" \
         placeholder=\"Find ( / )\" aria-label=\"Find an operation\">\n",
    );
    let mut group = "";
    for entry in operations {
        if entry.tag() != group {
            if !group.is_empty() {
                out.push_str("</ul>\n");
            }
            group = entry.tag();
            let _ = writeln!(out, "<h2>{}</h2>\n<ul>", escape(group));
        }
        let label = text_of(Some(entry.value), "summary")
            .or(text_of(Some(entry.value), "operationId"))
            .unwrap_or(entry.path);
        let _ = writeln!(
            out,
            "<li><a href=\"#{}\"><span class=\"method {2}\">{2}</span> {}</a></li>",
            escape(&entry.anchor),
            escape(label),
            entry.method
        );
    }
    if !group.is_empty() {
        out.push_str("</ul>\n");
    }
    if schema::all(document).next().is_some() {
        out.push_str("<h2>Schemas</h2>\n<ul>\n");
        for (name, _) in schema::all(document) {
            let name = escape(name);
            let _ = writeln!(out, "<li><a href=\"#schema-{name}\">{name}</a></li>");
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</nav>\n");
}

#[cfg(test)]
mod tests;
