//! Limits and flags of tiers, limits of calendar periods, and calls that are paced.

use super::house::*;
use crate::backend::*;
use serde_json::json;
use std::time::Duration;
use underpin_brief::model::{LimitedOperation, Value};

const BRIEF: &str = r#"
system shed
actor keeper kind=person
actor owner kind=staff cross-tenant
tenancy Yard { tier self.plan; caller keeper claim=yard }
tier small isolation=pool { limit tools max=1; limit looks rate="2/s" }
tier large isolation=pool { limit tools max=3; flag fast }
limit tools per=tenant count=Tool max=2 else=too-many-tools
limit looks per=tenant rate="4/s" { for tools }
limit reports per=tenant rate="2/day" { for report }
flag fast
flag half { rollout "50%" by=tenant }
external post { operation send idempotent=tool { input tool text; fails declined }; rate "2/s" }
aggregate Yard { key id; field plan tier default=small }
aggregate Tool { key id; field fast bool default=#false; field half bool default=#false }
aggregate Report { key id }
command open { allow owner; input plan tier; create yard Yard { set plan=input.plan }; return yard=yard.id }
command move-to { allow owner; input yard Yard; input plan tier; change yard Yard key=input.yard { set plan=input.plan } }
command add { allow keeper; create tool Tool { set fast=flags.fast half=flags.half }; return fast=tool.fast half=tool.half }
command report { allow keeper; create report Report }
command send {
    allow keeper
    create report Report { undo none="a try is kept" }
    call sent post.send { set tool=report.id }
    deadline "3s"
}
query tools of=Tool { allow keeper; show id }
"#;

/// A tenant of that tier, and somebody of it.
async fn keeper(house: &House, plan: &str) -> (String, String) {
    let yard = house
        .run("owner/o", "open", json!({ "plan": plan }))
        .await
        .expect("a yard");
    let yard = yard.returned.slot(0).as_text().expect("an id").to_owned();
    // Its tier is a copy where yards are another service's.
    house.settle().await;
    (format!("keeper/k@{yard}"), yard)
}

async fn codes(house: &House, who: &str, command: &str, times: usize) -> Vec<String> {
    let mut codes = Vec::new();
    for _ in 0..times {
        let said = house.run(who, command, json!({})).await;
        codes.push(said.err().unwrap_or_else(|| "done".to_owned()));
    }
    codes
}

#[tokio::test]
async fn a_tiers_limit_takes_the_place_of_what_is_declared() {
    let house = House::new(BRIEF).await;
    let (small, _) = keeper(&house, "small").await;
    let (large, yard) = keeper(&house, "large").await;
    assert_eq!(
        codes(&house, &small, "add", 2).await,
        ["done", "too-many-tools"]
    );
    assert_eq!(
        codes(&house, &large, "add", 4).await,
        ["done", "done", "done", "too-many-tools"]
    );
    let smaller = json!({ "yard": yard, "plan": "small" });
    house
        .run("owner/o", "move-to", smaller)
        .await
        .expect("moved");
    house.clock.advance(Duration::from_secs(5));
    house.settle().await;
    let looks = async |who: &str| {
        let mut seen = 0;
        for _ in 0..6 {
            seen += usize::from(matches!(
                house.query(who, "tools", |_| ()).await,
                QueryAnswer::Page(_)
            ));
        }
        seen
    };
    assert_eq!(
        (looks(&large).await, looks(&small).await),
        (2, 2),
        "five seconds after the change"
    );
}

#[tokio::test]
async fn a_tiers_flag_is_on_for_its_tenants_and_a_rollout_by_tenant_is_one_for_all_of_a_tenant() {
    let house = House::new(BRIEF).await;
    let (mut halves, mut differs) = (Vec::new(), 0);
    for plan in ["small", "large"].repeat(8) {
        let (who, yard) = keeper(&house, plan).await;
        let done = house.run(&who, "add", json!({})).await.expect("a tool");
        assert_eq!(done.returned.slot(0), &Value::Bool(plan == "large"));
        halves.push(done.returned.slot(1).is_true());
        if plan == "large" {
            let other = house
                .run(&format!("keeper/other@{yard}"), "add", json!({}))
                .await;
            differs +=
                usize::from(other.expect("a tool").returned.slot(1) != done.returned.slot(1));
        }
    }
    assert_eq!(differs, 0);
    assert!(
        halves.contains(&true) && halves.contains(&false),
        "{halves:?}"
    );
}

#[tokio::test]
async fn a_limit_per_day_is_exact_survives_a_restart_and_ends_with_the_day() {
    let mut house = House::new(BRIEF).await;
    let (who, _) = keeper(&house, "small").await;
    let (other, _) = keeper(&house, "small").await;
    assert_eq!(codes(&house, &who, "report", 1).await, ["done"]);
    house.restart().await;
    assert_eq!(
        codes(&house, &who, "report", 2).await,
        ["done", "too-many-requests"]
    );
    assert_eq!(
        codes(&house, &other, "report", 1).await,
        ["done"],
        "another tenant has its own"
    );
    let CommandAnswer::Refused(refusal) = house
        .answer(house.request(&who, "report", &json!({})))
        .await
    else {
        panic!("refused");
    };
    let wait = refusal.retry_after.expect("when the day ends");
    assert!(wait <= Duration::from_secs(24 * 3600));
    house.clock.advance(wait);
    assert_eq!(codes(&house, &who, "report", 1).await, ["done"]);
}

#[tokio::test]
async fn what_is_left_is_told() {
    let house = House::new(BRIEF).await;
    let (who, _) = keeper(&house, "large").await;
    house.query(&who, "tools", |_| ()).await;
    let operation = |query: &str| LimitedOperation::Query(house.brief.queries.find(query).unwrap());
    let asked = house.asked(&who);
    let quotas = house
        .engine()
        .quotas(operation("tools"), &asked)
        .expect("a limit")
        .await;
    let second = Duration::from_secs(1);
    let expected = Quota {
        name: "looks".to_owned(),
        limit: 4,
        window: second,
        remaining: 3,
        reset: second,
    };
    assert_eq!(quotas, [expected]);
    let report = LimitedOperation::Command(house.brief.commands.find("report").unwrap());
    codes(&house, &who, "report", 1).await;
    let quotas = house
        .engine()
        .quotas(report, &asked)
        .expect("a limit")
        .await;
    assert_eq!(
        (quotas[0].limit, quotas[0].remaining, quotas[0].window),
        (2, 1, 86_400 * second)
    );
    let add = LimitedOperation::Command(house.brief.commands.find("add").unwrap());
    assert!(house.engine().quotas(add, &asked).is_none());
}

#[tokio::test]
async fn an_external_is_not_called_more_often_than_it_can_take() {
    let house = std::sync::Arc::new(House::new(BRIEF).await);
    let (who, _) = keeper(&house, "small").await;
    let begun = house.world.now();
    let flows: Vec<_> = (0..12)
        .map(|_| {
            let (house, who) = (std::sync::Arc::clone(&house), who.clone());
            tokio::spawn(async move { house.run(&who, "send", json!({})).await.map(|_| ()) })
        })
        .collect();
    let mut made = Vec::new();
    for tick in 0..40_u32 {
        tokio::time::sleep(Duration::from_millis(15)).await;
        made.push((tick, house.others.count("send")));
        house.clock.advance(Duration::from_millis(100));
    }
    let mut codes = Vec::new();
    for flow in flows {
        codes.push(
            flow.await
                .expect("an end")
                .err()
                .unwrap_or_else(|| "done".to_owned()),
        );
    }
    codes.sort();
    let done = codes.iter().filter(|code| *code == "done").count();
    // Two at once and two per second within the deadline of three seconds; the others end there.
    assert!((6..=8).contains(&done), "{codes:?}");
    assert!(
        codes
            .iter()
            .all(|code| ["done", "deadline-exceeded"].contains(&code.as_str())),
        "{codes:?}"
    );
    for (tick, calls) in made {
        let passed = usize::try_from(tick).unwrap_or(0) / 5;
        assert!(
            calls <= 3 + passed,
            "{calls} calls after {tick} ticks since {begun}"
        );
    }
}
