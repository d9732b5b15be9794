//! Connections: accepting, limits on what a client may send, and the drain at the end. Must not
//! know what is answered.

use super::front::Front;
use super::http::{Answer, Request};
use super::problem::Problem;
use super::stall::Stall;
use super::stream::{Content, Pieces, Stream};
use crate::backend::Pending;
use crate::trace::Trace;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// What a client may ask of the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Bytes of request line and headers together.
    pub headers: usize,
    /// From the first byte to the end of the headers; also the longest idle time of a connection.
    pub header_time: Duration,
    /// From the end of the headers to the end of the body.
    pub body_time: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub stall: Duration,
    /// Requests being answered at once; more are turned away with 503.
    pub requests: usize,
    /// Open connections; more wait.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1024 * 1024,
            headers: 32 * 1024,
            header_time: Duration::from_secs(30),
            body_time: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            requests: 1024,
            connections: 16_384,
        }
    }
}

/// The switch that ends a server: cheap to clone.
#[derive(Clone, Debug)]
pub struct Drain {
    on: Arc<watch::Sender<bool>>,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            on: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl Drain {
    /// From now on the server is not ready, accepts nothing new and answers what is in flight.
    pub fn begin(&self) {
        self.on.send_replace(true);
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.on.borrow()
    }

    /// Ready when it has begun.
    pub async fn begun(&self) {
        let mut on = self.on.subscribe();
        // The sender lives as long as `self`.
        let _ = on.wait_for(|on| *on).await;
    }
}

/// A server that has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Every request was answered.
    Drained,
    /// The limit came first; some connections were cut.
    Cut,
}

/// How long not-ready is shown before connections are refused, so that a balancer can see it.
const NOTICE: Duration = Duration::from_millis(200);

/// Serves until the drain has begun and everything is answered, at most `limit` longer.
pub async fn serve(
    listener: TcpListener,
    front: Arc<Front>,
    drain: Drain,
    limit: Duration,
) -> Served {
    let most = u32::try_from(front.limits.connections).unwrap_or(u32::MAX);
    let connections = Arc::new(Semaphore::new(most as usize));
    let mut stop = pin!(async {
        drain.begun().await;
        tokio::time::sleep(NOTICE).await;
    });
    loop {
        let Ok(place) = Arc::clone(&connections).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, or a client that left: wait a little rather than spin.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (front, drain) = (Arc::clone(&front), drain.clone());
        tokio::spawn(async move {
            connection(stream, peer, front, drain).await;
            drop(place);
        });
    }
    drop(listener);
    match tokio::time::timeout(limit, connections.acquire_many(most)).await {
        Ok(_) => Served::Drained,
        Err(_) => Served::Cut,
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, front: Arc<Front>, drain: Drain) {
    // Small answers must not wait for more to come.
    let _ = stream.set_nodelay(true);
    let limits = front.limits;
    let service = service_fn(move |request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(answer(request, peer, front).await) }
    });
    // Whoever still comes during the notice gets one answer: `/health/ready` says why.
    let late = drain.has_begun();
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(!late)
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.headers.max(8192))
        .serve_connection(TokioIo::new(Stall::new(stream, limits.stall)), service);
    let mut serving = pin!(serving);
    // An error here is a client that left or sent no HTTP: hyper has answered what can be.
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        () = drain.begun(), if !late => None,
    };
    if ended.is_none() {
        serving.as_mut().graceful_shutdown();
        let _ = serving.await;
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    front: Arc<Front>,
) -> Response<Content> {
    let at = front.world.now();
    let (parts, body) = request.into_parts();
    let told = parts
        .headers
        .get("traceparent")
        .and_then(|header| header.to_str().ok());
    let random = &*front.world.random;
    let trace = told
        .and_then(Trace::parse)
        .map_or_else(|| Trace::new(random), |t| t.child(random));
    let pieces = front.takes_pieces(&parts.method, parts.uri.path());
    let mut request = Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body: Bytes::new(),
        upload: None,
        address: peer.ip(),
        at,
        trace,
    };
    if head_size(&request) > front.limits.headers {
        // What reads the socket looks at its buffer only, which may hold more in one piece.
        return respond(front.early(&request, too_long()));
    }
    if pieces {
        let patience = front.limits.body_time;
        request.upload = Some(Stream::new(Sent { body, patience }));
        return respond(front.answer(request).await);
    }
    let read = Limited::new(body, front.limits.body).collect();
    let answer = match tokio::time::timeout(front.limits.body_time, read).await {
        Ok(Ok(body)) => {
            request.body = body.to_bytes();
            front.answer(request).await
        }
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            front.early(&request, too_large(front.limits.body))
        }
        Ok(Err(_)) => front.early(&request, unreadable()),
        Err(_) => front.early(&request, too_slow()),
    };
    respond(answer)
}

fn respond(answer: Answer) -> Response<Content> {
    let mut response = Response::new(Content::of(answer.body, answer.stream.as_ref()));
    *response.status_mut() = answer.status;
    *response.headers_mut() = *answer.headers;
    response
}

/// Bytes of request line and headers, as they were sent.
fn head_size(request: &Request) -> usize {
    let line = request.path.len() + request.query.as_ref().map_or(0, String::len);
    let header = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
    line + request.headers.iter().map(header).sum::<usize>()
}

fn too_long() -> Answer {
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    Problem::new(
        status,
        "too-large",
        "request line and headers are too large",
    )
    .answer()
    .header("connection", "close")
}

/// A body on its way: a client that sends nothing for too long is given up.
struct Sent {
    body: Incoming,
    patience: Duration,
}

impl Pieces for Sent {
    fn next(&mut self) -> Pending<'_, Option<io::Result<Bytes>>> {
        Box::pin(async move {
            loop {
                let frame = tokio::time::timeout(self.patience, self.body.frame()).await;
                match frame {
                    Err(_) => return Some(Err(io::ErrorKind::TimedOut.into())),
                    Ok(None) => return None,
                    Ok(Some(Err(error))) => return Some(Err(io::Error::other(error))),
                    Ok(Some(Ok(frame))) => {
                        if let Ok(data) = frame.into_data() {
                            return Some(Ok(data));
                        }
                    }
                }
            }
        })
    }
}

fn too_large(limit: usize) -> Answer {
    let status = StatusCode::PAYLOAD_TOO_LARGE;
    Problem::new(status, "too-large", "the body is too large")
        .detail(format!("at most {limit} bytes are read"))
        .answer()
        .header("connection", "close")
}

fn unreadable() -> Answer {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "bad-request",
        "the body ended early",
    )
    .answer()
    .header("connection", "close")
}

fn too_slow() -> Answer {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "request-timeout",
        "the body came too slowly",
    )
    .answer()
    .header("connection", "close")
}
