//! Queries: who sees which rows, pages, filters, search, joins, views.

use super::house::*;
use crate::backend::*;
use serde_json::json;
use underpin_brief::model::Value;

async fn page(
    house: &House,
    with: impl FnOnce(&mut QueryRequest),
) -> (Vec<String>, Option<Vec<Value>>) {
    match house.query("", "browse-products", with).await {
        QueryAnswer::Page(page) => {
            let sku = |row: &ShownRow| row.values[0].as_text().expect("a sku").to_owned();
            (page.rows.iter().map(sku).collect(), page.next)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_miss_rows_while_others_are_inserted() {
    let house = House::new(SHOP).await;
    for sku in ["a", "c", "e", "g", "i"] {
        house.product(sku, 1).await;
    }
    let (first, next) = page(&house, |request| request.limit = 2).await;
    assert_eq!(first, ["a", "c"]);
    for sku in ["b", "d"] {
        house.product(sku, 1).await;
    }
    let (second, next) = page(&house, |request| {
        request.limit = 2;
        request.after = next;
    })
    .await;
    assert_eq!(second, ["d", "e"]);
    let (third, next) = page(&house, |request| {
        request.limit = 2;
        request.after = next;
    })
    .await;
    assert_eq!((third, next), (vec!["g".to_owned(), "i".to_owned()], None));
}

#[tokio::test]
async fn searches_take_signs_as_they_are() {
    let house = House::new(SHOP).await;
    for sku in ["50% off", "50 off", "a_b", "axb"] {
        house.product(sku, 1).await;
    }
    for (text, expected) in [
        ("50%", vec!["50% off"]),
        ("A_B", vec!["a_b"]),
        ("off 50", vec!["50 off", "50% off"]),
    ] {
        let (found, _) = page(&house, |request| request.search = Some(text.to_owned())).await;
        assert_eq!(found, expected, "{text}");
    }
}

#[tokio::test]
async fn callers_see_their_own_rows_with_what_they_refer_to() {
    let house = House::new(SHOP).await;
    house.product("a", 10).await;
    for who in ["shopper/sam", "shopper/eve"] {
        let input = json!({"lines": [{"product": "a", "quantity": 2}]});
        house.run(who, "place-order", input).await.expect("placed");
    }
    let mine = house.rows("shopper/sam", "my-orders").await;
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0][3], Value::list(vec![Value::Int(2)]));
    assert_eq!(mine[0][4], Value::list(vec![Value::text("a")]));
    assert_eq!(house.rows("clerk/ada", "my-orders").await.len(), 2);
    let refused = |answer| match answer {
        QueryAnswer::Refused(refusal) => refusal.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(house.query("", "my-orders", |_| ()).await),
        "unauthenticated"
    );
    assert_eq!(
        refused(house.query("clerk/ada", "revenue", |_| ()).await),
        "forbidden"
    );
    let folded = house.rows("clerk.manager/ada", "revenue").await;
    assert_eq!(folded.len(), 1);
    assert_eq!(folded[0][1], Value::Int(2));
}

#[tokio::test]
async fn a_row_is_shown_to_those_whom_some_query_shows_it() {
    let house = House::new(SHOP).await;
    house.product("a", 10).await;
    let input = json!({"lines": [{"product": "a", "quantity": 2}]});
    let mark = house
        .run("shopper/sam", "place-order", input)
        .await
        .expect("placed")
        .row
        .expect("a row");
    let ask = |who: &str| RowRequest {
        aggregate: mark.aggregate,
        key: mark.key.clone(),
        asked: house.asked(who),
    };
    assert!(matches!(
        house.engine().row(ask("shopper/sam")).await,
        RowAnswer::Shown { .. }
    ));
    for who in ["shopper/eve", ""] {
        assert!(
            matches!(house.engine().row(ask(who)).await, RowAnswer::Refused(_)),
            "{who}"
        );
    }
}
