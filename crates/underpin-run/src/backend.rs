//! The narrow door between serving and executing: what the server asks of the engine, in plain
//! typed values. Neither side sees the other's types: no HTTP here, no storage.

use crate::feeds::{EndpointAnswer, EndpointRequest, FeedAnswer, FeedRequest};
mod kept;

pub use kept::{BlobAnswer, BlobRequest, Changes, ChangesAnswer, ChangesRequest, Since};

use crate::identity::Caller;
use crate::trace::Trace;
use crate::world::Moment;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use underpin_brief::model::{
    Aggregate, Command, External, Id, LimitedOperation, Query, Sends, Value,
};

/// An answer that is on its way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What executes the brief.
pub trait Backend: Send + Sync + 'static {
    /// Admits and executes a command: replay, limits, `allow`, segments, calls, undo, deadline.
    fn command(&self, request: CommandRequest) -> Pending<'_, CommandAnswer>;

    /// The same command once per item, each as if it were alone, or all in one transaction.
    fn bulk(&self, request: BulkRequest) -> Pending<'_, BulkAnswer>;

    /// Answers a query: `allow` as row filters, filters, sorts, search, page, parts.
    fn query(&self, request: QueryRequest) -> Pending<'_, QueryAnswer>;

    /// Answers a query with all rows that it permits, at one instant, as fast as they are taken.
    fn export(&self, request: QueryRequest) -> Pending<'_, ExportAnswer>;

    /// What has changed of the rows of a query since a position.
    fn changes(&self, request: ChangesRequest) -> Pending<'_, ChangesAnswer>;

    /// Whether a row holds a handle of stored bytes, and whether the caller sees that row.
    fn blob(&self, request: BlobRequest) -> Pending<'_, BlobAnswer>;

    /// One row as the union of what the caller's queries of that aggregate show; `not-found` where
    /// none admits it.
    fn row(&self, request: RowRequest) -> Pending<'_, RowAnswer>;

    /// Where a flow of the caller stands.
    fn flow(&self, request: FlowRequest) -> Pending<'_, FlowAnswer>;

    /// Cancels a flow of the caller before its pivot.
    fn cancel(&self, request: FlowRequest) -> Pending<'_, FlowAnswer>;

    /// Takes a verified message of an external in, once per id.
    fn inbound(&self, message: Inbound) -> Pending<'_, InboundAnswer>;

    /// Opens the stream of a live feed.
    fn subscribe(&self, request: FeedRequest) -> Pending<'_, FeedAnswer>;

    /// Does something with the endpoints that callers register for a feed.
    fn endpoints(&self, request: EndpointRequest) -> Pending<'_, EndpointAnswer>;

    /// What is left to a caller of the limits that guard an operation; none where there are none.
    fn quotas<'a>(
        &'a self,
        _operation: LimitedOperation,
        _asked: &'a Asked,
    ) -> Option<Pending<'a, Vec<Quota>>> {
        None
    }

    /// How it is doing; must answer at once.
    fn figures(&self) -> Figures;

    /// What answers persons who administer it; `None` where nobody can.
    fn admin(&self) -> Option<Arc<dyn crate::admin::Admin>> {
        None
    }

    /// Stops taking up new work of its own (policies, timers), lets segments in progress commit and
    /// returns when the store is at rest or `limit` has passed.
    fn drain(&self, limit: Duration) -> Pending<'_, ()>;
}

/// What every request carries.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who asks; `None` without a token.
    pub caller: Option<Caller>,
    /// From where, for limits `per=ip`.
    pub address: IpAddr,
    /// When it came in: `now` of the flow.
    pub at: Moment,
    /// The trace that it belongs to.
    pub trace: Trace,
}

/// What is left of a limit on admissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The limit's name.
    pub name: String,
    /// How many admissions there are in a window.
    pub limit: u64,
    /// How long a window is.
    pub window: Duration,
    /// How many are left.
    pub remaining: u64,
    /// How long until all are there again.
    pub reset: Duration,
}

