//! Commands: what they answer, what stands afterwards, what is refused and taken back.

use super::house::*;
use crate::backend::*;
use serde_json::json;
use std::time::Duration;
use underpin_brief::model::Value;

fn lines(items: &[(&str, i64)]) -> serde_json::Value {
    let line =
        |(product, quantity): &(&str, i64)| json!({"product": product, "quantity": quantity});
    json!({"lines": items.iter().map(line).collect::<Vec<_>>()})
}

async fn states(house: &House) -> Vec<String> {
    let rows = house.rows("clerk/ada", "my-orders").await;
    rows.iter()
        .map(|row| row[1].as_text().expect("a state").to_owned())
        .collect()
}

#[tokio::test]
async fn an_order_is_placed_paid_and_cancelled() {
    let house = House::new(SHOP).await;
    house.product("a", 10).await;
    let done = house
        .run("shopper/sam", "place-order", lines(&[("a", 3)]))
        .await
        .expect("placed");
    assert_eq!(house.stock("a").await, 7);
    assert_eq!(states(&house).await, ["paid"]);
    assert_eq!(house.others.count("charge"), 1);
    let order = done.returned.slot(0).clone();
    let mark = done.row.expect("the order");
    assert_eq!(mark.key, order);
    let open: Vec<&str> = mark
        .open
        .iter()
        .map(|id| &*house.brief.commands.get(*id).name.text)
        .collect();
    assert_eq!(open, ["cancel-order"]);
    let order = json!({"order": order.as_text()});
    assert_eq!(
        house
            .run("shopper/eve", "cancel-order", order.clone())
            .await
            .err()
            .as_deref(),
        Some("not-found")
    );
    assert_eq!(
        house
            .run("clerk/ada", "cancel-order", order.clone())
            .await
            .err()
            .as_deref(),
        Some("forbidden")
    );
    assert_eq!(
        house
            .run("", "cancel-order", order.clone())
            .await
            .err()
            .as_deref(),
        Some("unauthenticated")
    );
    house
        .run("shopper/sam", "cancel-order", order.clone())
        .await
        .expect("cancelled");
    assert_eq!(house.stock("a").await, 10);
    assert_eq!(states(&house).await, ["cancelled"]);
    assert_eq!(house.others.count("refund"), 1);
    assert_eq!(
        house
            .run("shopper/sam", "cancel-order", order)
            .await
            .err()
            .as_deref(),
        Some("illegal-move")
    );
}

#[tokio::test]
async fn a_refused_payment_is_taken_back_as_written() {
    let house = House::new(SHOP).await;
    house.product("a", 10).await;
    house.others.then(Does::Refuses("card-declined"));
    let refused = house
        .run("shopper/sam", "place-order", lines(&[("a", 3)]))
        .await;
    assert_eq!(refused.err().as_deref(), Some("card-declined"));
    assert_eq!(house.stock("a").await, 10);
    assert_eq!(states(&house).await, ["cancelled"]);
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_a_list_leaves_nothing() {
    let house = House::new(SHOP).await;
    house.product("a", 10).await;
    house.product("b", 1).await;
    let refused = house
        .run("shopper/sam", "place-order", lines(&[("a", 3), ("b", 2)]))
        .await;
    assert_eq!(refused.err().as_deref(), Some("out-of-stock"));
    assert_eq!((house.stock("a").await, house.stock("b").await), (10, 1));
    assert!(states(&house).await.is_empty());
    let missing = house
        .run("shopper/sam", "place-order", lines(&[("nope", 1)]))
        .await;
    assert_eq!(missing.err().as_deref(), Some("not-found"));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_the_same_key() {
    let house = House::new(SHOP).await;
    house.product("a", 10).await;
    for does in [Does::Loses, Does::Fails, Does::Swallows] {
        house.others.then(does);
        let clock = std::sync::Arc::clone(&house.clock);
        let ticking = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(5)).await;
                clock.advance(Duration::from_millis(50));
            }
        });
        house
            .run("shopper/sam", "place-order", lines(&[("a", 1)]))
            .await
            .expect("placed");
        ticking.abort();
    }
    assert_eq!(house.others.count("charge"), 3);
    assert_eq!(house.stock("a").await, 7);
    assert_eq!(states(&house).await, ["paid", "paid", "paid"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_that_want_ten_exactly_ten_get_one() {
    let house = std::sync::Arc::new(House::new(SHOP).await);
    house.product("a", 10).await;
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let house = std::sync::Arc::clone(&house);
            tokio::spawn(async move {
                house
                    .run(
                        "shopper/sam",
                        "reserve",
                        json!({"product": "a", "quantity": 1}),
                    )
                    .await
            })
        })
        .collect();
    let mut got = 0;
    for task in tasks {
        match task.await.expect("an answer") {
            Ok(_) => got += 1,
            Err(code) => assert_eq!(code, "out-of-stock"),
        }
    }
    assert_eq!((got, house.stock("a").await), (10, 0));
}

