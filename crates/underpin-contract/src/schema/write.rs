//! Writing: a value to JSON, and to the text that stands for it in a URL.

use super::{Components, Object, Schema, time};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use underpin_brief::model::Value;

/// A value as its form writes it: where one form is written, as text or as JSON in memory.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    components: &'a Components,
    schema: &'a Schema,
    value: &'a Value,
}

impl Components {
    /// A value as JSON of the form `schema`. Secrets are left out. A value that is not of that
    /// form, which would be a defect of the caller, is written as `null`.
    #[must_use]
    pub fn write(&self, schema: &Schema, value: &Value) -> Json {
        // Names of members are texts, so nothing here can fail.
        serde_json::to_value(self.shown(schema, value)).unwrap_or(Json::Null)
    }

    /// The same, to be written without being built in memory first.
    #[must_use]
    pub fn shown<'a>(&'a self, schema: &'a Schema, value: &'a Value) -> Shown<'a> {
        Shown {
            components: self,
            schema,
            value,
        }
    }
}

impl<'a> Shown<'a> {
    fn of(self, schema: &'a Schema, value: &'a Value) -> Self {
        self.components.shown(schema, value)
    }

    fn list<S: Serializer>(
        self,
        to: S,
        items: &'a Schema,
        values: &'a [Value],
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(|value| self.of(items, value)))
    }

    fn object<S: Serializer>(
        self,
        to: S,
        object: &'a Object,
        slots: &'a [Value],
    ) -> Result<S::Ok, S::Error> {
        let shown = object.fields.iter().filter(|field| !field.secret);
        let mut map = to.serialize_map(None)?;
        for field in shown {
            let value = slots.get(field.slot).unwrap_or(&Value::Null);
            map.serialize_entry(&*field.name, &self.of(&field.schema, value))?;
        }
        map.end()
    }

    fn key<S: Serializer>(
        self,
        to: S,
        fields: &'a [(Arc<str>, Schema)],
        values: &'a [Value],
    ) -> Result<S::Ok, S::Error> {
        let parts = fields.iter().zip(values);
        to.collect_map(parts.map(|((name, schema), value)| (&**name, self.of(schema, value))))
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match (self.components.follow(self.schema), self.value) {
            (_, Value::Null) => to.serialize_unit(),
            (Schema::Nullable(inner), value) => self.of(inner, value).serialize(to),
            (Schema::List { items, .. }, Value::List(values)) => self.list(to, items, values),
            (Schema::Map(inner), Value::Map(entries)) => {
                let entry = |(key, value)| (plain(key).unwrap_or_default(), self.of(inner, value));
                to.collect_map(entries.iter().map(entry))
            }
            (Schema::Object(object), Value::Struct(slots)) => self.object(to, object, slots),
            (Schema::Key(fields), Value::List(values)) => self.key(to, fields, values),
            (Schema::Money(_), Value::Money(minor, currency)) => {
                let mut map = to.serialize_map(Some(2))?;
                map.serialize_entry("amount", &amount(*minor, currency.digits()))?;
                map.serialize_entry("currency", currency.as_str())?;
                map.end()
            }
            (Schema::Bool, Value::Bool(truth)) => to.serialize_bool(*truth),
            (Schema::Integer { .. }, Value::Int(number)) => to.serialize_i64(*number),
            (Schema::Any { .. }, value) => Anything(value).serialize(to),
            (_, value) => one_piece(value, to),
        }
    }
}

/// Values without a described form (`json` fields and the like).
struct Anything<'a>(&'a Value);

impl Serialize for Anything<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Json(text) => serde_json::from_str(text)
                .unwrap_or(Json::Null)
                .serialize(to),
            Value::Bool(truth) => to.serialize_bool(*truth),
            Value::Int(number) => to.serialize_i64(*number),
            Value::List(values) => to.collect_seq(values.iter().map(Anything)),
            Value::Map(entries) => {
                let entry = |(key, value)| (plain(key).unwrap_or_default(), Anything(value));
                to.collect_map(entries.iter().map(entry))
            }
            value => one_piece(value, to),
        }
    }
}

fn one_piece<S: Serializer>(value: &Value, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Value::Text(text) => to.serialize_str(text),
        value => match plain(value) {
            Some(text) => to.serialize_str(&text),
            None => to.serialize_unit(),
        },
    }
}

/// The text of a value that is one piece.
pub(super) fn plain(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text) => text.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::Money(minor, currency) => {
            format!("{} {currency}", amount(*minor, currency.digits()))
        }
        Value::Date(days) => time::show_date(*days),
        Value::Time(micros) => time::show_time(*micros),
        Value::Duration(length) => time::show_duration(length.micros),
        Value::Json(text) => text.to_string(),
        Value::Null | Value::List(_) | Value::Map(_) | Value::Struct(_) => return None,
    })
}

/// Minor units as an amount with exactly that many digits after the point.
pub(super) fn amount(minor: i64, digits: u32) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let total = minor.unsigned_abs();
    let unit = 10_u64.checked_pow(digits).unwrap_or(1);
    if digits == 0 {
        return format!("{sign}{total}");
    }
    let width = digits as usize;
    format!("{sign}{}.{:0width$}", total / unit, total % unit)
}

/// The compact text of a JSON value with the names of each object sorted: equal content, equal
/// text.
#[must_use]
pub fn canonical_json(json: &Json) -> String {
    sorted(json).to_string()
}

fn sorted(json: &Json) -> Json {
    match json {
        Json::Array(elements) => elements.iter().map(sorted).collect(),
        Json::Object(members) => {
            let mut members: Vec<(&String, &Json)> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let inside = members
                .into_iter()
                .map(|(name, member)| (name.clone(), sorted(member)));
            Json::Object(inside.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}
