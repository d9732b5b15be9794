//! Live feeds as server-sent events (WHATWG HTML, section 9.2), and the endpoints that callers
//! register for the others. Must not know how events are found, nor how they reach an endpoint.

use super::reply::shown;
use super::{Admitted, Api, Cursors};
use crate::backend::Pending;
use crate::feeds::{
    Closed, Endpoint, EndpointAnswer, EndpointRequest, FeedAnswer, FeedRequest, From, Message,
    Opened, Position, Snapshot, Telling, Told,
};
use crate::identity::bearer;
use crate::serve::Drain;
use crate::serve::http::{Answer, Request};
use crate::serve::stream::Pieces;
use crate::world::{Clock, Moment};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::{Map, Value as Json, json};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use underpin_brief::model::{Feed, Id, Value};
use underpin_contract::{Contract, EndpointAction, FeedForm, Reply, Source};

/// The media type.
const MEDIA: &str = "text/event-stream";
/// How often something is sent where nothing happens, so that dead connections are noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client waits before it connects again, in milliseconds.
const RETRY: u32 = 3_000;
/// Rows of a snapshot in one event.
const ROWS: usize = 200;
/// How far clocks may differ, as for tokens.
const SKEW: Duration = Duration::from_secs(30);

impl Api {
    pub(super) async fn feed(&self, admitted: Admitted<'_>, feed: Id<Feed>) -> Answer {
        let Admitted {
            request,
            arguments,
            asked,
            ..
        } = admitted;
        let Some(form) = self.contract.feed(feed) else {
            return self.nothing();
        };
        let last = match request.relied_on("last-event-id") {
            Some(id) if !id.is_empty() => Some(id.to_owned()),
            _ => arguments.after,
        };
        let from = match last {
            None => From::Start,
            Some(id) => match self.cursors.open(&scope(form), &id) {
                Some(values) => Position::of(&values).map_or(From::Unknown, From::After),
                None => From::Unknown,
            },
        };
        let asking = FeedRequest {
            feed,
            asked,
            input: arguments.input,
            from,
        };
        match self.backend.subscribe(asking).await {
            FeedAnswer::Refused(refused) => self.refused(&refused),
            FeedAnswer::Open(opened) => self.stream(form, request, opened),
        }
    }

    fn stream(&self, form: &FeedForm, request: &Request, opened: Opened) -> Answer {
        let Opened {
            reset,
            snapshot,
            position,
            telling,
        } = opened;
        let id = self.cursors.seal(&scope(form), &position.values());
        let mut opening = VecDeque::new();
        // An id without data moves the client's position and tells it nothing.
        opening.push_back(Bytes::from(format!("retry: {RETRY}\nid: {id}\n\n")));
        if reset {
            let event = event("reset", Some(&id), &json!({ "reason": "missed" }));
            opening.push_back(event);
        }
        if let Some(snapshot) = snapshot {
            opening.extend(self.snapshot(&snapshot, &id));
        }
        let events = Events {
            contract: Arc::clone(&self.contract),
            cursors: self.cursors.clone(),
            clock: Arc::clone(&self.clock),
            drain: self.drain.clone(),
            scope: scope(form),
            feed: form.feed,
            opening,
            telling: Some(telling),
            expires: expiry(request),
        };
        Answer::streamed(StatusCode::OK, MEDIA, events)
            .header("cache-control", "no-store")
            .header("x-accel-buffering", "no")
    }

