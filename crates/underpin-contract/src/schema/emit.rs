//! JSON Schema 2020-12 of a form, in the order in which people read it.

use super::{Field, MoneyForm, Object, Schema, TextFormat, text, time, write};
use serde_json::{Map, Value as Json, json};
use underpin_brief::model::Decimal;

impl Schema {
    /// The form as JSON Schema 2020-12; components are referred to as `#/components/schemas/…`.
    #[must_use]
    pub fn json_schema(&self) -> Json {
        match self {
            Self::Any { .. } => json!({}),
            Self::Bool => json!({ "type": "boolean" }),
            Self::Integer { min, max } => integer(*min, *max),
            Self::Text { min, max, format } => string(*min, *max, format),
            Self::Decimal { min, max, shown } => decimal(*min, *max, *shown),
            Self::Money(form) => money(form),
            Self::MoneyText(form) => money_text(form),
            Self::Date { min, max } => {
                let mut schema = json!({ "type": "string", "format": "date" });
                put(&mut schema, "x-minimum", min.map(time::show_date));
                put(&mut schema, "x-maximum", max.map(time::show_date));
                schema
            }
            Self::Time => json!({ "type": "string", "format": "date-time" }),
            Self::Duration { min, max } => {
                let mut schema = json!({ "type": "string", "pattern": time::DURATION });
                put(&mut schema, "x-minimum", min.map(time::show_duration));
                put(&mut schema, "x-maximum", max.map(time::show_duration));
                schema
            }
            Self::Enum(values) => json!({
                "type": "string",
                "enum": values.iter().map(|value| &**value).collect::<Vec<_>>(),
            }),
            Self::List { items, min, max } => {
                let mut schema = json!({ "type": "array", "items": items.json_schema() });
                put(&mut schema, "minItems", (*min > 0).then_some(*min));
                put(&mut schema, "maxItems", *max);
                schema
            }
            Self::Map(inner) => {
                json!({ "type": "object", "additionalProperties": inner.json_schema() })
            }
            Self::Object(object) => object.json_schema(),
            Self::Key(fields) => {
                let properties: Map<String, Json> = fields
                    .iter()
                    .map(|(name, schema)| (name.to_string(), schema.json_schema()))
                    .collect();
                let names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
                json!({
                    "type": "object",
                    "properties": properties,
                    "required": names,
                    "additionalProperties": false,
                })
            }
            Self::Nullable(inner) => or_null(inner),
            Self::Named(name) => json!({ "$ref": format!("#/components/schemas/{name}") }),
            Self::Null => json!({ "type": "null" }),
        }
    }
}

impl Object {
    /// The object as JSON Schema, closed: a property that is not described is refused.
    #[must_use]
    pub fn json_schema(&self) -> Json {
        let mut schema = json!({ "type": "object" });
        put(&mut schema, "title", self.title.as_deref());
        let properties: Map<String, Json> = self
            .fields
            .iter()
            .map(|field| (field.name.to_string(), field.json_schema()))
            .collect();
        put(&mut schema, "properties", Some(properties));
        let required: Vec<&str> = self
            .fields
            .iter()
            .filter(|field| field.required)
            .map(|field| &*field.name)
            .collect();
        put(
            &mut schema,
            "required",
            (!required.is_empty()).then_some(required),
        );
        put(&mut schema, "additionalProperties", Some(false));
        schema
    }
}

impl Field {
    fn json_schema(&self) -> Json {
        let mut schema = self.schema.json_schema();
        let components = super::Components::default();
        let default = self
            .default
            .as_ref()
            .map(|value| components.write(&self.schema, value));
        put(&mut schema, "default", default);
        put(&mut schema, "writeOnly", self.secret.then_some(true));
        schema
    }
}

/// Adds a member where there is something to add.
fn put(schema: &mut Json, name: &str, value: Option<impl Into<Json>>) {
    if let (Some(members), Some(value)) = (schema.as_object_mut(), value) {
        members.insert(name.to_owned(), value.into());
    }
}

fn integer(min: Option<i64>, max: Option<i64>) -> Json {
    let mut schema = json!({ "type": "integer", "format": "int64" });
    put(&mut schema, "minimum", min);
    put(&mut schema, "maximum", max);
    schema
}

