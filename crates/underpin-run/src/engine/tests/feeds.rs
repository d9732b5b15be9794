//! Live feeds as their subscribers see them: what is told, from where on, to whom, and how it ends.

use super::house::{House, caller};
use crate::backend::refusal;
use crate::feeds::*;
use crate::store::no_hook;
use serde_json::json;
use std::time::Duration;
use underpin_brief::model::*;

pub(super) const WIRE: &str = include_str!("wire.kdl");

pub(super) async fn wire() -> House {
    with_desks(House::new(WIRE).await).await
}

/// The same with every aggregate in a service of its own.
pub(super) async fn cut_wire() -> House {
    with_desks(House::cut(WIRE, no_hook(), true).await).await
}

async fn with_desks(house: House) -> House {
    for (desk, owner) in [("north", "ada"), ("south", "bob")] {
        house
            .run(
                "editor/eve",
                "add-desk",
                json!({"name": desk, "owner": owner}),
            )
            .await
            .expect("a desk");
    }
    // Who may listen is judged with copies where desks are another service's.
    house.settle().await;
    house
}

/// Begins a story; its key.
pub(super) async fn begin(house: &House, desk: &str, words: &str) -> String {
    let done = house
        .run("editor/eve", "begin", json!({"desk": desk, "words": words}))
        .await
        .expect("a story");
    done.returned.slot(0).as_text().expect("a key").to_owned()
}

pub(super) async fn go_on(house: &House, story: &str, words: &str) {
    house
        .run(
            "editor/eve",
            "go-on",
            json!({"story": story, "words": words}),
        )
        .await
        .expect("more words");
}

fn request(house: &House, who: &str, feed: &str, input: &str, from: From) -> FeedRequest {
    let id = house.brief.feeds.find(feed).expect("a feed");
    let slots = match input {
        "" => Vec::new(),
        text => vec![Value::text(text)],
    };
    let mut asked = house.asked("");
    asked.caller = caller(who);
    FeedRequest {
        feed: id,
        asked,
        input: Value::record(slots),
        from,
    }
}

async fn open(house: &House, who: &str, feed: &str, input: &str, from: From) -> Opened {
    use crate::backend::Backend;
    let answer = house
        .engine()
        .subscribe(request(house, who, feed, input, from));
    match tokio::time::timeout(Duration::from_secs(20), answer).await {
        Ok(FeedAnswer::Open(opened)) => opened,
        Ok(FeedAnswer::Refused(refusal)) => panic!("{refusal:?}"),
        Err(_) => panic!("no answer"),
    }
}

async fn code(house: &House, who: &str, feed: &str, input: &str) -> String {
    use crate::backend::Backend;
    match house
        .engine()
        .subscribe(request(house, who, feed, input, From::Start))
        .await
    {
        FeedAnswer::Open(_) => "open".to_owned(),
        FeedAnswer::Refused(refusal) => refusal.code,
    }
}

async fn next(opened: &mut Opened) -> Told {
    tokio::time::timeout(Duration::from_secs(20), opened.telling.next())
        .await
        .expect("something is told")
}

/// The first value of the next message, and where it stands.
async fn words(opened: &mut Opened) -> (String, Position) {
    match next(opened).await {
        Told::Message(message) => {
            let words = message.values.first().and_then(Value::as_text);
            (words.unwrap_or("").to_owned(), message.position.clone())
        }
        other => panic!("{other:?}"),
    }
}

async fn said(opened: &mut Opened, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..count {
        found.push(words(opened).await.0);
    }
    found
}

#[tokio::test]
async fn a_subscriber_is_told_in_order_and_resumes_without_loss_even_after_a_crash() {
    let mut house = wire().await;
    let mut first = open(&house, "", "newest", "", From::Start).await;
    begin(&house, "north", "one").await;
    let (told, at) = words(&mut first).await;
    assert_eq!(told, "one");
    drop(first);
    for text in ["two", "three", "four"] {
        begin(&house, "south", text).await;
    }
    house.restart().await;
    let mut again = open(&house, "", "newest", "", From::After(at.clone())).await;
    assert!(!again.reset);
    begin(&house, "north", "five").await;
    assert_eq!(said(&mut again, 4).await, ["two", "three", "four", "five"]);
    // The same position gives the same again.
    let mut other = open(&house, "", "newest", "", From::After(at)).await;
    assert_eq!(said(&mut other, 4).await, ["two", "three", "four", "five"]);
}

