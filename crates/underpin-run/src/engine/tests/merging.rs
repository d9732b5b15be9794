//! Fields whose changes meet, and rows that live for a short time.

use super::house::*;
use crate::backend::*;
use serde_json::json;
use std::time::Duration;
use underpin_brief::model::Value;

const BRIEF: &str = r#"
system pads
actor user kind=person
external shop { operation charge idempotent=pad { input pad text; output receipt text } }
aggregate Pad {
    key id
    field title text merge=last
    field likes int default=0 merge=add
    field tags text* merge=set
    field note text
    states open kept sold {
        move keep open to=kept
        move free kept to=open
        move sell kept to=sold
    }
}
aggregate Here ephemeral="30s" { key pad Pad; key person user; field at int }
command add { allow user; create pad Pad { set title="'t'" note="'n'" }; return pad=pad.id }
command sell {
    allow user
    input pad Pad
    change pad Pad key=input.pad { move keep; undo { move free } }
    call done shop.charge { set pad=pad.id }
    change pad { move sell }
}
command like { allow user; input pad Pad; change pad Pad key=input.pad { set likes="self.likes + 1" } }
command rename { allow user; input pad Pad; input title text; change pad Pad key=input.pad { set title=input.title } }
command mark { allow user; input pad Pad; input tags text*; change pad Pad key=input.pad { set tags="merge(self.tags, input.tags)" } }
command note { allow user; input pad Pad; input note text; change pad Pad key=input.pad { set note=input.note } }
command point {
    allow user
    input pad Pad
    input at int
    change here Here key="[input.pad, caller.id]" create { set at=input.at }
}
query pads of=Pad { allow user; sort id; show id title likes tags note state }
query here of=Here { allow user; sort person; show person at }
"#;

async fn pad(house: &House) -> String {
    let done = house.run("user/u", "add", json!({})).await.expect("a pad");
    done.returned.slot(0).as_text().expect("an id").to_owned()
}

#[tokio::test]
async fn changes_of_fields_that_merge_meet_no_hold_and_no_version() {
    let house = House::new(BRIEF).await;
    let pad = pad(&house).await;
    let shut = house.others.closed.lock().await;
    let selling = house.answer(house.request("user/u", "sell", &json!({ "pad": pad })));
    let others = async {
        for _ in 0..400 {
            if house.rows("user/u", "pads").await[0][5] == Value::text("kept") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let run = |command: &'static str, input| house.run("user/v", command, input);
        run("like", json!({ "pad": pad })).await.expect("liked");
        run("rename", json!({"pad": pad, "title": "new"}))
            .await
            .expect("renamed");
        run("mark", json!({"pad": pad, "tags": ["b", "a"]}))
            .await
            .expect("marked");
        run("mark", json!({"pad": pad, "tags": ["c", "a"]}))
            .await
            .expect("marked");
        let mut old = house.request("user/v", "rename", &json!({"pad": pad, "title": "newer"}));
        old.expected = Some(Expected::Versions(vec![77]));
        said(house.answer(old).await).expect("a version does not matter");
        let noting =
            house.answer(house.request("user/v", "note", &json!({"pad": pad, "note": "x"})));
        let later = async {
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                house.clock.advance(Duration::from_millis(20));
            }
        };
        let (noted, ()) = tokio::join!(noting, later);
        assert_eq!(
            said(noted).err().as_deref(),
            Some("busy"),
            "any other change waits"
        );
        drop(shut);
    };
    let (sold, ()) = tokio::join!(selling, others);
    said(sold).expect("sold");
    let rows = house.rows("user/u", "pads").await;
    let tags = Value::list(["a", "b", "c"].map(Value::text).to_vec());
    assert_eq!(rows[0][1..4], [Value::text("newer"), Value::Int(1), tags]);
    assert_eq!(rows[0][4..], [Value::text("n"), Value::text("sold")]);
    let mut old = house.request("user/v", "note", &json!({"pad": pad, "note": "x"}));
    old.expected = Some(Expected::Versions(vec![77]));
    assert_eq!(
        said(house.answer(old).await).err().as_deref(),
        Some("precondition-failed")
    );
}

#[tokio::test]
async fn a_row_that_nobody_writes_goes_and_a_start_finds_none() {
    let mut house = House::new(BRIEF).await;
    let pad = pad(&house).await;
    let at = |rows: Vec<Vec<Value>>| rows.iter().map(|row| row[1].clone()).collect::<Vec<_>>();
    for person in ["user/u", "user/v"] {
        house
            .run(person, "point", json!({"pad": pad, "at": 1}))
            .await
            .expect("pointed");
    }
    house.clock.advance(Duration::from_secs(20));
    house
        .run("user/u", "point", json!({"pad": pad, "at": 1}))
        .await
        .expect("the same again");
    house.clock.advance(Duration::from_secs(15));
    for _ in 0..400 {
        if house.rows("user/u", "here").await.len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let rows = house.rows("user/u", "here").await;
    assert_eq!(rows.len(), 1, "one was written again: {rows:?}");
    assert_eq!(rows[0][0], Value::text("u"));
    house
        .run("user/v", "point", json!({"pad": pad, "at": 7}))
        .await
        .expect("pointed");
    assert_eq!(
        at(house.rows("user/u", "here").await),
        [Value::Int(1), Value::Int(7)]
    );
    house.restart().await;
    assert_eq!(at(house.rows("user/u", "here").await), Vec::<Value>::new());
}
