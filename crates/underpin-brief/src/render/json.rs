//! Diagnostics for programs. The first nine fields of each are stable.

use serde_json::{Value, json};

use super::{help_line, place, word};
use crate::diagnostic::{Diagnostic, Help, Label};
use crate::source::{Sources, Span};

/// `{"diagnostics":[…]}`; lines and columns count from 1, columns in Unicode scalars, ends are
/// exclusive.
pub(super) fn render(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let list: Vec<Value> = diagnostics
        .iter()
        .map(|found| diagnostic(sources, found))
        .collect();
    format!("{}\n", json!({ "diagnostics": list }))
}

fn diagnostic(sources: &Sources, found: &Diagnostic) -> Value {
    let at = place(sources, found.primary.span);
    let help = found
        .helps
        .first()
        .map(|help| help_line(help, found.primary.span));
    let related: Vec<Value> = found
        .related
        .iter()
        .map(|label| related(sources, label))
        .collect();
    let helps: Vec<Value> = found
        .helps
        .iter()
        .map(|help| helps(sources, help))
        .collect();
    json!({
        "code": found.code.id,
        "severity": word(found.severity),
        "message": found.message,
        "file": at.file,
        "line": at.start.line,
        "column": at.start.column,
        "end_line": at.end.line,
        "end_column": at.end.column,
        "help": help,
        "label": found.primary.text,
        "notes": found.notes,
        "related": related,
        "helps": helps,
    })
}

fn related(sources: &Sources, label: &Label) -> Value {
    let mut value = region(sources, label.span);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("message".to_owned(), label.text.clone().into());
    }
    value
}

fn helps(sources: &Sources, help: &Help) -> Value {
    let edits = help.edits.iter().map(|edit| {
        let mut value = region(sources, edit.span);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("replacement".to_owned(), edit.text.clone().into());
        }
        value
    });
    json!({ "message": help.text, "edits": edits.collect::<Vec<_>>() })
}

fn region(sources: &Sources, span: Span) -> Value {
    let at = place(sources, span);
    json!({
        "file": at.file,
        "line": at.start.line,
        "column": at.start.column,
        "end_line": at.end.line,
        "end_column": at.end.column,
    })
}
