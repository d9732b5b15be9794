//! Policies with branches and clocks, flows in chunks, limits on rows.

use super::house::*;
use crate::backend::*;
use serde_json::json;
use std::time::Duration;
use underpin_brief::model::Value;

const CLUB: &str = include_str!("club.kdl");

#[tokio::test]
async fn a_refused_policy_does_what_its_branch_says() {
    let house = House::new(CLUB).await;
    let done = house
        .run("member/mo", "open-seat", json!({}))
        .await
        .expect("a seat");
    let seat = done.returned.slot(0).as_text().expect("an id").to_owned();
    for name in ["a", "b", "c", "d", "e"] {
        let input = json!({"seat": seat, "name": name});
        house
            .run("member/mo", "invite", input)
            .await
            .expect("invited");
    }
    house.settle().await;
    let rows = house.rows("member/mo", "guests").await;
    let states: Vec<&str> = rows.iter().filter_map(|row| row[2].as_text()).collect();
    assert_eq!(
        states.iter().filter(|state| **state == "seated").count(),
        3,
        "{states:?}"
    );
    assert_eq!(
        states.iter().filter(|state| **state == "away").count(),
        2,
        "{states:?}"
    );
}

#[tokio::test]
async fn a_clock_ticks_once_per_interval_and_catches_up_once_after_a_stop() {
    let mut house = House::new(CLUB).await;
    let ticks = |rows: Vec<Vec<Value>>| {
        rows.iter()
            .find(|row| row[0] == Value::text("clock"))
            .map(|row| row[1].clone())
    };
    tokio::time::sleep(Duration::from_millis(30)).await;
    for expected in 1..=2 {
        house.clock.advance(Duration::from_secs(60));
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if ticks(house.rows("member/mo", "counts").await) == Some(Value::Int(expected)) {
                break;
            }
        }
        assert_eq!(
            ticks(house.rows("member/mo", "counts").await),
            Some(Value::Int(expected))
        );
    }
    house.restart().await;
    house.clock.advance(Duration::from_secs(600));
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if ticks(house.rows("member/mo", "counts").await) == Some(Value::Int(3)) {
            break;
        }
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(
        ticks(house.rows("member/mo", "counts").await),
        Some(Value::Int(3))
    );
}

#[tokio::test]
async fn a_flow_in_chunks_is_accepted_and_reports_its_progress() {
    let house = House::new(CLUB).await;
    let names: Vec<String> = (0..7).map(|at| format!("n{at}")).collect();
    let request = house.request(
        "member/mo",
        "tick-many",
        &json!({"names": names, "label": "n0"}),
    );
    let CommandAnswer::Accepted { flow, .. } = house.answer(request).await else {
        panic!("accepted");
    };
    house.settle().await;
    let request = FlowRequest {
        flow,
        asked: house.asked("member/mo"),
    };
    match house.engine().flow(request.clone()).await {
        FlowAnswer::Known(FlowReport {
            state: FlowState::Done(done),
            progress,
            ..
        }) => {
            assert_eq!(done.returned.slot(0), &Value::text("n0"));
            assert_eq!(progress.map(|(_, of)| of), Some(7));
        }
        other => panic!("{other:?}"),
    }
    let rows = house.rows("member/mo", "counts").await;
    let done: Vec<&Value> = rows
        .iter()
        .filter(|row| row[0] != Value::text("clock"))
        .map(|row| &row[2])
        .collect();
    assert_eq!(done, vec![&Value::Int(1); 7]);
    match house.engine().cancel(request).await {
        FlowAnswer::Refused(refusal) => assert_eq!(refusal.code, "not-cancellable"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_limit_on_rows_is_exact_per_caller() {
    let house = House::new(CLUB).await;
    for who in ["member/mo", "member/mo", "member/lu"] {
        house
            .run(who, "open-seat", json!({}))
            .await
            .expect("a seat");
    }
    let refused = house.run("member/mo", "open-seat", json!({})).await;
    assert_eq!(refused.err().as_deref(), Some("too-many-seats"));
}

#[tokio::test]
async fn a_command_that_calls_another_answers_with_what_that_returned_or_refused() {
    let house = House::new(CLUB).await;
    for _ in 0..2 {
        let done = house
            .run("member/mo", "open-again", json!({}))
            .await
            .expect("a seat");
        assert!(done.returned.slot(0).as_text().is_some());
    }
    let refused = house.run("member/mo", "open-again", json!({})).await;
    assert_eq!(refused.err().as_deref(), Some("too-many-seats"));
}