/// A command with its input.
#[derive(Clone, Debug)]
pub struct CommandRequest {
    /// Which.
    pub command: Id<Command>,
    /// Who, whence, when.
    pub asked: Asked,
    /// A struct laid out by the command's `input_shape`, valid against its fields.
    pub input: Value,
    /// The client's idempotency key; same key and equal input mean the same flow.
    pub key: Option<String>,
    /// The versions that the client accepts of the row that is changed first.
    pub expected: Option<Expected>,
}

/// A command with many inputs.
#[derive(Clone, Debug)]
pub struct BulkRequest {
    /// Which.
    pub command: Id<Command>,
    /// Who, whence, when; all items share the deadline of this moment.
    pub asked: Asked,
    /// The inputs, and what the client saw of the rows.
    pub items: Vec<BulkItem>,
    /// The client's idempotency key of the whole; an item has it with its position.
    pub key: Option<String>,
    /// All or nothing: only for commands that are one transaction under every cut.
    pub whole: bool,
}

/// One of many inputs.
#[derive(Clone, Debug)]
pub struct BulkItem {
    /// A struct laid out by the command's `input_shape`, valid against its fields.
    pub input: Value,
    /// The versions that the client accepts of the row that is changed first.
    pub expected: Option<Expected>,
}

impl Asked {
    /// The channel of the client; `web` where its token names none.
    #[must_use]
    pub fn channel(&self) -> &str {
        let told = self
            .caller
            .as_ref()
            .and_then(|caller| caller.channel.as_deref());
        told.unwrap_or("web")
    }
}

impl BulkRequest {
    /// The requests that it stands for, in the order of its items.
    pub fn requests(&self) -> impl Iterator<Item = CommandRequest> + '_ {
        let request = |(at, item): (usize, &BulkItem)| CommandRequest {
            command: self.command,
            asked: self.asked.clone(),
            input: item.input.clone(),
            key: self.key.as_ref().map(|key| format!("{key}#{at}")),
            expected: item.expected.clone(),
        };
        self.items.iter().enumerate().map(request)
    }
}

/// How a command with many inputs ends.
#[derive(Clone, Debug)]
pub enum BulkAnswer {
    /// An answer per item, in their order.
    Each(Vec<CommandAnswer>),
    /// Nothing was done, because of the item at this position.
    Refused(usize, Refusal),
}

/// What `If-Match` says of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It must exist.
    Any,
    /// It must exist in one of these versions; none: in no version at all.
    Versions(Vec<i64>),
}

impl Expected {
    /// Whether a row of that version may be changed.
    #[must_use]
    pub fn admits(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

/// How a command ends.
#[derive(Clone, Debug)]
pub enum CommandAnswer {
    /// Done, now or at an earlier request with the same key.
    Done(Done),
    /// Taken on: it goes on after this answer (`answer=accepted`, or a deadline after the pivot).
    Accepted {
        /// The flow to follow.
        flow: String,
        /// What the command returns, as far as it is known at admission: absent values are null.
        returned: Value,
    },
    /// Not done.
    Refused(Refusal),
}

/// A command that is done.
#[derive(Clone, Debug)]
pub struct Done {
    /// The flow that did it.
    pub flow: String,
    /// A struct with one value per `return` field, in the written order; empty without `return`.
    pub returned: Value,
    /// The row that the command created, or changed first.
    pub row: Option<RowMark>,
    /// Whether this is the stored answer of an earlier request.
    pub replayed: bool,
}

/// What a client may know of a row besides what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowMark {
    /// Of which aggregate.
    pub aggregate: Id<Aggregate>,
    /// Its key: a text, or a list where the key has several fields.
    pub key: Value,
    /// Its version: compared for equality only.
    pub version: i64,
    /// Commands on this row that its state and the `allow` lines leave open to the caller.
    pub open: Vec<Id<Command>>,
}

/// A query with its input.
#[derive(Clone, Debug)]
pub struct QueryRequest {
    /// Which.
    pub query: Id<Query>,
    /// Who, whence, when.
    pub asked: Asked,
    /// A struct laid out by the query's `input_shape`.
    pub input: Value,
    /// The key of the one row that is asked for, of a query `one`.
    pub key: Option<Value>,
    /// All must hold.
    pub filters: Vec<Filter>,
    /// In this order; empty: the query's default.
    pub sorts: Vec<Sort>,
    /// Every word must occur in one of the searched slots.
    pub search: Option<String>,
    /// How many rows at most.
    pub limit: u32,
    /// Only what comes after this position, as it was given in [`Page::next`].
    pub after: Option<Vec<Value>>,
}

/// A condition on a slot that the query lists under `filter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The row slot.
    pub slot: usize,
    /// How it is compared.
    pub test: Test,
}

