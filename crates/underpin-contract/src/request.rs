//! Reading a request against its operation: everything that the contract says about path, query
//! string, headers and body is checked here, before anybody looks at data.

use crate::contract::{
    Condition, Contract, FilterOp, Method, Operation, Parameter, PathTarget, Reply, Style, Target,
};
use crate::path::percent_decode;
use crate::schema::{Object, Schema, Violation};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use underpin_brief::model::Value;

/// What came in, without what travel needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The decoded path parameters, as the router found them.
    pub captures: &'a [String],
    /// The query string without its `?`, not decoded.
    pub query: &'a str,
    /// The headers that the contract knows.
    pub headers: Headers<'a>,
    /// The whole body.
    pub body: &'a [u8],
}

/// Headers that the contract knows, as they came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<&'a str>,
    /// `If-Match`.
    pub if_match: Option<&'a str>,
}

/// A request that is what the contract asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments {
    /// The structured value `input`.
    pub input: Value,
    /// The key of the row that is asked for.
    pub key: Option<Value>,
    /// The flow that is asked for.
    pub flow: Option<String>,
    /// The registered endpoint that is asked for.
    pub endpoint: Option<String>,
    /// Filters, all of which must hold.
    pub filters: Vec<Filter>,
    /// The order; empty: the operation's own.
    pub sorts: Vec<Sort>,
    /// Words that must occur in one of these slots.
    pub search: Option<(String, Vec<usize>)>,
    /// At most that many rows.
    pub limit: u32,
    /// Where the page begins.
    pub after: Option<String>,
    /// The client's key of this request.
    pub idempotency_key: Option<String>,
    /// The versions that the client accepts.
    pub if_match: Option<IfMatch>,
}

/// A filter on a slot of the row.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The slot.
    pub slot: usize,
    /// How it compares.
    pub op: FilterOp,
    /// With what; one value for a bound.
    pub values: Vec<Value>,
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The slot.
    pub slot: usize,
    /// Largest first.
    pub descending: bool,
}

/// What `If-Match` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: any version, but the row must exist.
    Any,
    /// One of these tags, without quotes (a client may leave them out). A tag is `<version>` or `<version>.<fingerprint>`.
    Tags(Vec<String>),
}

impl IfMatch {
    /// Whether a row of that version may be changed.
    #[must_use]
    pub fn admits(&self, version: i64) -> bool {
        let version = version.to_string();
        let same = |tag: &String| tag.split('.').next() == Some(version.as_str());
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(same),
        }
    }

    /// What a header, or a property that stands for it, says. Whatever is no tag matches no version.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.trim() == "*" {
            return Self::Any;
        }
        let tag = |part: &str| {
            let part = part.trim();
            let inner = part.strip_prefix("W/").unwrap_or(part);
            inner.trim_matches('"').to_owned()
        };
        Self::Tags(text.split(',').map(tag).collect())
    }
}

/// Why a request is not what the contract asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// A key of [`Contract::problems`]; the status is that of the problem.
    pub code: &'static str,
    /// What is wrong with this request, in a sentence.
    pub detail: String,
    /// Each place, with what is wrong there.
    pub errors: Vec<Violation>,
}

impl Rejection {
    fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }
}

/// Reads a request for `operation`.
///
/// # Errors
/// The problem to answer: `not-found` (the path names nothing that could exist),
/// `malformed-request`, `invalid-parameter`, `invalid-input`, `too-large`,
/// `unsupported-media-type`, `precondition-required`.
pub fn read_request(
    contract: &Contract,
    operation: &Operation,
    request: &Request<'_>,
) -> Result<Arguments, Rejection> {
    let mut reading = Reading {
        contract,
        operation,
        slots: vec![Value::Null; operation.input_width],
        arguments: Arguments {
            input: Value::Null,
            key: None,
            flow: None,
            endpoint: None,
            filters: Vec::new(),
            sorts: Vec::new(),
            search: None,
            limit: match &operation.reply {
                Reply::Page(page) => page.default,
                Reply::Changes(changes) => changes.max,
                _ => 1,
            },
            after: None,
            idempotency_key: None,
            if_match: None,
        },
    };
    reading.body(request)?;
    reading.path(request.captures)?;
    reading.query(request.query)?;
    reading.headers(&request.headers)?;
    reading.arguments.input = Value::record(reading.slots);
    Ok(reading.arguments)
}

struct Reading<'a> {
    contract: &'a Contract,
    operation: &'a Operation,
    slots: Vec<Value>,
    arguments: Arguments,
}

