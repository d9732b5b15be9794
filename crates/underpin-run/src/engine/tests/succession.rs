//! A flow of one brief goes on under the next: it ends as it began, what it tells and answers is in
//! the form of the new one, and where that cannot be the folder is refused.

use super::house::*;
use crate::backend::Backend as _;
use crate::store::{Contents, OpenError, Store, no_hook};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use underpin_brief::model::Value;

fn changed(changes: &[(&str, &str)]) -> String {
    let mut text = SHOP.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "`{from}` stands in the brief");
        text = text.replacen(from, to, 1);
    }
    text
}

/// An order that waits for its payment, in an engine that has stopped.
async fn waiting() -> House {
    let mut house = House::cut(SHOP, no_hook(), false).await;
    house.product("a", 10).await;
    house.settle().await;
    let others = Arc::clone(&house.others);
    let closed = others.closed.lock().await;
    let mut request = house.request(
        "shopper/sam",
        "place-order",
        &json!({"lines": [{"product": "a", "quantity": 3}]}),
    );
    request.key = Some("k".to_owned());
    let engine = house.engine().clone();
    let asked = tokio::spawn(async move { engine.command(request).await });
    for _ in 0..400 {
        let figures = house.engine().figures();
        if figures
            .flows
            .iter()
            .any(|(stage, count)| stage == "running" && *count > 0)
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    house.stop();
    let _ = asked.await;
    drop(closed);
    house
}

/// What was added in the new brief: fields, statements, a return, an event's version, a listener.
const GROWN: &[(&str, &str)] = &[
    (
        "field stock int\n",
        "field stock int\n    field weight int default=7\n",
    ),
    (
        "field total money\n    define",
        "field total money\n    field gift text?\n    define",
    ),
    (
        "event OrderPaid about=Order { field order Order; field total money }",
        "event OrderPaid about=Order version=2 { field order Order; field channel text; field total money; upcast from=1 { set channel=\"'web'\" } }",
    ),
    (
        "emit OrderPaid { set order=order.id total=order.total }\n    return order=order.id total=order.total",
        "emit OrderPaid { set order=order.id total=order.total channel=caller.channel }\n    return at=order.created order=order.id total=order.total lines=\"order.lines.size()\"",
    ),
    (
        "create order Order {\n        set customer=caller.id lines=lines total=total",
        "let gift=\"'none'\"\n    create order Order {\n        set customer=caller.id lines=lines total=total gift=gift",
    ),
    (
        "policy count-paid {\n    on OrderPaid\n    change tally Tally key=\"'all'\" create { set paid=\"self.paid + 1\" }",
        "policy count-paid {\n    on OrderPaid\n    change tally Tally key=event.channel create { set paid=\"self.paid + 1\" }",
    ),
    (
        "policy count-cancelled",
        "policy count-entered { on Order.paid; change tally Tally key=\"event.row.customer.id + (has(event.row.gift) ? '' : ' without')\" create { set paid=\"self.paid + 1\" } }\npolicy count-cancelled",
    ),
    (
        "external payments {",
        "external mailer { operation send idempotent=note { input note text } }\nexternal payments {",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_in_progress_ends_under_the_brief_that_started_it() {
    let mut house = waiting().await;
    house.become_brief(&changed(GROWN));
    let recovered = house.open(no_hook()).await;
    assert_eq!(recovered.len(), 1, "{recovered:?}");
    house.settle().await;
    assert_eq!(house.stock("a").await, 7);
    assert_eq!(house.others.count("charge"), 1);
    let tallies = house.rows("clerk/ada", "tallies").await;
    let names: Vec<Option<&str>> = tallies.iter().map(|row| row[0].as_text()).collect();
    assert_eq!(
        names,
        [Some("sam without"), Some("web")],
        "its event is raised, and who listens since hears of its row"
    );
    // The same request again gets its answer, in the form that answers have now.
    let mut request = house.request(
        "shopper/sam",
        "place-order",
        &json!({"lines": [{"product": "a", "quantity": 3}]}),
    );
    request.key = Some("k".to_owned());
    let again = said(house.answer(request).await).expect("the stored answer");
    assert!(again.replayed);
    assert_eq!(again.returned.slot(0), &Value::Null);
    assert!(again.returned.slot(1).as_text().is_some(), "{again:?}");
    assert_eq!(again.returned.slot(3), &Value::Null);
    // A new one runs under the new brief.
    let input = json!({"lines": [{"product": "a", "quantity": 1}]});
    let new = house.run("shopper/sam", "place-order", input).await;
    let new = new.expect("an order");
    assert_eq!(new.returned.slot(3), &Value::Int(1));
    house.settle().await;
    // Nothing of the earlier brief is needed any more: the next change lets go of it.
    house.stop();
    house.become_brief(&changed(GROWN).replace("field gift text?", "field gift text? // a ribbon"));
    assert_eq!(house.open(no_hook()).await.len(), 0);
    house.stop();
    let texts = house.database("SELECT COUNT(*) FROM meta WHERE name LIKE 'brief %'");
    assert_eq!(texts, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_beside_which_a_flow_could_not_end_is_refused_untouched() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[
                ("field stock int\n", "field stock decimal\n"),
                ("input stock int min=0", "input stock decimal min=0"),
                (
                    "invariant \"self.stock >= 0\"",
                    "invariant \"self.stock >= 0.0\"",
                ),
            ],
            "it touches `Product`",
        ),
        (
            &[
                (
                    "field stock int\n",
                    "field stock int\n    field weight int was=nothing\n",
                ),
                ("set sku=input.sku", "set weight=1 sku=input.sku"),
            ],
            "field weight",
        ),
        (
            &[(
                "invariant \"self.stock >= 0\"",
                "invariant \"self.name != 'x'\" else=nameless\n    invariant \"self.stock >= 0\"",
            )],
            "an invariant that it does not know",
        ),
        (
            &[(
                "input amount money\n",
                "input amount money\n        input note text?\n",
            )],
            "it calls `payments.charge`, which has changed",
        ),
        (
            &[
                (
                    "event OrderPaid about=Order { field order Order; field total money }",
                    "event OrderPaid about=Order { field order Order; field total money; field channel text }",
                ),
                (
                    "emit OrderPaid { set order=order.id total=order.total }",
                    "emit OrderPaid { set order=order.id total=order.total channel=caller.channel }",
                ),
            ],
            "it tells `OrderPaid`",
        ),
    ];
    let house = waiting().await;
    let path = house.folder.folder.path(".");
    for (changes, words) in cases {
        let before = house.files();
        let new = brief(&changed(changes));
        let opened = Store::open(&path, &new, Contents::all(), no_hook()).err();
        let Some(OpenError::OtherBrief { differences, .. }) = opened else {
            panic!("{changes:?}: {opened:?}");
        };
        let text = differences.join("\n");
        assert!(text.contains(words), "`{words}` in\n{text}");
        assert!(text.contains("decide: "), "{text}");
        assert!(house.files() == before, "{words}: a file was changed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_payment_takes_back_what_the_earlier_brief_did() {
    let mut house = waiting().await;
    house.others.then(Does::Refuses("card-declined"));
    house.become_brief(&changed(GROWN));
    house.open(no_hook()).await;
    house.settle().await;
    assert_eq!(house.stock("a").await, 10);
    let rows = house.rows("clerk/ada", "my-orders").await;
    assert_eq!(rows[0][1].as_text(), Some("cancelled"));
}