#[tokio::test]
async fn a_position_moves_past_what_is_not_for_the_subscriber() {
    let house = wire().await;
    let mut own = open(&house, "reader/ada", "own", "", From::Start).await;
    begin(&house, "south", "not for ada").await;
    begin(&house, "north", "for ada").await;
    let (told, at) = words(&mut own).await;
    assert_eq!(told, "for ada");
    begin(&house, "south", "not for ada either").await;
    let moved = async {
        loop {
            match own.telling.position() {
                Some(position) if position != at => return position,
                _ => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    };
    let moved = tokio::time::timeout(Duration::from_secs(20), moved)
        .await
        .expect("it moves");
    begin(&house, "north", "later").await;
    let mut again = open(&house, "reader/ada", "own", "", From::After(moved)).await;
    assert_eq!(said(&mut again, 1).await, ["later"]);
}

#[tokio::test]
async fn what_was_kept_is_told_and_what_was_not_is_a_reset_with_a_snapshot() {
    let house = wire().await;
    begin(&house, "north", "old").await;
    let start = open(&house, "reader/ada", "at-desk", "north", From::Start).await;
    assert!(!start.reset);
    let rows = start.snapshot.expect("a snapshot").rows;
    assert_eq!(rows.len(), 1);
    let at = start.position;
    begin(&house, "north", "new").await;
    house.clock.advance(Duration::from_secs(1_800));
    let mut within = open(
        &house,
        "reader/ada",
        "at-desk",
        "north",
        From::After(at.clone()),
    )
    .await;
    assert!(!within.reset && within.snapshot.is_none());
    assert_eq!(said(&mut within, 1).await, ["new"]);
    house.clock.advance(Duration::from_secs(2_000));
    for from in [
        From::After(at),
        From::Unknown,
        From::After(Position::default()),
    ] {
        let late = open(&house, "reader/ada", "at-desk", "north", from.clone()).await;
        assert!(late.reset, "{from:?}");
        assert_eq!(late.snapshot.expect("a snapshot").rows.len(), 2, "{from:?}");
    }
}

#[tokio::test]
async fn nothing_is_missed_or_doubled_between_snapshot_and_stream() {
    let house = wire().await;
    let writing = async {
        for at in 0..40 {
            begin(&house, "north", &format!("{at:02}")).await;
        }
    };
    let reading = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut opened = open(&house, "reader/ada", "at-desk", "north", From::Start).await;
        let rows = opened.snapshot.take().expect("a snapshot").rows;
        let mut all: Vec<String> = rows
            .iter()
            .map(|row| row.values[0].as_text().unwrap_or("").to_owned())
            .collect();
        while all.len() < 40 {
            all.push(words(&mut opened).await.0);
        }
        all
    };
    let ((), all) = tokio::join!(writing, reading);
    let expected: Vec<String> = (0..40).map(|at| format!("{at:02}")).collect();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn only_who_may_is_let_in_and_a_revocation_ends_the_stream() {
    let house = wire().await;
    assert_eq!(
        code(&house, "", "at-desk", "north").await,
        refusal::UNAUTHENTICATED
    );
    assert_eq!(
        code(&house, "editor/eve", "at-desk", "north").await,
        refusal::FORBIDDEN
    );
    assert_eq!(
        code(&house, "reader/ada", "at-desk", "nowhere").await,
        refusal::FORBIDDEN
    );
    let mut opened = open(&house, "reader/ada", "at-desk", "north", From::Start).await;
    begin(&house, "north", "open").await;
    house
        .run("editor/eve", "shut", json!({"desk": "north"}))
        .await
        .expect("shut");
    house.settle().await;
    begin(&house, "north", "shut").await;
    let mut told = Vec::new();
    loop {
        match next(&mut opened).await {
            Told::Message(message) => told.push(message.values[0].clone()),
            Told::Closed(why) => {
                assert_eq!(why, Closed::Revoked);
                break;
            }
            Told::Gap(_) => panic!("nobody is slow"),
        }
    }
    // Judged with the rows of that moment: the first may have come before the desk was shut.
    assert!(!told.contains(&Value::text("shut")), "{told:?}");
    assert_eq!(
        code(&house, "reader/ada", "at-desk", "north").await,
        refusal::FORBIDDEN
    );
}

#[tokio::test]
async fn rows_are_told_with_their_states_and_events_with_their_fields() {
    let house = wire().await;
    let mut all = open(&house, "", "all", "", From::Start).await;
    let story = begin(&house, "north", "hello").await;
    house
        .run("editor/eve", "tell", json!({"story": story}))
        .await
        .expect("told");
    let Told::Message(said) = next(&mut all).await else {
        panic!("a message");
    };
    assert_eq!((said.on, said.values.len()), (0, 3));
    assert_eq!(said.values[2], Value::text("hello"));
    let Told::Message(told) = next(&mut all).await else {
        panic!("a message");
    };
    assert_eq!((told.on, &told.values[0]), (1, &Value::text(&story)));
    assert_eq!(told.values[1].slot(2), &Value::text("hello"));
}

/// Tells so much that nobody who does not read keeps up.
async fn flood(house: &House, count: usize) -> Vec<String> {
    let story = begin(house, "north", "0").await;
    let other = begin(house, "south", "other").await;
    for at in 1..count {
        go_on(house, &story, &at.to_string()).await;
    }
    vec![story, other]
}

#[tokio::test]
async fn who_reads_too_slowly_is_closed_or_told_the_newest_or_loses_the_oldest() {
    let house = wire().await;
    let mut close = open(&house, "", "all", "", From::Start).await;
    let mut newest = open(&house, "", "newest", "", From::Start).await;
    let mut some = open(&house, "", "some", "", From::Start).await;
    let start = newest.position.clone();
    flood(&house, 150).await;
    // Whoever has been told of the end shows that the tailer is there.
    let mut last = open(&house, "", "newest", "", From::After(start)).await;
    while words(&mut last).await.0 != "149" {}
    assert!(matches!(next(&mut close).await, Told::Closed(Closed::Slow)));
    assert_eq!(said(&mut newest, 2).await, ["other", "149"]);
    assert!(matches!(next(&mut some).await, Told::Gap(23)));
    let rest = said(&mut some, 128).await;
    assert_eq!(
        (rest.first(), rest.last()),
        (Some(&"22".to_owned()), Some(&"149".to_owned()))
    );
}

#[tokio::test]
async fn a_caller_has_so_many_streams_and_gives_them_back() {
    let house = wire().await;
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(open(&house, "reader/ada", "own", "", From::Start).await);
    }
    assert_eq!(
        code(&house, "reader/ada", "own", "").await,
        refusal::TOO_MANY_REQUESTS
    );
    assert_eq!(code(&house, "reader/bob", "own", "").await, "open");
    held.truncate(60);
    assert_eq!(code(&house, "reader/ada", "own", "").await, "open");
}

#[tokio::test]
async fn services_apart_tell_the_same() {
    let mut house = cut_wire().await;
    assert_eq!(house.services.names.len(), 2);
    let mut own = open(&house, "reader/ada", "own", "", From::Start).await;
    begin(&house, "south", "not for ada").await;
    begin(&house, "north", "for ada").await;
    let (told, at) = words(&mut own).await;
    assert_eq!(told, "for ada");
    drop(own);
    begin(&house, "north", "later").await;
    house.restart().await;
    let mut own = open(&house, "reader/ada", "own", "", From::After(at)).await;
    assert_eq!(said(&mut own, 1).await, ["later"]);
}

#[tokio::test]
async fn streams_end_when_the_engine_stops() {
    let house = wire().await;
    let mut opened = open(&house, "", "newest", "", From::Start).await;
    house.engine().abort();
    assert!(matches!(
        next(&mut opened).await,
        Told::Closed(Closed::Draining)
    ));
}
