//! What becomes of a value when its type was written anew: by name, never by position. Says what
//! has no form any more and what would be lost; knows neither tables nor flows.

use std::collections::BTreeSet;
use underpin_brief::model::*;

/// What a type written anew asks of the values that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// Every value is still one, stored as it is.
    Same,
    /// Some values may be none any more; the others are stored as they are.
    Checked,
    /// Values are stored differently.
    Changed,
}

/// Two briefs, the earlier one and the one that takes its place.
#[derive(Clone, Copy)]
pub(crate) struct Between<'b> {
    pub(crate) old: &'b Brief,
    pub(crate) new: &'b Brief,
}

/// Fields that had a value and have no place any more.
pub(crate) type Lost = BTreeSet<String>;

impl Between<'_> {
    /// What the new type asks of values of the old one.
    ///
    /// # Errors
    /// Where no value of the old type has a meaning in the new one.
    pub(crate) fn fit(&self, from: &Type, to: &Type) -> Result<Fit, ()> {
        match (from, to) {
            (Type::Optional(from), Type::Optional(to)) => self.fit(from, to),
            (Type::Optional(from), to) => Ok(self.fit(from, to)?.max(Fit::Checked)),
            (from, Type::Optional(to)) => self.fit(from, to),
            (Type::List(from), Type::List(to)) => self.fit(from, to),
            (Type::Map(key, value), Type::Map(to_key, to_value)) => {
                Ok(self.fit(key, to_key)?.max(self.fit(value, to_value)?))
            }
            (Type::Int, Type::Decimal) => Ok(Fit::Changed),
            (Type::Record(from), Type::Record(to)) => {
                let (from, to) = (self.old.records.get(*from), self.new.records.get(*to));
                self.fit_fields(&from.fields, &to.fields)
            }
            (Type::Enum(from), Type::Enum(to)) => {
                let to = &self.new.enums.get(*to).values;
                let kept = |name: &Name| to.iter().any(|other| other.text == name.text);
                let all = self.old.enums.get(*from).values.iter().all(kept);
                Ok(if all { Fit::Same } else { Fit::Checked })
            }
            (Type::Text, Type::Enum(_)) => Ok(Fit::Checked),
            (Type::State(from), Type::State(to)) => Ok(self.states(*from, *to)),
            (Type::Ref(from), Type::Ref(to)) => {
                let (from, to) = (self.old.aggregates.get(*from), self.new.aggregates.get(*to));
                if from.name.text != to.name.text || from.keys != to.keys {
                    return Err(());
                }
                self.fit_fields(from.key_fields(), to.key_fields())
            }
            (Type::Email | Type::Url | Type::Enum(_), Type::Text)
            | (Type::Actor(_), Type::Actor(_)) => Ok(Fit::Same),
            (from, to) if same_plain(from, to) => Ok(Fit::Same),
            _ => Err(()),
        }
    }

    fn states(&self, from: Id<Aggregate>, to: Id<Aggregate>) -> Fit {
        let names = |states: &Option<States>| -> Vec<Text> {
            let names = states.iter().flat_map(|states| &states.names);
            names.map(|name| Text::clone(&name.text)).collect()
        };
        let (old, new) = (self.old.aggregates.get(from), self.new.aggregates.get(to));
        let known = names(&new.states);
        let all = names(&old.states).iter().all(|name| known.contains(name));
        if all { Fit::Same } else { Fit::Checked }
    }

    fn fit_fields(&self, from: &[Field], to: &[Field]) -> Result<Fit, ()> {
        let mut fit = match from.len() == to.len() {
            true => Fit::Same,
            false => Fit::Changed,
        };
        for (place, field) in to.iter().enumerate() {
            let Some(at) = former(from, field) else {
                fit = Fit::Changed;
                continue;
            };
            if at != place {
                fit = Fit::Changed;
            }
            if let Some(old) = from.get(at) {
                fit = fit.max(self.fit(&old.ty, &field.ty)?);
            }
        }
        Ok(fit)
    }

    /// The value in its new form.
    ///
    /// # Errors
    /// Why it has none, in a few words.
    pub(crate) fn value(
        &self,
        value: &Value,
        from: &Type,
        to: &Type,
        lost: &mut Lost,
    ) -> Result<Value, String> {
        match (from, to, value) {
            (_, Type::Optional(_), Value::Null) => Ok(Value::Null),
            (_, _, Value::Null) => Err("it has no value, and must have one".to_owned()),
            (Type::Optional(from), to, value) => self.value(value, from, to, lost),
            (from, Type::Optional(to), value) => self.value(value, from, to, lost),
            (Type::List(from), Type::List(to), Value::List(items)) => {
                let items = items.iter().map(|item| self.value(item, from, to, lost));
                Ok(Value::list(items.collect::<Result<_, _>>()?))
            }
            (Type::Int, Type::Decimal, Value::Int(number)) => number
                .checked_mul(1_000_000_000)
                .map(|nanos| Value::Decimal(Decimal::from_nanos(nanos)))
                .ok_or_else(|| "the number is too large for a `decimal`".to_owned()),
            (Type::Record(from), Type::Record(to), value) => {
                let (from, to) = (self.old.records.get(*from), self.new.records.get(*to));
                self.fields(value, &from.fields, &to.fields, lost)
            }
            (Type::Ref(from), Type::Ref(to), Value::List(_)) => {
                let (from, to) = (self.old.aggregates.get(*from), self.new.aggregates.get(*to));
                self.key(value, from.key_fields(), to.key_fields(), lost)
            }
            (Type::Text | Type::Enum(_), Type::Enum(to), Value::Text(text)) => {
                let known = self.new.enums.get(*to).values.iter();
                known_name(known, text).map(|()| value.clone())
            }
            (Type::State(_), Type::State(to), Value::Text(text)) => {
                let states = self.new.aggregates.get(*to).states.as_ref();
                let known = states.map(|states| states.names.as_slice());
                known_name(known.unwrap_or_default().iter(), text).map(|()| value.clone())
            }
            (Type::Row(from), Type::Row(to), value) => self.row(value, *from, *to, lost),
            (Type::Struct(from), Type::Struct(to), value) => self.shape(value, from, to, lost),
            (from, to, value) => match self.fit(from, to) {
                Ok(_) => Ok(value.clone()),
                Err(()) => Err("its type has changed".to_owned()),
            },
        }
    }

    fn key(
        &self,
        key: &Value,
        from: &[Field],
        to: &[Field],
        lost: &mut Lost,
    ) -> Result<Value, String> {
        let Value::List(parts) = key else {
            return Ok(key.clone());
        };
        let parts = parts.iter().zip(from.iter().zip(to));
        let parts = parts.map(|(part, (from, to))| self.value(part, &from.ty, &to.ty, lost));
        Ok(Value::list(parts.collect::<Result<_, _>>()?))
    }

    /// Declared fields by name, or by the name that they had.
    pub(crate) fn fields(
        &self,
        value: &Value,
        from: &[Field],
        to: &[Field],
        lost: &mut Lost,
    ) -> Result<Value, String> {
        let mut slots = Vec::with_capacity(to.len());
        let mut used = BTreeSet::new();
        for field in to {
            let Some(at) = former(from, field) else {
                slots.push(fresh(field)?);
                continue;
            };
            used.insert(at);
            let old = value.slot(at);
            let ty = from.get(at).map_or(&field.ty, |old| &old.ty);
            let new = match (old, &field.default) {
                // A default was added, or what was optional is not: the default stands in.
                (Value::Null, Some(default)) if !field.ty.is_optional() => Ok(default.clone()),
                _ => self.value(old, ty, &field.ty, lost),
            };
            slots.push(new.map_err(|why| format!("`{}`: {why}", field.name))?);
        }
        for (at, field) in from.iter().enumerate() {
            let empty = match value.slot(at) {
                Value::Null => true,
                Value::List(items) => items.is_empty(),
                _ => false,
            };
            if !used.contains(&at) && !empty {
                lost.insert(field.name.text.to_string());
            }
        }
        Ok(Value::record(slots))
    }

    /// A whole row: declared fields, then what every row has.
    pub(crate) fn row(
        &self,
        row: &Value,
        from: Id<Aggregate>,
        to: Id<Aggregate>,
        lost: &mut Lost,
    ) -> Result<Value, String> {
        let (old, new) = (self.old.aggregates.get(from), self.new.aggregates.get(to));
        let declared = self.fields(row, &old.fields, &new.fields, lost)?;
        let mut slots: Vec<Value> = (0..new.fields.len())
            .map(|at| declared.slot(at).clone())
            .collect();
        for slot in new.row.slots.iter().skip(new.fields.len()) {
            let system = old.row.slots.iter().enumerate().skip(old.fields.len());
            let found = system
                .filter(|(_, other)| other.name == slot.name)
                .map(|(at, other)| (row.slot(at), &other.ty))
                .next();
            slots.push(match found {
                Some((value, ty)) => self.value(value, ty, &slot.ty, lost)?,
                None => Value::Null,
            });
        }
        Ok(Value::record(slots))
    }

    /// A structured value by the names of its slots; what the old one lacks is absent.
    pub(crate) fn shape(
        &self,
        value: &Value,
        from: &Shape,
        to: &Shape,
        lost: &mut Lost,
    ) -> Result<Value, String> {
        let mut slots = Vec::with_capacity(to.slots.len());
        for slot in &to.slots {
            let found = from.find(&slot.name);
            slots.push(match found {
                Some((at, _)) if value.slot(at).is_null() => Value::Null,
                Some((at, ty)) => self.value(value.slot(at), ty, &slot.ty, lost)?,
                None => Value::Null,
            });
        }
        Ok(Value::record(slots))
    }
}

