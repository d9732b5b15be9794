//! The contract as a value: operations, what they take, what they answer, who may call them.
//!
//! Nothing here knows how a request travels or where rows are kept. Ids point into the brief that
//! the contract was derived from.

use crate::blobs::{BlobAction, BlobInputs};
use crate::composed::{ClientReply, PartForm};
use crate::feed::{EndpointAction, FeedForm};
use crate::many::{BulkReply, ChangesReply, ExportFormat, ExportReply};
use crate::path::PathTemplate;
use crate::projection::Projection;
use crate::schema::{Components, Field, Object, Schema, TextFormat};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use underpin_brief::model::{Actor, Aggregate, Command, Feed, Id, Query, Slot, Value};

/// What clients see.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The name of the system.
    pub name: Arc<str>,
    /// Its title.
    pub title: Arc<str>,
    /// What it is for.
    pub purpose: Option<Arc<str>>,
    /// The version of this contract.
    pub version: u32,
    /// Older versions that the brief promises and this contract does not describe.
    pub not_served: Vec<u32>,
    /// All operations, sorted by path, then method.
    pub operations: Vec<Operation>,
    /// Where handles of stored bytes are taken.
    pub blobs: BlobInputs,
    /// Forms with a name.
    pub components: Components,
    /// What each feed tells that is served here, in the order of the brief's table.
    pub feeds: Vec<FeedForm>,
    /// Every problem that any operation can answer, by code.
    pub problems: BTreeMap<Arc<str>, Problem>,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Post,
    Put,
}

impl Method {
    /// Its name in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// What an operation does in terms of the brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Runs a command.
    Command(Id<Command>),
    /// Runs a command once per item.
    Bulk(Id<Command>),
    /// Answers a query: a page, one row, or its parts.
    Query(Id<Query>),
    /// Answers all rows of a query at once.
    Export(Id<Query>, ExportFormat),
    /// Tells what has changed of the rows of a query.
    Changes(Id<Query>),
    /// Shows one row: the union of what the caller's queries of the aggregate show.
    Item(Id<Aggregate>),
    /// Keeps bytes beside rows.
    Blobs(BlobAction),
    /// Tells how far a flow is.
    Flow,
    /// Asks a flow to stop and undo; possible until its pivot.
    FlowCancel,
    /// Opens the stream of a live feed.
    Feed(Id<Feed>),
    /// Keeps the endpoints that callers register for a feed delivered by webhook.
    Endpoints(Id<Feed>, EndpointAction),
}

/// An operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its name in camelCase: `operationId`. Unique.
    pub id: Arc<str>,
    /// Its name in the brief, or what it is derived from.
    pub name: Arc<str>,
    /// A line for people.
    pub summary: String,
    /// Under what it is grouped in documents.
    pub tag: Arc<str>,
    /// Its method.
    pub method: Method,
    /// Its path.
    pub path: PathTemplate,
    /// What it does.
    pub source: Source,
    /// What the path parameters mean, in order.
    pub path_parameters: Vec<PathParameter>,
    /// What may stand in the query string, in order; anything else is refused.
    pub parameters: Vec<Parameter>,
    /// The JSON body, where it takes one.
    pub body: Option<Body>,
    /// What it answers when all is well.
    pub reply: Reply,
    /// What clients of some channels are answered instead, of the same kind.
    pub shapes: Vec<ClientReply>,
    /// Who may.
    pub access: Access,
    /// Whether an `Idempotency-Key` is accepted.
    pub idempotent: bool,
    /// Whether `If-Match` is looked at.
    pub precondition: Condition,
    /// Which problems it can answer, by status; codes are keys of [`Contract::problems`].
    pub problems: BTreeMap<u16, BTreeSet<Arc<str>>>,
    /// How many slots the structured value `input` has; 0 without input.
    pub input_width: usize,
}

impl Operation {
    /// What clients of a channel are answered when all is well.
    #[must_use]
    pub fn reply_for(&self, channel: &str) -> &Reply {
        let shape = self.shapes.iter().find(|shape| &*shape.channel == channel);
        shape.map_or(&self.reply, |shape| &shape.reply)
    }
}

