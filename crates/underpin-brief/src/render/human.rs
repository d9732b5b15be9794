//! Diagnostics for people, in the look they know from compilers.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};

use super::{help_line, is_short, place};
use crate::diagnostic::{Diagnostic, Help, Severity};
use crate::source::{FileId, Source, Sources, Span};

/// An excerpt larger than this is not shown, only its place is.
const MAX_EXCERPT: usize = 64 * 1024;

pub(super) fn render(sources: &Sources, diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(120);
    let mut out = String::new();
    for found in diagnostics {
        out.push_str(&renderer.render(&report(sources, found)));
        out.push_str("\n\n");
    }
    out
}

fn report<'a>(sources: &'a Sources, found: &'a Diagnostic) -> Vec<Group<'a>> {
    let level = match found.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(
        level
            .primary_title(found.message.as_str())
            .id(found.code.id),
    );
    for file in files(found) {
        group = in_file(group, sources, found, file);
    }
    for note in &found.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    let primary = found.primary.span;
    let mut groups = Vec::new();
    for help in &found.helps {
        match patched(sources, help, primary) {
            Some(patched) => groups.push(patched),
            None => group = group.element(Level::HELP.message(help_line(help, primary))),
        }
    }
    groups.insert(0, group);
    groups
}

/// The files it speaks of, that of the primary place first.
fn files(found: &Diagnostic) -> Vec<FileId> {
    let mut files = vec![found.primary.span.file];
    for label in &found.related {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    files
}

fn in_file<'a>(
    group: Group<'a>,
    sources: &'a Sources,
    found: &'a Diagnostic,
    file: FileId,
) -> Group<'a> {
    let Some(source) = sources.get(file) else {
        return group;
    };
    let labels = std::iter::once((AnnotationKind::Primary, &found.primary))
        .chain(
            found
                .related
                .iter()
                .map(|label| (AnnotationKind::Context, label)),
        )
        .filter(|(_, label)| label.span.file == file);
    let Some(excerpt) = Excerpt::of(source, labels.clone().map(|(_, label)| label.span)) else {
        let at = place(sources, found.primary.span).start;
        let origin = Origin::path(&*source.name).line(at.line as usize);
        return group.element(origin.char_column(at.column as usize));
    };
    let mut snippet = excerpt.snippet();
    for (kind, label) in labels {
        let text = (!label.text.is_empty()).then_some(label.text.as_str());
        snippet = snippet.annotation(kind.span(excerpt.range(label.span)).label(text));
    }
    group.element(snippet)
}

/// The help as a changed excerpt, where one line of words would not tell what changes.
fn patched<'a>(sources: &'a Sources, help: &'a Help, primary: Span) -> Option<Group<'a>> {
    let first = help.edits.first()?;
    let told = |edit: &crate::diagnostic::Edit| {
        edit.span == primary && (edit.text.is_empty() || is_short(&edit.text))
    };
    if matches!(help.edits.as_slice(), [edit] if told(edit)) {
        return None;
    }
    let mut group = Group::with_title(Level::HELP.secondary_title(help.text.as_str()));
    let mut files: Vec<FileId> = help.edits.iter().map(|edit| edit.span.file).collect();
    files.sort_by_key(|file| (*file != first.span.file, *file));
    files.dedup();
    for file in files {
        let edits = help.edits.iter().filter(|edit| edit.span.file == file);
        let excerpt = Excerpt::of(sources.get(file)?, edits.clone().map(|edit| edit.span))?;
        let patches = edits.map(|edit| Patch::new(excerpt.range(edit.span), edit.text.as_str()));
        group = group.element(excerpt.snippet().patches(patches));
    }
    Some(group)
}

/// The lines of one file that places lie in.
struct Excerpt<'a> {
    name: &'a str,
    text: &'a str,
    start: usize,
    line: usize,
}

impl<'a> Excerpt<'a> {
    /// `None` where the lines are too many to be shown.
    fn of(source: &'a Source, spans: impl Iterator<Item = Span>) -> Option<Self> {
        let all: &str = &source.text;
        let (mut from, mut to) = (all.len(), 0);
        for span in spans {
            from = from.min(span.start as usize);
            to = to.max((span.end as usize).min(all.len()));
        }
        let bytes = all.as_bytes();
        let start = bytes
            .get(..from)?
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |at| at + 1);
        let rest = bytes.get(to..)?;
        let end = rest
            .iter()
            .position(|&b| b == b'\n')
            .map_or(all.len(), |at| to + at);
        let text = all.get(start..end.max(start))?;
        if text.len() > MAX_EXCERPT {
            return None;
        }
        let line = source
            .position(u32::try_from(start).unwrap_or(u32::MAX))
            .line as usize;
        Some(Self {
            name: &source.name,
            text,
            start,
            line,
        })
    }

    fn snippet<T: Clone>(&self) -> Snippet<'a, T> {
        Snippet::source(self.text)
            .line_start(self.line)
            .path(self.name)
    }

    /// `span` within this excerpt, on character boundaries.
    fn range(&self, span: Span) -> Range<usize> {
        let inside = |at: u32| {
            let mut at = (at as usize)
                .saturating_sub(self.start)
                .min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = inside(span.start);
        start..inside(span.end).max(start)
    }
}
