//! Types of the brief as forms on the wire.

use super::names::pascal;
use crate::schema::{Components, Field, MoneyForm, Object, Schema, TextFormat};
use std::sync::Arc;
use underpin_brief::model::Brief;
use underpin_brief::model::{
    Aggregate, Bytes, Decimal, Duration, Enum, Field as Slot, Id, Record, Shape, Type, Value,
};

/// Bounds of integers that clients send: what every JSON reader keeps exact.
const SAFE: i64 = 9_007_199_254_740_991;
/// The longest text key, and the longest subject of an actor, in characters.
const KEY: u64 = 255;

/// Whether a value comes in, and is checked, or goes out, and is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// From clients.
    In,
    /// To clients: no bounds, since results are not bounded by what was sent.
    Out,
}

/// Makes forms and collects those that have a name.
pub(super) struct Forms<'b> {
    brief: &'b Brief,
    /// What was named so far.
    pub components: Components,
}

impl<'b> Forms<'b> {
    /// Names all enums, states and records.
    pub(super) fn new(brief: &'b Brief) -> Self {
        let mut forms = Self {
            brief,
            components: Components::default(),
        };
        for item in &brief.enums {
            let values = item.values.iter().map(|value| value.text.clone()).collect();
            forms.add(&item.name.text, Schema::Enum(values));
        }
        for (id, aggregate) in brief.aggregates.iter() {
            if let Some(states) = &aggregate.states {
                let values = states.names.iter().map(|name| name.text.clone()).collect();
                forms.add(&forms.state_name(id), Schema::Enum(values));
            }
        }
        let received = forms.received_records();
        for (id, record) in brief.records.iter() {
            let side = if received.contains(&id) {
                Side::In
            } else {
                Side::Out
            };
            let object = forms.declared(&record.fields, side);
            forms.add(&record.name.text, Schema::Object(object));
        }
        forms
    }

    /// Registers a form under a name.
    pub(super) fn add(&mut self, name: &str, schema: Schema) {
        self.components.schemas.insert(name.into(), schema);
    }

    fn state_name(&self, aggregate: Id<Aggregate>) -> Arc<str> {
        format!("{}State", self.brief.aggregates.get(aggregate).name).into()
    }

    /// Records that clients send, directly or inside others.
    fn received_records(&self) -> Vec<Id<Record>> {
        let mut found = Vec::new();
        let commands = self
            .brief
            .commands
            .rows()
            .iter()
            .map(|command| &command.input);
        let queries = self.brief.queries.rows().iter().map(|query| &query.input);
        for field in commands.chain(queries).flatten() {
            self.records_in(&field.ty, &mut found);
        }
        found
    }

    fn records_in(&self, ty: &Type, found: &mut Vec<Id<Record>>) {
        match ty {
            Type::Optional(inner) | Type::List(inner) => self.records_in(inner, found),
            Type::Record(id) if !found.contains(id) => {
                found.push(*id);
                for field in &self.brief.records.get(*id).fields {
                    self.records_in(&field.ty, found);
                }
            }
            _ => {}
        }
    }

    /// Fields as declared; slots count them.
    pub(super) fn declared(&self, fields: &[Slot], side: Side) -> Object {
        let fields: Vec<Field> = fields
            .iter()
            .enumerate()
            .map(|(slot, field)| self.field(field, slot, side))
            .collect();
        Object {
            title: None,
            width: fields.len(),
            fields,
        }
    }

    /// A declared field at a slot.
    pub(super) fn field(&self, field: &Slot, slot: usize, side: Side) -> Field {
        Field {
            name: field.name.text.clone(),
            slot,
            schema: self.declared_form(field, side),
            required: !field.ty.is_optional() && field.default.is_none(),
            default: field.default.clone(),
            secret: field.marks.secret,
        }
    }

    /// The form of a declared field.
    pub(super) fn declared_form(&self, field: &Slot, side: Side) -> Schema {
        let bounds = Bounds {
            min: field.min.as_ref(),
            max: field.max.as_ref(),
            count: field.count.map(|count| (count.min, count.max)),
            side,
        };
        self.form_in(&field.ty, &bounds)
    }

    /// The form of a type without marks.
    pub(super) fn form(&self, ty: &Type, side: Side) -> Schema {
        self.form_in(
            ty,
            &Bounds {
                min: None,
                max: None,
                count: None,
                side,
            },
        )
    }

