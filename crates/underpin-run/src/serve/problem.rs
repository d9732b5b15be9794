//! Problem details (RFC 9457). Must not know which problem arises when.

use super::http::Answer;
use hyper::StatusCode;
use serde_json::{Map, Value, json};

/// The media type.
pub const MEDIA: &str = "application/problem+json";

/// One place of a request that is not as the contract says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Where.
    pub place: Place,
    /// What is wrong with it, in plain words, without the value.
    pub detail: String,
}

/// A place of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A JSON pointer into the body (RFC 6901, as a fragment); `#` is the whole body.
    Body(String),
    /// A query parameter.
    Parameter(String),
    /// A path parameter.
    Path(String),
    /// A header.
    Header(String),
}

impl Violation {
    fn json(&self) -> Value {
        let (kind, name) = match &self.place {
            Place::Body(pointer) => ("pointer", pointer),
            Place::Parameter(name) => ("parameter", name),
            Place::Path(name) => ("path", name),
            Place::Header(name) => ("header", name),
        };
        json!({ kind: name, "detail": self.detail })
    }
}

/// A problem to be told.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: String,
    title: String,
    detail: Option<String>,
    violations: Vec<Violation>,
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
            violations: Vec::new(),
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
    pub fn violations(mut self, violations: Vec<Violation>) -> Self {
        self.violations = violations;
        self
    }

    /// As an answer: `type` is a tag with the code, so that it is stable and needs no network.
    #[must_use]
    pub fn answer(self) -> Answer {
        let mut body = Map::new();
        body.insert(
            "type".into(),
            json!(format!("urn:underpin:problem:{}", self.code)),
        );
        body.insert("title".into(), json!(self.title));
        body.insert("status".into(), json!(self.status.as_u16()));
        body.insert("code".into(), json!(self.code));
        if let Some(detail) = self.detail {
            body.insert("detail".into(), json!(detail));
        }
        if !self.violations.is_empty() {
            let all = self.violations.iter().map(Violation::json).collect();
            body.insert("errors".into(), Value::Array(all));
        }
        Answer::with(self.status, MEDIA, Value::Object(body).to_string())
            .header("cache-control", "no-store")
    }
}
