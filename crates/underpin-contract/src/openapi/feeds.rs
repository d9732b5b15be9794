//! Feeds in the document: what a stream tells, what is posted to endpoints, and how endpoints look.

use super::answers::{answer, component, header, named_example};
use crate::contract::{Contract, Reply};
use crate::feed::{EndpointAction, FeedForm};
use serde_json::{Map, Value as Json, json};
use underpin_brief::model::{Feed, Id};

/// The component of a registered endpoint.
pub(super) const ENDPOINT: &str = "WebhookEndpoint";

/// The answer of a live feed.
pub(super) fn stream(contract: &Contract, id: Id<Feed>) -> Json {
    let Some(form) = contract.feed(id) else {
        return json!({ "description": "A stream of events." });
    };
    let mut one_of: Vec<Json> = form
        .messages
        .iter()
        .map(|message| component(&message.component))
        .collect();
    one_of.extend(snapshot(contract, form).map(|name| component(&name)));
    let mut lines = vec![
        "A stream of server-sent events (WHATWG HTML, section 9.2). An event is delivered at least \
         once, events of one key in their order. `id` is opaque: sent back in `Last-Event-ID` it \
         resumes the stream. The events are:"
            .to_owned(),
    ];
    for message in &form.messages {
        lines.push(format!("- `{}`: `{}`", message.name, message.component));
    }
    if snapshot(contract, form).is_some() {
        lines.push("- `snapshot`: what is there at the position of its `id`, in one or more pages `{\"items\": […], \"last\": …}` or as one row".to_owned());
    }
    lines.push("- `reset`: what was missed cannot be told any more; read anew".to_owned());
    lines.push("- `gap`: `{\"dropped\": …}` messages were left out, because the client reads too slowly (`slow drop`)".to_owned());
    lines.push(
        "- `closed`: the last event, `{\"reason\": …}`: `revoked`, `expired`, `slow`, `draining`"
            .to_owned(),
    );
    let data = match one_of.as_slice() {
        [only] => only.clone(),
        _ => json!({ "oneOf": one_of }),
    };
    let example = form.messages.first().map_or(String::new(), |message| {
        let data = named_example(contract, &message.component);
        format!("id: AAAA\nevent: {}\ndata: {data}\n\n", message.name)
    });
    json!({
        "description": lines.join("\n"),
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": data,
                },
                "example": example,
            },
        },
    })
}

/// The component of the rows of the snapshot.
fn snapshot(contract: &Contract, form: &FeedForm) -> Option<std::sync::Arc<str>> {
    match &contract.query(form.start?)?.reply {
        Reply::Page(page) => Some(page.component.clone()),
        Reply::Row(row) => Some(row.component.clone()),
        _ => None,
    }
}

/// The header by which a stream is resumed.
pub(super) fn last_event_id() -> Json {
    json!({
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The `id` of the last event that was seen: the stream goes on after it.",
        "required": false,
        "schema": { "type": "string" },
    })
}

/// What is posted to endpoints, by name.
pub(super) fn webhooks(contract: &Contract) -> Json {
    let mut all = Map::new();
    for form in contract.feeds.iter().filter(|form| !form.live) {
        for message in &form.messages {
            let id = format!("{}-{}", form.name, message.name.replace('.', "-"));
            let described = json!({
                "post": {
                    "operationId": format!("send-{id}"),
                    "summary": format!("`{}` of the feed `{}`", message.name, form.name),
                    "description": "Sent at least once, signed as Standard Webhooks 1.0 says.",
                    "security": [],
                    "parameters": [
                        signed("webhook-id", "The id of the message: the same in every attempt."),
                        signed("webhook-timestamp", "When this attempt was made, in seconds since 1970."),
                        signed("webhook-signature", "`v1,` and a signature, one for each valid secret, separated by blanks."),
                    ],
                    "requestBody": {
                        "required": true,
                        "content": {
                            "application/json": {
                                "schema": component(&message.component),
                                "example": named_example(contract, &message.component),
                            },
                        },
                    },
                    "responses": {
                        "2XX": { "description": "Taken; anything else is tried again." },
                        "410": { "description": "Nobody listens here any more: the endpoint is disabled." },
                    },
                },
            });
            all.insert(id, described);
        }
    }
    Json::Object(all)
}

fn signed(name: &str, description: &str) -> Json {
    json!({
        "name": name,
        "in": "header",
        "description": description,
        "required": true,
        "schema": { "type": "string" },
    })
}

/// A registered endpoint.
pub(super) fn endpoint_schema() -> Json {
    let time = json!({ "type": ["string", "null"], "format": "date-time" });
    json!({
        "type": "object",
        "properties": {
            "endpoint": { "type": "string" },
            "url": { "type": "string", "format": "uri" },
            "description": { "type": ["string", "null"] },
            "state": { "type": "string", "enum": ["active", "disabled"] },
            "reason": {
                "type": ["string", "null"],
                "description": "Why it is disabled: `asked`, `failing`, `gone`, `revoked`.",
            },
            "failing_since": time,
            "created": { "type": "string", "format": "date-time" },
            "waiting": { "type": "integer", "minimum": 0 },
            "secret": {
                "type": "string",
                "description": "The signing secret; shown only when it is drawn.",
            },
            "links": { "type": "object", "additionalProperties": { "type": "string" } },
        },
        "required": ["endpoint", "url", "state", "created", "waiting", "links"],
        "additionalProperties": false,
    })
}

fn endpoint_example(secret: bool) -> Json {
    let mut example = json!({
        "endpoint": "01JE0000000000000000000000",
        "url": "https://example.org/hooks",
        "description": null,
        "state": "active",
        "reason": null,
        "failing_since": null,
        "created": "2026-01-31T09:30:00Z",
        "waiting": 0,
        "links": { "self": "/feeds/news/endpoints/01JE0000000000000000000000" },
    });
    if let Some(members) = example.as_object_mut().filter(|_| secret) {
        members.insert("secret".to_owned(), json!("whsec_…"));
    }
    example
}

/// The answer of an action on endpoints.
pub(super) fn endpoints(action: EndpointAction) -> Json {
    let one = component(ENDPOINT);
    let mut headers = Map::new();
    match action {
        EndpointAction::Delete => json!({ "description": "Forgotten." }),
        EndpointAction::List => {
            let schema = json!({
                "type": "object",
                "properties": { "items": { "type": "array", "items": one } },
                "required": ["items"],
                "additionalProperties": false,
            });
            let example = json!({ "items": [endpoint_example(false)] });
            answer("The endpoints.", &schema, &example, headers)
        }
        EndpointAction::Test | EndpointAction::Replay => {
            let schema = json!({
                "type": "object",
                "properties": { "queued": { "type": "integer", "minimum": 0 } },
                "required": ["queued"],
                "additionalProperties": false,
            });
            answer(
                "How many messages were queued.",
                &schema,
                &json!({ "queued": 1 }),
                headers,
            )
        }
        EndpointAction::Create => {
            headers.insert("Location".to_owned(), header("Where the endpoint stands."));
            answer("Registered.", &one, &endpoint_example(true), headers)
        }
        EndpointAction::Rotate => answer("The endpoint.", &one, &endpoint_example(true), headers),
        EndpointAction::Show | EndpointAction::Enable | EndpointAction::Disable => {
            answer("The endpoint.", &one, &endpoint_example(false), headers)
        }
    }
}