fn string(min: Option<u64>, max: Option<u64>, format: &TextFormat) -> Json {
    let mut schema = json!({ "type": "string" });
    put(
        &mut schema,
        "format",
        (*format == TextFormat::Email).then_some("email"),
    );
    put(&mut schema, "pattern", text::pattern(format));
    put(&mut schema, "minLength", min.filter(|min| *min > 0));
    put(&mut schema, "maxLength", max);
    schema
}

fn decimal(min: Option<Decimal>, max: Option<Decimal>, shown: bool) -> Json {
    let sign = if min.is_some_and(|min| min >= Decimal::ZERO) {
        ""
    } else {
        "-?"
    };
    let more = if shown { 9 } else { 8 };
    let pattern = format!("^{sign}(0|[1-9][0-9]{{0,{more}}})(\\.[0-9]{{1,9}})?$");
    let mut schema = json!({ "type": "string", "pattern": pattern });
    put(&mut schema, "x-minimum", min.map(|bound| bound.to_string()));
    put(&mut schema, "x-maximum", max.map(|bound| bound.to_string()));
    schema
}

fn amount_pattern(form: &MoneyForm, digits: u32) -> String {
    let sign = if form.min.is_some_and(|min| min >= 0) {
        ""
    } else {
        "-?"
    };
    let more = if form.shown { 18 } else { 11 };
    let fraction = match digits {
        0 => String::new(),
        _ => format!("(\\.[0-9]{{1,{digits}}})?"),
    };
    format!("{sign}(0|[1-9][0-9]{{0,{more}}}){fraction}")
}

/// One object form per number of digits after the point; most systems have one.
fn money(form: &MoneyForm) -> Json {
    let mut digits: Vec<u32> = form
        .currencies
        .iter()
        .map(|currency| currency.digits())
        .collect();
    digits.sort_unstable();
    digits.dedup();
    let variant = |digits: &u32| {
        let names: Vec<&str> = form
            .currencies
            .iter()
            .filter(|currency| currency.digits() == *digits)
            .map(|currency| currency.as_str())
            .collect();
        json!({
            "type": "object",
            "properties": {
                "amount": {
                    "type": "string",
                    "pattern": format!("^{}$", amount_pattern(form, *digits)),
                },
                "currency": { "type": "string", "enum": names },
            },
            "required": ["amount", "currency"],
            "additionalProperties": false,
        })
    };
    let mut variants: Vec<Json> = digits.iter().map(variant).collect();
    let mut schema = match (variants.pop(), variants.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            variants.push(last);
            json!({ "anyOf": variants })
        }
        (None, _) => json!({ "type": "object" }),
    };
    let first = digits.first().copied().unwrap_or(2);
    put(
        &mut schema,
        "x-minimum",
        form.min.map(|bound| write::amount(bound, first)),
    );
    put(
        &mut schema,
        "x-maximum",
        form.max.map(|bound| write::amount(bound, first)),
    );
    schema
}

fn money_text(form: &MoneyForm) -> Json {
    let mut variants: Vec<String> = Vec::new();
    for (at, currency) in form.currencies.iter().enumerate() {
        let amount = amount_pattern(form, currency.digits());
        let unit = if at == 0 {
            format!("( {currency})?")
        } else {
            format!(" {currency}")
        };
        variants.push(format!("{amount}{unit}"));
    }
    let pattern = match variants.as_slice() {
        [only] => format!("^{only}$"),
        many => format!("^({})$", many.join("|")),
    };
    json!({ "type": "string", "pattern": pattern })
}

fn or_null(inner: &Schema) -> Json {
    let mut schema = inner.json_schema();
    let Some(members) = schema.as_object_mut() else {
        return schema;
    };
    if members.is_empty() {
        return schema;
    }
    if let Some(values) = members.get_mut("enum").and_then(Json::as_array_mut) {
        values.push(Json::Null);
    }
    match members.get_mut("type") {
        Some(kind) => *kind = json!([kind.clone(), "null"]),
        None => return json!({ "anyOf": [schema, { "type": "null" }] }),
    }
    schema
}
