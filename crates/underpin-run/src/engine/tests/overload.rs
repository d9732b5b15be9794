//! More than can be done: the least important is turned away first, what nobody waits for any more
//! is not begun, and all is well again when the load is.

use super::house::*;
use crate::backend::*;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const BRIEF: &str = r#"
system desk
actor clerk kind=staff
aggregate Slip { key id; field text text }
command urgent { allow clerk; create slip Slip { set text="'urgent'" }; priority high; deadline "2s" }
command usual { allow clerk; create slip Slip { set text="'usual'" }; deadline "2s" }
command idle { allow clerk; create slip Slip { set text="'idle'" }; priority low }
query slips of=Slip { allow clerk; show text }
query statistics of=Slip { allow clerk; show text; priority low }
"#;

const WHO: &str = "clerk/c";

/// How a command or a query of each priority ends now.
async fn answers(house: &House) -> Vec<String> {
    let mut said = Vec::new();
    for command in ["urgent", "usual", "idle"] {
        let answer = house.answer(house.request(WHO, command, &json!({}))).await;
        said.push(match answer {
            CommandAnswer::Done(_) => "done".to_owned(),
            CommandAnswer::Refused(refusal) => {
                assert!(refusal.retry_after.is_some(), "{refusal:?}");
                refusal.code
            }
            CommandAnswer::Accepted { .. } => "accepted".to_owned(),
        });
    }
    for query in ["slips", "statistics"] {
        said.push(match house.query(WHO, query, |_| ()).await {
            QueryAnswer::Refused(refusal) => refusal.code,
            _ => "done".to_owned(),
        });
    }
    said
}

/// A queue that stands before both gates for so many tenths of a second.
fn stand(house: &House, tenths: u32) {
    let node = house.engine().first();
    for _ in 0..tenths {
        house.clock.advance(Duration::from_millis(100));
        let now = house.world.now().0;
        node.gates.writes.begun(now, now - 1_000_000);
        node.gates.reads.begun(now, now - 1_000_000);
    }
}

#[tokio::test]
async fn the_least_important_is_turned_away_first_and_let_in_again_when_the_queue_is_gone() {
    let house = House::new(BRIEF).await;
    let (done, busy) = ("done", "unavailable");
    assert_eq!(answers(&house).await, [done; 5]);
    stand(&house, 12);
    assert_eq!(answers(&house).await, [done, done, busy, done, busy]);
    stand(&house, 10);
    assert_eq!(answers(&house).await, [done, busy, busy, busy, busy]);
    assert!(house.engine().figures().turned_away >= 6);
    house.clock.advance(Duration::from_secs(10));
    assert_eq!(answers(&house).await, [done; 5]);
}

#[tokio::test]
async fn what_has_waited_past_its_deadline_is_not_begun() {
    let held = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&held);
    let hook = move |place: &str| {
        while place == "commit" && seen.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    };
    let house = Arc::new(House::with(BRIEF, Arc::new(hook)).await);
    let ask = |command: &'static str| {
        let house = Arc::clone(&house);
        tokio::spawn(async move { house.run(WHO, command, json!({})).await.map(|_| ()) })
    };
    held.store(true, Ordering::SeqCst);
    let first = ask("idle");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let second = ask("usual");
    while house.engine().figures().store_queue == 0 {
        tokio::task::yield_now().await;
    }
    house.clock.advance(Duration::from_secs(3));
    held.store(false, Ordering::SeqCst);
    assert_eq!(first.await.expect("an end"), Ok(()));
    assert_eq!(
        second.await.expect("an end"),
        Err("deadline-exceeded".to_owned())
    );
    let texts = house.rows(WHO, "slips").await;
    assert_eq!(texts.len(), 1, "only the first was done: {texts:?}");
}
