//! The server over real sockets, before a handler and a backend made for the test.

use super::builtin::{Builtin, Parts};
use super::front::Front;
use super::http::{Answer, Handler, Request};
use super::log::Log;
use super::metrics::Metrics;
use super::{Drain, Limits, Served, serve};
use crate::backend::Pending;
use crate::identity::{Issuer, Trust};
use crate::testing::{FakeBackend, TempFolder, sent, status};
use crate::world::World;
use hyper::StatusCode;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Answers `/echo` with the body, `/slow` after a while, `/defect` never.
struct Demo;

impl Handler for Demo {
    fn handle(&self, request: Request) -> Pending<'_, Answer> {
        Box::pin(async move {
            match request.path.as_str() {
                "/slow" => tokio::time::sleep(Duration::from_millis(300)).await,
                "/defect" => panic!("a defect made for a test"),
                _ => {}
            }
            Answer::with(StatusCode::OK, "text/plain", request.body).of("echo")
        })
    }
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Started {
    address: SocketAddr,
    drain: Drain,
    ended: JoinHandle<Served>,
    written: Written,
    _temp: TempFolder,
}

async fn started(limits: Limits, unready: Option<&str>) -> Started {
    let temp = TempFolder::new();
    let (drain, metrics, written) = (
        Drain::default(),
        Arc::new(Metrics::default()),
        Written::default(),
    );
    let log = Arc::new(Log::to(Box::new(written.clone())));
    let builtin = Builtin::new(Parts {
        backend: Arc::new(FakeBackend {
            unready: unready.map(str::to_owned),
            ..FakeBackend::default()
        }),
        metrics: Arc::clone(&metrics),
        drain: drain.clone(),
        openapi: json!({ "openapi": "3.1.0", "info": { "title": "Demo", "version": "1" } }),
        trust: Trust::Development(Arc::new(Issuer::of(&temp.folder, "demo").unwrap())),
        next: Arc::new(Demo),
    });
    let front = Front::new(Arc::new(builtin), World::system(), limits, metrics, log);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limit = Duration::from_secs(5);
    let ended = tokio::spawn(serve(listener, Arc::new(front), drain.clone(), limit));
    Started {
        address,
        drain,
        ended,
        written,
        _temp: temp,
    }
}

async fn got(address: SocketAddr, path: &str) -> String {
    sent(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
    )
    .await
}

#[tokio::test]
async fn every_backend_tells_its_health_figures_description_and_keys() {
    let server = started(Limits::default(), None).await;
    for (path, expected) in [
        ("/health/live", "\"live\""),
        ("/health/ready", "\"ready\""),
        ("/metrics", "# EOF"),
        ("/openapi.json", "3.1.0"),
        ("/docs", "<!doctype html>"),
        ("/.well-known/openid-configuration", "jwks_uri"),
        ("/.well-known/jwks.json", "P-256"),
    ] {
        let answer = got(server.address, path).await;
        assert_eq!(status(&answer), "200", "{path}");
        assert!(answer.contains(expected), "{path}: {answer}");
        let posted = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let refused = sent(server.address, &posted).await;
        assert_eq!(status(&refused), "405", "{path}");
        assert!(refused.contains("allow: GET, HEAD"), "{path}");
    }
}

#[tokio::test]
async fn an_engine_that_cannot_serve_makes_the_server_unready() {
    let server = started(Limits::default(), Some("the store is closed")).await;
    let answer = got(server.address, "/health/ready").await;
    assert_eq!(status(&answer), "503");
    assert!(answer.contains("the store is closed"));
    assert_eq!(status(&got(server.address, "/health/live").await), "200");
}

