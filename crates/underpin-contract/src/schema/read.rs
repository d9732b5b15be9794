//! Reading: JSON to a value, with every way in which it is not what was described.

use super::{Components, Object, Schema, TextFormat, Violation, canonical_json, time};
use serde_json::Value as Json;
use std::sync::Arc;
use underpin_brief::model::{Decimal, Duration, Value};

/// The largest integer that every JSON reader keeps exact.
pub(super) const SAFE_INTEGER: i64 = 9_007_199_254_740_991;

impl Components {
    /// Reads a JSON value of the form `schema`.
    ///
    /// # Errors
    /// Every violation, each with its JSON pointer.
    pub fn read(&self, schema: &Schema, json: &Json) -> Result<Value, Vec<Violation>> {
        let mut reader = Reader {
            components: self,
            pointer: String::new(),
            found: Vec::new(),
        };
        let value = reader.value(schema, json);
        if reader.found.is_empty() {
            Ok(value)
        } else {
            Err(reader.found)
        }
    }

    /// Every way in which `json` is not of the form `schema`.
    #[must_use]
    pub fn validate(&self, schema: &Schema, json: &Json) -> Vec<Violation> {
        self.read(schema, json).err().unwrap_or_default()
    }
}

struct Reader<'a> {
    components: &'a Components,
    pointer: String,
    found: Vec<Violation>,
}

impl Reader<'_> {
    fn refuse(&mut self, message: impl Into<String>) -> Value {
        self.found.push(Violation {
            pointer: self.pointer.clone(),
            message: message.into(),
        });
        Value::Null
    }

    fn at<T>(&mut self, step: &str, inside: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer
            .push_str(&step.replace('~', "~0").replace('/', "~1"));
        let value = inside(self);
        self.pointer.truncate(length);
        value
    }

    fn value(&mut self, schema: &Schema, json: &Json) -> Value {
        match schema {
            Schema::Named(_) => match self.components.follow(schema) {
                Schema::Named(_) => Value::Null,
                found => self.value(found, json),
            },
            Schema::Nullable(_) | Schema::Null if json.is_null() => Value::Null,
            Schema::Nullable(inner) => self.value(inner, json),
            Schema::Null => self.refuse("must be null"),
            Schema::Any { max_bytes } => self.any(*max_bytes, json),
            Schema::Bool => match json {
                Json::Bool(value) => Value::Bool(*value),
                _ => self.refuse("must be true or false"),
            },
            Schema::Integer { min, max } => self.integer(*min, *max, json),
            Schema::List { items, min, max } => self.list(items, *min, *max, json),
            Schema::Map(inner) => self.map(inner, json),
            Schema::Object(object) => self.object(object, json),
            Schema::Key(fields) => self.key(fields, json),
            Schema::Money(_) => self.money(schema, json),
            Schema::Text { .. }
            | Schema::Decimal { .. }
            | Schema::MoneyText(_)
            | Schema::Date { .. }
            | Schema::Time
            | Schema::Duration { .. }
            | Schema::Enum(_) => match json {
                Json::String(text) => match schema.parse(text) {
                    Ok(value) => value,
                    Err(message) => self.refuse(message),
                },
                _ => self.not_text(schema),
            },
        }
    }

    /// What is a string here and elsewhere perhaps a number is shown, not only named.
    fn not_text(&mut self, schema: &Schema) -> Value {
        if matches!(schema, Schema::Text { .. }) {
            return self.refuse("must be a string");
        }
        let example = self.components.example("", schema);
        self.refuse(format!("must be a string such as `{example}`"))
    }

    fn any(&mut self, max_bytes: Option<u64>, json: &Json) -> Value {
        let text = canonical_json(json);
        match max_bytes {
            Some(max) if text.len() as u64 > max => {
                self.refuse(format!("must have at most {max} bytes"))
            }
            _ => Value::Json(text.into()),
        }
    }

    fn integer(&mut self, min: Option<i64>, max: Option<i64>, json: &Json) -> Value {
        let Some(number) = whole(json) else {
            return self.refuse("must be a whole number");
        };
        match in_range(number, min, max) {
            Ok(()) => Value::Int(number),
            Err(message) => self.refuse(message),
        }
    }

    fn list(&mut self, items: &Schema, min: u32, max: Option<u32>, json: &Json) -> Value {
        let Json::Array(elements) = json else {
            return self.refuse("must be an array");
        };
        if elements.len() < min as usize {
            self.refuse(format!("must have at least {min} elements"));
        }
        if let Some(max) = max.filter(|max| elements.len() > *max as usize) {
            return self.refuse(format!("must have at most {max} elements"));
        }
        let read = |(at, element): (usize, &Json)| {
            self.at(&at.to_string(), |reader| reader.value(items, element))
        };
        Value::list(elements.iter().enumerate().map(read).collect())
    }

    fn map(&mut self, inner: &Schema, json: &Json) -> Value {
        let Json::Object(members) = json else {
            return self.refuse("must be an object");
        };
        let read = |(name, member): (&String, &Json)| {
            (
                Value::text(name),
                self.at(name, |reader| reader.value(inner, member)),
            )
        };
        Value::Map(Arc::new(members.iter().map(read).collect()))
    }

    fn object(&mut self, object: &Object, json: &Json) -> Value {
        let Json::Object(members) = json else {
            return self.refuse("must be an object");
        };
        let mut slots = vec![Value::Null; object.width];
        for field in &object.fields {
            let value = match members.get(&*field.name) {
                Some(member) => self.at(&field.name, |reader| reader.value(&field.schema, member)),
                None if field.required => self.at(&field.name, |r| r.refuse("is required")),
                None => field.default.clone().unwrap_or(Value::Null),
            };
            if let Some(slot) = slots.get_mut(field.slot) {
                *slot = value;
            }
        }
        let known = |name: &str| object.fields.iter().any(|field| &*field.name == name);
        for name in members.keys().filter(|name| !known(name)) {
            self.at(name, |reader| reader.refuse("is not known here"));
        }
        Value::record(slots)
    }

    fn key(&mut self, fields: &[(Arc<str>, Schema)], json: &Json) -> Value {
        let field = |(slot, (name, schema)): (usize, &(Arc<str>, Schema))| super::Field {
            name: name.clone(),
            slot,
            schema: schema.clone(),
            required: true,
            default: None,
            secret: false,
        };
        let fields: Vec<_> = fields.iter().enumerate().map(field).collect();
        let object = Object {
            title: None,
            width: fields.len(),
            fields,
        };
        match self.object(&object, json) {
            Value::Struct(slots) => Value::List(slots),
            other => other,
        }
    }

    fn money(&mut self, schema: &Schema, json: &Json) -> Value {
        let Json::Object(members) = json else {
            let example = self.components.example("", schema);
            return self.refuse(format!("must be an object such as `{example}`"));
        };
        for name in members
            .keys()
            .filter(|name| !["amount", "currency"].contains(&name.as_str()))
        {
            self.at(name, |reader| reader.refuse("is not known here"));
        }
        let part = |name: &str| members.get(name).and_then(Json::as_str);
        let (Some(amount), Some(currency)) = (part("amount"), part("currency")) else {
            return self.refuse("needs the strings `amount` and `currency`");
        };
        match schema.parse_money(amount, Some(currency)) {
            Ok(value) => value,
            Err(message) => self.refuse(message),
        }
    }
}