#[tokio::test]
async fn the_same_key_gives_the_same_answer_and_another_input_is_refused() {
    let house = House::new(SHOP).await;
    house.product("a", 10).await;
    let with = |input, key: &str| {
        let mut request = house.request("shopper/sam", "place-order", &input);
        request.key = Some(key.to_owned());
        request
    };
    let first = said(house.answer(with(lines(&[("a", 1)]), "k")).await).expect("placed");
    let again = said(house.answer(with(lines(&[("a", 1)]), "k")).await).expect("replayed");
    assert!(again.replayed && !first.replayed);
    assert_eq!((first.flow, first.returned), (again.flow, again.returned));
    assert_eq!(house.stock("a").await, 9);
    let other = said(house.answer(with(lines(&[("a", 2)]), "k")).await);
    assert_eq!(other.err().as_deref(), Some("key-reused"));
    // A refusal of the brief is final too.
    house.others.then(Does::Refuses("card-declined"));
    for _ in 0..2 {
        let refused = said(house.answer(with(lines(&[("a", 1)]), "declined")).await);
        assert_eq!(refused.err().as_deref(), Some("card-declined"));
    }
    assert_eq!(house.stock("a").await, 9);
    // After a day the key is free.
    house.clock.advance(Duration::from_secs(25 * 3600));
    let new = said(house.answer(with(lines(&[("a", 2)]), "k")).await).expect("placed");
    assert!(!new.replayed);
}

