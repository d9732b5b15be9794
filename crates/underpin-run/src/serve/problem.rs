//! Problem details (RFC 9457). Must not know which problem arises when.

use super::http::Answer;
use hyper::StatusCode;
use serde_json::{Map, Value, json};
use underpin_contract::Violation;

/// The media type.
pub const MEDIA: &str = "application/problem+json";

/// A problem to be told.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: String,
    title: String,
    detail: Option<String>,
    errors: Vec<Violation>,
}

impl Problem {
    /// A problem of that stable code, in those words.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, title: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            title: title.to_owned(),
            detail: None,
            errors: Vec::new(),
        }
    }

    /// The same with more words.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same with the places that are wrong.
    #[must_use]
    pub fn errors(mut self, errors: Vec<Violation>) -> Self {
        self.errors = errors;
        self
    }

    /// As an answer; its type is a path of this server, where it is explained.
    #[must_use]
    pub fn answer(self) -> Answer {
        let mut body = Map::new();
        body.insert("type".into(), json!(format!("/problems/{}", self.code)));
        body.insert("title".into(), json!(self.title));
        body.insert("status".into(), json!(self.status.as_u16()));
        body.insert("code".into(), json!(self.code));
        if let Some(detail) = self.detail {
            body.insert("detail".into(), json!(detail));
        }
        if !self.errors.is_empty() {
            let told =
                |error: &Violation| json!({ "pointer": error.pointer, "message": error.message });
            body.insert("errors".into(), self.errors.iter().map(told).collect());
        }
        Answer::with(self.status, MEDIA, Value::Object(body).to_string())
            .header("cache-control", "no-store")
    }
}
