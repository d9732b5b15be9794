//! Feeds at the narrow door between serving and executing: what is told to whom, from which
//! position on, and how a message leaves for an endpoint. No HTTP here, no storage.

use crate::backend::{Asked, Pending, Refusal, ShownRow};
use crate::world::Moment;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use underpin_brief::model::{Feed, Id, Query, Value};
use underpin_contract::EndpointAction;

/// How far somebody has been told: of each service the number of its last event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position(pub BTreeMap<String, i64>);

impl Position {
    /// As values, for whoever seals it: names and numbers in turn.
    #[must_use]
    pub fn values(&self) -> Vec<Value> {
        let pair = |(service, seq): (&String, &i64)| [Value::text(service), Value::Int(*seq)];
        self.0.iter().flat_map(pair).collect()
    }

    /// The position of such values.
    #[must_use]
    pub fn of(values: &[Value]) -> Option<Self> {
        let mut found = BTreeMap::new();
        for pair in values.chunks(2) {
            let [Value::Text(service), Value::Int(seq)] = pair else {
                return None;
            };
            found.insert(service.to_string(), *seq);
        }
        Some(Self(found))
    }
}

/// Where a stream is to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// Now, or at the snapshot of the feed.
    Start,
    /// After this position.
    After(Position),
    /// After a position that nobody here gave.
    Unknown,
}

/// A stream that is asked for.
#[derive(Clone, Debug)]
pub struct FeedRequest {
    /// Of which feed.
    pub feed: Id<Feed>,
    /// Who, whence, when.
    pub asked: Asked,
    /// A struct laid out by the feed's `input_shape`.
    pub input: Value,
    /// From where on.
    pub from: From,
}

/// How the request for a stream ends.
pub enum FeedAnswer {
    /// It is open.
    Open(Opened),
    /// It is not.
    Refused(Refusal),
}

/// A stream that is open.
pub struct Opened {
    /// Whether what was missed since the position that was asked for cannot be told any more.
    pub reset: bool,
    /// What there is at `position`.
    pub snapshot: Option<Snapshot>,
    /// Everything after this is told.
    pub position: Position,
    /// What tells.
    pub telling: Box<dyn Telling>,
}

/// The answer of the query with which a feed starts.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Which query.
    pub query: Id<Query>,
    /// Its rows; one where the query is `one`.
    pub rows: Vec<ShownRow>,
    /// Whether the query is `one`.
    pub one: bool,
}

/// What tells one subscriber. Dropping it ends the subscription.
pub trait Telling: Send + 'static {
    /// What comes next. May be given up and asked again: nothing is lost.
    fn next(&mut self) -> Pending<'_, Told>;

    /// How far the subscriber has been told, where nothing waits for it.
    fn position(&self) -> Option<Position>;
}

/// What a subscriber is told.
#[derive(Clone, Debug)]
pub enum Told {
    /// Something happened.
    Message(Arc<Message>),
    /// So many messages were left out, because the subscriber is slow.
    Gap(u64),
    /// Nothing more comes.
    Closed(Closed),
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// No `allow` admits the subscriber any longer.
    Revoked,
    /// The subscriber reads too slowly; it can resume.
    Slow,
    /// The backend stops; the subscriber can resume.
    Draining,
}

/// One event as a feed tells it.
#[derive(Debug)]
pub struct Message {
    /// Which feed.
    pub feed: Id<Feed>,
    /// Which of its sources, a position in its `on`.
    pub on: usize,
    /// The id of the event.
    pub id: String,
    /// When it happened.
    pub at: i64,
    /// Everything up to here has been told with it.
    pub position: Position,
    /// What the feed shows; without `show` the slots of the event.
    pub values: Vec<Value>,
    /// The message as it is sent: written once, however many are told.
    pub written: OnceLock<Arc<[u8]>>,
}

/// An action on endpoints that callers register.
#[derive(Clone, Debug)]
pub struct EndpointRequest {
    /// Of which feed.
    pub feed: Id<Feed>,
    /// What is to be done.
    pub action: EndpointAction,
    /// Which endpoint, where one is named.
    pub endpoint: Option<String>,
    /// A struct of what the action takes, as the contract lays it out.
    pub input: Value,
    /// Who, whence, when.
    pub asked: Asked,
}

/// How an action on endpoints ends.
#[derive(Clone, Debug)]
pub enum EndpointAnswer {
    /// The endpoint.
    One(Endpoint),
    /// Those of the caller.
    Many(Vec<Endpoint>),
    /// Done; so many messages were queued.
    Queued(u64),
    /// Forgotten.
    Gone,
    /// Not done.
    Refused(Refusal),
}

/// A registered endpoint as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// Where messages go.
    pub url: String,
    /// What its owner calls it.
    pub description: Option<String>,
    /// Whether messages are delivered.
    pub active: bool,
    /// Why not: `asked`, `failing`, `gone`, `revoked`.
    pub reason: Option<String>,
    /// Since when every delivery has failed.
    pub failing: Option<Moment>,
    /// When it was registered.
    pub created: Moment,
    /// Messages that wait.
    pub waiting: u64,
    /// The signing secret, where it has just been drawn.
    pub secret: Option<String>,
}

/// A message on its way to an endpoint.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Which feed.
    pub feed: Id<Feed>,
    /// Which of its sources; none: a test, without content.
    pub on: Option<usize>,
    /// The id of the message: the same in every attempt.
    pub id: String,
    /// When it happened.
    pub at: i64,
    /// What is told, as in [`Message::values`].
    pub values: Vec<Value>,
    /// Where to.
    pub url: String,
    /// The secrets that are valid now, the newest first.
    pub secrets: Vec<String>,
    /// How long the endpoint may take.
    pub timeout: Duration,
}

/// What came of one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// What the endpoint answered; none where it did not.
    pub status: Option<u16>,
    /// The beginning of what it said, or why there is no answer.
    pub answer: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// When it wants to be asked again.
    pub retry_after: Option<Duration>,
}

/// Who brings messages to endpoints.
pub trait Courier: Send + Sync + 'static {
    /// One attempt.
    fn deliver(&self, letter: Letter) -> Pending<'_, Delivered>;

    /// Why messages are not sent to this URL, as far as that can be told without asking anybody.
    fn objection(&self, url: &str) -> Option<String>;
}

/// A courier for backends without endpoints: reaches nobody.
pub struct Nobody;

impl Courier for Nobody {
    fn deliver(&self, _: Letter) -> Pending<'_, Delivered> {
        Box::pin(std::future::ready(Delivered::default()))
    }

    fn objection(&self, _: &str) -> Option<String> {
        None
    }
}
