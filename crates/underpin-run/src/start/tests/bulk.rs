//! Many items in one request, over a socket: an outcome for each, or all of them or none.

use super::*;

const BRIEF: &str = r#"
system demo { title "Demo" }
actor staff kind=staff { channel web }
external courier { operation hand-over idempotent=parcel { input parcel text; fails refused } }
aggregate Parcel {
    key code text max=20
    field weight int
    invariant "self.weight > 0" else=weightless
    states made sent { move send made to=sent }
}
command pack {
    allow staff
    input code text max=20
    input weight int
    create parcel Parcel { set code=input.code weight=input.weight }
    return parcel=parcel.code
    bulk 4
}
command send {
    allow staff
    input parcel Parcel
    change parcel Parcel key=input.parcel { move send; undo { set weight="self.weight" } }
    bulk 3
}
command hand-over {
    allow staff
    input parcel Parcel
    read parcel Parcel key=input.parcel
    call done courier.hand-over { set parcel=parcel.code }
    return parcel=parcel.code
    bulk 3
}
query parcels of=Parcel { allow staff; sort code; show code weight state }
"#;

async fn begun() -> (Running, Client, TempFolder) {
    let temp = TempFolder::new();
    let prepared = prepared_from(BRIEF);
    let started = start_embedded(prepared, quiet(&temp), false).await;
    let running = started.unwrap().running;
    let client = Client::of(&running, &temp);
    (running, client, temp)
}

fn parcels(weights: &[(&str, i64)]) -> serde_json::Value {
    let item = |(code, weight): &(&str, i64)| json!({"code": code, "weight": weight});
    json!({"items": weights.iter().map(item).collect::<Vec<_>>()})
}

fn statuses(answer: &str) -> Vec<i64> {
    let body = content(answer);
    let items = body["items"].as_array().cloned().unwrap_or_default();
    items
        .iter()
        .filter_map(|item| item["status"].as_i64())
        .collect()
}

#[tokio::test]
async fn each_item_has_its_own_outcome_and_its_own_key() {
    let (running, client, _temp) = begun().await;
    let body = parcels(&[("a", 1), ("b", 0), ("a", 2), ("c", 3)]).to_string();
    let key = "idempotency-key: k1\r\n";
    let answer = client.ask("POST", "/parcels/bulk", key, &body).await;
    assert_eq!(status(&answer), "207", "{answer}");
    assert_eq!(statuses(&answer), [201, 409, 409, 201], "{answer}");
    let told = content(&answer);
    assert_eq!((&told["done"], &told["refused"]), (&json!(2), &json!(2)));
    assert_eq!(told["items"][0]["result"]["parcel"], "a");
    assert_eq!(told["items"][1]["problem"]["code"], "weightless");
    assert_eq!(told["items"][2]["problem"]["code"], "exists");
    let again = client.ask("POST", "/parcels/bulk", key, &body).await;
    assert_eq!(statuses(&again), statuses(&answer));
    assert_eq!(content(&again)["items"][0]["replayed"], true, "{again}");
    let page = content(&client.ask("GET", "/parcels", "", "").await);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2), "{page}");
    running.stop().await;
}

#[tokio::test]
async fn all_or_nothing_takes_everything_back_and_names_the_item() {
    let (running, client, _temp) = begun().await;
    let mut body = parcels(&[("a", 1), ("b", 2), ("a", 3)]);
    body["atomic"] = json!(true);
    let key = "idempotency-key: k1\r\n";
    let refused = client
        .ask("POST", "/parcels/bulk", key, &body.to_string())
        .await;
    assert_eq!(status(&refused), "409", "{refused}");
    assert_eq!(content(&refused)["code"], "exists");
    assert_eq!(content(&refused)["errors"][0]["pointer"], "/items/2");
    let page = content(&client.ask("GET", "/parcels", "", "").await);
    assert_eq!(page["items"], json!([]), "nothing stands");
    body["items"][2]["code"] = json!("c");
    let done = client
        .ask("POST", "/parcels/bulk", key, &body.to_string())
        .await;
    assert_eq!(statuses(&done), [201, 201, 201], "{done}");
    let again = client
        .ask("POST", "/parcels/bulk", key, &body.to_string())
        .await;
    assert_eq!(content(&again)["items"][2]["replayed"], true, "{again}");
    running.stop().await;
}

#[tokio::test]
async fn items_name_their_rows_and_the_versions_that_were_seen() {
    let (running, client, _temp) = begun().await;
    let made = parcels(&[("a", 1), ("b", 1)]).to_string();
    client.ask("POST", "/parcels/bulk", "", &made).await;
    let body = json!({"items": [{"parcel": "a", "if_match": "\"1\""}, {"parcel": "b", "if_match": "\"7\""}, {"parcel": "z"}]});
    let answer = client
        .ask("POST", "/parcels/send/bulk", "", &body.to_string())
        .await;
    assert_eq!(statuses(&answer), [200, 412, 404], "{answer}");
    let handed = json!({"items": [{"parcel": "a"}, {"parcel": "z"}, {"parcel": "b"}]});
    let answer = client
        .ask("POST", "/hand-over/bulk", "", &handed.to_string())
        .await;
    assert_eq!(
        statuses(&answer),
        [200, 404, 200],
        "a saga per item: {answer}"
    );
    let whole = json!({"items": [{"parcel": "a"}], "atomic": true});
    let answer = client
        .ask("POST", "/hand-over/bulk", "", &whole.to_string())
        .await;
    assert_eq!(
        status(&answer),
        "422",
        "a call cannot be part of it: {answer}"
    );
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_as_described_is_told_before_anything_is_done() {
    let (running, client, _temp) = begun().await;
    let cases = [
        (json!({"items": []}), "/items"),
        (
            parcels(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)]),
            "/items",
        ),
        (
            json!({"items": [{"code": "a", "weight": 1}, {"code": "b"}]}),
            "/items/1/weight",
        ),
        (
            json!({"items": [{"code": "a", "weight": 1, "x": 1}]}),
            "/items/0/x",
        ),
    ];
    for (body, pointer) in cases {
        let answer = client
            .ask("POST", "/parcels/bulk", "", &body.to_string())
            .await;
        assert_eq!(status(&answer), "422", "{answer}");
        assert_eq!(
            content(&answer)["errors"][0]["pointer"],
            pointer,
            "{answer}"
        );
    }
    let page = content(&client.ask("GET", "/parcels", "", "").await);
    assert_eq!(page["items"], json!([]));
    running.stop().await;
}