    fn form_in(&self, ty: &Type, bounds: &Bounds<'_>) -> Schema {
        match ty {
            Type::Text => bounds.text(TextFormat::Plain, None),
            Type::Email => bounds.text(TextFormat::Email, Some(254)),
            Type::Url => bounds.text(TextFormat::Url, Some(2_000)),
            Type::Blob => Schema::token(128),
            Type::Actor(_) => Schema::Text {
                min: Some(1),
                max: Some(KEY),
                format: TextFormat::Plain,
            },
            Type::Int => bounds.integer(),
            Type::Decimal => bounds.decimal(),
            Type::Money => bounds.money(self.brief),
            Type::Bool => Schema::Bool,
            Type::Date => Schema::Date {
                min: bounds.days(bounds.min),
                max: bounds.days(bounds.max),
            },
            Type::Time => Schema::Time,
            Type::Duration => Schema::Duration {
                min: bounds.micros(bounds.min),
                max: bounds.micros(bounds.max),
            },
            Type::Json | Type::Edits | Type::Error => Schema::Any {
                max_bytes: bounds.length(bounds.max),
            },
            Type::Tier => Schema::Enum(
                self.brief
                    .tiers
                    .rows()
                    .iter()
                    .map(|t| t.name.text.clone())
                    .collect(),
            ),
            Type::Region => Schema::Enum(self.brief.system.regions.clone()),
            Type::Enum(id) => Schema::Named(self.enum_name(*id)),
            Type::State(id) => Schema::Named(self.state_name(*id)),
            Type::Record(id) => Schema::Named(self.brief.records.get(*id).name.text.clone()),
            Type::Ref(id) => self.key(*id, bounds.side),
            Type::Row(id) => Schema::Object(self.row(*id)),
            Type::Struct(shape) => Schema::Object(self.shape(shape)),
            Type::List(inner) => {
                let (min, max) = bounds.count.unwrap_or((0, None));
                let inside = Bounds {
                    count: None,
                    ..*bounds
                };
                let checked = bounds.side == Side::In;
                Schema::List {
                    items: Box::new(self.form_in(inner, &inside)),
                    min: if checked { min } else { 0 },
                    max: if checked { max } else { None },
                }
            }
            Type::Map(_, inner) => Schema::Map(Box::new(self.form(inner, bounds.side))),
            Type::Optional(inner) => self.form_in(inner, bounds).nullable(),
            Type::Nothing => Schema::Null,
        }
    }

    fn enum_name(&self, id: Id<Enum>) -> Arc<str> {
        self.brief.enums.get(id).name.text.clone()
    }

    /// The key of a row: what a reference to it is.
    pub(super) fn key(&self, id: Id<Aggregate>, side: Side) -> Schema {
        let aggregate = self.brief.aggregates.get(id);
        if aggregate.generated_key {
            return Schema::token(64);
        }
        let mut parts: Vec<(Arc<str>, Schema)> = aggregate
            .key_fields()
            .iter()
            .map(|field| {
                (
                    field.name.text.clone(),
                    key_leaf(self.declared_form(field, side)),
                )
            })
            .collect();
        match parts.pop() {
            Some((_, only)) if parts.is_empty() => only,
            Some(last) => {
                parts.push(last);
                Schema::Key(parts)
            }
            None => Schema::token(64),
        }
    }

    /// The names of the path segments of a key.
    pub(super) fn key_names(&self, id: Id<Aggregate>, schema: &Schema) -> Vec<Arc<str>> {
        let aggregate = self.brief.aggregates.get(id);
        let first = aggregate
            .key_fields()
            .first()
            .map_or("id", |field| &*field.name.text);
        crate::schema::key_segments(first, schema)
            .into_iter()
            .map(Arc::from)
            .collect()
    }

    /// The form of a row slot, with the bounds of its field.
    pub(super) fn row_slot(&self, id: Id<Aggregate>, slot: usize, side: Side) -> Option<Schema> {
        let aggregate = self.brief.aggregates.get(id);
        if let Some(field) = aggregate.field_of_slot(slot) {
            return Some(self.declared_form(field, side));
        }
        aggregate
            .row
            .slots
            .get(slot)
            .map(|slot| self.form(&slot.ty, side))
    }

    fn row(&self, id: Id<Aggregate>) -> Object {
        let aggregate = self.brief.aggregates.get(id);
        let mut object = self.shape(&aggregate.row);
        for field in &mut object.fields {
            field.secret = aggregate
                .field_of_slot(field.slot)
                .is_some_and(|f| f.marks.secret);
        }
        object
    }

