//! JSON as a value: canonical text, so that equality of texts is equality of content.

use serde_json::Value as Json;

use super::Fault;
use crate::model::Value;

/// The canonical text of a JSON value: object keys sorted, no spaces.
#[must_use]
pub fn canonical(value: &Json) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Json, out: &mut String) {
    match value {
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (at, (name, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Json::String(name.clone()).to_string());
                out.push(':');
                write(member, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// A JSON value as a value of the language.
#[must_use]
pub fn value(json: &Json) -> Value {
    Value::Json(canonical(json).into())
}

/// Reads the text of a JSON value; nothing for any other value or text.
pub(super) fn read(value: &Value) -> Option<Json> {
    match value {
        Value::Json(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// A member of an object, or absence; a member that is `null` is absent.
pub(super) fn member(object: &Value, name: &str) -> Value {
    match read(object) {
        Some(Json::Object(members)) => match members.get(name) {
            None | Some(Json::Null) => Value::Null,
            Some(found) => value(found),
        },
        _ => Value::Null,
    }
}

/// A value of the language as JSON.
pub(super) fn from_value(value: &Value) -> Result<Value, Fault> {
    let text = match value {
        Value::Null => return Ok(Value::Null),
        Value::Json(_) => return Ok(value.clone()),
        other => text_of(other)?,
    };
    Ok(Value::Json(text.into()))
}

fn text_of(value: &Value) -> Result<String, Fault> {
    Ok(match value {
        Value::Null => "null".to_owned(),
        Value::Json(text) => text.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::List(items) => {
            let items = items.iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
            format!("[{}]", items.join(","))
        }
        Value::Map(map) => {
            let member = |(name, item): (&Value, &Value)| {
                let name = Json::String(super::functions::string(name)?);
                Ok(format!("{name}:{}", text_of(item)?))
            };
            let members = map.iter().map(member).collect::<Result<Vec<_>, Fault>>()?;
            format!("{{{}}}", members.join(","))
        }
        other => Json::String(super::functions::string(other)?).to_string(),
    })
}
