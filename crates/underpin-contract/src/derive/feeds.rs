//! Feeds: the stream of a live feed, and the operations on endpoints that callers register for a
//! feed delivered by webhook. What the brief itself stores as endpoints has its own commands.

use super::access;
use super::forms::{Forms, Side};
use super::names::{camel, sentence};
use super::parameters;
use super::problems::by_status;
use super::refusals;
use super::shown;
use crate::contract::{
    Body, Condition, Method, Operation, PathParameter, PathTarget, Problem, Reply, Source,
};
use crate::feed::{EndpointAction, FeedData, FeedForm, FeedMessage};
use crate::path::{PathTemplate, Segment};
use crate::schema::{Field, Object, Schema, TextFormat};
use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::model::{Brief, Deliver, EventSource, Feed, Id, Type, WebhookDelivery};

/// The longest description of an endpoint in characters.
const DESCRIPTION: u64 = 200;

/// What feeds tell, and the operations that follow from it.
pub(super) fn all<'b>(
    brief: &'b Brief,
    forms: &mut Forms<'b>,
    catalogue: &BTreeMap<Arc<str>, Problem>,
    found: &mut Vec<Diagnostic>,
) -> (Vec<FeedForm>, Vec<Operation>) {
    let (mut told, mut operations) = (Vec::new(), Vec::new());
    for (id, feed) in brief.feeds.iter() {
        let live = match &feed.deliver {
            Deliver::Live => true,
            Deliver::Webhook(_) => false,
            Deliver::Stream => continue,
        };
        told.push(form(brief, forms, id, live, found));
        let making = Making {
            brief,
            catalogue,
            id,
            feed,
        };
        if live {
            operations.push(making.stream(forms, found));
        } else if registered(feed) {
            operations.extend(making.endpoints(forms));
        }
    }
    (told, operations)
}

/// Whether callers register the endpoints of a feed.
fn registered(feed: &Feed) -> bool {
    matches!(&feed.deliver, Deliver::Webhook(webhook) if is_registered(webhook))
}

fn is_registered(webhook: &WebhookDelivery) -> bool {
    webhook.to.is_none()
}

/// The name of a source as `on` writes it.
fn source_name(brief: &Brief, source: EventSource) -> String {
    let aggregate = |id| &brief.aggregates.get(id).name.text;
    match source {
        EventSource::Event(id) => brief.events.get(id).name.text.to_string(),
        EventSource::State(id, state) => {
            let states = brief.aggregates.get(id).states.as_ref();
            let name = states.and_then(|states| states.names.get(state));
            format!("{}.{}", aggregate(id), name.map_or("", |name| &name.text))
        }
        EventSource::Created(id) => format!("{}.created", aggregate(id)),
        EventSource::Changed(id) => format!("{}.changed", aggregate(id)),
        EventSource::Sent(external, message) => {
            let external = brief.externals.get(external);
            format!("{}.{}", external.name, external.sends.get(message).name)
        }
        EventSource::Attempted(feed) => format!("{}.attempted", brief.feeds.get(feed).name),
        EventSource::Failing(feed) => format!("{}.failing", brief.feeds.get(feed).name),
    }
}

/// The fields of an event of that source; slots are those of the source.
fn fields(brief: &Brief, forms: &Forms<'_>, source: EventSource) -> Object {
    let given = |slots: Vec<(&str, Type)>| {
        let field = |(slot, (name, ty)): (usize, (&str, Type))| Field {
            name: name.into(),
            slot,
            schema: forms.form(&ty, Side::Out),
            required: true,
            default: None,
            secret: false,
        };
        Object {
            title: None,
            width: slots.len(),
            fields: slots.into_iter().enumerate().map(field).collect(),
        }
    };
    let text = || Type::Text;
    match source {
        EventSource::Event(id) => forms.declared(&brief.events.get(id).fields, Side::Out),
        EventSource::Sent(external, message) => {
            let sends = brief.externals.get(external).sends.get(message);
            forms.declared(&sends.fields, Side::Out)
        }
        EventSource::State(id, _) | EventSource::Created(id) | EventSource::Changed(id) => {
            given(vec![("key", Type::Ref(id)), ("row", Type::Row(id))])
        }
        EventSource::Attempted(_) => given(vec![
            ("to", text()),
            ("message", text()),
            ("status", Type::Int.optional()),
            ("took", Type::Duration),
            ("answer", text().optional()),
            ("next", Type::Time.optional()),
        ]),
        EventSource::Failing(_) => given(vec![("to", text()), ("since", Type::Time)]),
    }
}

