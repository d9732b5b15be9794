//! Writing: a value to JSON, and to the text that stands for it in a URL.

use super::{Components, Object, Schema, time};
use serde_json::{Map, Value as Json, json};
use underpin_brief::model::Value;

impl Components {
    /// A value as JSON of the form `schema`. Secrets are left out. A value that is not of that
    /// form, which would be a defect of the caller, is written as `null`.
    #[must_use]
    pub fn write(&self, schema: &Schema, value: &Value) -> Json {
        match (self.follow(schema), value) {
            (_, Value::Null) => Json::Null,
            (Schema::Nullable(inner), value) => self.write(inner, value),
            (Schema::List { items, .. }, Value::List(values)) => values
                .iter()
                .map(|value| self.write(items, value))
                .collect(),
            (Schema::Map(inner), Value::Map(entries)) => {
                let entry = |(key, value): (&Value, &Value)| {
                    (plain(key).unwrap_or_default(), self.write(inner, value))
                };
                Json::Object(entries.iter().map(entry).collect())
            }
            (Schema::Object(object), Value::Struct(slots)) => self.write_object(object, slots),
            (Schema::Key(fields), Value::List(values)) => {
                let parts = fields.iter().zip(values.iter());
                let part = |((name, schema), value): (&(_, Schema), &Value)| {
                    let name: &std::sync::Arc<str> = name;
                    (name.to_string(), self.write(schema, value))
                };
                Json::Object(parts.map(part).collect())
            }
            (Schema::Money(_), Value::Money(minor, currency)) => json!({
                "amount": amount(*minor, currency.digits()),
                "currency": currency.as_str(),
            }),
            (Schema::Bool, Value::Bool(truth)) => Json::Bool(*truth),
            (Schema::Integer { .. }, Value::Int(number)) => Json::from(*number),
            (Schema::Any { .. }, value) => anything(value),
            (_, value) => plain(value).map_or(Json::Null, Json::String),
        }
    }

    fn write_object(&self, object: &Object, slots: &[Value]) -> Json {
        let shown = object.fields.iter().filter(|field| !field.secret);
        let member = |field: &super::Field| {
            let value = slots.get(field.slot).unwrap_or(&Value::Null);
            (field.name.to_string(), self.write(&field.schema, value))
        };
        Json::Object(shown.map(member).collect())
    }
}

/// Values without a described form (`json` fields and the like).
fn anything(value: &Value) -> Json {
    match value {
        Value::Json(text) => serde_json::from_str(text).unwrap_or(Json::Null),
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => Json::from(*number),
        Value::List(values) => values.iter().map(anything).collect(),
        Value::Map(entries) => {
            let entry =
                |(key, value): (&Value, &Value)| (plain(key).unwrap_or_default(), anything(value));
            Json::Object(entries.iter().map(entry).collect())
        }
        value => plain(value).map_or(Json::Null, Json::String),
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
