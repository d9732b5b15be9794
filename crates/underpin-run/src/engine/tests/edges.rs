//! Limits on rates, calls that are tried at most once, times of the calendar, versions of rows
//! whose change is skipped, flags.

use super::house::*;
use crate::backend::*;
use serde_json::json;
use std::time::Duration;
use underpin_brief::model::Value;

const POST: &str = r#"
system post
actor user kind=person
external courier { operation hand-over { input parcel text } }
aggregate Parcel { key id; field label text; states made sent { move send made to=sent } }
aggregate Count { key name text; field days int default=0 }
command pack { allow user; input label text; create parcel Parcel { set label=input.label }; return parcel=parcel.id }
command send {
    allow user
    input parcel text
    call handed courier.hand-over once="the courier takes a parcel once" { set parcel=input.parcel }
}
policy daily { cron "30 6 * * *" zone="Europe/Berlin"; change count Count key="'days'" create { set days="self.days + 1" } }
query parcels of=Parcel { allow user; sort label; show label state }
query counts of=Count { allow user; sort name; show name days }
limit packing per=caller rate="2/min" burst=2 { for pack }
"#;

#[tokio::test]
async fn a_used_up_rate_says_when_to_come_again_and_is_kept_per_caller() {
    let house = House::new(POST).await;
    let pack = |who: &str| house.request(who, "pack", &json!({"label": "x"}));
    for _ in 0..2 {
        said(house.answer(pack("user/una")).await).expect("packed");
    }
    let CommandAnswer::Refused(refusal) = house.answer(pack("user/una")).await else {
        panic!("a third is too many");
    };
    assert_eq!(refusal.code, "too-many-requests");
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(30)));
    said(house.answer(pack("user/ugo")).await).expect("somebody else's are not used up");
    house.clock.advance(Duration::from_secs(30));
    said(house.answer(pack("user/una")).await).expect("one is earned again");
    assert_eq!(house.rows("user/una", "parcels").await.len(), 4);
}

#[tokio::test]
async fn a_call_that_may_be_made_once_only_ends_in_doubt_where_its_answer_is_lost() {
    let mut house = House::new(POST).await;
    house.others.then(Does::Swallows);
    let request = house.request("user/una", "send", &json!({"parcel": "p"}));
    let answer = tokio::time::timeout(Duration::from_secs(10), house.engine().command(request));
    let answer = answer.await.expect("an answer");
    assert!(!matches!(answer, CommandAnswer::Done(_)), "{answer:?}");
    house.settle().await;
    house.restart().await;
    house.settle().await;
    let calls = house.others.calls.lock().unwrap().len();
    assert_eq!(calls, 1, "it is not tried again");
    let doubtful = house.engine().figures().flows.get("in-doubt").copied();
    assert_eq!(doubtful, Some(1));
}

#[tokio::test]
async fn a_policy_of_the_calendar_acts_at_its_time_of_day() {
    let house = House::new(POST).await;
    let days = |rows: Vec<Vec<Value>>| rows.first().map(|row| row[1].clone());
    tokio::time::sleep(Duration::from_millis(30)).await;
    for expected in 1..=2 {
        house.clock.advance(Duration::from_secs(24 * 3600));
        for _ in 0..400 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if days(house.rows("user/una", "counts").await) == Some(Value::Int(expected)) {
                break;
            }
        }
        let found = days(house.rows("user/una", "counts").await);
        assert_eq!(found, Some(Value::Int(expected)));
    }
}

const SHED: &str = r#"
system shed
actor user kind=person
aggregate Club shared { key id }
tenancy Club { caller user claim=club }
flag swift { rollout "50%" by=tenant }
flag own { rollout "50%" }
aggregate Tool { key id; field name text; field used int default=0 }
command add { allow user; input name text; create tool Tool { set name=input.name }; return tool=tool.id }
command rename {
    allow user
    input tool Tool
    input name text
    change tool Tool key=input.tool when="input.name != ''" { set name=input.name }
}
command look { allow user; return swift=flags.swift own=flags.own }
"#;

#[tokio::test]
async fn a_version_counts_also_where_the_change_of_its_row_is_skipped() {
    let house = House::new(SHED).await;
    let done = house.run("user/una@a", "add", json!({"name": "saw"})).await;
    let mark = done.expect("added").row.expect("a row");
    for (name, version, expected) in [
        ("", mark.version - 1, Some("precondition-failed")),
        ("", mark.version, None),
        ("axe", mark.version - 1, Some("precondition-failed")),
        ("axe", mark.version, None),
        ("", mark.version, Some("precondition-failed")),
    ] {
        let input = json!({"tool": mark.key.as_text(), "name": name});
        let mut request = house.request("user/una@a", "rename", &input);
        request.expected = Some(Expected::Versions(vec![version]));
        let refused = said(house.answer(request).await).err();
        assert_eq!(refused.as_deref(), expected, "`{name}` at {version}");
    }
}

#[tokio::test]
async fn a_rollout_by_tenant_is_the_same_for_all_its_callers() {
    let house = House::new(SHED).await;
    let mut seen = std::collections::BTreeSet::new();
    let mut apart = 0;
    for tenant in 0..24 {
        let mut flags = Vec::new();
        for who in ["una", "ugo"] {
            let who = format!("user/{who}@t{tenant}");
            flags.push(
                house
                    .run(&who, "look", json!({}))
                    .await
                    .expect("seen")
                    .returned,
            );
        }
        assert_eq!(flags[0].slot(0), flags[1].slot(0), "tenant {tenant}");
        apart += usize::from(flags[0].slot(1) != flags[1].slot(1));
        seen.insert(flags[0].slot(0).is_true());
    }
    assert_eq!(seen.len(), 2, "half of the tenants have it");
    assert!(
        apart > 0,
        "callers of one tenant may differ where it is theirs"
    );
}