fn field(name: &str, slot: usize, schema: Schema, required: bool) -> Field {
    Field {
        name: name.into(),
        slot,
        schema,
        required,
        default: None,
        secret: false,
    }
}

fn form(
    brief: &Brief,
    forms: &mut Forms<'_>,
    id: Id<Feed>,
    live: bool,
    found: &mut Vec<Diagnostic>,
) -> FeedForm {
    let feed = brief.feeds.get(id);
    let projection = shown::of_feed(feed, forms, found);
    let mut messages = Vec::new();
    for source in &feed.on {
        let name = source_name(brief, *source);
        let data = match feed.shows.is_empty() {
            true => FeedData::Fields(fields(brief, forms, *source)),
            false => FeedData::Shown(projection.clone()),
        };
        let inner = match &data {
            FeedData::Fields(object) => object.clone(),
            FeedData::Shown(projection) => shown::form(projection, true),
        };
        let whole = Object {
            title: Some(format!("`{name}` of the feed `{}`", feed.name).into()),
            width: 4,
            fields: vec![
                field("type", 0, Schema::Enum(vec![name.as_str().into()]), true),
                field("id", 1, Schema::token(64), true),
                field("timestamp", 2, Schema::Time, true),
                field("data", 3, Schema::Object(inner), true),
            ],
        };
        let suffix = format!("{}Message", super::pascal(&name.replace('.', "-")));
        let component = forms.name(&feed.name.text, &suffix);
        forms.add(&component, Schema::Object(whole));
        messages.push(FeedMessage {
            name: name.into(),
            component,
            data,
        });
    }
    FeedForm {
        feed: id,
        name: feed.name.text.clone(),
        messages,
        start: feed.start,
        live,
    }
}

struct Making<'b, 'f> {
    brief: &'b Brief,
    catalogue: &'f BTreeMap<Arc<str>, Problem>,
    id: Id<Feed>,
    feed: &'b Feed,
}

const READING: [&str; 8] = [
    "malformed-request",
    "invalid-parameter",
    "unauthenticated",
    "forbidden",
    "method-not-allowed",
    "too-many-requests",
    "internal",
    "unavailable",
];

impl Making<'_, '_> {
    fn path(&self, rest: &[Segment]) -> PathTemplate {
        let mut segments = vec![
            Segment::Static("feeds".into()),
            Segment::Static(self.feed.name.text.clone()),
        ];
        segments.extend(rest.iter().cloned());
        PathTemplate { segments }
    }

    fn operation(&self, id: &str, summary: String, source: Source, reply: Reply) -> Operation {
        Operation {
            id: camel(id).into(),
            name: id.into(),
            summary,
            tag: "Feeds".into(),
            method: Method::Get,
            path: self.path(&[]),
            source,
            path_parameters: Vec::new(),
            parameters: Vec::new(),
            body: None,
            reply,
            access: access::of(self.brief, &self.feed.allows),
            shapes: Vec::new(),
            idempotent: false,
            precondition: Condition::Ignored,
            problems: by_status(READING, self.catalogue),
            input_width: 0,
        }
    }

    fn stream(&self, forms: &Forms<'_>, found: &mut Vec<Diagnostic>) -> Operation {
        let feed = self.feed;
        let mut operation = self.operation(
            &feed.name.text,
            sentence(&feed.name.text),
            Source::Feed(self.id),
            Reply::Feed(self.id),
        );
        operation.parameters = parameters::of_feed(forms, feed, found);
        operation.input_width = feed.input.len();
        if let Some(start) = feed.start {
            let codes = refusals::of_query(self.brief, start).codes;
            let codes = codes.keys().map(|code| &**code).chain(["not-found"]);
            for (status, more) in by_status(codes, self.catalogue) {
                operation.problems.entry(status).or_default().extend(more);
            }
        }
        operation
    }