impl Reading<'_> {
    fn set(&mut self, slot: usize, value: Value) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = value;
        }
    }

    fn path(&mut self, captures: &[String]) -> Result<(), Rejection> {
        let nothing = || Rejection::new("not-found", "nothing stands at this path");
        let mut rest = captures;
        for parameter in &self.operation.path_parameters {
            let (mine, others) = rest
                .split_at_checked(parameter.names.len())
                .ok_or_else(nothing)?;
            rest = others;
            let value = key_value(&parameter.schema, &mut mine.iter()).ok_or_else(nothing)?;
            match parameter.target {
                PathTarget::Input(slot) => self.set(slot, value),
                PathTarget::Key => self.arguments.key = Some(value),
                PathTarget::Flow => self.arguments.flow = value.as_text().map(str::to_owned),
                PathTarget::Endpoint => {
                    self.arguments.endpoint = value.as_text().map(str::to_owned);
                }
            }
        }
        Ok(())
    }

    fn body(&mut self, request: &Request<'_>) -> Result<(), Rejection> {
        if self.operation.method != Method::Post {
            return Ok(());
        }
        let empty = Object {
            width: self.operation.input_width,
            ..Object::default()
        };
        let (object, max, optional) = match &self.operation.body {
            Some(body) => (&body.object, body.max_bytes, body.optional),
            None => (&empty, 1024, true),
        };
        if request.body.len() as u64 > max {
            return Err(Rejection::new(
                "too-large",
                format!("the body may have at most {max} bytes"),
            ));
        }
        let json = if request.body.is_empty() && optional {
            Json::Object(serde_json::Map::new())
        } else {
            json_body(request)?
        };
        let read = self
            .contract
            .components
            .read(&Schema::Object(object.clone()), &json);
        match read {
            Ok(Value::Struct(slots)) => {
                self.slots = slots.to_vec();
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(errors) => Err(Rejection {
                code: "invalid-input",
                detail: "the body is not what this operation takes".to_owned(),
                errors,
            }),
        }
    }

    fn query(&mut self, query: &str) -> Result<(), Rejection> {
        let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode(name, true).zip(percent_decode(value, true));
            let (name, value) = decoded.ok_or_else(|| {
                Rejection::new(
                    "malformed-request",
                    "the query string is not percent-encoded UTF-8",
                )
            })?;
            given.entry(name).or_default().push(value);
        }
        let mut errors = Vec::new();
        for parameter in &self.operation.parameters {
            let values = given.remove(&*parameter.name).unwrap_or_default();
            if let Err(message) = self.parameter(parameter, &values) {
                errors.push(Violation {
                    pointer: parameter.name.to_string(),
                    message,
                });
            }
        }
        errors.extend(given.into_keys().map(|name| Violation {
            pointer: name,
            message: "is not known here".to_owned(),
        }));
        if errors.is_empty() {
            return Ok(());
        }
        Err(Rejection {
            code: "invalid-parameter",
            detail: "the query string is not what this operation takes".to_owned(),
            errors,
        })
    }

    fn parameter(&mut self, parameter: &Parameter, values: &[String]) -> Result<(), String> {
        if values.is_empty() {
            if let Target::Input(slot, default) = &parameter.target {
                self.set(*slot, default.clone());
            }
            return if parameter.required {
                Err("is required".to_owned())
            } else {
                Ok(())
            };
        }
        let one = match values {
            [one] => Some(one.as_str()),
            _ if parameter.style == Style::Repeated => None,
            _ => return Err("may be given once".to_owned()),
        };
        match (&parameter.target, one) {
            (Target::Input(slot, _), _) => {
                let value = self.value(parameter, values)?;
                self.set(*slot, value);
            }
            (Target::Filter(slot, op), _) => {
                let values = each(&parameter.schema, values)?;
                self.arguments.filters.push(Filter {
                    slot: *slot,
                    op: *op,
                    values,
                });
            }
            (Target::Sort(columns), Some(text)) => self.arguments.sorts = sorts(columns, text)?,
            (Target::Search(slots), Some(text)) => {
                parameter.schema.parse(text)?;
                self.arguments.search = Some((text.to_owned(), slots.clone()));
            }
            (Target::Limit, Some(text)) => {
                if let Value::Int(limit) = parameter.schema.parse(text)? {
                    self.arguments.limit = u32::try_from(limit).unwrap_or(self.arguments.limit);
                }
            }
            (Target::After, Some(text)) => {
                parameter.schema.parse(text)?;
                self.arguments.after = Some(text.to_owned());
            }
            (_, None) => return Err("may be given once".to_owned()),
        }
        Ok(())
    }

    fn value(&self, parameter: &Parameter, values: &[String]) -> Result<Value, String> {
        match (parameter.style, &parameter.schema, values) {
            (Style::Json, schema, [text]) => {
                let json = serde_json::from_str(text).map_err(|_| "must be JSON".to_owned())?;
                let first = |errors: Vec<Violation>| match errors.first() {
                    Some(found) if found.pointer.is_empty() => found.message.clone(),
                    Some(found) => found.to_string(),
                    None => "is not what is described".to_owned(),
                };
                self.contract.components.read(schema, &json).map_err(first)
            }
            (Style::Repeated, Schema::List { .. }, values) => {
                Ok(Value::list(each(&parameter.schema, values)?))
            }
            (_, schema, [text]) => schema.parse(text),
            _ => Err("may be given once".to_owned()),
        }
    }

    fn headers(&mut self, headers: &Headers<'_>) -> Result<(), Rejection> {
        let invalid = |name: &str, message: &str| Rejection {
            code: "invalid-parameter",
            detail: format!("the header {name} {message}"),
            errors: vec![Violation {
                pointer: name.to_owned(),
                message: message.to_owned(),
            }],
        };
        if let Some(key) = headers
            .idempotency_key
            .filter(|_| self.operation.idempotent)
        {
            let visible = key.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
            if !visible || !(1..=255).contains(&key.len()) {
                return Err(invalid(
                    "Idempotency-Key",
                    "must be 1 to 255 visible ASCII characters",
                ));
            }
            self.arguments.idempotency_key = Some(key.to_owned());
        }
        match (self.operation.precondition, headers.if_match) {
            (Condition::Ignored, _) | (Condition::Accepted, None) => Ok(()),
            (Condition::Required, None) => Err(Rejection::new(
                "precondition-required",
                "say in If-Match which version you saw: the ETag of the row",
            )),
            (_, Some(text)) => {
                self.arguments.if_match = Some(IfMatch::parse(text));
                Ok(())
            }
        }
    }
}