#[tokio::test]
async fn a_drain_shows_not_ready_answers_what_is_in_flight_and_ends() {
    let server = started(Limits::default(), None).await;
    let in_flight = tokio::spawn(got(server.address, "/slow"));
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.drain.begin();
    assert_eq!(status(&got(server.address, "/health/ready").await), "503");
    assert_eq!(status(&in_flight.await.unwrap()), "200");
    assert_eq!(server.ended.await.unwrap(), Served::Drained);
    assert!(TcpStream::connect(server.address).is_err());
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_drain() {
    let server = started(Limits::default(), None).await;
    let address = server.address;
    let idle = tokio::task::spawn_blocking(move || {
        let mut idle = TcpStream::connect(address).unwrap();
        idle.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            .unwrap();
        idle.read_exact(&mut [0; 12]).unwrap();
        idle
    });
    let _idle = idle.await.unwrap();
    server.drain.begin();
    let ended = tokio::time::timeout(Duration::from_secs(2), server.ended).await;
    assert_eq!(ended.unwrap().unwrap(), Served::Drained);
}

#[tokio::test]
async fn a_defect_ends_its_request_only() {
    let server = started(Limits::default(), None).await;
    let answer = got(server.address, "/defect").await;
    assert_eq!(status(&answer), "500");
    assert!(answer.contains("application/problem+json"));
    assert_eq!(status(&got(server.address, "/echo").await), "200");
}

#[tokio::test]
async fn what_is_too_large_or_too_slow_is_turned_away() {
    let limits = Limits {
        body: 10,
        body_time: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = started(limits, None).await;
    let post = |length: u32, body: &str| {
        format!(
            "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    assert_eq!(
        status(&sent(server.address, &post(10, "0123456789")).await),
        "200"
    );
    assert_eq!(
        status(&sent(server.address, &post(11, "0123456789a")).await),
        "413"
    );
    assert_eq!(status(&sent(server.address, &post(10, "012")).await), "408");
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    assert!(["414", "431"].contains(&status(&sent(server.address, &long).await)));
}

#[tokio::test]
async fn a_full_server_turns_away_at_once() {
    let server = started(
        Limits {
            requests: 1,
            ..Limits::default()
        },
        None,
    )
    .await;
    let in_flight = tokio::spawn(got(server.address, "/slow"));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let answer = got(server.address, "/echo").await;
    assert_eq!(status(&answer), "503");
    assert!(answer.contains("retry-after: 1"));
    assert_eq!(status(&in_flight.await.unwrap()), "200");
}

#[tokio::test]
async fn every_answer_carries_guards_and_the_request_id() {
    let server = started(Limits::default(), None).await;
    let request =
        "GET /echo HTTP/1.1\r\nhost: x\r\nx-request-id: abc-1\r\nconnection: close\r\n\r\n";
    let answer = sent(server.address, request).await;
    for expected in [
        "x-request-id: abc-1",
        "x-content-type-options: nosniff",
        "default-src 'none'",
    ] {
        assert!(answer.contains(expected), "{expected} in {answer}");
    }
    assert!(
        got(server.address, "/echo")
            .await
            .contains("x-request-id: 01")
    );
}

#[tokio::test]
async fn logs_carry_the_trace_and_no_value_of_the_request() {
    let server = started(Limits::default(), None).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = format!(
        "POST /echo/hidden-path?q=hidden-query HTTP/1.1\r\nhost: x\r\nx-hidden: hidden-header\r\n\
         traceparent: 00-{trace}-00f067aa0ba902b7-01\r\nconnection: close\r\ncontent-length: 11\r\n\r\n\
         hidden-body"
    );
    assert_eq!(status(&sent(server.address, &request).await), "200");
    let log = String::from_utf8(server.written.0.lock().unwrap().clone()).unwrap();
    let line: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(line["trace_id"], trace);
    assert_eq!(line["operation"], "echo");
    assert_eq!(line["status"], 200);
    assert!(!log.contains("hidden"), "{log}");
}

#[tokio::test]
async fn requests_are_counted_by_operation_and_status() {
    let server = started(Limits::default(), None).await;
    got(server.address, "/echo").await;
    got(server.address, "/defect").await;
    let text = got(server.address, "/metrics").await;
    assert!(
        text.contains("underpin_requests_total{operation=\"echo\",status=\"200\"} 1"),
        "{text}"
    );
    assert!(text.contains("status=\"500\"} 1"), "{text}");
    assert!(
        text.contains("underpin_request_duration_seconds_bucket"),
        "{text}"
    );
}
