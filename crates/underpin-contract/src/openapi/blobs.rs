//! Stored bytes in the document: what is sent and what comes back is of any media type.

use crate::blobs::BlobAction;
use serde_json::{Value as Json, json};

/// The body of an upload.
pub(super) fn upload() -> Json {
    json!({
        "required": true,
        "description": "The bytes, with their media type as `Content-Type`.",
        "content": { "*/*": { "schema": { "type": "string", "format": "binary" } } },
    })
}

/// What the operations answer.
pub(super) fn answers(action: BlobAction, answers: &mut Vec<(u16, Json)>) {
    let header = |text: &str| json!({ "description": text, "schema": { "type": "string" } });
    match action {
        BlobAction::Ticket => answers.push((201, ticket(&header))),
        BlobAction::Upload => answers.push((
            204,
            json!({
                "description": "The bytes are kept.",
                "headers": { "ETag": header("The digest of the bytes.") },
            }),
        )),
        BlobAction::Download => {
            let content = json!({ "*/*": { "schema": { "type": "string", "format": "binary" } } });
            let headers = json!({
                "ETag": header("The digest of the bytes."),
                "Accept-Ranges": header("`bytes`"),
                "Content-Disposition": header("How to show or keep them."),
            });
            let whole = json!({
                "description": "The bytes.", "headers": headers, "content": content,
            });
            let mut part = whole.clone();
            if let Some(members) = part.as_object_mut() {
                members.insert(
                    "description".to_owned(),
                    json!("The bytes asked for by `Range`."),
                );
            }
            answers.push((200, whole));
            answers.push((206, part));
            answers.push((304, json!({ "description": "The client has them." })));
            answers.push((416, json!({ "description": "There are no such bytes." })));
        }
    }
}

fn ticket(header: &dyn Fn(&str) -> Json) -> Json {
    let schema = json!({
        "type": "object",
        "properties": {
            "blob": { "type": "string", "description": "The handle, for the input of a command." },
            "upload": { "type": "string", "description": "Where to PUT the bytes." },
            "max_bytes": { "type": "integer", "minimum": 0 },
        },
        "required": ["blob", "upload", "max_bytes"],
    });
    let example = json!({ "blob": "01JE", "upload": "/blobs/01JE", "max_bytes": 1_048_576 });
    json!({
        "description": "A handle.",
        "headers": { "Location": header("Where to PUT the bytes.") },
        "content": { "application/json": { "schema": schema, "example": example } },
    })
}