/// The place of a field among the earlier ones: under its name, or under the one it had.
pub(crate) fn former(from: &[Field], field: &Field) -> Option<usize> {
    let named = |name: &str| from.iter().position(|old| *old.name.text == *name);
    named(&field.name.text).or_else(|| field.was.as_deref().and_then(named))
}

/// The value of a field that is new.
pub(crate) fn fresh(field: &Field) -> Result<Value, String> {
    match (&field.default, &field.ty) {
        (Some(default), _) => Ok(default.clone()),
        (None, Type::Optional(_)) => Ok(Value::Null),
        (None, Type::List(_)) if field.count.is_none_or(|count| count.min == 0) => {
            Ok(Value::list(Vec::new()))
        }
        _ => Err(format!(
            "`{}` is new and has neither a default nor `?`",
            field.name
        )),
    }
}

fn known_name<'n>(known: impl Iterator<Item = &'n Name>, text: &str) -> Result<(), String> {
    let mut known = known;
    match known.any(|name| *name.text == *text) {
        true => Ok(()),
        false => Err(format!("`{text}` is no value of it any more")),
    }
}

fn same_plain(from: &Type, to: &Type) -> bool {
    let plain = |ty: &Type| {
        matches!(
            ty,
            Type::Text
                | Type::Int
                | Type::Decimal
                | Type::Money
                | Type::Bool
                | Type::Date
                | Type::Time
                | Type::Duration
                | Type::Email
                | Type::Url
                | Type::Json
                | Type::Blob
                | Type::Edits
                | Type::Tier
                | Type::Region
                | Type::Nothing
        )
    };
    plain(from) && std::mem::discriminant(from) == std::mem::discriminant(to)
}