    fn endpoints(&self, forms: &mut Forms<'_>) -> Vec<Operation> {
        let body = |action, forms: &mut Forms<'_>| self.body(action, forms);
        EndpointAction::ALL
            .into_iter()
            .map(|action| {
                let body = body(action, forms);
                self.endpoint(action, body)
            })
            .collect()
    }

    fn endpoint(&self, action: EndpointAction, body: Option<Body>) -> Operation {
        let (verb, what) = match action {
            EndpointAction::Create => ("create", "Register an endpoint"),
            EndpointAction::List => ("list", "The endpoints of the caller"),
            EndpointAction::Show => ("get", "One endpoint"),
            EndpointAction::Rotate => ("rotate", "Draw another secret for an endpoint"),
            EndpointAction::Enable => ("enable", "Deliver to an endpoint again"),
            EndpointAction::Disable => ("disable", "Stop delivering to an endpoint"),
            EndpointAction::Delete => ("delete", "Forget an endpoint"),
            EndpointAction::Test => ("test", "Send an endpoint a message without content"),
            EndpointAction::Replay => ("replay", "Deliver again what happened in a range of time"),
        };
        let noun = if action == EndpointAction::List {
            "endpoints"
        } else {
            "endpoint"
        };
        let name = format!("{verb}-{}-{noun}", self.feed.name);
        let summary = format!("{what} of `{}`", self.feed.name);
        let source = Source::Endpoints(self.id, action);
        let mut operation = self.operation(&name, summary, source, Reply::Endpoints(action));
        let mut rest = vec![Segment::Static("endpoints".into())];
        if action.names_one() {
            rest.push(Segment::Parameter("endpoint".into()));
            operation.path_parameters.push(PathParameter {
                names: vec!["endpoint".into()],
                schema: Schema::token(64),
                target: PathTarget::Endpoint,
                description: "The endpoint, as it was named when it was registered.".to_owned(),
            });
        }
        rest.extend(action.verb().map(|verb| Segment::Static(verb.into())));
        operation.path = self.path(&rest);
        let mut more = Vec::new();
        if action.names_one() {
            more.push("not-found");
        }
        if !action.reads() {
            operation.method = Method::Post;
            more.extend(["too-large", "unsupported-media-type", "invalid-input"]);
        }
        if action == EndpointAction::Create {
            more.extend(["exists", "address-not-allowed"]);
        }
        for (status, codes) in by_status(more, self.catalogue) {
            operation.problems.entry(status).or_default().extend(codes);
        }
        operation.input_width = body.as_ref().map_or(0, |body| body.object.width);
        operation.body = body;
        operation
    }

    fn body(&self, action: EndpointAction, forms: &mut Forms<'_>) -> Option<Body> {
        let text = |max, format| Schema::Text {
            min: None,
            max: Some(max),
            format,
        };
        let fields = match action {
            EndpointAction::Create => vec![
                field("url", 0, text(2_000, TextFormat::Url), true),
                field(
                    "description",
                    1,
                    text(DESCRIPTION, TextFormat::Plain).nullable(),
                    false,
                ),
            ],
            EndpointAction::Replay => vec![
                field("since", 0, Schema::Time, true),
                field("until", 1, Schema::Time.nullable(), false),
            ],
            _ => return None,
        };
        let object = Object {
            title: None,
            width: fields.len(),
            fields,
        };
        let suffix = match action {
            EndpointAction::Create => "EndpointInput",
            _ => "ReplayInput",
        };
        let component = forms.name(&self.feed.name.text, suffix);
        forms.add(&component, Schema::Object(object.clone()));
        Some(Body {
            object,
            component,
            max_bytes: 64 * 1024,
            optional: false,
        })
    }
}
