//! How diagnostics are shown: to people, to programs, to code hosts. Pure: text in, text out. One
//! file per form; none knows where a diagnostic comes from.

mod edits;
mod github;
mod human;
mod json;
mod sarif;

use crate::diagnostic::{Diagnostic, Help, Severity};
use crate::source::{Position, Sources, Span};

pub use edits::apply;

/// A form in which diagnostics can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Source excerpts for a terminal.
    Human,
    /// One JSON object with a list `diagnostics`.
    Json,
    /// SARIF 2.1.0, as code scanners exchange it.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// All of `diagnostics` in that form, with a line break at the end unless there is nothing to
/// show. `colour` concerns [`Format::Human`] only.
#[must_use]
pub fn render(
    format: Format,
    sources: &Sources,
    diagnostics: &[Diagnostic],
    colour: bool,
) -> String {
    match format {
        Format::Human => human::render(sources, diagnostics, colour),
        Format::Json => json::render(sources, diagnostics),
        Format::Sarif => sarif::render(sources, diagnostics),
        Format::Github => github::render(sources, diagnostics),
    }
}

/// How many of each weight there are, such as `2 errors, 1 warning`; empty where there are none.
#[must_use]
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity: Severity| {
        let count = diagnostics
            .iter()
            .filter(|found| found.severity == severity)
            .count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {}{plural}", word(severity)))
    };
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter_map(count)
        .collect();
    parts.join(", ")
}

/// The word for a weight.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A span for people: file name, begin, end (exclusive).
struct Place<'a> {
    file: &'a str,
    start: Position,
    end: Position,
}

fn place(sources: &Sources, span: Span) -> Place<'_> {
    let first = Position { line: 1, column: 1 };
    sources.get(span.file).map_or(
        Place {
            file: "",
            start: first,
            end: first,
        },
        |source| Place {
            file: &source.name,
            start: source.position(span.start),
            end: source.position(span.end.max(span.start)),
        },
    )
}

/// A help as one line of text, the replacement included where it is short and not said already.
fn help_line(help: &Help, primary: Span) -> String {
    match help.edits.as_slice() {
        [edit] if edit.span == primary && is_short(&edit.text) => {
            let shown = format!("`{}`", edit.text);
            if help.text.contains(&shown) {
                return help.text.clone();
            }
            format!("{}: {shown}", help.text)
        }
        _ => help.text.clone(),
    }
}

fn is_short(text: &str) -> bool {
    !text.is_empty() && !text.contains('\n') && text.chars().count() <= 100
}

#[cfg(test)]
mod tests;
