//! Views: sources joined, filtered, grouped, folded.

use crate::caller::Scope;
use crate::look::Look;
use crate::meaning::Meaning;
use crate::state::State;
use std::collections::BTreeMap;
use underpin_brief::expr::Frame;
use underpin_brief::model::*;

impl Meaning {
    /// The rows of a view that a scope may see.
    pub(crate) fn view(&self, state: &State, scope: &Scope, id: Id<View>) -> Vec<Value> {
        let view = self.brief.views.get(id);
        let look = Look::new(self, state, scope);
        let mut frames = vec![Frame::new(view.frame.max(Root::COUNT))];
        for source in &view.from {
            let rows = self.visible(state, scope, source.aggregate);
            let rows: Vec<&Value> = rows
                .iter()
                .filter_map(|place| state.rows.get(place))
                .collect();
            let joined = frames.iter().flat_map(|frame| {
                rows.iter().map(|row| {
                    let mut next = frame.clone();
                    next.set(source.slot, (*row).clone());
                    next
                })
            });
            let kept = |frame: &Frame| {
                source
                    .filter
                    .as_ref()
                    .is_none_or(|filter| self.truth(filter, &look, frame))
            };
            frames = joined.filter(kept).collect();
        }
        let value =
            |expr: &Expr, frame: &Frame| self.eval(expr, &look, frame).unwrap_or(Value::Null);
        let folded = view.shows.iter().any(|(_, expr)| folds(expr)) || !view.groups.is_empty();
        let mut groups: BTreeMap<Vec<Value>, Vec<Frame>> = BTreeMap::new();
        for (number, frame) in frames.into_iter().enumerate() {
            let key = match folded {
                true => view
                    .groups
                    .iter()
                    .map(|(_, expr)| value(expr, &frame))
                    .collect(),
                false => vec![Value::Int(i64::try_from(number).unwrap_or(i64::MAX))],
            };
            groups.entry(key).or_default().push(frame);
        }
        let row = |(key, frames): (&Vec<Value>, &Vec<Frame>)| {
            let mut slots = if folded { key.clone() } else { Vec::new() };
            for (_, expr) in &view.shows {
                let one = self.fold(expr, frames, &value);
                slots.push(
                    frames
                        .first()
                        .map_or(Value::Null, |first| value(&one, first)),
                );
            }
            Value::record(slots)
        };
        groups.iter().map(row).collect()
    }

    /// The expression with every function over the group replaced by its value.
    fn fold(&self, expr: &Expr, frames: &[Frame], value: &dyn Fn(&Expr, &Frame) -> Value) -> Expr {
        let mut expr = expr.clone();
        if let ExprKind::Aggregate(function, of) = &expr.kind {
            let values = of
                .iter()
                .flat_map(|of| frames.iter().map(|frame| value(of, frame)));
            let values: Vec<Value> = values.filter(|value| !value.is_null()).collect();
            let count = Value::Int(i64::try_from(frames.len()).unwrap_or(i64::MAX));
            let found = match function {
                AggregateFunction::Count => Some(count),
                AggregateFunction::Min => values.into_iter().min(),
                AggregateFunction::Max => values.into_iter().max(),
                AggregateFunction::Sum => values
                    .into_iter()
                    .reduce(|a, b| plus(&a, &b).unwrap_or(Value::Null)),
            };
            expr.kind = ExprKind::Literal(found.unwrap_or(Value::Null));
            return expr;
        }
        for child in expr.children_mut() {
            *child = self.fold(child, frames, value);
        }
        expr
    }
}

fn folds(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |part| found |= matches!(part.kind, ExprKind::Aggregate(..)));
    found
}

/// A sum that does not fit, or mixes currencies, is absent.
fn plus(a: &Value, b: &Value) -> Option<Value> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int),
        (Value::Decimal(a), Value::Decimal(b)) => a.checked_add(*b).map(Value::Decimal),
        (Value::Money(a, one), Value::Money(b, other)) if one == other => {
            a.checked_add(*b).map(|sum| Value::Money(sum, *one))
        }
        (Value::Duration(a), Value::Duration(b)) => a
            .micros
            .checked_add(b.micros)
            .map(|sum| Value::Duration(Duration::from_micros(sum))),
        _ => None,
    }
}
