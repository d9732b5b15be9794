//! What came to light when briefs of other domains were run.

use super::house::*;
use crate::backend::*;
use serde_json::json;
use underpin_brief::model::{Currency, Value};

const COURSES: &str = r#"
system school
actor student kind=person
aggregate Course {
    key code text max=12
    field seats int min=0
    field taken int default=0
}
aggregate Wish {
    key id
    field course Course
    states certain waiting { move queue certain to=waiting }
}
command add-course {
    allow student
    input code text max=12
    input seats int min=0
    create course Course { set code=input.code seats=input.seats }
}
command enrol {
    allow student
    input course Course
    read c Course key=input.course
    let room="c.taken < c.seats"
    create wish Wish { set course=c.code }
    change wish when="!room" { move queue }
    change c when=room { set taken="self.taken + 1" }
    return state=wish.state taken=c.taken
}
command take-seat {
    allow student
    input course Course
    read c Course key=input.course
    change c when="c.taken < c.seats" { set taken="self.taken + 1" }
    create wish Wish { set course=c.code }
}
query courses of=Course { allow student; show code taken }
query wishes of=Wish { allow student; show state }
"#;

#[tokio::test]
async fn a_bound_row_stays_bound_where_its_change_is_skipped() {
    let house = House::new(COURSES).await;
    let course = json!({"code": "a", "seats": 1});
    house
        .run("student/sue", "add-course", course)
        .await
        .expect("a course");
    for (state, taken) in [("certain", 1), ("waiting", 1)] {
        let done = house
            .run("student/sue", "enrol", json!({"course": "a"}))
            .await
            .expect("a place or a wish");
        assert_eq!(done.returned.slot(0), &Value::text(state));
        assert_eq!(done.returned.slot(1), &Value::Int(taken));
    }
}

#[tokio::test]
async fn an_answer_points_to_the_row_that_was_read_by_the_key_in_the_path() {
    let house = House::new(COURSES).await;
    let course = json!({"code": "a", "seats": 1});
    house
        .run("student/sue", "add-course", course)
        .await
        .expect("a course");
    let of = house.brief.aggregates.find("Course").expect("an aggregate");
    for version in [2, 2] {
        let done = house
            .run("student/sue", "take-seat", json!({"course": "a"}))
            .await
            .expect("a wish");
        let row = done.row.expect("a row");
        assert_eq!((row.aggregate, row.key), (of, Value::text("a")));
        assert_eq!(row.version, version);
        let open: Vec<&str> = row
            .open
            .iter()
            .map(|id| &*house.brief.commands.get(*id).name.text)
            .collect();
        assert_eq!(open, ["take-seat"]);
    }
}

const ROOMS: &str = r#"
system hotel { currency CHF EUR }
actor guest kind=person
aggregate Room {
    key number int min=1 max=99
    field rate money min=0
}
command add-room {
    allow guest
    input number int min=1 max=99
    input rate money min=0
    create room Room { set number=input.number rate=input.rate }
}
query rooms of=Room { allow guest; filter rate; show number }
"#;

#[tokio::test]
async fn amounts_of_another_currency_are_neither_less_nor_more() {
    let house = House::new(ROOMS).await;
    for (number, amount, currency) in [
        (1, "10.00", "CHF"),
        (2, "20.00", "CHF"),
        (3, "10.00", "EUR"),
    ] {
        let input = json!({"number": number, "rate": {"amount": amount, "currency": currency}});
        house
            .run("guest/gil", "add-room", input)
            .await
            .expect("a room");
    }
    let franc = Currency::parse("CHF").expect("a currency");
    let amount = |minor| Value::Money(minor, franc);
    let cases = [
        (Test::AtMost(amount(1500)), vec![1]),
        (Test::AtLeast(amount(1000)), vec![1, 2]),
        (Test::OneOf(vec![amount(1000), amount(2000)]), vec![1, 2]),
    ];
    for (test, expected) in cases {
        let shown = format!("{test:?}");
        let answer = house
            .query("guest/gil", "rooms", |request| {
                request.filters = vec![Filter { slot: 1, test }];
            })
            .await;
        let QueryAnswer::Page(page) = answer else {
            panic!("{answer:?}");
        };
        let numbers: Vec<&Value> = page.rows.iter().map(|row| &row.values[0]).collect();
        let expected: Vec<Value> = expected.into_iter().map(Value::Int).collect();
        assert_eq!(numbers, expected.iter().collect::<Vec<_>>(), "{shown}");
    }
}
