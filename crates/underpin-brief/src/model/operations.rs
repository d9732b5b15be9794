//! What can be asked and done: queries, commands, policies, feeds, and what is required of them.

use super::*;

/// Who may.
#[derive(Clone, Debug)]
pub struct Allow {
    /// Which actor.
    pub who: Who,
    /// The condition.
    pub when: Option<Expr>,
    /// Whether remote facts must be asked of their owner.
    pub fresh: bool,
    /// Where it stands.
    pub span: Span,
}

/// Whom an `allow` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody, also without a token.
    Anyone,
    /// An actor.
    Actor(Id<Actor>),
    /// An actor in a role (a position in its roles).
    Role(Id<Actor>, usize),
}

/// How much is asked.
#[derive(Clone, Debug)]
pub struct Load {
    /// On average.
    pub mean: Option<Rate>,
    /// At peak.
    pub peak: Option<Rate>,
    /// Zipf exponent over keys.
    pub skew: Option<Decimal>,
    /// Only of this channel.
    pub channel: Option<Text>,
    /// Open connections (feeds).
    pub connections: Option<u64>,
    /// What connections are spread over.
    pub per: Option<Expr>,
    /// Typical number per spread key.
    pub typical: Option<u64>,
    /// Connections per spread key at peak.
    pub peak_per: Option<u64>,
    /// Where it stands.
    pub span: Span,
}

/// How fast an answer must be.
#[derive(Clone, Debug)]
pub struct Within {
    /// Median.
    pub p50: Option<Duration>,
    /// 99th percentile.
    pub p99: Option<Duration>,
    /// Only for this channel.
    pub channel: Option<Text>,
    /// Where it stands.
    pub span: Span,
}

/// How important: the least important is shed first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Shed first.
    Low,
    /// The default.
    #[default]
    Normal,
    /// Shed last.
    High,
}

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// At most; `None`: the default of 5 s, an assumption.
    pub max: Option<Duration>,
    /// Whether a caller sees its own writes.
    pub own: bool,
}

/// What a query reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuerySource {
    /// Rows of an aggregate.
    Aggregate(Id<Aggregate>),
    /// Rows of a view.
    View(Id<View>),
    /// Only its parts.
    Parts,
}

/// A query.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its name.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// What it reads.
    pub of: QuerySource,
    /// Whether it answers one row, by key, instead of a page.
    pub one: bool,
    /// Which rows, over `self` and `input`.
    pub filter: Option<Expr>,
    /// Who may see which rows.
    pub allows: Vec<Allow>,
    /// What the client may give.
    pub input: Vec<Field>,
    /// The shape of `input`.
    pub input_shape: Arc<Shape>,
    /// Row slots that clients may filter by.
    pub filters: Vec<usize>,
    /// Row slots that clients may sort by; the first is the default.
    pub sorts: Vec<usize>,
    /// Row slots that are searched.
    pub searches: Vec<usize>,
    /// What it shows, in the order of declaration.
    pub shows: Vec<Show>,
    /// The largest page.
    pub page: Option<u32>,
    /// What it is composed of.
    pub parts: Vec<Part>,
    /// What a channel sees instead.
    pub shapes: Vec<ClientShape>,
    /// How old the answer may be.
    pub stale: Stale,
    /// How long deltas are kept, where clients ask for changes since a position.
    pub changes: Option<Option<Duration>>,
    /// Formats of a whole export.
    pub exports: Vec<Text>,
    /// Load.
    pub loads: Vec<Load>,
    /// Latency.
    pub withins: Vec<Within>,
    /// Largest answer, per channel.
    pub sizes: Vec<(Bytes, Option<Text>)>,
    /// Importance.
    pub priority: Priority,
    /// A path that replaces the derived one.
    pub route: Option<Text>,
    /// How many slots the frame of its expressions needs.
    pub frame: u32,
}

