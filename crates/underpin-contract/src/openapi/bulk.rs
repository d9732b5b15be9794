//! What a command answers that ran once per item: a status and a result or a problem for each.

use super::answers::{answer, component, named_example};
use super::common::{PROBLEM, flow_example};
use crate::contract::{Contract, Reply};
use crate::many::BulkReply;
use serde_json::{Map, Value as Json, json};

/// The answer, by item.
pub(super) fn answered(contract: &Contract, reply: &BulkReply) -> Json {
    let result = match &reply.result {
        Some(name) if !reply.accepted => component(name),
        _ => json!({ "type": "object" }),
    };
    let item = json!({
        "type": "object",
        "properties": {
            "status": {
                "type": "integer",
                "description": "The status that the item would have been answered with alone.",
            },
            "result": result,
            "problem": component(PROBLEM),
            "etag": { "type": "string", "description": "The version of the row that was written." },
            "replayed": {
                "type": "boolean",
                "description": "`true` where this is the stored answer of an earlier request.",
            },
        },
        "required": ["status"],
        "additionalProperties": false,
    });
    let schema = json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": item, "maxItems": reply.max },
            "done": { "type": "integer", "minimum": 0 },
            "refused": { "type": "integer", "minimum": 0 },
        },
        "required": ["items", "done", "refused"],
        "additionalProperties": false,
    });
    let example = json!({ "items": [example(contract, reply)], "done": 1, "refused": 0 });
    let description = "An outcome per item, in the order of the items.";
    answer(description, &schema, &example, Map::new())
}

fn example(contract: &Contract, reply: &BulkReply) -> Json {
    let one = contract.command(reply.command);
    let status = one.map_or(200, |operation| match &operation.reply {
        Reply::Command(command) => command.status(),
        _ => 200,
    });
    let result = match (&reply.result, reply.accepted) {
        (_, true) => flow_example(one.map_or("", |operation| &operation.id)),
        (Some(name), false) => named_example(contract, name),
        (None, false) => return json!({ "status": status }),
    };
    json!({ "status": status, "result": result })
}
