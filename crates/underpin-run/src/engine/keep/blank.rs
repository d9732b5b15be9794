//! What stands in the place of what is erased: nothing where nothing may stand there, otherwise a
//! value of the type that says nothing. Knows values and types only.

use std::sync::Arc;
use underpin_brief::model::*;

/// What is erased: whose, and what stands for them from now on.
pub(super) struct Person<'p> {
    pub(super) brief: &'p Brief,
    pub(super) subject: &'p str,
    pub(super) pseudonym: &'p str,
}

/// Whether what a field holds says something about a person.
pub(super) fn marked(field: &Field) -> bool {
    field.marks.personal || field.marks.sensitive || field.marks.secret
}

impl Person<'_> {
    /// The fields of a row, a record or an event of this person, blanked.
    pub(super) fn fields(&self, value: &Value, fields: &[Field]) -> Vec<Value> {
        let mut slots = crate::engine::slots_of(value);
        for (slot, field) in slots.iter_mut().zip(fields) {
            *slot = match marked(field) {
                true if slot.is_null() => Value::Null,
                true => self.blank(field),
                false => self.named(slot, &field.ty, true),
            };
        }
        slots
    }

    /// The same value without the person: their identity becomes the pseudonym; with `own`, marked
    /// fields within it are blanked too.
    pub(super) fn named(&self, value: &Value, ty: &Type, own: bool) -> Value {
        match (ty, value) {
            (_, Value::Null) => Value::Null,
            (Type::Optional(inner), value) => self.named(value, inner, own),
            (Type::Actor(_), Value::Text(text)) if **text == *self.subject => {
                Value::text(self.pseudonym)
            }
            (Type::List(inner), Value::List(items)) => {
                let items = items.iter().map(|item| self.named(item, inner, own));
                Value::list(items.collect())
            }
            (Type::Record(id), value) => {
                let fields = &self.brief.records.get(*id).fields;
                match own {
                    true => Value::record(self.fields(value, fields)),
                    false => self.slots(value, fields.iter().map(|field| &field.ty), own),
                }
            }
            (Type::Row(id), value) => self.row(value, *id, own),
            (Type::Struct(shape), value) => self.shape(value, shape),
            _ => value.clone(),
        }
    }

    fn slots<'t>(&self, value: &Value, types: impl Iterator<Item = &'t Type>, own: bool) -> Value {
        let slots = crate::engine::slots_of(value);
        let slots = slots.iter().zip(types);
        Value::record(slots.map(|(slot, ty)| self.named(slot, ty, own)).collect())
    }

    /// A row: with `own` it is the person's.
    pub(super) fn row(&self, row: &Value, of: Id<Aggregate>, own: bool) -> Value {
        let aggregate = self.brief.aggregates.get(of);
        let mut slots = match own {
            true => self.fields(row, &aggregate.fields),
            false => {
                let types = aggregate.row.slots.iter().map(|slot| &slot.ty);
                return self.slots(row, types, own);
            }
        };
        slots.resize(aggregate.row.slots.len(), Value::Null);
        Value::record(slots)
    }

    /// A structured value without a name, such as `caller`: identity and claims.
    fn shape(&self, value: &Value, shape: &Arc<Shape>) -> Value {
        let theirs = shape
            .find("id")
            .is_some_and(|(at, _)| value.slot(at).as_text() == Some(self.subject));
        let mut slots = crate::engine::slots_of(value);
        for (slot, given) in slots.iter_mut().zip(&shape.slots) {
            *slot = match (&*given.name, &*slot) {
                ("id", Value::Text(text)) if **text == *self.subject => Value::text(self.pseudonym),
                (_, Value::Json(_)) if theirs => Value::Json("{}".into()),
                (_, old) => self.named(old, &given.ty, theirs),
            };
        }
        Value::record(slots)
    }

    /// What a marked field holds from now on.
    fn blank(&self, field: &Field) -> Value {
        let at_least = |zero: Value| match &field.min {
            Some(min) if *min > zero => min.clone(),
            _ => zero,
        };
        let text = |text: String| match &field.max {
            Some(Value::Int(most)) => {
                let most = usize::try_from(*most).unwrap_or(0);
                Value::text(&text.chars().take(most).collect::<String>())
            }
            _ => Value::text(&text),
        };
        match &field.ty {
            Type::Optional(_) | Type::Nothing | Type::Error => Value::Null,
            Type::Email => text(format!("{}@erased.invalid", self.pseudonym)),
            Type::Url => text(format!("https://erased.invalid/{}", self.pseudonym)),
            Type::Text | Type::Actor(_) | Type::Ref(_) | Type::Blob | Type::Edits => {
                text(self.pseudonym.to_owned())
            }
            Type::Int => at_least(Value::Int(0)),
            Type::Decimal => at_least(Value::Decimal(Decimal::ZERO)),
            Type::Money => {
                let currency = self.brief.system.currencies.first().copied();
                at_least(Value::Money(0, currency.unwrap_or(Currency::NONE)))
            }
            Type::Bool => Value::Bool(false),
            Type::Date => at_least(Value::Date(0)),
            Type::Time => at_least(Value::Time(0)),
            Type::Duration => at_least(Value::Duration(Duration::from_micros(0))),
            Type::Json => Value::Json("null".into()),
            Type::List(_) => Value::list(Vec::new()),
            Type::Map(..) => Value::Map(Arc::default()),
            Type::Enum(id) => first(self.brief.enums.get(*id).values.first()),
            Type::State(id) => {
                let states = self.brief.aggregates.get(*id).states.as_ref();
                first(states.and_then(|states| states.names.first()))
            }
            Type::Tier => first(self.brief.tiers.rows().first().map(|tier| &tier.name)),
            Type::Region => Value::text(self.brief.system.regions.first().map_or("", |one| one)),
            Type::Record(id) => {
                let fields = &self.brief.records.get(*id).fields;
                Value::record(fields.iter().map(|field| self.blank(field)).collect())
            }
            Type::Row(_) | Type::Struct(_) => Value::Null,
        }
    }
}

fn first(name: Option<&Name>) -> Value {
    name.map_or(Value::Null, |name| Value::text(&name.text))
}
