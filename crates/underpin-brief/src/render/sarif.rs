//! Diagnostics as SARIF 2.1.0, with a rule for every code there is.

use serde_json::{Map, Value, json};

use super::{help_line, place, word};
use crate::codes::{self, Code};
use crate::diagnostic::{Diagnostic, Edit, Help, Label};
use crate::source::{Sources, Span};

pub(super) fn render(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let rules: Vec<Value> = codes::all().map(rule).collect();
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|found| result(sources, found))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "underpin",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log}\n")
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.id,
        "shortDescription": { "text": code.title() },
        "help": { "text": code.page, "markdown": code.page },
    })
}

fn result(sources: &Sources, found: &Diagnostic) -> Value {
    let mut text = found.message.clone();
    let label = std::iter::once(&found.primary.text).filter(|text| !text.is_empty());
    for line in label.chain(&found.notes) {
        text.push('\n');
        text.push_str(line);
    }
    for help in &found.helps {
        text.push_str("\nhelp: ");
        text.push_str(&help_line(help, found.primary.span));
    }
    let related: Vec<Value> = found
        .related
        .iter()
        .map(|label| location(sources, label))
        .collect();
    let fixes: Vec<Value> = found
        .helps
        .iter()
        .filter(|help| !help.edits.is_empty())
        .map(|help| fix(sources, help))
        .collect();
    let index = codes::all().position(|code| code == found.code);
    let mut value = json!({
        "ruleId": found.code.id,
        "level": word(found.severity),
        "message": { "text": text },
        "locations": [{ "physicalLocation": physical(sources, found.primary.span) }],
    });
    if let Some(fields) = value.as_object_mut() {
        if let Some(index) = index {
            fields.insert("ruleIndex".to_owned(), index.into());
        }
        insert_list(fields, "relatedLocations", related);
        insert_list(fields, "fixes", fixes);
    }
    value
}

fn insert_list(fields: &mut Map<String, Value>, name: &str, list: Vec<Value>) {
    if !list.is_empty() {
        fields.insert(name.to_owned(), list.into());
    }
}

fn location(sources: &Sources, label: &Label) -> Value {
    json!({
        "physicalLocation": physical(sources, label.span),
        "message": { "text": label.text },
    })
}

fn physical(sources: &Sources, span: Span) -> Value {
    let at = place(sources, span);
    json!({ "artifactLocation": { "uri": uri(at.file) }, "region": region(sources, span) })
}

fn region(sources: &Sources, span: Span) -> Value {
    let at = place(sources, span);
    json!({
        "startLine": at.start.line,
        "startColumn": at.start.column,
        "endLine": at.end.line,
        "endColumn": at.end.column,
    })
}

fn fix(sources: &Sources, help: &Help) -> Value {
    let mut files: Vec<_> = help.edits.iter().map(|edit| edit.span.file).collect();
    files.sort_unstable();
    files.dedup();
    let change = |file| {
        let edits = help.edits.iter().filter(|edit| edit.span.file == file);
        let replacements: Vec<Value> = edits.map(|edit| replacement(sources, edit)).collect();
        let name = place(sources, Span::new(file, 0, 0)).file;
        json!({ "artifactLocation": { "uri": uri(name) }, "replacements": replacements })
    };
    let changes: Vec<Value> = files.into_iter().map(change).collect();
    json!({ "description": { "text": help.text }, "artifactChanges": changes })
}

fn replacement(sources: &Sources, edit: &Edit) -> Value {
    json!({
        "deletedRegion": region(sources, edit.span),
        "insertedContent": { "text": edit.text },
    })
}

/// A path as a URI reference.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                out.push(digit.to_ascii_uppercase());
            }
        }
    }
    out
}
