//! One POST: to the address that was looked up and found public, without following redirects, and
//! reading only the beginning of the answer. Must not know what is sent.

use super::Reach;
use super::address::admitted;
use crate::feeds::{Delivered, Letter};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// How much of an answer is kept, in bytes.
const KEPT: usize = 1_000;
/// How much of an answer is read, in bytes: a connection is used again only after a whole answer.
const READ: usize = 16 * 1024;
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Looks names up, and says nothing of those that lead inside. The connection is made to the very
/// addresses that were found: nobody asks again.
#[derive(Clone)]
struct Guarded {
    reach: Reach,
}

impl Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.reach;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            admitted(found.collect(), reach).map(Vec::into_iter)
        })
    }
}

type Connector = HttpsConnector<HttpConnector<Guarded>>;

/// Posts messages.
pub(super) struct Post {
    client: Client<Connector, Full<Bytes>>,
}

impl Post {
    pub(super) fn new(reach: Reach) -> io::Result<Self> {
        let mut plain = HttpConnector::new_with_resolver(Guarded { reach });
        plain.enforce_http(false);
        let builder = HttpsConnectorBuilder::new().with_native_roots()?;
        let connector = match reach {
            Reach::Public => builder.https_only().enable_http1(),
            Reach::Anywhere => builder.https_or_http().enable_http1(),
        };
        Ok(Self {
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(4)
                .build(connector.wrap_connector(plain)),
        })
    }

    pub(super) async fn send(
        &self,
        letter: &Letter,
        timestamp: i64,
        signatures: &str,
        body: String,
    ) -> Delivered {
        let mut request = Request::post(&letter.url)
            .header("content-type", "application/json")
            .header("user-agent", "underpin-webhooks")
            .header("webhook-id", &letter.id)
            .header("webhook-timestamp", timestamp);
        if !signatures.is_empty() {
            request = request.header("webhook-signature", signatures);
        }
        let Ok(request) = request.body(Full::from(body)) else {
            return failed("the message cannot stand in a request");
        };
        match self.client.request(request).await {
            Ok(response) => answered(response).await,
            Err(error) if is_inside(&error) => failed("the address is not public"),
            Err(error) if error.is_connect() => failed("not reached"),
            Err(_) => failed("the connection broke"),
        }
    }
}

fn failed(why: &str) -> Delivered {
    Delivered {
        answer: Some(why.to_owned()),
        ..Delivered::default()
    }
}

/// Whether the guard refused the address.
fn is_inside(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::PermissionDenied) {
            return true;
        }
        next = error.source();
    }
    false
}

async fn answered(response: Response<Incoming>) -> Delivered {
    let status = response.status().as_u16();
    let after = response.headers().get("retry-after");
    let seconds: Option<u64> = after.and_then(|after| after.to_str().ok()?.trim().parse().ok());
    let mut kept: Vec<u8> = Vec::new();
    let (mut read, mut body) = (0, response.into_body());
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(data) = frame.data_ref() {
            read += data.len();
            let room = KEPT.saturating_sub(kept.len());
            kept.extend(data.iter().take(room));
        }
        if read >= READ {
            break;
        }
    }
    Delivered {
        status: Some(status),
        answer: Some(String::from_utf8_lossy(&kept).into_owned()),
        took: Duration::ZERO,
        retry_after: seconds.map(Duration::from_secs),
    }
}