/// A value that stands in the path. A key of several fields takes several segments.
#[derive(Clone, Debug)]
pub struct PathParameter {
    /// The names of its segments.
    pub names: Vec<Arc<str>>,
    /// Its form.
    pub schema: Schema,
    /// What it means.
    pub target: PathTarget,
    /// What people read beside it.
    pub description: String,
}

/// What a value of the path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathTarget {
    /// A slot of the input.
    Input(usize),
    /// The key of the row that is shown.
    Key,
    /// The id of a flow.
    Flow,
    /// The id of a registered endpoint.
    Endpoint,
}

/// A parameter of the query string.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: Arc<str>,
    /// The form of one value.
    pub schema: Schema,
    /// How values stand in the query string.
    pub style: Style,
    /// Whether it must be there.
    pub required: bool,
    /// What it means.
    pub target: Target,
    /// What people read beside it.
    pub description: String,
}

/// How a parameter stands in the query string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `name=value`, once.
    Once,
    /// `name=a&name=b`.
    Repeated,
    /// `name=a,b`.
    Comma,
    /// `name=` and JSON.
    Json,
}

/// What a parameter of the query string means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A slot of the input; where it is absent, this value.
    Input(usize, Value),
    /// A filter on a slot of the row.
    Filter(usize, FilterOp),
    /// The order: `-name` is descending.
    Sort(Vec<(Arc<str>, usize)>),
    /// Words that must occur in one of these slots.
    Search(Vec<usize>),
    /// How many rows at most.
    Limit,
    /// Where the page begins: what an earlier page called `next`.
    After,
}

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterOp {
    /// Equal to one of the values.
    AnyOf,
    /// The list has one of the values as an element.
    HasAnyOf,
    /// At least the value.
    Min,
    /// At most the value.
    Max,
}

/// A JSON body.
#[derive(Clone, Debug)]
pub struct Body {
    /// Its properties; slots are those of the input.
    pub object: Object,
    /// Its component.
    pub component: Arc<str>,
    /// The largest body in bytes; more is 413.
    pub max_bytes: u64,
    /// Whether an absent body means `{}`.
    pub optional: bool,
}

/// What an operation answers when all is well.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The result of a command.
    Command(CommandReply),
    /// The results of a command, one per item.
    Bulk(BulkReply),
    /// A page of rows: `{"items": […], "next": "/…" or null}`.
    Page(PageReply),
    /// A handle, a receipt or bytes.
    Blobs(BlobAction),
    /// What has changed since a position.
    Changes(ChangesReply),
    /// All rows, streamed.
    Export(ExportReply),
    /// One row.
    Row(RowReply),
    /// The parts of a composed query.
    Parts(PartsReply),
    /// How far a flow is.
    Flow,
    /// A stream of events.
    Feed(Id<Feed>),
    /// A registered endpoint, or several, or how many messages were queued for one.
    Endpoints(EndpointAction),
}

/// The answer of a command: its `return` fields and `links`.
#[derive(Clone, Debug)]
pub struct CommandReply {
    /// Its `return` fields; slots count them in the order of the statements.
    pub returns: Object,
    /// The component of the answer: these fields and `links`.
    pub component: Arc<str>,
    /// The row that it is about: created, or named in the path.
    pub row: Option<AnsweredRow>,
    /// Whether it answers at once with a flow to follow.
    pub accepted: bool,
    /// The `return` field that is the key of its row.
    pub key: Option<KeyProperty>,
    /// Whether it may answer 202 because it takes longer than its deadline.
    pub may_continue: bool,
}

/// A property of an answer that holds the key of a row whose aggregate has one key field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProperty {
    /// Of which aggregate.
    pub aggregate: Id<Aggregate>,
    /// The property.
    pub name: Arc<str>,
}

/// The row that the answer of a command is about.
#[derive(Clone, Debug)]
pub struct AnsweredRow {
    /// Of which aggregate.
    pub aggregate: Id<Aggregate>,
    /// The binding of the statement that made or changed it.
    pub binding: Option<Slot>,
    /// Whether the command makes it: 201 instead of 200.
    pub created: bool,
    /// What can be done with it.
    pub links: Links,
}