    fn shape(&self, shape: &Shape) -> Object {
        let field = |(slot, slot_type): (usize, &underpin_brief::model::SlotType)| Field {
            name: slot_type.name.clone(),
            slot,
            schema: self.form(&slot_type.ty, Side::Out),
            required: true,
            default: None,
            secret: false,
        };
        Object {
            title: None,
            width: shape.slots.len(),
            fields: shape.slots.iter().enumerate().map(field).collect(),
        }
    }

    /// A name for the form of something that an operation takes or answers; names of the brief
    /// are never taken.
    pub(super) fn name(&self, name: &str, suffix: &str) -> Arc<str> {
        let mut wanted = format!("{}{suffix}", pascal(name));
        while self.components.schemas.contains_key(wanted.as_str()) {
            wanted.push('_');
        }
        wanted.into()
    }
}

/// A key is never empty: it must be something in a path.
fn key_leaf(schema: Schema) -> Schema {
    match schema {
        Schema::Text { min, max, format } => Schema::Text {
            min: Some(min.unwrap_or(1).max(1)),
            max: Some(max.unwrap_or(KEY)),
            format,
        },
        other => other,
    }
}

/// What was declared beside a type.
#[derive(Clone, Copy)]
struct Bounds<'a> {
    min: Option<&'a Value>,
    max: Option<&'a Value>,
    count: Option<(u32, Option<u32>)>,
    side: Side,
}

impl Bounds<'_> {
    fn checked<T>(&self, bound: Option<T>) -> Option<T> {
        bound.filter(|_| self.side == Side::In)
    }

    fn length(&self, bound: Option<&Value>) -> Option<u64> {
        match self.checked(bound) {
            Some(Value::Int(length)) => u64::try_from(*length).ok(),
            _ => None,
        }
    }

    fn days(&self, bound: Option<&Value>) -> Option<i32> {
        match self.checked(bound) {
            Some(Value::Date(days)) => Some(*days),
            _ => None,
        }
    }

    fn micros(&self, bound: Option<&Value>) -> Option<i64> {
        match self.checked(bound) {
            Some(Value::Duration(Duration { micros })) => Some(*micros),
            _ => None,
        }
    }

    fn text(&self, format: TextFormat, longest: Option<u64>) -> Schema {
        let max = self.length(self.max).or(self.checked(longest));
        Schema::Text {
            min: self.length(self.min),
            max,
            format,
        }
    }

    fn integer(&self) -> Schema {
        let int = |bound: Option<&Value>| match bound {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        };
        Schema::Integer {
            min: self.checked(Some(int(self.min).unwrap_or(-SAFE))),
            max: self.checked(Some(int(self.max).unwrap_or(SAFE))),
        }
    }

    fn decimal(&self) -> Schema {
        let decimal = |bound: Option<&Value>| match self.checked(bound) {
            Some(Value::Decimal(number)) => Some(*number),
            Some(Value::Int(number)) => Decimal::from_int(*number),
            _ => None,
        };
        Schema::Decimal {
            min: decimal(self.min),
            max: decimal(self.max),
            shown: self.side == Side::Out,
        }
    }

    fn money(&self, brief: &Brief) -> Schema {
        let minor = |bound: Option<&Value>| match self.checked(bound) {
            Some(Value::Money(minor, _) | Value::Int(minor)) => Some(*minor),
            _ => None,
        };
        Schema::Money(MoneyForm {
            currencies: brief.system.currencies.clone(),
            min: minor(self.min),
            max: minor(self.max),
            shown: self.side == Side::Out,
        })
    }
}

/// About how many bytes the JSON of a form may have; generous.
pub(super) fn json_bytes(components: &Components, schema: &Schema, depth: u32) -> u64 {
    let inside = |schema: &Schema| {
        if depth > 6 {
            4_096
        } else {
            json_bytes(components, schema, depth + 1)
        }
    };
    let bytes = match components.follow(schema) {
        Schema::Any { max_bytes } => max_bytes.map_or(65_536, |bytes| bytes.saturating_mul(2)),
        Schema::Text { max, .. } => max.map_or(65_536, |chars| chars.saturating_mul(12)),
        Schema::List { items, max, .. } => {
            inside(items).saturating_mul(u64::from(max.unwrap_or(10_000)))
        }
        Schema::Object(object) => object.fields.iter().fold(0_u64, |sum, field| {
            sum.saturating_add(inside(&field.schema))
                .saturating_add(field.name.len() as u64 + 8)
        }),
        Schema::Key(fields) => fields.iter().fold(0_u64, |sum, (_, schema)| {
            sum.saturating_add(inside(schema) + 64)
        }),
        Schema::Nullable(inner) => inside(inner),
        Schema::Map(_) => Bytes(65_536).0,
        _ => 128,
    };
    bytes.max(16)
}
