//! Requests and answers as plain values, so that everything above the connection can be tested
//! without one. Must not know sockets.

use super::stream::{Pieces, Stream};
use crate::backend::Pending;
use crate::trace::Trace;
use crate::world::Moment;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use std::net::IpAddr;
use std::sync::Arc;

/// A request with its whole body.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, also unknown ones.
    pub method: Method,
    /// The path as sent, still percent-encoded.
    pub path: String,
    /// What stands after `?`.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, within the limit; empty where it is taken piece by piece.
    pub body: Bytes,
    /// The body, piece by piece, where the handler wants it so.
    pub upload: Option<Stream>,
    /// From where.
    pub address: IpAddr,
    /// When it came in.
    pub at: Moment,
    /// The trace that it belongs to; its span is the server's.
    pub trace: Trace,
}

impl Request {
    /// The text of a header; `None` where it is missing, not text, or given twice.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.get_all(name).iter();
        let first = all.next()?.to_str().ok()?;
        all.next().is_none().then_some(first)
    }

    /// The header of that name where the client relies on it: one that cannot be read, or stands
    /// there twice, is not absent but unlike anything that is accepted.
    #[must_use]
    pub fn relied_on(&self, name: &str) -> Option<&str> {
        let there = self.headers.contains_key(name);
        there.then(|| self.header(name).unwrap_or("\u{fffd}"))
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: Box<HeaderMap>,
    /// The body.
    pub body: Bytes,
    /// What makes the body piece by piece, instead of `body`.
    pub stream: Option<Stream>,
    /// What is counted and logged: the operation's name, or a fixed word; never a value.
    pub operation: Arc<str>,
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Box::default(),
            body: Bytes::new(),
            stream: None,
            operation: "other".into(),
        }
    }

    /// An answer with a body of that media type.
    #[must_use]
    pub fn with(status: StatusCode, media: &'static str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self::empty(status);
        answer
            .headers
            .insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static(media));
        answer.body = body.into();
        answer
    }

    /// An answer whose body of that media type comes piece by piece.
    #[must_use]
    pub fn streamed(status: StatusCode, media: &'static str, pieces: impl Pieces) -> Self {
        let mut answer = Self::with(status, media, Bytes::new());
        answer.stream = Some(Stream::new(pieces));
        answer
    }

    /// An answer in JSON.
    #[must_use]
    pub fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        Self::with(status, "application/json", value.to_string())
    }

    /// The same with a header; one whose value cannot stand in a header is left out.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(HeaderName::from_static(name), value);
        }
        self
    }

    /// The same, counted as that operation.
    #[must_use]
    pub fn of(mut self, operation: impl Into<Arc<str>>) -> Self {
        self.operation = operation.into();
        self
    }
}

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// The answer.
    fn handle(&self, request: Request) -> Pending<'_, Answer>;

    /// Whether the body of such a request is taken piece by piece instead of whole.
    fn takes_pieces(&self, _method: &Method, _path: &str) -> bool {
        false
    }
}
