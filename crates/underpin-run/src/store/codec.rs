//! Values as text that reads back exactly: for list and record columns, the journal and the
//! outbox. It needs no type, so what was written by an older engine of the same brief stays
//! readable. It must not be shown to clients: their form is the contract's.

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::model::{Currency, Decimal, Duration, Value};

/// The JSON form of a value.
#[must_use]
pub fn encode(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => json!(truth),
        Value::Int(number) => json!(number),
        Value::Text(text) => json!(&**text),
        Value::Decimal(decimal) => json!({"d": decimal.nanos()}),
        Value::Money(minor, currency) => json!({"m": [minor, currency.as_str()]}),
        Value::Date(days) => json!({"D": days}),
        Value::Time(micros) => json!({"t": micros}),
        Value::Duration(length) => json!({"u": length.micros}),
        Value::List(items) => Json::Array(items.iter().map(encode).collect()),
        Value::Struct(slots) => json!({"s": slots.iter().map(encode).collect::<Vec<_>>()}),
        Value::Map(entries) => {
            let pairs: Vec<Json> = entries
                .iter()
                .map(|(key, value)| json!([encode(key), encode(value)]))
                .collect();
            json!({"p": pairs})
        }
        Value::Json(text) => json!({"j": &**text}),
    }
}

/// The value of a JSON form; `None` where it is none.
#[must_use]
pub fn decode(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Int(number.as_i64()?),
        Json::String(text) => Value::text(text),
        Json::Array(items) => Value::list(items.iter().map(decode).collect::<Option<_>>()?),
        Json::Object(object) => {
            let (tag, inner) = object.iter().next()?;
            return tagged(tag, inner);
        }
    })
}

fn tagged(tag: &str, inner: &Json) -> Option<Value> {
    Some(match tag {
        "d" => Value::Decimal(Decimal::from_nanos(inner.as_i64()?)),
        "m" => {
            let minor = inner.get(0)?.as_i64()?;
            Value::Money(minor, Currency::parse(inner.get(1)?.as_str()?)?)
        }
        "D" => Value::Date(i32::try_from(inner.as_i64()?).ok()?),
        "t" => Value::Time(inner.as_i64()?),
        "u" => Value::Duration(Duration::from_micros(inner.as_i64()?)),
        "s" => Value::record(
            inner
                .as_array()?
                .iter()
                .map(decode)
                .collect::<Option<_>>()?,
        ),
        "p" => {
            let pair = |pair: &Json| Some((decode(pair.get(0)?)?, decode(pair.get(1)?)?));
            let entries: BTreeMap<Value, Value> =
                inner.as_array()?.iter().map(pair).collect::<Option<_>>()?;
            Value::Map(Arc::new(entries))
        }
        "j" => Value::Json(inner.as_str()?.into()),
        _ => return None,
    })
}

/// The text form of a value.
#[must_use]
pub fn to_text(value: &Value) -> String {
    encode(value).to_string()
}

/// The value of a text form.
#[must_use]
pub fn from_text(text: &str) -> Option<Value> {
    decode(&serde_json::from_str(text).ok()?)
}

/// A key as one text, for tables that hold keys of all aggregates. Injective per aggregate, since
/// the type of its key is fixed.
#[must_use]
pub fn key_text(key: &Value) -> String {
    match key {
        Value::Text(text) => text.to_string(),
        other => to_text(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_reads_back() {
        let euro = Currency::parse("EUR").expect("a currency");
        let all = vec![
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Decimal(Decimal::from_nanos(-1)),
            Value::Money(i64::MAX, euro),
            Value::text("a\"\u{0}ö"),
            Value::Date(-1),
            Value::Time(i64::MAX),
            Value::Duration(Duration::from_micros(-5)),
            Value::record(vec![]),
            Value::Map(Arc::new(
                [(Value::list(vec![Value::Int(1)]), Value::Null)].into(),
            )),
            Value::Json("{\"a\":1}".into()),
        ];
        let whole = Value::list(all);
        assert_eq!(from_text(&to_text(&whole)), Some(whole));
    }
}
