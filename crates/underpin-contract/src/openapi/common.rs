//! What several operations share: problems, flows, headers, security.

use crate::contract::{Condition, Contract, Operation, Reply};
use serde_json::{Map, Value as Json, json};

/// The component of a problem.
pub(super) const PROBLEM: &str = "ProblemDetails";
/// The component of a flow.
pub(super) const FLOW: &str = "FlowStatus";

/// Responses that several operations share, by name, as they are met.
#[derive(Default)]
pub(super) struct Shared {
    responses: Map<String, Json>,
}

impl Shared {
    /// Refers to the response of that name, made on first use.
    pub(super) fn response(&mut self, name: &str, make: impl FnOnce() -> Json) -> Json {
        if !self.responses.contains_key(name) {
            self.responses.insert(name.to_owned(), make());
        }
        json!({ "$ref": format!("#/components/responses/{name}") })
    }

    /// All of them, by name.
    pub(super) fn responses(&self) -> Json {
        let mut responses = self.responses.clone();
        responses.sort_keys();
        Json::Object(responses)
    }

    /// The headers that operations of this contract read.
    pub(super) fn parameters(&self, contract: &Contract) -> Map<String, Json> {
        let mut parameters = Map::new();
        let operations = &contract.operations;
        if operations.iter().any(conditional) {
            parameters.insert("IfNoneMatch".to_owned(), if_none_match());
        }
        if operations.iter().any(|operation| operation.idempotent) {
            parameters.insert("IdempotencyKey".to_owned(), idempotency_key());
        }
        for condition in [Condition::Accepted, Condition::Required] {
            if operations
                .iter()
                .any(|operation| operation.precondition == condition)
            {
                let (name, parameter) = if_match(condition);
                parameters.insert(name.to_owned(), parameter);
            }
        }
        parameters
    }
}

/// Whether an operation looks at `If-None-Match`.
pub(super) fn conditional(operation: &Operation) -> bool {
    matches!(
        operation.reply,
        Reply::Page(_) | Reply::Row(_) | Reply::Parts(_)
    )
}

fn if_none_match() -> Json {
    json!({
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of an earlier answer: 304 where nothing has changed since.",
        "required": false,
        "schema": { "type": "string" },
        "example": "\"7.4Zq2\"",
    })
}

fn idempotency_key() -> Json {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The client's own key of this request. For 24 hours the same key and body \
            are answered as the first time (409 `in-progress` meanwhile); another body is 422 \
            `key-reused`.",
        "required": false,
        "schema": { "type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": 255 },
    })
}

/// The header `If-Match` and the name of its component.
pub(super) fn if_match(condition: Condition) -> (&'static str, Json) {
    let required = condition == Condition::Required;
    let name = if required {
        "IfMatchRequired"
    } else {
        "IfMatch"
    };
    let parameter = json!({
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of the row as the client saw it: 412 where it has changed since.",
        "required": required,
        "schema": { "type": "string" },
        "example": "\"7\"",
    });
    (name, parameter)
}

/// How callers say who they are.
pub(super) fn security_schemes() -> Json {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token of the issuer that `/.well-known/openid-configuration` describes.",
        },
    })
}

/// RFC 9457, with the code and the places that are wrong.
pub(super) fn problem_schema() -> Json {
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "properties": {
            "type": { "type": "string", "description": "`/problems/` and the code." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": { "type": "string", "description": "Stable; programs decide by it." },
            "detail": { "type": "string" },
            "instance": { "type": "string" },
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "pointer": {
                            "type": "string",
                            "description": "A JSON pointer into the body, or the name of a parameter or header.",
                        },
                        "message": { "type": "string" },
                    },
                    "required": ["pointer", "message"],
                },
            },
        },
        "required": ["type", "title", "status", "code"],
    })
}

/// How far a flow is.
pub(super) fn flow_schema(operations: &[&str]) -> Json {
    json!({
        "type": "object",
        "properties": {
            "flow": { "type": "string" },
            "operation": { "type": "string", "enum": operations },
            "state": {
                "type": "string",
                "enum": ["running", "undoing", "done", "refused", "in-doubt", "parked"],
            },
            "started": { "type": "string", "format": "date-time" },
            "progress": {
                "type": "object",
                "properties": {
                    "done": { "type": "integer", "minimum": 0 },
                    "total": { "type": "integer", "minimum": 0 },
                },
                "required": ["done", "total"],
            },
            "result": { "type": "object", "description": "The answer of the operation, once it is done." },
            "problem": { "$ref": format!("#/components/schemas/{PROBLEM}") },
            "links": flow_links(),
        },
        "required": ["flow", "operation", "state", "started", "links"],
    })
}

/// Where a flow stands and is cancelled.
pub(super) fn flow_links() -> Json {
    json!({
        "type": "object",
        "properties": { "flow": { "type": "string" }, "cancel": { "type": "string" } },
    })
}

/// An example of a flow.
pub(super) fn flow_example(operation: &str) -> Json {
    json!({
        "flow": "flow-1",
        "operation": operation,
        "state": "running",
        "started": "2026-01-31T09:30:00Z",
        "links": { "flow": "/flows/flow-1", "cancel": "/flows/flow-1/cancel" },
    })
}
