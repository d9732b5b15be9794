//! All rows at one instant, made only as fast as they are taken.

use super::house::*;
use crate::backend::*;
use serde_json::json;
use underpin_brief::model::Value;

const BRIEF: &str = r#"
system store
actor user kind=person
actor guest kind=person
aggregate Thing { key number int; field open bool }
command add {
    allow user
    input from int
    input upto int
    each at in="bucket_list" { create thing Thing { set number=at open="at % 2 == 0" } }
}
query things of=Thing { allow user; allow guest when="self.open"; sort number; show number; export jsonl }
"#;

fn text() -> String {
    let numbers: Vec<String> = (0..500).map(|at| at.to_string()).collect();
    let list = format!(
        "[{}].filter(n, n >= input.from && n < input.upto)",
        numbers.join(", ")
    );
    BRIEF.replace("bucket_list", &list)
}

async fn export(house: &House, who: &str) -> ExportAnswer {
    let query = house.brief.queries.find("things").expect("a query");
    house
        .engine()
        .export(QueryRequest {
            query,
            asked: house.asked(who),
            input: Value::record(vec![]),
            key: None,
            filters: Vec::new(),
            sorts: Vec::new(),
            search: None,
            limit: u32::MAX,
            after: None,
        })
        .await
}

fn rows(answer: ExportAnswer) -> tokio::sync::mpsc::Receiver<Result<Vec<ShownRow>, Refusal>> {
    match answer {
        ExportAnswer::Rows(rows) => rows,
        ExportAnswer::Refused(refusal) => panic!("{refusal:?}"),
    }
}

async fn numbers(answer: ExportAnswer) -> Vec<Value> {
    let mut rows = rows(answer);
    let mut found = Vec::new();
    while let Some(batch) = rows.recv().await {
        found.extend(
            batch
                .expect("rows")
                .into_iter()
                .map(|row| row.values[0].clone()),
        );
    }
    found
}

#[tokio::test]
async fn rows_are_those_of_one_instant_however_slowly_they_are_taken() {
    let house = House::new(&text()).await;
    house
        .run("user/u", "add", json!({"from": 0, "upto": 400}))
        .await
        .expect("added");
    let begun = export(&house, "user/u").await;
    house
        .run("user/u", "add", json!({"from": 400, "upto": 500}))
        .await
        .expect("added");
    let expected: Vec<Value> = (0..400).map(Value::Int).collect();
    assert_eq!(numbers(begun).await, expected);
    assert_eq!(numbers(export(&house, "user/u").await).await.len(), 500);
}

#[tokio::test]
async fn rows_that_are_not_permitted_are_not_there() {
    let house = House::new(&text()).await;
    house
        .run("user/u", "add", json!({"from": 0, "upto": 10}))
        .await
        .expect("added");
    let expected: Vec<Value> = (0..5).map(|at| Value::Int(at * 2)).collect();
    assert_eq!(numbers(export(&house, "guest/g").await).await, expected);
    let ExportAnswer::Refused(refusal) = export(&house, "").await else {
        panic!("nobody may");
    };
    assert_eq!(refusal.code, "unauthenticated");
}

#[tokio::test]
async fn makers_wait_for_takers_and_more_than_a_few_are_turned_away() {
    let house = House::new(&text()).await;
    house
        .run("user/u", "add", json!({"from": 0, "upto": 500}))
        .await
        .expect("added");
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(rows(export(&house, "user/u").await));
    }
    let ExportAnswer::Refused(refusal) = export(&house, "user/u").await else {
        panic!("a fifth is too many");
    };
    assert_eq!(refusal.code, "unavailable");
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let waiting: Vec<usize> = open.iter().map(tokio::sync::mpsc::Receiver::len).collect();
    assert_eq!(waiting, [2, 2, 2, 2], "batches in memory");
    drop(open);
    for _ in 0..400 {
        if let ExportAnswer::Rows(_) = export(&house, "user/u").await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("clients that left are noticed");
}
