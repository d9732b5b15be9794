//! Source texts and places in them.
//!
//! A [`Span`] is a byte range of one file; it is turned into lines and columns (counted in
//! Unicode scalars) only when a diagnostic is shown. This room knows nothing of KDL.

use std::sync::Arc;

/// A file of one [`Sources`] set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileId(pub u32);

/// A half-open byte range of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `file`.
    #[must_use]
    pub fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// The smallest span that covers both; `self` where the files differ.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file != other.file {
            return self;
        }
        Self {
            file: self.file,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// The part of this span from byte `from` to byte `to`, both relative to its start and kept
    /// inside it.
    #[must_use]
    pub fn slice(self, from: u32, to: u32) -> Self {
        let start = self.start.saturating_add(from).min(self.end);
        let end = self.start.saturating_add(to).clamp(start, self.end);
        Self {
            file: self.file,
            start,
            end,
        }
    }
}

/// One source text.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name shown to people: the path as it was given.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
    line_starts: Arc<[u32]>,
}

/// A place for people: both counted from 1, the column in Unicode scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in Unicode scalars, from 1.
    pub column: u32,
}

impl Source {
    fn new(name: &str, text: &str) -> Self {
        let starts = std::iter::once(0).chain(
            text.match_indices('\n')
                .map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX)),
        );
        Self {
            name: name.into(),
            text: text.into(),
            line_starts: starts.collect(),
        }
    }

    /// The line and column of byte `offset` (past the end: the end).
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let line = self
            .line_starts
            .partition_point(|&start| start <= offset)
            .max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0) as usize;
        let end = (offset as usize).min(self.text.len());
        let column = self
            .text
            .get(start..end)
            .map_or(0, |part| part.chars().count());
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
        }
    }
}

/// All texts that one brief is made of: the file that was named and what it includes.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a text; `name` is what people see.
    pub fn add(&mut self, name: &str, text: &str) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(Source::new(name, text));
        id
    }

    /// The file of `id`, if it belongs to this set.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.files.get(id.0 as usize)
    }

    /// Every file in the order of addition.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        (0u32..).map(FileId).zip(&self.files)
    }

    /// The text of `span`; empty where it does not lie in a file of this set.
    #[must_use]
    pub fn snippet(&self, span: Span) -> &str {
        self.get(span.file)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }
}