#[tokio::test]
async fn a_key_in_progress_and_a_held_row_are_told_apart() {
    let house = std::sync::Arc::new(House::new(SHOP).await);
    house.product("a", 10).await;
    let closed = house.others.closed.lock().await;
    let mut request = house.request("shopper/sam", "place-order", &lines(&[("a", 1)]));
    request.key = Some("k".to_owned());
    let waiting = {
        let (house, request) = (std::sync::Arc::clone(&house), request.clone());
        tokio::spawn(async move { house.answer(request).await })
    };
    let order = loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if let Some(row) = house.rows("clerk/ada", "my-orders").await.first() {
            break row[0].clone();
        }
    };
    assert_eq!(
        said(house.answer(request).await).err().as_deref(),
        Some("in-progress")
    );
    let cancel = {
        let house = std::sync::Arc::clone(&house);
        let order = json!({"order": order.as_text()});
        tokio::spawn(async move { house.run("clerk.manager/ada", "cancel-order", order).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!cancel.is_finished(), "it waits");
    house.clock.advance(Duration::from_millis(1100));
    assert_eq!(
        cancel.await.expect("an answer").err().as_deref(),
        Some("busy")
    );
    // A pure addition waits for nobody.
    house
        .run(
            "shopper/sam",
            "reserve",
            json!({"product": "a", "quantity": 1}),
        )
        .await
        .expect("reserved");
    drop(closed);
    said(waiting.await.expect("an answer")).expect("placed");
    let order = json!({"order": order.as_text()});
    house
        .run("clerk.manager/ada", "cancel-order", order)
        .await
        .expect("the hold has ended");
}

#[tokio::test]
async fn before_the_pivot_a_deadline_takes_back_and_after_it_the_flow_is_accepted() {
    let house = std::sync::Arc::new(House::new(SHOP).await);
    house.product("a", 10).await;
    // Not reached at all until the deadline: certainly nothing happened.
    for _ in 0..200 {
        house.others.then(Does::Fails);
    }
    let run = |house: &std::sync::Arc<House>| {
        let house = std::sync::Arc::clone(house);
        tokio::spawn(async move {
            house
                .run("shopper/sam", "place-order", lines(&[("a", 1)]))
                .await
        })
    };
    let late = run(&house);
    while !late.is_finished() {
        tokio::time::sleep(Duration::from_millis(2)).await;
        house.clock.advance(Duration::from_millis(100));
    }
    assert_eq!(
        late.await.expect("an answer").err().as_deref(),
        Some("deadline-exceeded")
    );
    house.settle().await;
    assert_eq!(house.stock("a").await, 10);
    house.others.next.lock().unwrap().clear();
    // Perhaps charged: the flow goes on, the client is told where to look.
    house.others.then(Does::Loses);
    for _ in 0..20 {
        house.others.then(Does::Fails);
    }
    let perhaps = run(&house);
    while !perhaps.is_finished() {
        tokio::time::sleep(Duration::from_millis(2)).await;
        house.clock.advance(Duration::from_millis(100));
    }
    let accepted = perhaps.await.expect("an answer").expect_err("accepted");
    let flow = accepted
        .strip_prefix("accepted ")
        .expect("a flow")
        .to_owned();
    for _ in 0..400 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        house.clock.advance(Duration::from_secs(5));
    }
    house.settle().await;
    let request = FlowRequest {
        flow,
        asked: house.asked("shopper/sam"),
    };
    match house.engine().flow(request.clone()).await {
        FlowAnswer::Known(FlowReport {
            state: FlowState::Done(_),
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    let stranger = FlowRequest {
        asked: house.asked("shopper/eve"),
        ..request
    };
    assert!(matches!(
        house.engine().flow(stranger).await,
        FlowAnswer::Refused(_)
    ));
}

#[tokio::test]
async fn policies_act_once_and_timers_end_with_the_state() {
    let house = House::new(SHOP).await;
    house.product("a", 10).await;
    for _ in 0..3 {
        house
            .run("shopper/sam", "place-order", lines(&[("a", 1)]))
            .await
            .expect("placed");
    }
    house.others.then(Does::Refuses("card-declined"));
    let _ = house
        .run("shopper/sam", "place-order", lines(&[("a", 1)]))
        .await;
    house.settle().await;
    let tally = |rows: Vec<Vec<Value>>| rows.first().map(|row| (row[1].clone(), row[2].clone()));
    let counted = tally(house.rows("clerk/ada", "tallies").await);
    assert_eq!(
        counted,
        Some((Value::Int(3), Value::Int(0))),
        "what was taken back is not told"
    );
    // Paid orders have left the state before the timer.
    house.clock.advance(Duration::from_secs(3600));
    house.settle().await;
    assert_eq!(states(&house).await, ["paid", "paid", "paid", "cancelled"]);
    assert_eq!(house.stock("a").await, 7);
}

#[tokio::test]
async fn a_message_of_an_external_is_taken_in_once() {
    let house = House::new(SHOP).await;
    house.product("a", 10).await;
    let done = house
        .run("shopper/sam", "place-order", lines(&[("a", 1)]))
        .await
        .expect("placed");
    let external = house.brief.externals.find("payments").expect("payments");
    let message = house
        .brief
        .externals
        .get(external)
        .sends
        .find("ChargeDisputed")
        .expect("sends");
    let message = Inbound {
        external,
        message,
        id: "m1".to_owned(),
        content: Value::record(vec![done.returned.slot(0).clone(), Value::text("why")]),
        at: house.world.now(),
        trace: house.asked("").trace,
    };
    for _ in 0..2 {
        assert!(matches!(
            house.engine().inbound(message.clone()).await,
            InboundAnswer::Stored
        ));
    }
    house.settle().await;
    assert_eq!(states(&house).await, ["disputed"]);
}

#[tokio::test]
async fn a_version_that_is_not_the_expected_one_is_refused() {
    let house = House::new(SHOP).await;
    house.product("a", 10).await;
    let done = house
        .run("shopper/sam", "place-order", lines(&[("a", 1)]))
        .await
        .expect("placed");
    let mark = done.row.expect("the order");
    let order = json!({"order": mark.key.as_text()});
    let mut request = house.request("clerk/ada", "ship-order", &order);
    request.expected = Some(Expected::Versions(vec![mark.version - 1]));
    let refused = said(house.answer(request.clone()).await);
    assert_eq!(refused.err().as_deref(), Some("precondition-failed"));
    request.expected = Some(Expected::Versions(vec![mark.version]));
    said(house.answer(request).await).expect("shipped");
}
