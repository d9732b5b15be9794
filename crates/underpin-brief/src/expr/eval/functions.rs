//! The functions. Their arguments are present and of the types that the checker saw; arguments
//! that it added stand last.

use jiff::{Timestamp, civil, tz::TimeZone};

use super::arithmetic::add;
use super::{Fault, json, schema};
use crate::model::{Currency, Decimal, Duration, Function, Value, div_half_even};

pub(super) fn call(function: Function, arguments: &[Value]) -> Result<Value, Fault> {
    match (function, arguments) {
        (Function::Value, [value]) => Ok(value.clone()),
        (Function::Sum, [Value::List(items), zero]) => sum(items, zero),
        (Function::Min, [Value::List(items)]) => extreme(items, true),
        (Function::Max, [Value::List(items)]) => extreme(items, false),
        (Function::Min, values) => extreme(values, true),
        (Function::Max, values) => extreme(values, false),
        (Function::Size, [value]) => size(value),
        (Function::Take, [Value::List(items), Value::Int(count)]) => {
            let count = usize::try_from(*count).unwrap_or(0);
            Ok(Value::List(items.iter().take(count).cloned().collect()))
        }
        (Function::Put, [Value::List(items), element, Value::Int(keys)]) => {
            Ok(put(items, element, usize::try_from(*keys).unwrap_or(0)))
        }
        (Function::Drop, [Value::List(items), key, Value::Int(keys)]) => {
            let keys = usize::try_from(*keys).unwrap_or(0);
            let kept = items.iter().filter(|item| !has_key(item, key, keys));
            Ok(Value::List(kept.cloned().collect()))
        }
        (Function::Merge, [Value::Text(text), edits]) => merge(text, edits),
        (Function::Merge, [Value::List(a), Value::List(b)]) => Ok(joined(a, b)),
        (Function::Date, [Value::Time(at), Value::Text(zone)]) => {
            Ok(Value::Date(days(local(*at, zone)?)))
        }
        (Function::Month, [Value::Time(at), Value::Text(zone)]) => Ok(month(local(*at, zone)?)),
        (Function::Month, [Value::Date(day)]) => Ok(month(civil_date(*day)?)),
        (Function::Bucket, [Value::Time(at), Value::Duration(width)]) => bucket(*at, *width),
        (Function::Money, [number, Value::Text(currency)]) => money(number, currency),
        (Function::String, [value]) => string(value).map(|text| Value::Text(text.into())),
        (Function::MatchesSchema, [value, schema]) => schema::matches(value, schema),
        (Function::StartsWith, [Value::Text(a), Value::Text(b)]) => {
            Ok(Value::Bool(a.starts_with(&**b)))
        }
        (Function::EndsWith, [Value::Text(a), Value::Text(b)]) => {
            Ok(Value::Bool(a.ends_with(&**b)))
        }
        (Function::Contains, [Value::Text(a), Value::Text(b)]) => Ok(Value::Bool(a.contains(&**b))),
        _ => Err(Fault::Invalid(
            "a function met values of other types than it was checked for".into(),
        )),
    }
}

/// The sum of `items`; `zero` where there is none.
pub(super) fn sum(items: &[Value], zero: &Value) -> Result<Value, Fault> {
    let Some((first, rest)) = items.split_first() else {
        return Ok(zero.clone());
    };
    rest.iter()
        .try_fold(first.clone(), |sum, item| add(&sum, item))
}

/// The smallest or largest of `items`; absent where there is none.
pub(super) fn extreme(items: &[Value], smallest: bool) -> Result<Value, Fault> {
    let currency = |value: &Value| match value {
        Value::Money(_, currency) => Some(*currency),
        _ => None,
    };
    let first = items.first().and_then(currency);
    if items.iter().any(|item| currency(item) != first) {
        return Err(Fault::CurrencyMismatch);
    }
    let found = if smallest {
        items.iter().min()
    } else {
        items.iter().max()
    };
    Ok(found.cloned().unwrap_or(Value::Null))
}

