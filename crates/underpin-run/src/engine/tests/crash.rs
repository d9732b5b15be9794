//! A flow is stopped at every place where it can be stopped; on the same folder it comes to an end
//! that adds up.

use super::house::*;
use crate::backend::Backend as _;
use crate::store::{Contents, Hook, OpenError, Store, no_hook};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A hook that stops after as many places as the counter is set to; unset it stops nowhere.
fn stop_later() -> (Hook, Arc<AtomicUsize>) {
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let shared = Arc::clone(&left);
    let hook: Hook = Arc::new(move |_| {
        let before = shared.load(Ordering::SeqCst);
        if before == usize::MAX {
            return true;
        }
        if before > 0 {
            shared.store(before - 1, Ordering::SeqCst);
        }
        before > 0
    });
    (hook, left)
}

/// Stops one order at place after place until one is not stopped at all; returns how many there
/// were. `declined` makes the payment refuse.
async fn every_place(declined: bool) -> usize {
    for place in 0..200 {
        let (hook, left) = stop_later();
        let mut house = House::with(SHOP, hook).await;
        house.product("a", 10).await;
        house.settle().await;
        if declined {
            house.others.then(Does::Refuses("card-declined"));
        }
        left.store(place, Ordering::SeqCst);
        let mut request = house.request(
            "shopper/sam",
            "place-order",
            &json!({"lines": [{"product": "a", "quantity": 3}]}),
        );
        request.key = Some("k".to_owned());
        let waited = tokio::time::timeout(
            Duration::from_millis(1500),
            house.engine().command(request.clone()),
        )
        .await;
        let stopped = left.load(Ordering::SeqCst) == 0;
        left.store(usize::MAX, Ordering::SeqCst);
        house.restart().await;
        let clock = Arc::clone(&house.clock);
        let ticking = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(5)).await;
                clock.advance(Duration::from_millis(30));
            }
        });
        house.settle().await;
        ticking.abort();
        let told = waited.ok().map(said);
        adds_up(&house, place, declined).await;
        if let Some(Ok(done)) = &told {
            let rows = house.rows("clerk/ada", "my-orders").await;
            assert_eq!(
                rows[0][0],
                *done.returned.slot(0),
                "an answer is never taken back ({place})"
            );
        }
        // A retry with the same key ends in one order at most.
        house.others.next.lock().unwrap().clear();
        let again = said(house.answer(request).await);
        house.settle().await;
        let orders = house.rows("clerk/ada", "my-orders").await.len();
        assert!(
            orders <= 1 || declined,
            "{orders} orders at {place}: {again:?}"
        );
        adds_up(&house, place, declined).await;
        if !stopped {
            return place;
        }
    }
    panic!("there is no end of places");
}

async fn adds_up(house: &House, place: usize, declined: bool) {
    let rows = house.rows("clerk/ada", "my-orders").await;
    let mut taken = 0;
    let mut paid = 0;
    for row in &rows {
        match row[1].as_text() {
            Some("paid") => {
                taken += 3;
                paid += 1;
            }
            Some("cancelled") => assert!(declined, "cancelled at {place}"),
            other => panic!("an order is left {other:?} at {place}"),
        }
    }
    assert_eq!(house.stock("a").await, 10 - taken, "stock at {place}");
    let charged = house.others.count("charge") - house.others.count("refund");
    assert_eq!(charged, paid, "charges at {place}");
    let tallies = house.rows("clerk/ada", "tallies").await;
    let told = tallies.first().map_or(0, |row| match row[1] {
        underpin_brief::model::Value::Int(told) => usize::try_from(told).expect("a count"),
        _ => 0,
    });
    assert_eq!(told, paid, "policies at {place}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paid_order_survives_a_crash_at_every_place() {
    let places = every_place(false).await;
    println!("stopped at {places} places");
    assert!(places > 10, "only {places} places");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_order_is_taken_back_after_a_crash_at_every_place() {
    let places = every_place(true).await;
    println!("stopped at {places} places");
    assert!(places > 10, "only {places} places");
}

#[tokio::test]
async fn a_folder_in_use_is_refused() {
    let house = House::cut(SHOP, no_hook(), false).await;
    let path = house.folder.folder.path(".");
    let same = Store::open(&path, &house.brief, Contents::all(), no_hook());
    assert!(matches!(same, Err(OpenError::InUse(_))));
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_committed() {
    let committed = Arc::new(AtomicUsize::new(0));
    let shared = Arc::clone(&committed);
    let hook: Hook = Arc::new(move |place| {
        if place == "committed" {
            shared.fetch_add(1, Ordering::SeqCst);
        }
        true
    });
    let house = Arc::new(House::with(SHOP, hook).await);
    house.product("a", 1000).await;
    let before = committed.load(Ordering::SeqCst);
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (house, committed) = (Arc::clone(&house), Arc::clone(&committed));
            tokio::spawn(async move {
                let asked = committed.load(Ordering::SeqCst);
                house
                    .run(
                        "shopper/sam",
                        "reserve",
                        json!({"product": "a", "quantity": 1}),
                    )
                    .await
                    .expect("reserved");
                assert!(committed.load(Ordering::SeqCst) > asked);
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("acknowledged after its commit");
    }
    let commits = committed.load(Ordering::SeqCst) - before;
    assert!(
        commits < 64,
        "{commits} commits for 64 writes: they are not grouped"
    );
}
