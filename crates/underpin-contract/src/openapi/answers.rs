//! The answers of an operation: what it says when all is well, and its problems.

use super::bulk;
use super::common::{FLOW, PROBLEM, Shared, flow_example, flow_links};
use crate::contract::{CommandReply, Contract, KeyProperty, Operation, PageReply, Reply, Source};
use crate::many::{ChangesReply, ExportFormat, ExportReply};
use crate::schema::{Object, Schema};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// All answers by status.
pub(super) fn describe(contract: &Contract, operation: &Operation, shared: &mut Shared) -> Json {
    let mut answers: Vec<(u16, Json)> = Vec::new();
    match &operation.reply {
        Reply::Command(reply) => command(contract, operation, reply, &mut answers),
        Reply::Bulk(reply) => answers.push((207, bulk::answered(contract, reply))),
        Reply::Page(page) => answers.push((200, of_page(contract, operation, page))),
        Reply::Changes(reply) => answers.push((200, changes(contract, reply))),
        Reply::Blobs(action) => super::blobs::answers(*action, &mut answers),
        Reply::Export(reply) => answers.push((200, export(contract, reply))),
        Reply::Row(row) => {
            let example = named_example(contract, &row.component);
            let described = answer(
                "The row.",
                &seen(operation, &row.component),
                &example,
                composed_headers(operation),
            );
            answers.push((200, described));
        }
        Reply::Parts(parts) => {
            let example = named_example(contract, &parts.component);
            let schema = seen(operation, &parts.component);
            let headers = composed_headers(operation);
            answers.push((200, answer("The parts.", &schema, &example, headers)));
        }
        Reply::Flow => flow(contract, operation, &mut answers),
        Reply::Feed(id) => answers.push((200, super::feeds::stream(contract, *id))),
        Reply::Endpoints(action) => {
            answers.push((action.status(), super::feeds::endpoints(*action)));
        }
    }
    let conditional = matches!(
        operation.reply,
        Reply::Page(_) | Reply::Row(_) | Reply::Parts(_)
    );
    if conditional {
        let make =
            || json!({ "description": "Nothing has changed since.", "headers": read_headers() });
        answers.push((304, shared.response("NotModified", make)));
    }
    for (status, codes) in &operation.problems {
        answers.push((*status, problem(contract, *status, codes, shared)));
    }
    answers.sort_by_key(|(status, _)| *status);
    Json::Object(
        answers
            .into_iter()
            .map(|(status, json)| (status.to_string(), json))
            .collect(),
    )
}

/// A page of rows.
fn of_page(contract: &Contract, operation: &Operation, page: &PageReply) -> Json {
    let row = seen(operation, &page.component);
    let max = operation
        .shapes
        .iter()
        .fold(page.max, |most, shape| match &shape.reply {
            Reply::Page(page) => most.max(page.max),
            _ => most,
        });
    let schema = json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": row, "maxItems": max },
            "next": {
                "type": ["string", "null"],
                "description": "Where the next page stands; null on the last one.",
            },
        },
        "required": ["items", "next"],
        "additionalProperties": false,
    });
    let item = named_example(contract, &page.component);
    let example = json!({ "items": [item], "next": null });
    let mut headers = composed_headers(operation);
    headers.insert(
        "Link".to_owned(),
        header("`rel=\"next\"`: the next page (RFC 8288)."),
    );
    let mut described = answer("A page of rows.", &schema, &example, headers);
    link_row(contract, page.key.as_ref(), "/items/0", &mut described);
    described
}

/// The row, or what clients of one channel see instead.
fn seen(operation: &Operation, own: &str) -> Json {
    let shapes = operation
        .shapes
        .iter()
        .filter_map(|shape| match &shape.reply {
            Reply::Page(page) => Some(&page.component),
            Reply::Row(row) => Some(&row.component),
            Reply::Parts(parts) => Some(&parts.component),
            _ => None,
        });
    let shapes: Vec<Json> = shapes.map(|name| component(name)).collect();
    if shapes.is_empty() {
        return component(own);
    }
    let all: Vec<Json> = std::iter::once(component(own)).chain(shapes).collect();
    let channels: Vec<String> = operation
        .shapes
        .iter()
        .map(|shape| format!("`{}`", shape.channel))
        .collect();
    let told = format!(
        "The first, except for clients of {}: in this order the others.",
        channels.join(", ")
    );
    json!({ "anyOf": all, "description": told })
}

/// Headers of an answer that may have parts.
fn composed_headers(operation: &Operation) -> Map<String, Json> {
    let mut headers = read_headers();
    let own = std::iter::once(&operation.reply);
    let mut replies = own.chain(operation.shapes.iter().map(|shape| &shape.reply));
    let has_parts = replies.any(|reply| match reply {
        Reply::Page(page) => !page.parts.is_empty(),
        Reply::Row(row) => !row.parts.is_empty(),
        Reply::Parts(_) => true,
        _ => false,
    });
    if has_parts {
        headers.insert(
            "Missing-Parts".to_owned(),
            header("Parts that could not be had, or that something else stands in for."),
        );
    }
    headers
}