impl Query {
    /// What clients of a channel see instead.
    #[must_use]
    pub fn shape_for(&self, channel: &str) -> Option<&ClientShape> {
        let mut shapes = self.shapes.iter();
        shapes.find(|shape| &*shape.channel.text == channel)
    }

    /// The parts of an answer in order: those of a shape replace those of the same name, or come
    /// after them.
    #[must_use]
    pub fn parts_for<'a>(&'a self, shape: Option<&'a ClientShape>) -> Vec<&'a Part> {
        let own = shape.map_or(&[][..], |shape| &shape.parts);
        let replaced = |part: &'a Part| {
            let mut same = own.iter().filter(|other| other.name.text == part.name.text);
            same.next().unwrap_or(part)
        };
        let mut parts: Vec<&Part> = self.parts.iter().map(replaced).collect();
        let new = |part: &&Part| !self.parts.iter().any(|old| old.name.text == part.name.text);
        parts.extend(own.iter().filter(new));
        parts
    }
}

/// Something that a query shows.
///
/// `lines.product.name` shows below `lines`, below `product`: `output` is that path. Where a step of the
/// path is a list, the value is a list per element (`expr` yields the list of innermost values;
/// renderers zip them).
#[derive(Clone, Debug)]
pub struct Show {
    /// The path in the answer.
    pub output: Vec<Text>,
    /// The steps that lead to the value, starting at the row.
    pub expr: ShowExpr,
    /// Where it stands.
    pub span: Span,
}

/// How a shown value is found.
#[derive(Clone, Debug)]
pub enum ShowExpr {
    /// An expression over `self`, `input`, `caller`.
    Value(Expr),
    /// A path that goes through lists: the list, then what is shown of each element (with the
    /// element at the slot).
    Each {
        /// The list.
        list: Expr,
        /// The slot of the element.
        variable: Slot,
        /// What is shown of it.
        show: Box<ShowExpr>,
    },
}

/// A part of a composed query.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name: its place in the answer and its binding for later parts.
    pub name: Name,
    /// The slot of its binding.
    pub slot: Slot,
    /// What is asked.
    pub source: PartSource,
    /// Asked once per element of this list (with `item` bound).
    pub each: Option<Expr>,
    /// Whether it may be missing.
    pub optional: bool,
    /// Its budget; an optional part that is late is missing.
    pub within: Option<Duration>,
    /// Its input.
    pub sets: Vec<Assign>,
    /// What stands in for it when it is missing.
    pub fallback: Vec<Assign>,
    /// Which fields of its answer are shown.
    pub shows: Vec<Name>,
}

/// What a part asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartSource {
    /// A query of ours.
    Query(Id<Query>),
    /// An operation of an external.
    External(Id<External>, Id<ExternalOperation>),
}

/// What clients of one channel see instead.
#[derive(Clone, Debug)]
pub struct ClientShape {
    /// The channel.
    pub channel: Name,
    /// What it shows instead; empty: as the query.
    pub shows: Vec<Show>,
    /// Parts that replace those of the same name or are added.
    pub parts: Vec<Part>,
    /// Its largest page.
    pub page: Option<u32>,
}

/// How a command answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerMode {
    /// When it is done.
    Final,
    /// At once, with a flow to follow.
    Accepted,
}

/// A command.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its name.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// Who may.
    pub allows: Vec<Allow>,
    /// What the client gives.
    pub input: Vec<Field>,
    /// The shape of `input`.
    pub input_shape: Arc<Shape>,
    /// What it does.
    pub body: Body,
    /// How it answers.
    pub answer: AnswerMode,
    /// A key of the input that makes repetitions one.
    pub once: Option<Expr>,
    /// Whether the client must (`Version`) or need not name the version it saw.
    pub precondition: Option<Precondition>,
    /// Whether it may take holds.
    pub holds: bool,
    /// Load.
    pub loads: Vec<Load>,
    /// Latency.
    pub withins: Vec<Within>,
    /// When it gives up.
    pub deadline: Option<Duration>,
    /// Importance.
    pub priority: Priority,
    /// The largest batch.
    pub bulk: Option<u32>,
    /// A path that replaces the derived one.
    pub route: Option<Text>,
}

