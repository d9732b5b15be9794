//! What happens to every request, whatever it asks: counting, logging, turning away when full,
//! surviving a defect, and the headers that every answer carries. Must not know the contract.

use super::connection::Limits;
use super::http::{Answer, Handler, Request};
use super::log::{Level, Line, Log};
use super::metrics::Metrics;
use super::problem::Problem;
use crate::world::World;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The front of a server.
pub struct Front {
    /// What a client may ask.
    pub limits: Limits,
    /// Clock and chance.
    pub world: World,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Where lines go.
    pub log: Arc<Log>,
    handler: Arc<dyn Handler>,
    places: Arc<Semaphore>,
}

/// Headers of every answer that does not set its own.
const GUARDS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("cache-control", "no-store"),
];

/// The longest request id that is taken over from a client.
const LONGEST_ID: usize = 128;

impl Front {
    /// A front before `handler`.
    #[must_use]
    pub fn new(
        handler: Arc<dyn Handler>,
        world: World,
        limits: Limits,
        metrics: Arc<Metrics>,
        log: Arc<Log>,
    ) -> Self {
        let places = Arc::new(Semaphore::new(limits.requests));
        Self {
            limits,
            world,
            metrics,
            log,
            handler,
            places,
        }
    }

    /// Whether the body of such a request is taken piece by piece.
    pub(super) fn takes_pieces(&self, method: &hyper::Method, path: &str) -> bool {
        self.handler.takes_pieces(method, path)
    }

    /// The answer to a whole request.
    pub async fn answer(self: &Arc<Self>, request: Request) -> Answer {
        self.metrics.began();
        let head = Head::of(&request, &self.world);
        let answer = match Arc::clone(&self.places).try_acquire_owned() {
            Err(_) => {
                self.metrics.turned_away();
                full()
            }
            Ok(place) => {
                let handler = Arc::clone(&self.handler);
                // A task of its own: what was begun goes on when the client leaves, and a defect
                // ends this request only.
                let task = tokio::spawn(async move {
                    let answer = handler.handle(request).await;
                    drop(place);
                    answer
                });
                task.await.unwrap_or_else(|_| defect())
            }
        };
        self.finish(&head, answer)
    }

    /// An answer to a request whose body could not be read.
    pub fn early(&self, request: &Request, answer: Answer) -> Answer {
        self.metrics.began();
        self.finish(&Head::of(request, &self.world), answer)
    }

    fn finish(&self, head: &Head, mut answer: Answer) -> Answer {
        let now = self.world.now();
        let took = now.since(head.at);
        let status = answer.status.as_u16();
        self.metrics.ended(&answer.operation, status, took);
        for (name, value) in GUARDS {
            let name = HeaderName::from_static(name);
            answer
                .headers
                .entry(name)
                .or_insert(HeaderValue::from_static(value));
        }
        if let Ok(id) = HeaderValue::from_str(&head.id) {
            answer.headers.insert("x-request-id", id);
        }
        let level = if status >= 500 {
            Level::Error
        } else {
            Level::Info
        };
        self.log.write(
            Line::new(now, level, "request")
                .trace(head.trace)
                .with("request_id", head.id.as_str())
                .with("operation", &*answer.operation)
                .with("method", head.method)
                .with("status", status)
                .with("duration_ms", took.as_secs_f64() * 1000.0),
        );
        answer
    }
}

/// What is kept of a request until its answer.
struct Head {
    at: crate::world::Moment,
    trace: crate::trace::Trace,
    id: String,
    method: &'static str,
}

impl Head {
    fn of(request: &Request, world: &World) -> Self {
        let given = request.header("x-request-id").filter(|id| acceptable(id));
        Self {
            at: request.at,
            trace: request.trace,
            id: given.map_or_else(|| world.id().to_string(), str::to_owned),
            method: known(request.method.as_str()),
        }
    }
}

fn acceptable(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(plain)
}

/// A method that may stand in a log: an unknown one is a value that a client chose.
fn known(method: &str) -> &'static str {
    const METHODS: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ];
    METHODS
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

fn full() -> Answer {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "the server is full",
    )
    .answer()
    .header("retry-after", "1")
}

fn defect() -> Answer {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "a defect of the server",
    )
    .answer()
}