/// How a slot is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Equal to one of these.
    OneOf(Vec<Value>),
    /// A list that has one of these as an element.
    HasOneOf(Vec<Value>),
    /// At least.
    AtLeast(Value),
    /// At most.
    AtMost(Value),
}

/// An order by a slot that the query lists under `sort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The row slot.
    pub slot: usize,
    /// Largest first.
    pub descending: bool,
}

/// How a query ends.
#[derive(Clone, Debug)]
pub enum QueryAnswer {
    /// Rows.
    Page(Page),
    /// The one row.
    One(ShownRow),
    /// Not answered.
    Refused(Refusal),
}

/// How a query for all rows ends.
pub enum ExportAnswer {
    /// Rows in order, some at a time; whoever makes them waits until they are taken. An error means
    /// that the rest is missing.
    Rows(tokio::sync::mpsc::Receiver<Result<Vec<ShownRow>, Refusal>>),
    /// Not answered.
    Refused(Refusal),
}

/// Some rows in order.
#[derive(Clone, Debug)]
pub struct Page {
    /// The rows.
    pub rows: Vec<ShownRow>,
    /// The position of the last row where more follow: the values of the sort slots, then the key.
    pub next: Option<Vec<Value>>,
}

/// A row as a query shows it.
#[derive(Clone, Debug)]
pub struct ShownRow {
    /// One value per shown item, in the order of the contract's answer.
    pub values: Vec<Value>,
    /// The parts, in the order of the contract's answer.
    pub parts: Vec<PartAnswer>,
    /// The row behind it; views have none.
    pub mark: Option<RowMark>,
}

/// What became of a part of an answer.
#[derive(Clone, Debug)]
pub enum PartAnswer {
    /// It could not be had.
    Missing,
    /// It could not be had; this stands in for it.
    Instead(Box<PartAnswer>),
    /// An external's output.
    Answer(Value),
    /// A row that a query shows.
    Row(Box<ShownRow>),
    /// One per element of a list, or the rows of a query.
    List(Vec<PartAnswer>),
}

/// One row, by key.
#[derive(Clone, Debug)]
pub struct RowRequest {
    /// Of which aggregate.
    pub aggregate: Id<Aggregate>,
    /// Its key.
    pub key: Value,
    /// Who, whence, when.
    pub asked: Asked,
}

/// How the request for a row ends.
#[derive(Clone, Debug)]
pub enum RowAnswer {
    /// What the caller may see of it: an answer per query that admits the row. The server merges
    /// them; an item that several queries show has the same value in all.
    Shown {
        /// The row.
        mark: RowMark,
        /// What each query shows of it.
        by: Vec<(Id<Query>, Vec<Value>)>,
    },
    /// Not shown.
    Refused(Refusal),
}

/// A flow, by the id that was given in [`CommandAnswer::Accepted`].
#[derive(Clone, Debug)]
pub struct FlowRequest {
    /// Which.
    pub flow: String,
    /// Who, whence, when.
    pub asked: Asked,
}

/// Where a flow stands.
#[derive(Clone, Debug)]
pub enum FlowAnswer {
    /// Known to this caller.
    Known(FlowReport),
    /// Unknown, or somebody else's, or it can no longer be cancelled.
    Refused(Refusal),
}

/// A flow as its caller sees it.
#[derive(Clone, Debug)]
pub struct FlowReport {
    /// Which.
    pub flow: String,
    /// What it executes.
    pub command: Id<Command>,
    /// Where it stands.
    pub state: FlowState,
    /// How many elements of how many are done, of a flow in chunks.
    pub progress: Option<(u64, u64)>,
    /// When it was admitted.
    pub started: Moment,
}

