//! Examples: one value per form, always the same, always accepted by its form.

use super::{Components, Field, MoneyForm, Object, Schema, TextFormat, time, write};
use serde_json::{Map, Value as Json, json};
use underpin_brief::model::Decimal;

/// How deep forms that contain themselves are shown.
const DEEPEST: u32 = 6;

impl Components {
    /// An example of the form `schema` for something called `name`.
    #[must_use]
    pub fn example(&self, name: &str, schema: &Schema) -> Json {
        self.example_at(name, schema, 0)
    }

    fn example_at(&self, name: &str, schema: &Schema, depth: u32) -> Json {
        match self.follow(schema) {
            Schema::Any { .. } => json!({}),
            Schema::Bool => json!(true),
            Schema::Integer { min, max } => json!(within(1, *min, *max)),
            Schema::Text { min, max, format } => json!(text(name, *min, *max, format)),
            Schema::Decimal { min, max, .. } => {
                let half = Decimal::parse("1.5").unwrap_or(Decimal::ONE);
                json!(within(half, *min, *max).to_string())
            }
            Schema::Money(form) => {
                let (amount, currency) = money(form);
                json!({ "amount": amount, "currency": currency })
            }
            Schema::MoneyText(form) => json!(money(form).0),
            Schema::Date { min, max } => json!(time::show_date(within(20_484, *min, *max))),
            Schema::Time => json!("2026-01-31T09:30:00Z"),
            Schema::Duration { min, max } => {
                json!(time::show_duration(within(1_800_000_000, *min, *max)))
            }
            Schema::Enum(values) => json!(values.first().map(|value| &**value)),
            Schema::List { items, min, max } => {
                let least = if depth >= DEEPEST { 0 } else { 1 };
                let count = within(least, Some(*min), *max);
                let one = singular(name);
                (0..count)
                    .map(|_| self.example_at(&one, items, depth + 1))
                    .collect()
            }
            Schema::Map(inner) => json!({ "key": self.example_at(name, inner, depth + 1) }),
            Schema::Object(object) => self.object_at(object, depth),
            Schema::Key(fields) => {
                let part = |(name, schema): &(std::sync::Arc<str>, Schema)| {
                    (name.to_string(), self.example_at(name, schema, depth + 1))
                };
                Json::Object(fields.iter().map(part).collect())
            }
            Schema::Nullable(_) if depth >= DEEPEST => Json::Null,
            Schema::Nullable(inner) => self.example_at(name, inner, depth),
            Schema::Named(_) | Schema::Null => Json::Null,
        }
    }

    /// An example of an object.
    #[must_use]
    pub fn example_object(&self, object: &Object) -> Json {
        self.object_at(object, 0)
    }

    fn object_at(&self, object: &Object, depth: u32) -> Json {
        let member = |field: &Field| {
            let value = match &field.default {
                Some(value) => self.write(&field.schema, value),
                None => self.example_at(&field.name, &field.schema, depth + 1),
            };
            (field.name.to_string(), value)
        };
        Json::Object(object.fields.iter().map(member).collect::<Map<_, _>>())
    }
}

/// The value nearest to the wanted one that lies between both bounds.
fn within<T: PartialOrd>(wanted: T, min: Option<T>, max: Option<T>) -> T {
    let value = match min {
        Some(min) if wanted < min => min,
        _ => wanted,
    };
    match max {
        Some(max) if value > max => max,
        _ => value,
    }
}

fn money(form: &MoneyForm) -> (String, String) {
    let Some(currency) = form.currencies.first() else {
        return ("9.80".to_owned(), "EUR".to_owned());
    };
    let amount = write::amount(within(980, form.min, form.max), currency.digits());
    (amount, currency.to_string())
}

fn singular(name: &str) -> String {
    name.strip_suffix('s').unwrap_or(name).to_owned()
}

fn text(name: &str, min: Option<u64>, max: Option<u64>, format: &TextFormat) -> String {
    let base = match format {
        TextFormat::Plain => name.replace('_', " "),
        TextFormat::Email => "ada@example.org".to_owned(),
        TextFormat::Url => format!("https://example.org/{name}"),
        TextFormat::Token => format!("{name}-1"),
        TextFormat::Path(template) => template.replace(['{', '}'], ""),
    };
    let max = max
        .and_then(|max| usize::try_from(max).ok())
        .unwrap_or(usize::MAX);
    let min = min.and_then(|min| usize::try_from(min).ok()).unwrap_or(0);
    let shown: String = base.chars().take(max).collect();
    let short = min.saturating_sub(shown.chars().count());
    let filler = "x".repeat(short.min(64 * 1024));
    match format {
        TextFormat::Email => format!("{filler}{shown}"),
        _ => format!("{shown}{filler}"),
    }
}
