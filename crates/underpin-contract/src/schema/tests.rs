//! Forms read, written, shown and exemplified, as tables.

use super::*;
use serde_json::{Value as Json, json};

fn text(min: u64, max: u64, format: TextFormat) -> Schema {
    Schema::Text {
        min: Some(min),
        max: Some(max),
        format,
    }
}

fn money(min: Option<i64>, shown: bool) -> Schema {
    let currencies = ["EUR", "JPY"]
        .iter()
        .filter_map(|code| Currency::parse(code))
        .collect();
    Schema::Money(MoneyForm {
        currencies,
        min,
        max: None,
        shown,
    })
}

fn field(name: &str, slot: usize, schema: Schema, required: bool) -> Field {
    Field {
        name: name.into(),
        slot,
        schema,
        required,
        default: None,
        secret: false,
    }
}

fn line() -> Schema {
    let mut quantity = field(
        "quantity",
        1,
        Schema::Integer {
            min: Some(1),
            max: Some(99),
        },
        false,
    );
    quantity.default = Some(Value::Int(1));
    let mut token = field("token", 2, text(0, 9, TextFormat::Plain).nullable(), false);
    token.secret = true;
    let fields = vec![
        field("sku", 0, text(1, 5, TextFormat::Plain), true),
        quantity,
        token,
    ];
    Schema::Object(Object {
        title: None,
        width: 3,
        fields,
    })
}

fn components() -> Components {
    let mut components = Components::default();
    components.schemas.insert("Line".into(), line());
    components
}

fn named() -> Schema {
    Schema::Named("Line".into())
}

fn decimal(shown: bool) -> Schema {
    Schema::Decimal {
        min: None,
        max: None,
        shown,
    }
}

/// A form, JSON that it accepts with what is written of it, JSON that it refuses.
type Row = (Schema, Vec<(Json, Json)>, Vec<Json>);

