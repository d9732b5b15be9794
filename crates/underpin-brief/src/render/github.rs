//! Diagnostics as workflow commands, which GitHub Actions shows beside the changed lines.

use std::fmt::Write as _;

use super::{help_line, place};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Sources;

pub(super) fn render(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for found in diagnostics {
        let at = place(sources, found.primary.span);
        let command = match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut place = format!(
            "file={},line={},endLine={}",
            property(at.file),
            at.start.line,
            at.end.line
        );
        if at.start.line == at.end.line {
            let columns = format!(",col={},endColumn={}", at.start.column, at.end.column);
            place.push_str(&columns);
        }
        let mut text = found.message.clone();
        let label = std::iter::once(found.primary.text.clone()).filter(|text| !text.is_empty());
        let helps = found
            .helps
            .iter()
            .map(|help| help_line(help, found.primary.span));
        for line in label
            .chain(found.notes.iter().cloned())
            .chain(helps.map(|h| format!("help: {h}")))
        {
            text.push('\n');
            text.push_str(&line);
        }
        let written = writeln!(
            out,
            "::{command} {place},title={}::{}",
            found.code,
            message(&text)
        );
        debug_assert!(written.is_ok());
    }
    out
}

fn message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