fn whole(json: &Json) -> Option<i64> {
    let Json::Number(number) = json else {
        return None;
    };
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    #[expect(clippy::cast_precision_loss, reason = "both bounds are exact doubles")]
    let bound = SAFE_INTEGER as f64;
    let float = number
        .as_f64()
        .filter(|f| f.fract() == 0.0 && f.abs() <= bound)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and within the exact range"
    )]
    Some(float as i64)
}

/// Whether a value lies between both bounds, in words that fit all ordered forms.
fn in_range<T: PartialOrd + std::fmt::Display + Copy>(
    value: T,
    min: Option<T>,
    max: Option<T>,
) -> Result<(), String> {
    match (min, max) {
        (Some(min), _) if value < min => Err(format!("must be at least {min}")),
        (_, Some(max)) if value > max => Err(format!("must be at most {max}")),
        _ => Ok(()),
    }
}

impl Schema {
    /// Reads one piece of text, as it stands in a JSON string, a path or a query string.
    ///
    /// # Errors
    /// What is wrong, in plain words.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        match self {
            Self::Text { min, max, format } => {
                text_fits(text, *min, *max, format).map(|()| Value::text(text))
            }
            Self::Decimal { min, max, .. } => {
                let value = plain_decimal(text).ok_or(
                    "must be a decimal such as `12.5`, with at most 9 digits on each side",
                )?;
                in_range(value, *min, *max).map(|()| Value::Decimal(value))
            }
            Self::MoneyText(_) => match text.split_once(' ') {
                Some((amount, currency)) => self.parse_money(amount, Some(currency)),
                None => self.parse_money(text, None),
            },
            Self::Date { min, max } => {
                let days = time::parse_date(text).ok_or("must be a day such as `2026-11-22`")?;
                let shown = |bound: &Option<i32>| bound.map(time::Day);
                in_range(time::Day(days), shown(min), shown(max)).map(|()| Value::Date(days))
            }
            Self::Time => time::parse_time(text)
                .map(Value::Time)
                .ok_or_else(|| "must be a time such as `2026-11-22T15:04:05Z`".to_owned()),
            Self::Duration { min, max } => {
                let micros = time::parse_duration(text)
                    .ok_or("must be a duration such as `PT1H30M`, without years and months")?;
                let shown = |bound: &Option<i64>| bound.map(time::Span);
                in_range(time::Span(micros), shown(min), shown(max))
                    .map(|()| Value::Duration(Duration::from_micros(micros)))
            }
            Self::Enum(values) => match values.iter().find(|value| &***value == text) {
                Some(value) => Ok(Value::Text(value.clone())),
                None => Err(format!("must be one of {}", list_of(values))),
            },
            Self::Bool => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err("must be `true` or `false`".to_owned()),
            },
            Self::Integer { min, max } => {
                let canonical = |number: &i64| number.to_string() == text;
                let number = text
                    .parse()
                    .ok()
                    .filter(canonical)
                    .ok_or("must be a whole number")?;
                in_range(number, *min, *max).map(|()| Value::Int(number))
            }
            Self::Nullable(inner) => inner.parse(text),
            _ => Err("cannot be written as plain text".to_owned()),
        }
    }

    /// Reads an amount; without a currency it is the default one.
    pub(super) fn parse_money(
        &self,
        amount: &str,
        currency: Option<&str>,
    ) -> Result<Value, String> {
        let (Self::Money(form) | Self::MoneyText(form)) = self else {
            return Err("is not an amount".to_owned());
        };
        let wanted = |known: &&_| {
            currency.is_none_or(|c| underpin_brief::model::Currency::as_str(known) == c)
        };
        let Some(currency) = form.currencies.iter().find(wanted) else {
            let names: Vec<Arc<str>> = form.currencies.iter().map(|c| c.as_str().into()).collect();
            return Err(format!("currency must be one of {}", list_of(&names)));
        };
        let digits = currency.digits();
        let signed = form.min.is_none_or(|min| min < 0);
        let written = if signed {
            amount
        } else {
            amount.strip_prefix('-').map_or(amount, |_| "")
        };
        let minor = minor_units(written, digits).ok_or_else(|| match digits {
            0 => "amount must be a whole number such as `980`".to_owned(),
            _ => format!("amount must be a decimal such as `9.80`, with at most {digits} digits after the point"),
        })?;
        let shown = |bound: i64| super::write::amount(bound, digits);
        match (form.min, form.max) {
            (Some(min), _) if minor < min => Err(format!("amount must be at least {}", shown(min))),
            (_, Some(max)) if minor > max => Err(format!("amount must be at most {}", shown(max))),
            _ => Ok(Value::Money(minor, *currency)),
        }
    }
}

