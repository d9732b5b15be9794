//! `matches_schema`: the part of JSON Schema that says what messages look like. A keyword that is
//! not known here makes the schema invalid, so that nothing is let through unseen.

use serde_json::{Map, Value as Json};

use super::{Fault, json};
use crate::model::Value;

/// Schemas nest no deeper.
const DEEPEST: u32 = 64;

/// Whether a JSON value is what a JSON schema says.
pub(super) fn matches(value: &Value, schema: &Value) -> Result<Value, Fault> {
    let invalid = || Fault::Invalid("this is no JSON".into());
    let value = json::read(value).ok_or_else(invalid)?;
    let schema = json::read(schema).ok_or_else(invalid)?;
    fits(&value, &schema, 0).map(Value::Bool)
}

fn fits(value: &Json, schema: &Json, depth: u32) -> Result<bool, Fault> {
    if depth > DEEPEST {
        return Err(Fault::Invalid("the schema is too deep".into()));
    }
    let members = match schema {
        Json::Bool(truth) => return Ok(*truth),
        Json::Object(members) => members,
        _ => return Err(Fault::Invalid("a schema is an object or a bool".into())),
    };
    for (keyword, rule) in members {
        if !keyword_fits(value, keyword, rule, members, depth)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn keyword_fits(
    value: &Json,
    keyword: &str,
    rule: &Json,
    schema: &Map<String, Json>,
    depth: u32,
) -> Result<bool, Fault> {
    let length = || value.as_str().map(|text| text.chars().count() as u64);
    let count = || value.as_array().map(|items| items.len() as u64);
    let size = || value.as_object().map(|members| members.len() as u64);
    let at_most = |have: Option<u64>| {
        Ok(have.is_none_or(|have| rule.as_u64().is_none_or(|most| have <= most)))
    };
    let at_least = |have: Option<u64>| {
        Ok(have.is_none_or(|have| rule.as_u64().is_none_or(|least| have >= least)))
    };
    match keyword {
        "$schema" | "$id" | "$comment" | "title" | "description" | "default" | "examples"
        | "deprecated" | "readOnly" | "writeOnly" | "format" => Ok(true),
        "type" => Ok(match rule {
            Json::Array(kinds) => kinds.iter().any(|kind| is_kind(value, kind)),
            kind => is_kind(value, kind),
        }),
        "enum" => Ok(rule.as_array().is_some_and(|values| values.contains(value))),
        "const" => Ok(rule == value),
        "minLength" => at_least(length()),
        "maxLength" => at_most(length()),
        "minItems" => at_least(count()),
        "maxItems" => at_most(count()),
        "minProperties" => at_least(size()),
        "maxProperties" => at_most(size()),
        "minimum" => Ok(ordered(value, rule, |order| order.is_ge())),
        "maximum" => Ok(ordered(value, rule, |order| order.is_le())),
        "exclusiveMinimum" => Ok(ordered(value, rule, |order| order.is_gt())),
        "exclusiveMaximum" => Ok(ordered(value, rule, |order| order.is_lt())),
        "uniqueItems" => Ok(rule != &Json::Bool(true) || unique(value)),
        "required" => Ok(required(value, rule)),
        "properties" | "additionalProperties" | "items" => {
            members(value, keyword, rule, schema, depth)
        }
        "allOf" | "anyOf" | "oneOf" | "not" => combined(value, keyword, rule, depth),
        _ => Err(Fault::Invalid(format!("schema keyword `{keyword}`").into())),
    }
}

fn is_kind(value: &Json, kind: &Json) -> bool {
    match kind.as_str().unwrap_or("") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || whole(value),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn whole(value: &Json) -> bool {
    value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn ordered(value: &Json, rule: &Json, holds: impl Fn(std::cmp::Ordering) -> bool) -> bool {
    match (value.as_f64(), rule.as_f64()) {
        (Some(value), Some(rule)) => value.partial_cmp(&rule).is_some_and(holds),
        _ => true,
    }
}

fn unique(value: &Json) -> bool {
    value.as_array().is_none_or(|items| {
        let mut texts: Vec<String> = items.iter().map(json::canonical).collect();
        texts.sort();
        let before = texts.len();
        texts.dedup();
        texts.len() == before
    })
}

fn required(value: &Json, rule: &Json) -> bool {
    let (Some(members), Some(names)) = (value.as_object(), rule.as_array()) else {
        return true;
    };
    names
        .iter()
        .filter_map(Json::as_str)
        .all(|name| members.contains_key(name))
}

fn members(
    value: &Json,
    keyword: &str,
    rule: &Json,
    schema: &Map<String, Json>,
    depth: u32,
) -> Result<bool, Fault> {
    let every = |values: Vec<(&Json, &Json)>| -> Result<bool, Fault> {
        for (value, rule) in values {
            if !fits(value, rule, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let properties = schema.get("properties").and_then(Json::as_object);
    match (keyword, value) {
        ("items", Json::Array(items)) => every(items.iter().map(|item| (item, rule)).collect()),
        ("properties", Json::Object(members)) => {
            let rules = rule.as_object().into_iter().flatten();
            every(
                rules
                    .filter_map(|(name, rule)| Some((members.get(name)?, rule)))
                    .collect(),
            )
        }
        ("additionalProperties", Json::Object(members)) => {
            let known = |name: &String| properties.is_some_and(|known| known.contains_key(name));
            let rest = members.iter().filter(|(name, _)| !known(name));
            every(rest.map(|(_, member)| (member, rule)).collect())
        }
        _ => Ok(true),
    }
}

fn combined(value: &Json, keyword: &str, rule: &Json, depth: u32) -> Result<bool, Fault> {
    if keyword == "not" {
        return Ok(!fits(value, rule, depth + 1)?);
    }
    let Some(schemas) = rule.as_array() else {
        return Err(Fault::Invalid(format!("schema keyword `{keyword}`").into()));
    };
    let mut fitting = 0;
    for schema in schemas {
        fitting += usize::from(fits(value, schema, depth + 1)?);
    }
    Ok(match keyword {
        "allOf" => fitting == schemas.len(),
        "anyOf" => fitting > 0,
        _ => fitting == 1,
    })
}