/// Whether a command is conditional on a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// `If-Match` is required.
    Version,
    /// `If-Match` is not looked at.
    None,
}

/// A policy: whenever this, do that.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// When.
    pub trigger: Trigger,
    /// The shape of `event`; empty for clocks.
    pub event_shape: Arc<Shape>,
    /// What it does.
    pub body: Body,
    /// What it does where it was refused, by code.
    pub otherwise: Vec<(Name, Body)>,
    /// How late it may be.
    pub lag: Option<Duration>,
    /// Waits between attempts.
    pub retry: Vec<Duration>,
    /// Importance.
    pub priority: Priority,
}

/// When a policy acts.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// On a message, at once or later.
    On {
        /// Which.
        source: EventSource,
        /// How much later; cancelled where the row has left the state by then.
        after: Option<Duration>,
    },
    /// Again and again.
    Every(Duration),
    /// At times of the calendar.
    Cron {
        /// Five fields.
        expression: Text,
        /// An IANA zone.
        zone: Text,
        /// Once per tenant.
        per_tenant: bool,
    },
}

/// What policies and feeds react to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventSource {
    /// A declared event.
    Event(Id<Event>),
    /// A row entered a state (a position in its states).
    State(Id<Aggregate>, usize),
    /// A row was created.
    Created(Id<Aggregate>),
    /// A row was changed.
    Changed(Id<Aggregate>),
    /// A message of an external.
    Sent(Id<External>, Id<Sends>),
    /// A delivery of a feed was attempted.
    Attempted(Id<Feed>),
    /// Deliveries of a feed to an endpoint keep failing.
    Failing(Id<Feed>),
}

/// A feed.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Its name.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// What the subscriber gives.
    pub input: Vec<Field>,
    /// The shape of `input`.
    pub input_shape: Arc<Shape>,
    /// Who may see which message.
    pub allows: Vec<Allow>,
    /// Which messages.
    pub filter: Option<Expr>,
    /// A query whose answer is the snapshot.
    pub start: Option<Id<Query>>,
    /// What is told.
    pub on: Vec<EventSource>,
    /// Which fields; empty: all.
    pub shows: Vec<Show>,
    /// How.
    pub deliver: Deliver,
    /// How long it can be resumed.
    pub keep: Option<Duration>,
    /// What happens to slow clients.
    pub slow: Slow,
    /// Waits between attempts of a webhook.
    pub retry: Vec<Duration>,
    /// Load.
    pub loads: Vec<Load>,
    /// Latency.
    pub withins: Vec<Within>,
    /// How late it may be.
    pub lag: Option<Duration>,
    /// The shape of `event`: of the one source, or of what all sources share.
    pub event_shape: Arc<Shape>,
    /// How many slots the frame of its expressions needs.
    pub frame: u32,
}

/// How a feed is delivered.
#[derive(Clone, Debug)]
pub enum Deliver {
    /// To connected clients.
    Live,
    /// By HTTP requests of ours.
    Webhook(Box<WebhookDelivery>),
    /// To a topic.
    Stream,
}

/// Where and how webhooks go; all absent: registered by clients.
#[derive(Clone, Debug, Default)]
pub struct WebhookDelivery {
    /// The aggregate whose rows are the endpoints (`self` of the expressions).
    pub to: Option<Id<Aggregate>>,
    /// Its URL.
    pub url: Option<Expr>,
    /// Its signing secrets.
    pub secrets: Option<Expr>,
    /// Whether messages of one key stay in order.
    pub ordered: bool,
    /// How long an endpoint may take.
    pub timeout: Option<Duration>,
}

/// What happens to slow clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slow {
    /// The connection is closed; it can resume.
    #[default]
    Close,
    /// Only the latest message per key is kept.
    Conflate,
    /// Messages are dropped.
    Drop,
}
