//! Answers about many rows at once: of a command that ran once per item, and of a query that gives
//! all its rows as a file.

use crate::projection::Projection;
use crate::table::Table;
use std::sync::Arc;
use underpin_brief::model::{Command, Id};

/// The answer of a command that ran once per item. The input of the operation is a record of the
/// list of items and of whether all or none of them are to be done.
#[derive(Clone, Debug)]
pub struct BulkReply {
    /// The command.
    pub command: Id<Command>,
    /// How many items at most: from `bulk`.
    pub max: u32,
    /// The slot of an item that holds the version that the client saw, where it is looked at.
    pub version: Option<usize>,
    /// Whether it can be asked that all or none are done.
    pub whole: bool,
    /// The component of a result, where the command answers with one.
    pub result: Option<Arc<str>>,
    /// Whether each item only begins a flow.
    pub accepted: bool,
}

/// What has changed of the rows of a query since a position:
/// `{"items": [{"tag": "…", "row": {…}}], "deleted": ["…"], "reset": …, "more": …, "next": "/…"}`.
#[derive(Clone, Debug)]
pub struct ChangesReply {
    /// What is shown of each row.
    pub projection: Projection,
    /// The component of a row.
    pub component: Arc<str>,
    /// How long positions are good for, in microseconds.
    pub keep: i64,
    /// Most changes of one answer.
    pub max: u32,
}

/// How all rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExportFormat {
    /// A table (RFC 4180).
    Csv,
    /// A JSON value per line.
    JsonLines,
}

impl ExportFormat {
    /// Its word in the brief, which is also how its path ends.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::JsonLines => "application/x-ndjson",
        }
    }
}

/// All rows of a query.
#[derive(Clone, Debug)]
pub struct ExportReply {
    /// How they are written.
    pub format: ExportFormat,
    /// What is shown of each row.
    pub projection: Projection,
    /// The same as columns.
    pub table: Table,
    /// The component of a row.
    pub component: Arc<str>,
}
