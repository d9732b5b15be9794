//! What clients keep on their side, rows or handles of bytes, and what they ask about it later.

use super::{Asked, QueryRequest, Refusal, ShownRow};
use underpin_brief::model::Value;

/// A handle of stored bytes.
#[derive(Clone, Debug)]
pub struct BlobRequest {
    /// Which.
    pub blob: String,
    /// Who wants to see it; nobody where only its use is asked for.
    pub asked: Option<Asked>,
}

/// Where a handle stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobAnswer {
    /// In no row.
    Unused,
    /// In a row, but in none that the caller sees it in.
    Hidden,
    /// In a row, and a query shows it to the caller.
    Seen,
    /// Nobody knows now.
    Unknown,
}

/// What has changed of the rows of a query.
#[derive(Clone, Debug)]
pub struct ChangesRequest {
    /// The query with its input; `limit` is how many changes are looked at at most.
    pub query: QueryRequest,
    /// Since when; without it all rows come.
    pub since: Option<Since>,
}

/// How far a client has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// The number of the last write that it has seen.
    pub seq: i64,
    /// Where it stands among all rows, as long as it still takes those.
    pub after: Option<Vec<Value>>,
}

/// How a query for changes ends.
#[derive(Clone, Debug)]
pub enum ChangesAnswer {
    /// These.
    Changes(Changes),
    /// Not answered.
    Refused(Refusal),
}

/// Rows that changed, each with a text that stands for it and that clients must not see.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Whether what the client has is worth nothing.
    pub reset: bool,
    /// Rows that were written and that the caller may see.
    pub rows: Vec<(String, ShownRow)>,
    /// Rows that are gone or that the caller does not see.
    pub gone: Vec<String>,
    /// How far it has come now.
    pub since: Since,
    /// Whether there is more.
    pub more: bool,
}