/// Every form with JSON that it accepts and what is written of the value, and JSON that it
/// refuses.
#[expect(clippy::too_many_lines, reason = "one table")]
fn table() -> Vec<Row> {
    let same = |values: &[Json]| {
        values
            .iter()
            .map(|v| (v.clone(), v.clone()))
            .collect::<Vec<_>>()
    };
    vec![
        (
            Schema::Bool,
            same(&[json!(true)]),
            vec![json!("true"), json!(1), json!(null)],
        ),
        (
            Schema::Integer {
                min: Some(1),
                max: Some(9),
            },
            vec![(json!(1), json!(1)), (json!(9.0), json!(9))],
            vec![json!(0), json!(10), json!(1.5), json!("1"), json!(1e300)],
        ),
        (
            text(2, 3, TextFormat::Plain),
            same(&[json!("äö"), json!("abc")]),
            vec![json!("a"), json!("abcd"), json!(12)],
        ),
        (
            text(1, 99, TextFormat::Email),
            same(&[json!("a@b"), json!("x+y@z.org")]),
            vec![
                json!("a"),
                json!("a@"),
                json!("a@b@c"),
                json!("a b@c"),
                json!("ä@b"),
            ],
        ),
        (
            text(1, 99, TextFormat::Url),
            same(&[json!("https://a.b/c?d"), json!("http://x:80")]),
            vec![
                json!("ftp://a"),
                json!("https://"),
                json!("https://a b"),
                json!("http://x:y"),
            ],
        ),
        (
            text(1, 9, TextFormat::Token),
            same(&[json!("a-B_9")]),
            vec![json!("a b"), json!("")],
        ),
        (
            decimal(false),
            vec![
                (json!("1.50"), json!("1.5")),
                (json!("-0.000000001"), json!("-0.000000001")),
            ],
            vec![
                json!(1.5),
                json!("1."),
                json!("01"),
                json!("1e3"),
                json!("+1"),
                json!("1_0"),
            ],
        ),
        (
            money(Some(0), false),
            vec![
                (
                    json!({ "amount": "9.8", "currency": "EUR" }),
                    json!({ "amount": "9.80", "currency": "EUR" }),
                ),
                (
                    json!({ "currency": "JPY", "amount": "980" }),
                    json!({ "amount": "980", "currency": "JPY" }),
                ),
            ],
            vec![
                json!({ "amount": "9.801", "currency": "EUR" }),
                json!({ "amount": "-1", "currency": "EUR" }),
                json!({ "amount": "-0", "currency": "EUR" }),
                json!({ "amount": "9.8", "currency": "JPY" }),
                json!({ "amount": "9.8", "currency": "USD" }),
                json!({ "amount": "9.8" }),
                json!({ "amount": "9.8", "currency": "EUR", "x": 1 }),
                json!("9.80"),
            ],
        ),
        (
            Schema::Date {
                min: Some(0),
                max: None,
            },
            same(&[
                json!("1970-01-01"),
                json!("2024-02-29"),
                json!("9999-12-31"),
            ]),
            vec![
                json!("1969-12-31"),
                json!("2023-02-29"),
                json!("2024-2-9"),
                json!("0000-01-01"),
            ],
        ),
        (
            Schema::Time,
            vec![
                (json!("2026-11-22T15:04:05Z"), json!("2026-11-22T15:04:05Z")),
                (
                    json!("2026-11-22t15:04:05.125+01:30"),
                    json!("2026-11-22T13:34:05.125Z"),
                ),
                (
                    json!("1969-12-31T23:59:60Z"),
                    json!("1969-12-31T23:59:59.999999Z"),
                ),
            ],
            vec![
                json!("2026-11-22"),
                json!("2026-11-22T24:00:00Z"),
                json!("2026-11-22T15:04:05"),
            ],
        ),
        (
            Schema::Duration {
                min: Some(0),
                max: Some(86_400_000_000),
            },
            vec![
                (json!("PT90M"), json!("PT1H30M")),
                (json!("P1D"), json!("PT24H")),
                (json!("PT0.5S"), json!("PT0.5S")),
                (json!("PT0S"), json!("PT0S")),
            ],
            vec![
                json!("P1M"),
                json!("PT"),
                json!("90s"),
                json!("-PT1S"),
                json!("P2D"),
                json!("P"),
            ],
        ),
        (
            Schema::Enum(vec!["open".into(), "closed".into()]),
            same(&[json!("open")]),
            vec![json!("Open"), json!(null)],
        ),
        (
            Schema::List {
                items: Box::new(named()),
                min: 1,
                max: Some(2),
            },
            vec![(
                json!([{ "sku": "a" }]),
                json!([{ "sku": "a", "quantity": 1 }]),
            )],
            vec![
                json!([]),
                json!([{}, {}, {}]),
                json!({}),
                json!([{ "sku": "a", "price": 1 }]),
            ],
        ),
        (
            Schema::Map(Box::new(Schema::Bool)),
            same(&[json!({ "a": true })]),
            vec![json!({ "a": 1 }), json!([])],
        ),
        (
            Schema::Key(vec![
                ("document".into(), text(1, 9, TextFormat::Token)),
                ("person".into(), text(1, 9, TextFormat::Plain)),
            ]),
            same(&[json!({ "document": "d1", "person": "ada" })]),
            vec![
                json!({ "document": "d1" }),
                json!("d1"),
                json!({ "document": "", "person": "x" }),
            ],
        ),
        (
            Schema::Bool.nullable(),
            same(&[json!(null), json!(false)]),
            vec![json!("no")],
        ),
        (
            Schema::Any {
                max_bytes: Some(13),
            },
            vec![
                (json!({ "b": 1, "a": 2 }), json!({ "a": 2, "b": 1 })),
                (json!(null), json!(null)),
            ],
            vec![json!("0123456789abc")],
        ),
    ]
}

#[test]
fn forms_accept_what_they_describe_and_nothing_else() {
    let components = components();
    for (schema, accepted, refused) in table() {
        for (json, written) in accepted {
            let value = components.read(&schema, &json);
            let value =
                value.unwrap_or_else(|found| panic!("{schema:?} refuses {json}: {found:?}"));
            let again = components.write(&schema, &value).to_string();
            assert_eq!(again, written.to_string(), "{schema:?} writes {json}");
        }
        for json in refused {
            assert!(
                !components.validate(&schema, &json).is_empty(),
                "{schema:?} accepts {json}"
            );
        }
    }
}

#[test]
fn examples_are_accepted_by_their_forms() {
    let components = components();
    for (schema, ..) in table() {
        let example = components.example("sku", &schema);
        assert_eq!(
            components.validate(&schema, &example),
            [],
            "{example} of {schema:?}"
        );
    }
}