fn list_of(values: &[Arc<str>]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
    quoted.join(", ")
}

fn text_fits(
    text: &str,
    min: Option<u64>,
    max: Option<u64>,
    format: &TextFormat,
) -> Result<(), String> {
    let length = text.chars().count() as u64;
    match (min, max) {
        (Some(1), _) if length == 0 => return Err("must not be empty".to_owned()),
        (Some(min), _) if length < min => {
            return Err(format!("must have at least {min} characters"));
        }
        (_, Some(max)) if length > max => {
            return Err(format!("must have at most {max} characters"));
        }
        _ => {}
    }
    super::text::fits(format, text)
}

/// `-12.5`: no plus sign, no leading zeros, at most nine digits on each side.
fn plain_decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| {
        (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let leading = whole.len() > 1 && whole.starts_with('0');
    (plain(whole) && plain(fraction) && !leading)
        .then(|| Decimal::parse(text))
        .flatten()
}

/// `9.80` in minor units of a currency with that many digits after the point.
fn minor_units(text: &str, digits: u32) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let leading = whole.len() > 1 && whole.starts_with('0');
    let point_without_digits = rest.contains('.') && fraction.is_empty();
    if whole.is_empty() || whole.len() > 12 || leading || point_without_digits {
        return None;
    }
    if fraction.len() > digits as usize || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let width = digits as usize;
    let minor: i64 = format!("{whole}{fraction:0<width$}").parse().ok()?;
    Some(sign * minor)
}