/// Stages of a flow.
#[derive(Clone, Debug)]
pub enum FlowState {
    /// Going on, or waiting for something.
    Running,
    /// Taking back what was done.
    Undoing,
    /// Done.
    Done(Done),
    /// Taken back, for this reason.
    Refused(Refusal),
    /// An answer was lost for good: a person must look.
    InDoubt,
    /// It cannot go on: a person must look.
    Parked,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A code of the brief, or one of [`refusal`].
    pub code: String,
    /// More in plain words; never contains values of rows or inputs.
    pub detail: Option<String>,
    /// When it is worth trying again.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal with nothing but its code.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            detail: None,
            retry_after: None,
        }
    }

    /// The same with more words.
    #[must_use]
    pub fn because(code: &str, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::new(code)
        }
    }
}

/// Codes that the language gives, besides those of the brief.
pub mod refusal {
    /// 404: no such row, or none that the caller may see.
    pub const NOT_FOUND: &str = "not-found";
    /// 401: nobody may do this without saying who it is.
    pub const UNAUTHENTICATED: &str = "unauthenticated";
    /// 403: no `allow` admits the caller.
    pub const FORBIDDEN: &str = "forbidden";
    /// 409: a row with that key, or that unique field, exists.
    pub const EXISTS: &str = "exists";
    /// 409: the state of the row does not admit the move.
    pub const ILLEGAL_MOVE: &str = "illegal-move";
    /// 409: others changed the same rows, five times in a row.
    pub const CONFLICT: &str = "conflict";
    /// 409: another flow holds the row.
    pub const BUSY: &str = "busy";
    /// 409: a request with the same key is still in progress.
    pub const IN_PROGRESS: &str = "in-progress";
    /// 422: the key was used with another input.
    pub const KEY_REUSED: &str = "key-reused";
    /// 409: the flow is past its pivot and can no longer be cancelled.
    pub const NOT_CANCELLABLE: &str = "not-cancellable";
    /// 409: the flow was cancelled by its caller.
    pub const CANCELLED: &str = "cancelled";
    /// 412: the version is not the one that the client saw.
    pub const PRECONDITION_FAILED: &str = "precondition-failed";
    /// 422: a value does not fit arithmetic: overflow, division by zero, unequal currencies.
    pub const ARITHMETIC: &str = "arithmetic";
    /// 429: a limit on admissions.
    pub const TOO_MANY_REQUESTS: &str = "too-many-requests";
    /// 500: a defect.
    pub const INTERNAL: &str = "internal";
    /// 503: a dependency does not answer, or the server is draining or full.
    pub const UNAVAILABLE: &str = "unavailable";
    /// 504: the deadline came before the pivot; everything was taken back.
    pub const DEADLINE: &str = "deadline-exceeded";
    /// 500: the answer of an external was lost and a person must look.
    pub const IN_DOUBT: &str = "in-doubt";
}

/// A verified message of an external.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Who sent it.
    pub external: Id<External>,
    /// Which message.
    pub message: Id<Sends>,
    /// The sender's id of it: the same id means the same message.
    pub id: String,
    /// A struct laid out by the message's fields.
    pub content: Value,
    /// When it came in.
    pub at: Moment,
    /// The trace that it belongs to.
    pub trace: Trace,
}

/// What became of a message.
#[derive(Clone, Debug)]
pub enum InboundAnswer {
    /// Stored durably, now or before: policies will see it once.
    Stored,
    /// Not stored; the sender should try again.
    Refused(Refusal),
}

/// How the engine is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Why it cannot serve; `None` when it can.
    pub unready: Option<String>,
    /// Flows by stage (`running`, `undoing`, `in-doubt`, `parked`).
    pub flows: BTreeMap<String, u64>,
    /// Writes that wait for the store.
    pub store_queue: u64,
    /// Requests that were turned away because the store was asked too much.
    pub turned_away: u64,
    /// Events that wait for delivery.
    pub outbox: u64,
    /// Flows that were found unfinished at start.
    pub recovered: u64,
    /// Open streams of feeds.
    pub subscribers: u64,
    /// Messages that wait for endpoints.
    pub deliveries: u64,
}
