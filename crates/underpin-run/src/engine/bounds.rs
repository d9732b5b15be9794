//! What must hold of what is written: the invariants of a row, and what is declared of a field besides
//! its type (smallest and largest value, length, number of elements).

use super::mutation::Mutation;
use super::program::Put;
use super::walk::{Halt, Stop, Walk, refuse};
use crate::backend::{Refusal, refusal};
use underpin_brief::model::*;

impl Walk<'_> {
    /// Refuses a row of which an invariant does not hold.
    pub(super) fn check_invariants(&self, of: Id<Aggregate>, row: &Value) -> Result<(), Halt> {
        if Mutation::LateInvariants.planted() && self.statement_follows() {
            return Ok(());
        }
        for invariant in &self.core.aggregate(of).invariants {
            let mut frame = underpin_brief::expr::Frame::new(invariant.frame);
            frame.set(Root::SelfRow.slot(), row.clone());
            match invariant
                .expr
                .eval(&mut frame, &underpin_brief::expr::eval::NoRows)
            {
                Ok(value) if value.is_true() => {}
                Ok(_) => return refuse(&invariant.code),
                Err(fault) => {
                    let refusal = super::walk::fault_refusal(&fault)?;
                    return Err(Halt::Stop(Stop::Refused(refusal)));
                }
            }
        }
        Ok(())
    }

    /// Whether the flow has more to do after the statement that runs.
    fn statement_follows(&self) -> bool {
        let outer = self.state.levels.first();
        outer.is_some_and(|level| level.next < self.program.ops.len().saturating_sub(1))
    }

    /// The value of an assignment; refused where it is outside the bounds of its field.
    pub(super) fn within_bounds(&mut self, of: Id<Aggregate>, put: &Put) -> Result<Value, Halt> {
        let value = self.eval(&put.value)?;
        let field = self.core.brief.aggregates.get(of).field_of_slot(put.slot);
        if field.is_none_or(|field| fits(field, &value)) {
            return Ok(value);
        }
        let why = "a value is outside the bounds of its field";
        let refusal = Refusal::because(refusal::ARITHMETIC, why);
        Err(Halt::Stop(Stop::Refused(refusal)))
    }
}

fn fits(field: &Field, value: &Value) -> bool {
    let length = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    match value {
        Value::Int(_) | Value::Decimal(_) => within(field, value),
        Value::Money(_, currency) => {
            let same = |bound: &Value| matches!(bound, Value::Money(_, of) if of == currency);
            let beside = |bound: &Option<Value>| bound.as_ref().is_none_or(|bound| !same(bound));
            beside(&field.min) && beside(&field.max) || within(field, value)
        }
        Value::Text(text) if field.ty.required() == &Type::Text => {
            within(field, &Value::Int(length(text.chars().count())))
        }
        Value::Json(text) => within(field, &Value::Int(length(text.len()))),
        Value::List(items) => field.count.is_none_or(|count| {
            let found = u32::try_from(items.len()).unwrap_or(u32::MAX);
            count.min <= found && count.max.is_none_or(|most| found <= most)
        }),
        _ => true,
    }
}

fn within(field: &Field, value: &Value) -> bool {
    let least = field.min.as_ref().is_none_or(|least| value >= least);
    least && field.max.as_ref().is_none_or(|most| value <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::made::field;

    #[test]
    fn bounds_are_inclusive_and_absence_has_none() {
        let mut number = field("n", Type::Int);
        (number.min, number.max) = (Some(Value::Int(0)), Some(Value::Int(3)));
        let mut text = field("t", Type::Text);
        text.max = Some(Value::Int(2));
        let mut list = field("l", Type::Int.list());
        list.count = Some(CountRange {
            min: 1,
            max: Some(2),
        });
        let items = |count: i64| Value::list((0..count).map(Value::Int).collect());
        for (field, value, expected) in [
            (&number, Value::Int(-1), false),
            (&number, Value::Int(0), true),
            (&number, Value::Int(3), true),
            (&number, Value::Int(4), false),
            (&number, Value::Null, true),
            (&text, Value::text("äö"), true),
            (&text, Value::text("äöü"), false),
            (&list, items(0), false),
            (&list, items(2), true),
            (&list, items(3), false),
        ] {
            assert_eq!(fits(field, &value), expected, "{value:?}");
        }
    }
}