impl CommandReply {
    /// The answer: the values of the `return` fields in their order, and `links` where there are
    /// any.
    #[must_use]
    pub fn render(&self, components: &Components, returned: &Value, links: Option<Json>) -> Json {
        let mut answer = components.write(&Schema::Object(self.returns.clone()), returned);
        if let (Some(answer), Some(links)) = (answer.as_object_mut(), links) {
            answer.insert("links".to_owned(), links);
        }
        answer
    }

    /// The form of the answer.
    pub(crate) fn form(&self) -> Object {
        let mut object = self.returns.clone();
        if let Some(row) = self.row.as_ref().filter(|row| !row.links.is_empty()) {
            object.fields.push(Field {
                name: "links".into(),
                slot: object.width,
                schema: Schema::Object(row.links.form()),
                required: true,
                default: None,
                secret: false,
            });
            object.width += 1;
        }
        object
    }

    /// The status when all is well.
    #[must_use]
    pub fn status(&self) -> u16 {
        let creates = self.row.as_ref().is_some_and(|row| row.created);
        match (self.accepted, creates) {
            (true, _) => 202,
            _ if self.is_empty() => 204,
            (false, true) => 201,
            (false, false) => 200,
        }
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.returns.fields.is_empty() && self.row.as_ref().is_none_or(|row| row.links.is_empty())
    }
}

/// Where a row stands and what can be done with it.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// The path of the row, where it can be read; its parameters are the key of the row.
    pub item: Option<PathTemplate>,
    /// Commands on the row, sorted by the name of the link.
    pub commands: Vec<CommandLink>,
}

/// A command on a row.
#[derive(Clone, Debug)]
pub struct CommandLink {
    /// The name of the link: the move, or the command where it moves nothing or several commands
    /// do that move.
    pub rel: Arc<str>,
    /// The command.
    pub command: Id<Command>,
    /// Its path; the parameters are the key of the row.
    pub path: PathTemplate,
    /// The states in which it is open; empty: in all.
    pub from: Vec<Arc<str>>,
    /// Who may.
    pub access: Access,
}

impl Links {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.item.is_none() && self.commands.is_empty()
    }

    /// The links of the row with that key (as [`crate::Components::key_texts`] gives it): where it
    /// stands, and the commands that `open` admits.
    pub fn render(&self, key: &[String], open: impl Fn(&CommandLink) -> bool) -> Json {
        let mut links = Map::new();
        if let Some(item) = &self.item {
            links.insert("self".to_owned(), item.fill(key).into());
        }
        for link in self.commands.iter().filter(|link| open(link)) {
            links.insert(link.rel.to_string(), link.path.fill(key).into());
        }
        Json::Object(links)
    }

    /// The form of the links: only where the row stands is always there.
    pub(crate) fn form(&self) -> Object {
        let link = |slot: usize, name: &Arc<str>, path: &PathTemplate, required: bool| Field {
            name: name.clone(),
            slot,
            schema: Schema::Text {
                min: None,
                max: None,
                format: TextFormat::Path(path.to_string().into()),
            },
            required,
            default: None,
            secret: false,
        };
        let own: Arc<str> = "self".into();
        let mut fields: Vec<Field> = self
            .item
            .iter()
            .map(|path| link(0, &own, path, true))
            .collect();
        for command in &self.commands {
            fields.push(link(fields.len(), &command.rel, &command.path, false));
        }
        Object {
            title: None,
            width: fields.len(),
            fields,
        }
    }
}

/// A page of rows.
#[derive(Clone, Debug)]
pub struct PageReply {
    /// What is shown of each row.
    pub projection: Projection,
    /// What stands below it.
    pub parts: Vec<PartForm>,
    /// The property of a row that is its key.
    pub key: Option<KeyProperty>,
    /// The largest page.
    pub max: u32,
    /// The page where the client does not say.
    pub default: u32,
    /// The component of a row.
    pub component: Arc<str>,
}

