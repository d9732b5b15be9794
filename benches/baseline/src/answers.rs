//! Answers: problems, tags, and the answer that is kept for an idempotency key.

use crate::store::{Refused, now};
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, code) = match self {
            Self::With(status, code) => (status, code),
            Self::Internal(why) => {
                eprintln!("{}", serde_json::json!({"level": "error", "message": why}));
                (500, "internal")
            }
        };
        let body = serde_json::json!({
            "type": format!("/problems/{code}"), "title": code, "status": status, "code": code,
        });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Ok(media) = "application/problem+json".parse() {
            response.headers_mut().insert(CONTENT_TYPE, media);
        }
        response
    }
}

/// A read as JSON with a tag of its content, or 304 where the client has it.
pub fn read(headers: &HeaderMap, version: Option<i64>, text: String) -> Response {
    let sum = digest(&SHA256, text.as_bytes());
    let print = URL_SAFE_NO_PAD.encode(sum.as_ref().get(..9).unwrap_or_default());
    let tag = match version {
        Some(version) => format!("\"{version}.{print}\""),
        None => format!("\"{print}\""),
    };
    let given = headers
        .get(IF_NONE_MATCH)
        .and_then(|header| header.to_str().ok());
    let known = given.is_some_and(|given| given.split(',').any(|one| one.trim() == tag));
    let status = if known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    };
    let body = if known { String::new() } else { text };
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (ETAG, tag),
        (CACHE_CONTROL, "private, no-cache".to_owned()),
        (VARY, "authorization".to_owned()),
    ];
    (status, headers, body).into_response()
}

/// The answer to a write.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Written {
    /// The status.
    pub status: u16,
    /// The body, in JSON.
    pub body: Option<String>,
    /// The version of the row that was written.
    pub tag: String,
    /// Where the new row stands.
    pub location: Option<String>,
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = match self.body {
            Some(body) => (status, [(CONTENT_TYPE, "application/json")], body).into_response(),
            None => status.into_response(),
        };
        let mut put = |name, value: &str| {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        };
        put(ETAG, &self.tag);
        put(CACHE_CONTROL, "no-store");
        if let Some(location) = &self.location {
            put(LOCATION, location);
        }
        response
    }
}

/// The key under which a request is answered once.
#[derive(Clone)]
pub struct Once {
    caller: String,
    operation: &'static str,
    key: String,
    input: Vec<u8>,
}

/// How long answers are kept, µs.
const KEPT: i64 = 24 * 3600 * 1_000_000;

impl Once {
    /// Of the header of a request and its body.
    pub fn of(
        headers: &HeaderMap,
        caller: &str,
        operation: &'static str,
        body: &[u8],
    ) -> Result<Self, Refused> {
        let key = headers
            .get("idempotency-key")
            .and_then(|key| key.to_str().ok());
        Ok(Self {
            caller: caller.to_owned(),
            operation,
            key: key.ok_or(Refused::With(400, "key-missing"))?.to_owned(),
            input: digest(&SHA256, body).as_ref().to_vec(),
        })
    }

    /// The answer that was given before.
    pub fn known(&self, connection: &Connection) -> Result<Option<Written>, Refused> {
        let mut find = connection.prepare_cached(
            "SELECT input, status, body, tag, location, until FROM idempotency
             WHERE caller = ?1 AND operation = ?2 AND key = ?3",
        )?;
        let found = find
            .query_row((&self.caller, self.operation, &self.key), |row| {
                let input: Vec<u8> = row.get(0)?;
                let status: Option<u16> = row.get(1)?;
                let written = Written {
                    status: status.unwrap_or(0),
                    body: row.get(2)?,
                    tag: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
                    location: row.get(4)?,
                };
                Ok((input, status, written, row.get::<_, i64>(5)?))
            })
            .optional()?;
        match found {
            None => Ok(None),
            Some((.., until)) if until < now() => Ok(None),
            Some((input, ..)) if input != self.input => Err(Refused::With(422, "key-reused")),
            Some((_, None, ..)) => Err(Refused::With(409, "in-progress")),
            Some((_, Some(_), written, _)) => Ok(Some(written)),
        }
    }

    /// Keeps an answer; without one the request is in progress.
    pub fn keep(&self, connection: &Connection, written: Option<&Written>) -> Result<(), Refused> {
        let mut keep = connection.prepare_cached(
            "INSERT OR REPLACE INTO idempotency VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        keep.execute((
            &self.caller,
            self.operation,
            &self.key,
            &self.input,
            written.map(|written| written.status),
            written.and_then(|written| written.body.as_deref()),
            written.map(|written| &written.tag),
            written.and_then(|written| written.location.as_deref()),
            now() + KEPT,
        ))?;
        Ok(())
    }
}