pub(super) fn component(name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

pub(super) fn named_example(contract: &Contract, name: &Arc<str>) -> Json {
    contract
        .components
        .example("", &Schema::Named(name.clone()))
}

pub(super) fn header(description: &str) -> Json {
    json!({ "description": description, "schema": { "type": "string" } })
}

fn read_headers() -> Map<String, Json> {
    let mut headers = Map::new();
    headers.insert(
        "ETag".to_owned(),
        header("The version of this answer, for `If-None-Match`."),
    );
    headers
}

pub(super) fn answer(
    description: &str,
    schema: &Json,
    example: &Json,
    headers: Map<String, Json>,
) -> Json {
    let mut described = json!({ "description": description });
    if let Some(members) = described.as_object_mut() {
        if !headers.is_empty() {
            members.insert("headers".to_owned(), Json::Object(headers));
        }
        let content = json!({ "application/json": { "schema": schema, "example": example } });
        members.insert("content".to_owned(), content);
    }
    described
}

fn command(
    contract: &Contract,
    operation: &Operation,
    reply: &CommandReply,
    answers: &mut Vec<(u16, Json)>,
) {
    if reply.accepted || reply.may_continue {
        answers.push((202, accepted(contract, operation, reply)));
    }
    if reply.accepted {
        return;
    }
    let mut headers = Map::new();
    if reply.row.is_some() {
        headers.insert(
            "ETag".to_owned(),
            header("The version of the row, for `If-Match`."),
        );
    }
    headers.insert(
        "Idempotency-Replayed".to_owned(),
        header("`true` where this is the stored answer of an earlier request."),
    );
    if reply.is_empty() {
        answers.push((204, json!({ "description": "Done.", "headers": headers })));
        return;
    }
    let created = reply.row.as_ref().filter(|row| row.created);
    if created.is_some_and(|row| row.links.item.is_some()) {
        headers.insert("Location".to_owned(), header("Where the new row stands."));
    }
    let description = if created.is_some() {
        "Created."
    } else {
        "Done."
    };
    let example = named_example(contract, &reply.component);
    let schema = component(&reply.component);
    let mut described = answer(description, &schema, &example, headers);
    link_row(contract, reply.key.as_ref(), "", &mut described);
    answers.push((reply.status(), described));
}

/// What has changed since a position.
fn changes(contract: &Contract, reply: &ChangesReply) -> Json {
    let row = component(&reply.component);
    let tag = json!({ "type": "string", "description": "Stands for the row, the same each time." });
    let schema = json!({
        "type": "object",
        "properties": {
            "reset": {
                "type": "boolean",
                "description": "Whether the client must forget what it has: all rows come again.",
            },
            "items": {
                "type": "array",
                "maxItems": reply.max,
                "items": {
                    "type": "object",
                    "properties": { "tag": tag, "row": row },
                    "required": ["tag", "row"],
                    "additionalProperties": false,
                },
            },
            "deleted": {
                "type": "array",
                "items": { "type": "string" },
                "description": "Tags of rows that are gone, or that the caller no longer sees.",
            },
            "more": { "type": "boolean", "description": "Whether more can be had at once." },
            "next": { "type": "string", "description": "Where to ask the next time." },
        },
        "required": ["reset", "items", "deleted", "more", "next"],
        "additionalProperties": false,
    });
    let shown = named_example(contract, &reply.component);
    let example = json!({
        "reset": false, "items": [{ "tag": "Zk3", "row": shown }], "deleted": ["x8Q"],
        "more": false, "next": "/things.changes?since=Ab3",
    });
    answer("What has changed.", &schema, &example, Map::new())
}

/// All rows, which no program holds at once: of a row per line the document describes the line.
fn export(contract: &Contract, reply: &ExportReply) -> Json {
    let row = named_example(contract, &reply.component);
    let example = match reply.format {
        ExportFormat::Csv => format!("{}{}", reply.table.head(), reply.table.row(&row)),
        ExportFormat::JsonLines => format!("{row}\n"),
    };
    let what = match reply.format {
        ExportFormat::Csv => "All rows, one per line, below a line of names.".to_owned(),
        ExportFormat::JsonLines => {
            format!("All rows, one per line, each as `{}`.", reply.component)
        }
    };
    let schema = json!({ "type": "string" });
    let mut content = Map::new();
    let described = json!({ "schema": schema, "example": example });
    content.insert(reply.format.media().to_owned(), described);
    let mut headers = Map::new();
    headers.insert(
        "Content-Disposition".to_owned(),
        header("The name of a file to keep it in."),
    );
    json!({ "description": what, "headers": headers, "content": content })
}

/// What can be asked about the row whose key stands in the answer.
fn link_row(contract: &Contract, key: Option<&KeyProperty>, at: &str, described: &mut Json) {
    let Some(key) = key else { return };
    let mut links = Map::new();
    for operation in contract.on_row(key.aggregate) {
        let [parameter] = operation.path_parameters.as_slice() else {
            continue;
        };
        let [name] = parameter.names.as_slice() else {
            continue;
        };
        let place = format!("$response.body#{at}/{}", key.name);
        let linked = json!({ "operationId": &*operation.id, "parameters": { &**name: place } });
        links.insert(operation.id.to_string(), linked);
    }
    if let Some(members) = described.as_object_mut().filter(|_| !links.is_empty()) {
        members.insert("links".to_owned(), Json::Object(links));
    }
}

/// The answer of a command that goes on: what is known of its result, and the flow to follow.
fn accepted(contract: &Contract, operation: &Operation, reply: &CommandReply) -> Json {
    let mut known: Object = reply.returns.clone();
    for field in &mut known.fields {
        field.schema = field.schema.clone().nullable();
    }
    let mut schema = known.json_schema();
    let mut example = contract.components.example_object(&known);
    if let Some(properties) = schema
        .pointer_mut("/properties")
        .and_then(Json::as_object_mut)
    {
        properties.insert("flow".to_owned(), json!({ "type": "string" }));
        properties.insert("links".to_owned(), flow_links());
    }
    if let Some(members) = schema.as_object_mut() {
        members.insert("required".to_owned(), json!(["flow", "links"]));
    }
    let flow = flow_example(&operation.id);
    if let Some(members) = example.as_object_mut() {
        for name in ["flow", "links"] {
            members.insert(name.to_owned(), flow.get(name).cloned().unwrap_or_default());
        }
    }
    let mut headers = Map::new();
    headers.insert("Location".to_owned(), header("Where the flow stands."));
    headers.insert(
        "Retry-After".to_owned(),
        header("Seconds to wait before asking how far it is."),
    );
    answer(
        "Taken on; it goes on after this answer.",
        &schema,
        &example,
        headers,
    )
}

fn flow(contract: &Contract, operation: &Operation, answers: &mut Vec<(u16, Json)>) {
    let commands = contract.operations.iter();
    let mut commands = commands.filter(|operation| matches!(operation.reply, Reply::Command(_)));
    let example = flow_example(commands.next().map_or("", |operation| &operation.id));
    let mut headers = Map::new();
    headers.insert(
        "Retry-After".to_owned(),
        header("Seconds to wait before asking again, while it goes on."),
    );
    let status = if operation.source == Source::FlowCancel {
        202
    } else {
        200
    };
    answers.push((
        status,
        answer("The flow.", &component(FLOW), &example, headers),
    ));
}

/// The problems of one status; those that only protocol codes can cause are shared.
fn problem(
    contract: &Contract,
    status: u16,
    codes: &BTreeSet<Arc<str>>,
    shared: &mut Shared,
) -> Json {
    let declared = codes
        .iter()
        .any(|code| contract.problems.get(code).is_some_and(|p| p.declared));
    if declared || codes.len() > 2 {
        return described_problem(contract, status, codes);
    }
    let names: Vec<String> = codes
        .iter()
        .map(|code| crate::derive::pascal(code))
        .collect();
    shared.response(&names.join("Or"), || {
        described_problem(contract, status, codes)
    })
}

fn described_problem(contract: &Contract, status: u16, codes: &BTreeSet<Arc<str>>) -> Json {
    let known: Vec<_> = codes
        .iter()
        .filter_map(|code| contract.problems.get(code))
        .collect();
    let lines: Vec<String> = known
        .iter()
        .map(|p| format!("- `{}`: {}", p.code, p.description))
        .collect();
    let title = known
        .iter()
        .map(|p| p.title.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let names: Vec<&str> = codes.iter().map(|code| &**code).collect();
    let shown = known.iter().find(|p| p.declared).or(known.first());
    let example = shown.map(|p| {
        json!({
            "type": format!("/problems/{}", p.code),
            "title": p.title,
            "status": status,
            "code": &*p.code,
        })
    });
    let mut headers = Map::new();
    match status {
        401 => {
            headers.insert(
                "WWW-Authenticate".to_owned(),
                header("How to say who you are."),
            );
        }
        405 => {
            headers.insert("Allow".to_owned(), header("The methods of this path."));
        }
        _ if known.iter().any(|p| p.retry) => {
            headers.insert(
                "Retry-After".to_owned(),
                header("Seconds to wait, where they are known."),
            );
        }
        _ => {}
    }
    let mut described = json!({ "description": format!("{title}.\n\n{}", lines.join("\n")) });
    if let Some(members) = described.as_object_mut() {
        if !headers.is_empty() {
            members.insert("headers".to_owned(), Json::Object(headers));
        }
        members.insert(
            "content".to_owned(),
            json!({
                "application/problem+json": {
                    "schema": {
                        "allOf": [
                            component(PROBLEM),
                            {
                                "type": "object",
                                "properties": {
                                    "status": { "const": status },
                                    "code": { "enum": names },
                                },
                            },
                        ],
                    },
                    "example": example,
                },
            }),
        );
    }
    described
}