/// One row.
#[derive(Clone, Debug)]
pub struct RowReply {
    /// The aggregate, where it is a row of one.
    pub aggregate: Option<Id<Aggregate>>,
    /// What is shown of it: of one query, or of all queries of its aggregate.
    pub projection: Projection,
    /// What stands below it.
    pub parts: Vec<PartForm>,
    /// The queries whose `allow` lines decide whether and what of it is shown, by name.
    pub queries: Vec<Id<Query>>,
    /// What can be done with it.
    pub links: Links,
    /// The component of the row.
    pub component: Arc<str>,
}

/// A composed answer.
#[derive(Clone, Debug)]
pub struct PartsReply {
    /// The parts.
    pub parts: Vec<PartForm>,
    /// Its component.
    pub component: Arc<str>,
}

/// Who may call an operation, as far as that can be said without looking at rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Everybody may, also without a token.
    pub anyone: bool,
    /// These may, sorted by name.
    pub actors: Vec<Allowed>,
}

/// An actor that may.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowed {
    /// The actor's name.
    pub actor: Arc<str>,
    /// Only in this role.
    pub role: Option<Arc<str>>,
    /// Which.
    pub id: Id<Actor>,
    /// Whether a condition decides.
    pub conditional: bool,
}

impl Access {
    /// Whether an actor in these roles may, conditions aside.
    pub fn admits(&self, actor: Option<Id<Actor>>, has_role: impl Fn(&str) -> bool) -> bool {
        let fits = |allowed: &Allowed| {
            Some(allowed.id) == actor && allowed.role.as_ref().is_none_or(|role| has_role(role))
        };
        self.anyone || self.actors.iter().any(fits)
    }
}

/// Whether a client may or must say which version of a row it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `If-Match` is not looked at.
    Ignored,
    /// `If-Match` is looked at where it is there.
    Accepted,
    /// `If-Match` must be there: 428 without.
    Required,
}

/// A kind of problem (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its code: the last part of its `type`, `/problems/<code>`.
    pub code: Arc<str>,
    /// Its status.
    pub status: u16,
    /// A few words that never change.
    pub title: String,
    /// What it means and what to do.
    pub description: String,
    /// Whether it is a refusal that the brief names, not one of the protocol.
    pub declared: bool,
    /// Whether the same request may succeed later: the answer carries `Retry-After`.
    pub retry: bool,
}

impl Contract {
    /// The operation that runs a command.
    #[must_use]
    pub fn command(&self, id: Id<Command>) -> Option<&Operation> {
        self.operations
            .iter()
            .find(|operation| operation.source == Source::Command(id))
    }

    /// The operation that answers a query.
    #[must_use]
    pub fn query(&self, id: Id<Query>) -> Option<&Operation> {
        self.operations
            .iter()
            .find(|operation| operation.source == Source::Query(id))
    }

    /// Operations whose path is made of nothing but the key of a row of that aggregate: the row
    /// itself, and commands on it.
    pub fn on_row(&self, aggregate: Id<Aggregate>) -> impl Iterator<Item = &Operation> {
        let source = Source::Item(aggregate);
        let item = self
            .operations
            .iter()
            .find(move |operation| operation.source == source);
        let links = item.and_then(|operation| match &operation.reply {
            Reply::Row(row) => Some(&row.links),
            _ => None,
        });
        let commands = links.into_iter().flat_map(|links| &links.commands);
        item.into_iter()
            .chain(commands.filter_map(|link| self.command(link.command)))
    }

    /// What a feed tells; none where it is not served over HTTP.
    #[must_use]
    pub fn feed(&self, id: Id<Feed>) -> Option<&FeedForm> {
        self.feeds.iter().find(|form| form.feed == id)
    }

    /// The operation of that `operationId` or name in the brief.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Operation> {
        let named = |operation: &&Operation| &*operation.id == name || &*operation.name == name;
        self.operations.iter().find(named)
    }

    /// The status of a refusal: that of its code, 500 where there is no such code.
    #[must_use]
    pub fn status(&self, code: &str) -> u16 {
        self.problems
            .get(code)
            .map_or(500, |problem| problem.status)
    }
}
