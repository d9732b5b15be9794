//! Whether a row, in its new form, satisfies what the new brief says of rows: bounds that were
//! narrowed, and invariants. Knows no table.

use super::types::former;
use std::sync::Arc;
use underpin_brief::expr::eval::NoRows;
use underpin_brief::expr::{Compiled, Frame, Library};
use underpin_brief::model::*;

/// What is checked of each row of an aggregate.
pub(super) struct Rules {
    bounds: Vec<(usize, Field)>,
    invariants: Vec<(String, u32, Compiled)>,
}

impl Rules {
    /// What the new brief asks of rows that the old one did not.
    pub(super) fn new(old: &Brief, new: &Brief, from: &Aggregate, to: &Aggregate) -> Self {
        let narrower = |field: &&Field| {
            former(&from.fields, field)
                .and_then(|at| from.fields.get(at))
                .is_some_and(|before| {
                    before.min != field.min
                        || before.max != field.max
                        || before.count != field.count
                })
        };
        let bounds = to.fields.iter().enumerate();
        let bounds = bounds.filter(|(_, field)| narrower(field));
        let library = Library::new(new);
        let invariants = match said(old, from) == said(new, to) {
            true => Vec::new(),
            false => to
                .invariants
                .iter()
                .map(|rule| one(new, &library, rule))
                .collect(),
        };
        Self {
            bounds: bounds.map(|(at, field)| (at, field.clone())).collect(),
            invariants,
        }
    }

    /// Whether there is nothing to check.
    pub(super) fn is_empty(&self) -> bool {
        self.bounds.is_empty() && self.invariants.is_empty()
    }

    /// Why a row is none of the new brief's, in a few words.
    pub(super) fn check(&self, row: &Value) -> Result<(), String> {
        for (slot, field) in &self.bounds {
            if !within(row.slot(*slot), field) {
                return Err(format!("`{}` is outside its new bounds", field.name));
            }
        }
        for (text, frame, rule) in &self.invariants {
            let mut frame = Frame::new((*frame).max(Root::COUNT));
            frame.set(Root::SelfRow.slot(), row.clone());
            if !rule
                .eval(&mut frame, &NoRows)
                .is_ok_and(|value| value.is_true())
            {
                return Err(format!("`invariant {text}` does not hold"));
            }
        }
        Ok(())
    }
}

fn one(brief: &Brief, library: &Arc<Library>, rule: &Invariant) -> (String, u32, Compiled) {
    let text = format!("\"{}\"", brief.texts.at(rule.expr.span).trim_matches('"'));
    (text, rule.frame, library.compile(&rule.expr))
}

/// Everything that decides whether a row satisfies an aggregate's invariants, as it was written.
fn said(brief: &Brief, aggregate: &Aggregate) -> Vec<String> {
    let rules = aggregate.invariants.iter().map(|rule| rule.expr.span);
    if aggregate.invariants.is_empty() {
        return Vec::new();
    }
    let defines = aggregate.defines.rows().iter();
    rules
        .chain(defines.map(|define| define.expr.span))
        .map(|span| brief.texts.at(span).to_owned())
        .collect()
}

/// Whether a value lies within the bounds of a field. Lengths of text are counted in characters.
fn within(value: &Value, field: &Field) -> bool {
    let measure = match value {
        Value::Null => return true,
        Value::List(items) => {
            let length = u32::try_from(items.len()).unwrap_or(u32::MAX);
            return field.count.is_none_or(|count| {
                length >= count.min && count.max.is_none_or(|max| length <= max)
            });
        }
        Value::Text(text) => Value::Int(i64::try_from(text.chars().count()).unwrap_or(i64::MAX)),
        other => other.clone(),
    };
    let comparable =
        |bound: &Value| std::mem::discriminant(bound) == std::mem::discriminant(&measure);
    let above = field.min.as_ref().filter(|bound| comparable(bound));
    let below = field.max.as_ref().filter(|bound| comparable(bound));
    above.is_none_or(|bound| *bound <= measure) && below.is_none_or(|bound| measure <= *bound)
}