    /// What there is, as one event or several; all have the position of the whole.
    fn snapshot(&self, snapshot: &Snapshot, id: &str) -> Vec<Bytes> {
        let query = snapshot.query;
        let operation = self.contract.query(query);
        let components = &self.contract.components;
        match operation.map(|operation| &operation.reply) {
            Some(Reply::Row(reply)) => {
                let one = |row: &crate::backend::ShownRow| {
                    let body = self.row(reply, row.mark.as_ref(), &|column| {
                        shown(query, row, column)
                    });
                    event("snapshot", Some(id), &body)
                };
                snapshot.rows.iter().map(one).collect()
            }
            Some(Reply::Page(reply)) => {
                let row = |row: &crate::backend::ShownRow| {
                    Json::Object(
                        reply
                            .projection
                            .render(components, &|column| shown(query, row, column)),
                    )
                };
                let mut pages: Vec<Vec<Json>> = snapshot
                    .rows
                    .chunks(ROWS)
                    .map(|rows| rows.iter().map(row).collect())
                    .collect();
                if pages.is_empty() {
                    pages.push(Vec::new());
                }
                let last = pages.len() - 1;
                let page = |(at, items): (usize, Vec<Json>)| {
                    // Only with the last page does the client have all of it.
                    let whole = at == last;
                    let data = json!({ "items": items, "last": whole });
                    event("snapshot", whole.then_some(id), &data)
                };
                pages.into_iter().enumerate().map(page).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) async fn endpoints(
        &self,
        admitted: Admitted<'_>,
        (feed, action): (Id<Feed>, EndpointAction),
    ) -> Answer {
        let asking = EndpointRequest {
            feed,
            action,
            endpoint: admitted.arguments.endpoint,
            input: admitted.arguments.input,
            asked: admitted.asked,
        };
        let status = StatusCode::from_u16(action.status()).unwrap_or(StatusCode::OK);
        match self.backend.endpoints(asking).await {
            EndpointAnswer::Refused(refused) => self.refused(&refused),
            EndpointAnswer::Gone => Answer::empty(StatusCode::NO_CONTENT),
            EndpointAnswer::Queued(queued) => Answer::json(status, &json!({ "queued": queued })),
            EndpointAnswer::Many(all) => {
                let items: Vec<Json> = all.iter().map(|one| self.endpoint(feed, one)).collect();
                Answer::json(status, &json!({ "items": items }))
            }
            EndpointAnswer::One(one) => {
                let answer = Answer::json(status, &self.endpoint(feed, &one));
                let own = self.endpoint_path(feed, EndpointAction::Show, &one.id);
                match own.filter(|_| action == EndpointAction::Create) {
                    Some(path) => answer.header("location", &path),
                    None => answer,
                }
            }
        }
    }

    fn endpoint_path(&self, feed: Id<Feed>, action: EndpointAction, id: &str) -> Option<String> {
        let source = Source::Endpoints(feed, action);
        let found = self
            .contract
            .operations
            .iter()
            .find(|one| one.source == source);
        found.map(|operation| operation.path.fill(&[id.to_owned()]))
    }

    fn endpoint(&self, feed: Id<Feed>, one: &Endpoint) -> Json {
        let time = |at: Option<Moment>| at.map(|at| at.to_string());
        let mut links = Map::new();
        let all = EndpointAction::ALL.into_iter();
        for action in all.filter(|action| action.names_one()) {
            let open = match action {
                EndpointAction::Enable => !one.active,
                EndpointAction::Disable => one.active,
                _ => true,
            };
            let path = self.endpoint_path(feed, action, &one.id);
            if let Some(path) = path.filter(|_| open) {
                links.insert(action.verb().unwrap_or("self").to_owned(), json!(path));
            }
        }
        let mut shown = json!({
            "endpoint": one.id,
            "url": one.url,
            "description": one.description,
            "state": if one.active { "active" } else { "disabled" },
            "reason": one.reason,
            "failing_since": time(one.failing),
            "created": one.created.to_string(),
            "waiting": one.waiting,
            "links": links,
        });
        if let (Some(members), Some(secret)) = (shown.as_object_mut(), &one.secret) {
            members.insert("secret".to_owned(), json!(secret));
        }
        shown
    }
}

/// A position is good for the feed that gave it.
fn scope(form: &FeedForm) -> String {
    format!("feed {}", form.name)
}

/// When the token of a request expires; its signature has been checked.
fn expiry(request: &Request) -> Option<Moment> {
    let token = bearer(request.header("authorization")?).ok()?;
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Json = serde_json::from_slice(&claims).ok()?;
    let seconds = claims.get("exp")?.as_i64()?;
    Some(Moment(seconds.saturating_mul(1_000_000)).plus(SKEW))
}

/// An event as it stands in the stream. JSON in one line needs no more than one `data`.
fn event(name: &str, id: Option<&str>, data: &Json) -> Bytes {
    let id = id.map_or(String::new(), |id| format!("id: {id}\n"));
    Bytes::from(format!("{id}event: {name}\ndata: {data}\n\n"))
}

/// The body of a stream.
struct Events {
    contract: Arc<Contract>,
    cursors: Cursors,
    clock: Arc<dyn Clock>,
    drain: Drain,
    scope: String,
    feed: Id<Feed>,
    opening: VecDeque<Bytes>,
    telling: Option<Box<dyn Telling>>,
    expires: Option<Moment>,
}

impl Events {
    async fn piece(&mut self) -> Option<Bytes> {
        if let Some(piece) = self.opening.pop_front() {
            return Some(piece);
        }
        let telling = self.telling.as_mut()?;
        let now = self.clock.now();
        let beat = now.plus(HEARTBEAT);
        let until = self.expires.map_or(beat, |expires| expires.min(beat));
        let told = tokio::select! {
            biased;
            () = self.drain.begun() => Some(Told::Closed(Closed::Draining)),
            told = telling.next() => Some(told),
            () = self.clock.until(until) => None,
        };
        match told {
            Some(Told::Message(message)) => Some(self.written(&message)),
            Some(Told::Gap(dropped)) => Some(event("gap", None, &json!({ "dropped": dropped }))),
            Some(Told::Closed(why)) => Some(self.end(match why {
                Closed::Revoked => "revoked",
                Closed::Slow => "slow",
                Closed::Draining => "draining",
            })),
            None if self
                .expires
                .is_some_and(|expires| expires <= self.clock.now()) =>
            {
                Some(self.end("expired"))
            }
            None => Some(self.heartbeat()),
        }
    }

    /// The last event says why.
    fn end(&mut self, reason: &str) -> Bytes {
        self.telling = None;
        event("closed", None, &json!({ "reason": reason }))
    }

    /// A comment, and how far the client is: what was not for it need not be asked for again.
    fn heartbeat(&self) -> Bytes {
        let position = self.telling.as_ref().and_then(|telling| telling.position());
        let id = position.map(|position| self.cursors.seal(&self.scope, &position.values()));
        Bytes::from(id.map_or_else(|| ":\n\n".to_owned(), |id| format!(":\nid: {id}\n\n")))
    }

    fn written(&self, message: &Message) -> Bytes {
        let written = message.written.get_or_init(|| {
            let id = self.cursors.seal(&self.scope, &message.position.values());
            let kind = self
                .contract
                .feed(self.feed)
                .and_then(|form| form.messages.get(message.on));
            let Some(kind) = kind else {
                return Arc::from(&b":\n\n"[..]);
            };
            let at = Value::Time(message.at);
            let data = kind.render(&self.contract.components, &message.id, &at, &message.values);
            Arc::from(&*event(&kind.name, Some(&id), &data))
        });
        Bytes::from_owner(Arc::clone(written))
    }
}

impl Pieces for Events {
    fn next(&mut self) -> Pending<'_, Option<io::Result<Bytes>>> {
        Box::pin(async move { self.piece().await.map(Ok) })
    }
}
