//! Limits on what a client may send, each at its bound and just beyond it.

use super::super::*;
use super::{Client, quiet};
use crate::testing::{TempFolder, sent, status};

async fn posted(client: &Client, body: &str) -> String {
    let answer = client.ask("POST", "/books", "", body).await;
    status(&answer).to_owned()
}

#[tokio::test]
async fn size_depth_and_number_of_what_is_sent_are_bounded() {
    let temp = TempFolder::new();
    let started = start_embedded(super::prepared(), quiet(&temp), false)
        .await
        .unwrap();
    let client = Client::of(&started.running, &temp);
    let title = |length: usize| format!(r#"{{"title":"{}"}}"#, "x".repeat(length));
    assert_eq!(posted(&client, &title(40)).await, "201");
    assert_eq!(
        posted(&client, &title(41)).await,
        "422",
        "a text beyond its declared length"
    );
    assert_eq!(
        posted(&client, &title(1_200_000)).await,
        "413",
        "a body beyond what its inputs take"
    );
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let answer = posted(&client, &deep).await;
    assert!(
        ["400", "413"].contains(&answer.as_str()),
        "nested too deeply: {answer}"
    );
    let deep = format!(r#"{{"title":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    assert_eq!(posted(&client, &deep).await, "400", "nested too deeply");
    let query = |count: usize| format!("/books?{}", "title=a&".repeat(count));
    let asked = async |target: &str, headers: &str| {
        let answer = client.ask("GET", target, headers, "").await;
        status(&answer).to_owned()
    };
    assert_eq!(asked(&query(20), "").await, "200");
    assert_eq!(
        asked(&query(21), "").await,
        "400",
        "too many values of one filter"
    );
    let key = |length: usize| format!("idempotency-key: {}\r\n", "k".repeat(length));
    let keyed = async |length: usize| {
        let answer = client.ask("POST", "/books", &key(length), &title(1)).await;
        status(&answer).to_owned()
    };
    assert_eq!(
        (keyed(255).await, keyed(256).await),
        ("201".to_owned(), "400".to_owned())
    );
    let many = "x-many: 1\r\n".repeat(200);
    assert_eq!(asked("/books", &many).await, "431", "too many headers");
    let long = format!("x-long: {}\r\n", "x".repeat(40 * 1024));
    assert_eq!(asked("/books", &long).await, "431", "headers beyond 32 KiB");
    let huge = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(40 * 1024));
    let answer = sent(started.running.address(), &huge).await;
    assert!(["414", "431"].contains(&status(&answer)), "{answer}");
    started.running.stop().await;
}