#[test]
fn a_number_where_a_string_stands_is_answered_with_an_example() {
    let components = Components::default();
    for (schema, expected) in [
        (decimal(false), r#"must be a string such as `"1.5"`"#),
        (
            money(None, false),
            r#"must be an object such as `{"amount":"9.80","currency":"EUR"}`"#,
        ),
        (
            Schema::Time,
            r#"must be a string such as `"2026-01-31T09:30:00Z"`"#,
        ),
        (text(0, 9, TextFormat::Plain), "must be a string"),
    ] {
        let found = components.validate(&schema, &json!(12.5));
        let told: Vec<&str> = found.iter().map(|found| &*found.message).collect();
        assert_eq!(told, [expected]);
    }
}

#[test]
fn violations_name_every_place() {
    let list = Schema::List {
        items: Box::new(named()),
        min: 0,
        max: None,
    };
    let json = json!([{ "sku": "", "quantity": 0, "a/b": 1 }, {}]);
    let found = components().validate(&list, &json);
    let places: Vec<&str> = found.iter().map(|violation| &*violation.pointer).collect();
    assert_eq!(places, ["/0/sku", "/0/quantity", "/0/a~1b", "/1/sku"]);
}

#[test]
fn secrets_are_read_and_never_written() {
    let components = components();
    let value = components
        .read(&named(), &json!({ "sku": "a", "token": "t" }))
        .unwrap();
    assert_eq!(*value.slot(2), Value::text("t"));
    assert_eq!(
        components.write(&named(), &value),
        json!({ "sku": "a", "quantity": 1 })
    );
}

#[test]
fn keys_are_one_text_per_field() {
    let inner = Schema::Key(vec![("a".into(), Schema::Bool), ("b".into(), Schema::Bool)]);
    let outer = Schema::Key(vec![("x".into(), Schema::Bool), ("y".into(), inner)]);
    assert_eq!(key_segments("id", &outer), ["x", "y_a", "y_b"]);
    assert_eq!(key_segments("id", &Schema::Bool), ["id"]);
    let key = Value::list(vec![
        Value::text("1"),
        Value::list(vec![Value::Int(2), Value::Int(3)]),
    ]);
    assert_eq!(Components::key_texts(&key), ["1", "2", "3"]);
}

#[test]
fn schemas_say_what_is_accepted() {
    let table = [
        (
            money(Some(0), true),
            r#"{"anyOf":[{"type":"object","properties":{"amount":{"type":"string","pattern":"^(0|[1-9][0-9]{0,18})$"},"currency":{"type":"string","enum":["JPY"]}},"required":["amount","currency"],"additionalProperties":false},{"type":"object","properties":{"amount":{"type":"string","pattern":"^(0|[1-9][0-9]{0,18})(\\.[0-9]{1,2})?$"},"currency":{"type":"string","enum":["EUR"]}},"required":["amount","currency"],"additionalProperties":false}],"x-minimum":"0"}"#,
        ),
        (
            line(),
            r#"{"type":"object","properties":{"sku":{"type":"string","minLength":1,"maxLength":5},"quantity":{"type":"integer","format":"int64","minimum":1,"maximum":99,"default":1},"token":{"type":["string","null"],"maxLength":9,"writeOnly":true}},"required":["sku"],"additionalProperties":false}"#,
        ),
        (
            named().nullable(),
            r##"{"anyOf":[{"$ref":"#/components/schemas/Line"},{"type":"null"}]}"##,
        ),
        (
            Schema::Enum(vec!["a".into()]).nullable(),
            r#"{"type":["string","null"],"enum":["a",null]}"#,
        ),
    ];
    for (schema, wanted) in table {
        assert_eq!(schema.json_schema().to_string(), wanted);
    }
}

#[test]
fn texts_of_urls_are_strict() {
    let money = money(None, false).in_url();
    let eur = Currency::parse("EUR").unwrap();
    assert_eq!(money.parse("9.80"), Ok(Value::Money(980, eur)));
    assert_eq!(money.parse("9.80 EUR"), Ok(Value::Money(980, eur)));
    assert!(money.parse("9.80EUR").is_err());
    let integer = Schema::Integer {
        min: None,
        max: None,
    };
    for refused in ["01", "+1", "1.0", "", " 1", "9223372036854775808"] {
        assert!(integer.parse(refused).is_err(), "{refused}");
    }
    assert_eq!(integer.parse("-7"), Ok(Value::Int(-7)));
}