/// The values of a parameter that may be given several times.
fn each(schema: &Schema, values: &[String]) -> Result<Vec<Value>, String> {
    let Schema::List { items, min, max } = schema else {
        return values.iter().map(|value| schema.parse(value)).collect();
    };
    let count = values.len();
    if count < *min as usize || max.is_some_and(|max| count > max as usize) {
        return Err("is given too often or not often enough".to_owned());
    }
    values.iter().map(|value| items.parse(value)).collect()
}

fn json_body(request: &Request<'_>) -> Result<Json, Rejection> {
    let kind = request.headers.content_type.unwrap_or("");
    let media = kind.split(';').next().unwrap_or("").trim();
    if !media.eq_ignore_ascii_case("application/json") {
        return Err(Rejection::new(
            "unsupported-media-type",
            "send the body as `Content-Type: application/json`",
        ));
    }
    serde_json::from_slice(request.body).map_err(|error| {
        Rejection::new(
            "malformed-request",
            format!("the body is not JSON: {error}"),
        )
    })
}

/// A value from segments of the path: one per leaf of a key.
fn key_value<'a>(
    schema: &Schema,
    segments: &mut impl Iterator<Item = &'a String>,
) -> Option<Value> {
    match schema {
        Schema::Key(fields) => {
            let mut parts = Vec::with_capacity(fields.len());
            for (_, inner) in fields {
                parts.push(key_value(inner, segments)?);
            }
            Some(Value::list(parts))
        }
        leaf => leaf.parse(segments.next()?).ok(),
    }
}

fn sorts(columns: &[(std::sync::Arc<str>, usize)], text: &str) -> Result<Vec<Sort>, String> {
    let sort = |part: &str| {
        let (name, descending) = match part.strip_prefix('-') {
            Some(name) => (name, true),
            None => (part, false),
        };
        let found = columns.iter().find(|(known, _)| &**known == name);
        let names = || {
            columns
                .iter()
                .map(|(known, _)| format!("`{known}`"))
                .collect::<Vec<_>>()
        };
        match found {
            Some((_, slot)) => Ok(Sort {
                slot: *slot,
                descending,
            }),
            None => Err(format!(
                "may only name {}, each perhaps with `-` before it",
                names().join(", ")
            )),
        }
    };
    text.split(',').map(sort).collect()
}
