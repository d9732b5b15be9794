//! Values as text that reads back exactly: for list and record columns, the journal and the
//! outbox. It needs no type, so what was written by an older engine of the same brief stays
//! readable. It must not be shown to clients: their form is the contract's.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use underpin_brief::model::{Currency, Decimal, Duration, Value};

/// A value to be written.
pub(crate) struct Written<'a>(pub(crate) &'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => to.serialize_unit(),
            Value::Bool(truth) => to.serialize_bool(*truth),
            Value::Int(number) => to.serialize_i64(*number),
            Value::Text(text) => to.serialize_str(text),
            Value::Decimal(decimal) => tagged(to, "d", &decimal.nanos()),
            Value::Money(minor, currency) => tagged(to, "m", &(minor, currency.as_str())),
            Value::Date(days) => tagged(to, "D", days),
            Value::Time(micros) => tagged(to, "t", micros),
            Value::Duration(length) => tagged(to, "u", &length.micros),
            Value::List(items) => to.collect_seq(items.iter().map(Written)),
            Value::Struct(slots) => tagged(to, "s", &Items(slots)),
            Value::Map(entries) => tagged(to, "p", &Pairs(entries)),
            Value::Json(text) => tagged(to, "j", &**text),
        }
    }
}

fn tagged<S: Serializer, T: Serialize + ?Sized>(
    to: S,
    tag: &'static str,
    value: &T,
) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(1))?;
    map.serialize_entry(tag, value)?;
    map.end()
}

struct Items<'a>(&'a [Value]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(Written))
    }
}

struct Pairs<'a>(&'a BTreeMap<Value, Value>);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(
            self.0
                .iter()
                .map(|(key, value)| (Written(key), Written(value))),
        )
    }
}

/// A value that was read.
pub(crate) struct Read(pub(crate) Value);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reading).map(Self)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Int).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Read(item)) = from.next_element()? {
            items.push(item);
        }
        Ok(Value::list(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let tag: Tag = from
            .next_key()?
            .ok_or_else(|| A::Error::custom("a value without a tag"))?;
        let value = tag.value(&mut from)?;
        while from.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(value)
    }
}

/// What an object of one member says of its value.
enum Tag {
    Decimal,
    Money,
    Date,
    Time,
    Duration,
    Struct,
    Map,
    Json,
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Tag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a tag")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Tag, E> {
                Ok(match text {
                    "d" => Tag::Decimal,
                    "m" => Tag::Money,
                    "D" => Tag::Date,
                    "t" => Tag::Time,
                    "u" => Tag::Duration,
                    "s" => Tag::Struct,
                    "p" => Tag::Map,
                    "j" => Tag::Json,
                    _ => return Err(E::custom("an unknown tag")),
                })
            }
        }
        from.deserialize_str(Name)
    }
}

impl Tag {
    fn value<'de, A: MapAccess<'de>>(self, from: &mut A) -> Result<Value, A::Error> {
        Ok(match self {
            Self::Decimal => Value::Decimal(Decimal::from_nanos(from.next_value()?)),
            Self::Money => {
                let (minor, code): (i64, String) = from.next_value()?;
                let currency = Currency::parse(&code);
                let currency = currency.ok_or_else(|| A::Error::custom("an unknown currency"))?;
                Value::Money(minor, currency)
            }
            Self::Date => Value::Date(from.next_value()?),
            Self::Time => Value::Time(from.next_value()?),
            Self::Duration => Value::Duration(Duration::from_micros(from.next_value()?)),
            Self::Struct => {
                let slots: Vec<Read> = from.next_value()?;
                Value::record(slots.into_iter().map(|slot| slot.0).collect())
            }
            Self::Map => {
                let pairs: Vec<(Read, Read)> = from.next_value()?;
                let entries = pairs.into_iter().map(|(key, value)| (key.0, value.0));
                Value::Map(Arc::new(entries.collect()))
            }
            Self::Json => {
                let text: String = from.next_value()?;
                Value::Json(text.into())
            }
        })
    }
}

/// The JSON form of a value.
#[must_use]
pub fn encode(value: &Value) -> serde_json::Value {
    // Names of members are texts, so nothing here can fail.
    serde_json::to_value(Written(value)).unwrap_or_default()
}

/// The value of a JSON form; `None` where it is none.
#[must_use]
pub fn decode(json: &serde_json::Value) -> Option<Value> {
    Read::deserialize(json).ok().map(|Read(value)| value)
}

/// The text form of a value.
#[must_use]
pub fn to_text(value: &Value) -> String {
    // Names of members are texts, so nothing here can fail.
    serde_json::to_string(&Written(value)).unwrap_or_default()
}

/// The value of a text form.
#[must_use]
pub fn from_text(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().map(|Read(value)| value)
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
