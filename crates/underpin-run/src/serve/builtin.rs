//! What every backend answers besides its contract: health, metrics, its own description, and
//! what clients need to verify tokens. Must not know commands or queries.

use super::connection::Drain;
use super::docs;
use super::http::{Answer, Handler, Request};
use super::metrics::{self, Metrics};
use super::problem::Problem;
use crate::backend::{Backend, Pending};
use crate::identity::Trust;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers the paths that are not the contract's and hands on all others.
pub struct Builtin {
    backend: Arc<dyn Backend>,
    metrics: Arc<Metrics>,
    drain: Drain,
    openapi: Document,
    docs: Document,
    docs_policy: String,
    published: Published,
    next: Arc<dyn Handler>,
}

/// A text that does not change while the server runs.
struct Document {
    media: &'static str,
    text: Bytes,
    tag: String,
}

impl Document {
    fn new(media: &'static str, text: String) -> Self {
        let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        let short = sum.as_ref().get(..12).unwrap_or_default();
        Self {
            media,
            tag: format!("\"{}\"", URL_SAFE_NO_PAD.encode(short)),
            text: text.into(),
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let answer = if request.header("if-none-match") == Some(&self.tag) {
            Answer::empty(StatusCode::NOT_MODIFIED)
        } else {
            Answer::with(StatusCode::OK, self.media, self.text.clone())
        };
        answer
            .header("etag", &self.tag)
            .header("cache-control", "no-cache")
    }
}

/// What [`Builtin`] stands on.
pub struct Parts {
    /// The engine, asked for its figures.
    pub backend: Arc<dyn Backend>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// Whether the server is about to end.
    pub drain: Drain,
    /// The OpenAPI document.
    pub openapi: Value,
    /// Whose tokens are believed.
    pub trust: Trust,
    /// What answers everything else.
    pub next: Arc<dyn Handler>,
}

impl Builtin {
    /// Renders the documents once.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let page = docs::page(&parts.openapi);
        Self {
            backend: parts.backend,
            metrics: parts.metrics,
            drain: parts.drain,
            openapi: Document::new("application/json", parts.openapi.to_string()),
            docs: Document::new("text/html; charset=utf-8", page.html),
            docs_policy: page.policy,
            published: Published::of(&parts.trust),
            next: parts.next,
        }
    }

    fn own(&self, request: &Request) -> Option<Answer> {
        let answer = match request.path.as_str() {
            "/" => Answer::empty(StatusCode::TEMPORARY_REDIRECT).header("location", "/docs"),
            "/health/live" => Answer::json(StatusCode::OK, &json!({ "status": "live" })),
            "/health/ready" => self.ready(),
            "/metrics" => self.metrics(),
            "/openapi.json" => self.openapi.answer(request),
            "/docs" => self
                .docs
                .answer(request)
                .header("content-security-policy", &self.docs_policy),
            path => self.published.answer(path)?,
        };
        let reads = request.method == Method::GET || request.method == Method::HEAD;
        let answer = if reads { answer } else { only_reads() };
        Some(answer.of(request.path.trim_start_matches('/').to_owned()))
    }

    fn ready(&self) -> Answer {
        let unready = match self.drain.has_begun() {
            true => Some("draining".to_owned()),
            false => self.backend.figures().unready,
        };
        match unready {
            None => Answer::json(StatusCode::OK, &json!({ "status": "ready" })),
            Some(why) => {
                let body = json!({ "status": "unready", "reason": why });
                Answer::json(StatusCode::SERVICE_UNAVAILABLE, &body)
            }
        }
    }

    fn metrics(&self) -> Answer {
        Answer::with(
            StatusCode::OK,
            metrics::MEDIA,
            self.metrics.text(&self.backend.figures()),
        )
    }
}

/// What clients find out about who signs tokens.
enum Published {
    /// The documents of the development issuer.
    Own { configuration: Value, jwks: Value },
    /// Where the provider's configuration stands, and the metadata of this resource (RFC 9728).
    Elsewhere { place: String, resource: Value },
}

impl Published {
    fn of(trust: &Trust) -> Self {
        match trust {
            Trust::Development(issuer) => Self::Own {
                configuration: issuer.configuration(),
                jwks: issuer.jwks(),
            },
            Trust::External(provider) => Self::Elsewhere {
                place: format!(
                    "{}/.well-known/openid-configuration",
                    provider.url().trim_end_matches('/')
                ),
                resource: json!({
                    "resource": provider.audience(),
                    "authorization_servers": [provider.url()],
                    "bearer_methods_supported": ["header"],
                }),
            },
        }
    }

    fn answer(&self, path: &str) -> Option<Answer> {
        let document = match (self, path) {
            (Self::Own { configuration, .. }, "/.well-known/openid-configuration") => configuration,
            (Self::Own { jwks, .. }, "/.well-known/jwks.json") => jwks,
            (Self::Elsewhere { resource, .. }, "/.well-known/oauth-protected-resource") => resource,
            (Self::Elsewhere { place, .. }, "/.well-known/openid-configuration") => {
                let answer = Answer::empty(StatusCode::TEMPORARY_REDIRECT);
                return Some(answer.header("location", place));
            }
            _ => return None,
        };
        let answer = Answer::json(StatusCode::OK, document);
        Some(answer.header("cache-control", "public, max-age=300"))
    }
}

fn only_reads() -> Answer {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "this can only be read",
    )
    .answer()
    .header("allow", "GET, HEAD")
}

impl Handler for Builtin {
    fn handle(&self, request: Request) -> Pending<'_, Answer> {
        match self.own(&request) {
            Some(answer) => Box::pin(std::future::ready(answer)),
            None => self.next.handle(request),
        }
    }

    fn takes_pieces(&self, method: &Method, path: &str) -> bool {
        self.next.takes_pieces(method, path)
    }
}