fn size(value: &Value) -> Result<Value, Fault> {
    let count = match value {
        Value::Text(text) => text.chars().count(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.len(),
        _ => 0,
    };
    i64::try_from(count)
        .map(Value::Int)
        .map_err(|_| Fault::Overflow)
}

/// Whether the first `keys` slots of `element` are `key`: one value, or a list of several. With
/// no key slots the element itself is its key.
fn has_key(element: &Value, key: &Value, keys: usize) -> bool {
    match (keys, key) {
        (0, _) => element == key,
        (1, _) => element.slot(0) == key,
        (_, Value::List(parts)) => {
            parts.len() == keys
                && parts
                    .iter()
                    .enumerate()
                    .all(|(at, part)| element.slot(at) == part)
        }
        _ => false,
    }
}

/// `element` in the place of the first with its key, otherwise at the end.
fn put(items: &[Value], element: &Value, keys: usize) -> Value {
    let same = |item: &Value| match keys {
        0 => item == element,
        _ => (0..keys).all(|at| item.slot(at) == element.slot(at)),
    };
    let mut items = items.to_vec();
    match items.iter_mut().find(|item| same(item)) {
        Some(place) => *place = element.clone(),
        None => items.push(element.clone()),
    }
    Value::list(items)
}

/// A text with operations applied: a JSON list of `{"retain": n}`, `{"delete": n}` and
/// `{"insert": "text"}`, counted in Unicode scalars from the start; what reaches past the end
/// stops there, what is left over stays.
fn merge(text: &str, edits: &Value) -> Result<Value, Fault> {
    let bad = || Fault::Invalid("edits are a list of `retain`, `delete` and `insert`".into());
    let Some(serde_json::Value::Array(operations)) = json::read(edits) else {
        return Err(bad());
    };
    let mut rest = text.chars();
    let mut merged = String::new();
    for operation in &operations {
        let count = |name: &str| {
            let count = operation.get(name)?.as_u64()?;
            usize::try_from(count).ok()
        };
        if let Some(insert) = operation.get("insert").and_then(serde_json::Value::as_str) {
            merged.push_str(insert);
        } else if let Some(count) = count("retain") {
            merged.extend(rest.by_ref().take(count));
        } else if let Some(count) = count("delete") {
            rest.by_ref().take(count).for_each(drop);
        } else {
            return Err(bad());
        }
    }
    merged.extend(rest);
    Ok(Value::Text(merged.into()))
}

/// The elements of both lists, each once, in the order of their values: whoever comes first, the
/// outcome is the same.
fn joined(a: &[Value], b: &[Value]) -> Value {
    let mut all: Vec<Value> = a.iter().chain(b).cloned().collect();
    all.sort();
    all.dedup();
    Value::list(all)
}

fn timestamp(micros: i64) -> Result<Timestamp, Fault> {
    Timestamp::from_microsecond(micros).map_err(|_| Fault::Overflow)
}

fn local(micros: i64, zone: &str) -> Result<civil::Date, Fault> {
    let zone = TimeZone::get(zone).map_err(|_| Fault::Invalid(format!("zone `{zone}`").into()))?;
    Ok(timestamp(micros)?.to_zoned(zone).date())
}

const EPOCH: civil::Date = civil::date(1970, 1, 1);

fn days(day: civil::Date) -> i32 {
    EPOCH.until(day).map_or(0, |span| span.get_days())
}

fn civil_date(days: i32) -> Result<civil::Date, Fault> {
    let span = jiff::Span::new()
        .try_days(days)
        .map_err(|_| Fault::Overflow)?;
    EPOCH.checked_add(span).map_err(|_| Fault::Overflow)
}

fn month(day: civil::Date) -> Value {
    Value::Text(format!("{:04}-{:02}", day.year(), day.month()).into())
}

fn bucket(at: i64, width: Duration) -> Result<Value, Fault> {
    if width.micros <= 0 {
        return Err(Fault::Invalid("a bucket needs a positive width".into()));
    }
    let start = at.div_euclid(width.micros).checked_mul(width.micros);
    start.map(Value::Time).ok_or(Fault::Overflow)
}

fn money(number: &Value, currency: &str) -> Result<Value, Fault> {
    let currency = Currency::parse(currency)
        .ok_or_else(|| Fault::Invalid(format!("currency `{currency}`").into()))?;
    let minor = 10_i128.pow(currency.digits());
    let amount = match number {
        Value::Int(units) => Some(i128::from(*units) * minor),
        Value::Decimal(units) => div_half_even(
            i128::from(units.nanos()) * minor,
            i128::from(Decimal::ONE.nanos()),
        ),
        _ => None,
    };
    let amount = amount.and_then(|amount| i64::try_from(amount).ok());
    amount
        .map(|amount| Value::Money(amount, currency))
        .ok_or(Fault::Overflow)
}

/// An amount in units of its currency: `12.50`.
fn units(minor: i64, currency: Currency) -> String {
    let digits = currency.digits();
    let one = 10_u64.pow(digits);
    let (sign, size) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    match digits {
        0 => format!("{sign}{size}"),
        _ => format!(
            "{sign}{}.{:0width$}",
            size / one,
            size % one,
            width = digits as usize
        ),
    }
}

/// A value as people write it.
pub(super) fn string(value: &Value) -> Result<String, Fault> {
    Ok(match value {
        Value::Text(text) => text.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::Money(minor, currency) => format!("{} {currency}", units(*minor, *currency)),
        Value::Date(day) => civil_date(*day)?.to_string(),
        Value::Time(micros) => timestamp(*micros)?.to_string(),
        Value::Duration(length) => length.to_string(),
        Value::Json(text) => match serde_json::from_str(text) {
            Ok(serde_json::Value::String(text)) => text,
            _ => text.to_string(),
        },
        _ => return Err(Fault::Invalid("this value has no text".into())),
    })
}
