//! Answers composed of several sources: order, budgets, what may be missing, what a channel sees.

use super::house::*;
use crate::backend::*;
use crate::externals::ExternalOutcome;
use serde_json::json;
use underpin_brief::model::Value;

const BRIEF: &str = r#"
system window
actor guest kind=person { channel web mobile }
external catalogue {
    operation product read { input sku text; output name text; output related text*; fails unknown-sku }
    operation picks read { input who text; output skus text* }
    operation stars read { input sku text; output count int }
}
aggregate Basket { key owner guest; field note text; field skus text* }
command fill {
    allow guest
    input skus text*
    create basket Basket { set owner=caller.id note="'mine'" skus=input.skus }
}
query basket of=Basket one {
    allow guest when="self.owner == caller.id"
    show note skus
    shape web { part products catalogue.product each="self.skus" { set sku=item; show name } }
}
query home {
    allow guest
    part basket basket { show skus }
    part picks catalogue.picks optional within="50ms" {
        set who=caller.id
        fallback skus="['spare']"
    }
    part cards catalogue.product each="picks.skus.take(2)" { set sku=item; show name }
    part stars catalogue.stars optional within="50ms" { set sku="basket.skus[0]"; show count }
    shape web {
        part cards catalogue.product each="picks.skus.take(3)" { set sku=item; show name related }
        part more catalogue.product each="cards[0].related" optional { set sku=item; show name }
    }
}
"#;

fn reads(operation: &str, input: &Value) -> ExternalOutcome {
    let asked = input.slot(0).as_text().unwrap_or("").to_owned();
    let text = |text: String| Value::text(&text);
    ExternalOutcome::Answered(Value::record(match operation {
        "picks" => vec![Value::list(["a", "b", "c", "d"].map(Value::text).to_vec())],
        "product" if asked == "gone" => return ExternalOutcome::Refused("unknown-sku".to_owned()),
        "product" => vec![
            text(format!("the {asked}")),
            Value::list(vec![text(format!("{asked}+"))]),
        ],
        _ => vec![Value::Int(5)],
    }))
}

async fn house(skus: serde_json::Value) -> House {
    let house = House::new(BRIEF).await;
    *house.others.reads.lock().unwrap() = Some(reads);
    house
        .run("guest/g", "fill", json!({ "skus": skus }))
        .await
        .expect("filled");
    house
}

/// The parts as text: lists in brackets, what stands in after `~`.
fn show(answer: &PartAnswer) -> String {
    match answer {
        PartAnswer::Missing => "-".to_owned(),
        PartAnswer::Instead(inner) => format!("~{}", show(inner)),
        PartAnswer::Answer(value) => told(value.slot(0)),
        PartAnswer::Row(row) => row.values.iter().map(told).collect::<Vec<_>>().join(" "),
        PartAnswer::List(items) => format!(
            "[{}]",
            items.iter().map(show).collect::<Vec<_>>().join(", ")
        ),
    }
}

fn told(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::List(items) => items.iter().map(told).collect::<Vec<_>>().join("|"),
        other => format!("{other:?}"),
    }
}

async fn parts(house: &House, query: &str, channel: &str) -> Result<Vec<String>, String> {
    let with = |request: &mut QueryRequest| {
        if let Some(caller) = &mut request.asked.caller {
            caller.channel = Some(channel.to_owned());
        }
    };
    match house.query("guest/g", query, with).await {
        QueryAnswer::One(row) => Ok(row.parts.iter().map(show).collect()),
        QueryAnswer::Refused(refusal) => Err(refusal.code),
        QueryAnswer::Page(page) => panic!("{page:?}"),
    }
}

#[tokio::test]
async fn parts_see_the_parts_that_they_look_at_and_channels_their_own() {
    let house = house(json!(["x", "y"])).await;
    let mobile = parts(&house, "home", "mobile").await;
    assert_eq!(
        mobile,
        Ok(["mine x|y", "a|b|c|d", "[the a, the b]", "5"]
            .map(str::to_owned)
            .to_vec())
    );
    let web = parts(&house, "home", "web").await.expect("parts");
    assert_eq!(web[2..], ["[the a, the b, the c]", "5", "[the a+]"]);
    assert_eq!(
        parts(&house, "basket", "web").await,
        Ok(vec!["[the x, the y]".to_owned()])
    );
    assert_eq!(parts(&house, "basket", "mobile").await, Ok(vec![]));
}

#[tokio::test]
async fn what_is_optional_may_be_missing_or_stood_in_for_and_is_not_waited_for() {
    let house = house(json!(["x"])).await;
    house
        .others
        .silent
        .lock()
        .unwrap()
        .extend(["picks", "stars"]);
    let asked = parts(&house, "home", "mobile");
    let later = async {
        for _ in 0..40 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            house.clock.advance(std::time::Duration::from_millis(10));
        }
    };
    let (found, ()) = tokio::join!(asked, later);
    assert_eq!(
        found,
        Ok(["mine x", "~spare", "[the spare]", "-"]
            .map(str::to_owned)
            .to_vec())
    );
}

#[tokio::test]
async fn what_must_be_there_refuses_the_whole() {
    let house = house(json!(["x", "gone"])).await;
    assert_eq!(
        parts(&house, "basket", "web").await,
        Err("unknown-sku".to_owned())
    );
    let other = house.query("guest/h", "home", |_| ()).await;
    let QueryAnswer::Refused(refusal) = other else {
        panic!("a basket that is not there: {other:?}");
    };
    assert_eq!(refusal.code, "not-found");
}
