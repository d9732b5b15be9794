//! Views, computed when they are read: sources joined, filtered, grouped, folded.

use super::program::Compiler;
use super::scope::View;
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::expr::{Compiled, Fault, Frame};
use underpin_brief::model::*;

/// A shown value of a group: an expression over one row, or folded over all.
enum Fold {
    One(Compiled),
    Tree(Box<Expr>),
}

/// A view ready to run.
pub(super) struct ViewPlan {
    sources: Vec<(Id<Aggregate>, Slot, Option<Compiled>)>,
    groups: Vec<Compiled>,
    shows: Vec<Fold>,
    folded: bool,
    frame: u32,
    library: Arc<underpin_brief::expr::Library>,
}

impl ViewPlan {
    pub(super) fn new(compiler: &Compiler<'_>, id: Id<underpin_brief::model::View>) -> Self {
        let view = compiler.brief.views.get(id);
        let source = |source: &ViewSource| {
            let filter = source.filter.as_ref().map(|expr| compiler.expr(expr));
            (source.aggregate, source.slot, filter)
        };
        let show = |(_, expr): &(Name, Expr)| match has_fold(expr) {
            true => Fold::Tree(Box::new(expr.clone())),
            false => Fold::One(compiler.expr(expr)),
        };
        Self {
            sources: view.from.iter().map(source).collect(),
            groups: view
                .groups
                .iter()
                .map(|(_, expr)| compiler.expr(expr))
                .collect(),
            shows: view.shows.iter().map(show).collect(),
            folded: !view.groups.is_empty() || view.shows.iter().any(|(_, expr)| has_fold(expr)),
            frame: view.frame.max(Root::COUNT),
            library: Arc::clone(&compiler.library),
        }
    }

    /// The rows of the view that the scope may see, in no order.
    pub(super) fn rows(&self, view: &View<'_>) -> Result<Vec<Value>, StoreError> {
        let mut frames = vec![Frame::new(self.frame)];
        for (aggregate, slot, filter) in &self.sources {
            let rows = super::select::all_rows(view, *aggregate)?;
            let mut joined = Vec::new();
            for frame in &frames {
                for row in &rows {
                    let mut next = frame.clone();
                    next.set(*slot, row.clone());
                    let kept = match filter {
                        Some(filter) => value(filter, &mut next, view)?.is_true(),
                        None => true,
                    };
                    if kept {
                        joined.push(next);
                    }
                }
            }
            frames = joined;
        }
        if !self.folded {
            return frames
                .into_iter()
                .map(|frame| self.show(&[], &[frame], view))
                .collect();
        }
        let mut groups: BTreeMap<Vec<Value>, Vec<Frame>> = BTreeMap::new();
        for mut frame in frames {
            let mut key = Vec::new();
            for group in &self.groups {
                key.push(value(group, &mut frame, view)?);
            }
            groups.entry(key).or_default().push(frame);
        }
        groups
            .iter()
            .map(|(key, frames)| self.show(key, frames, view))
            .collect()
    }

    fn show(&self, key: &[Value], frames: &[Frame], view: &View<'_>) -> Result<Value, StoreError> {
        let mut slots = key.to_vec();
        for show in &self.shows {
            let first = || frames.first().cloned().unwrap_or_default();
            slots.push(match show {
                Fold::One(expr) => value(expr, &mut first(), view)?,
                Fold::Tree(expr) => {
                    let settled = self.folded(expr, frames, view)?;
                    value(&self.library.compile(&settled), &mut first(), view)?
                }
            });
        }
        Ok(Value::record(slots))
    }

    /// The expression with every fold replaced by its value.
    fn folded(&self, expr: &Expr, frames: &[Frame], view: &View<'_>) -> Result<Expr, StoreError> {
        let kind = match &expr.kind {
            ExprKind::Aggregate(function, of) => {
                ExprKind::Literal(self.fold(*function, of.as_deref(), frames, view)?)
            }
            ExprKind::Binary(op, a, b) => ExprKind::Binary(
                *op,
                Box::new(self.folded(a, frames, view)?),
                Box::new(self.folded(b, frames, view)?),
            ),
            ExprKind::Unary(op, a) => ExprKind::Unary(*op, Box::new(self.folded(a, frames, view)?)),
            ExprKind::Convert(a) => ExprKind::Convert(Box::new(self.folded(a, frames, view)?)),
            ExprKind::Conditional(c, a, b) => ExprKind::Conditional(
                Box::new(self.folded(c, frames, view)?),
                Box::new(self.folded(a, frames, view)?),
                Box::new(self.folded(b, frames, view)?),
            ),
            ExprKind::Call(function, arguments) => {
                let folded = |argument| self.folded(argument, frames, view);
                ExprKind::Call(
                    *function,
                    arguments.iter().map(folded).collect::<Result<_, _>>()?,
                )
            }
            other => other.clone(),
        };
        Ok(Expr {
            kind,
            ty: expr.ty.clone(),
            span: expr.span,
        })
    }

    fn fold(
        &self,
        function: AggregateFunction,
        of: Option<&Expr>,
        frames: &[Frame],
        view: &View<'_>,
    ) -> Result<Value, StoreError> {
        if function == AggregateFunction::Count {
            return Ok(Value::Int(i64::try_from(frames.len()).unwrap_or(i64::MAX)));
        }
        let Some(of) = of else { return Ok(Value::Null) };
        let compiled = self.library.compile(of);
        let mut values = Vec::new();
        for frame in frames {
            let found = value(&compiled, &mut frame.clone(), view)?;
            if !found.is_null() {
                values.push(found);
            }
        }
        Ok(match function {
            AggregateFunction::Min => values.into_iter().min().unwrap_or(Value::Null),
            AggregateFunction::Max => values.into_iter().max().unwrap_or(Value::Null),
            AggregateFunction::Sum | AggregateFunction::Count => values
                .into_iter()
                .reduce(|a, b| sum(&a, &b))
                .unwrap_or(Value::Null),
        })
    }
}

fn has_fold(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |part| found |= matches!(part.kind, ExprKind::Aggregate(..)));
    found
}

fn value(expr: &Compiled, frame: &mut Frame, view: &View<'_>) -> Result<Value, StoreError> {
    match expr.eval(frame, view) {
        Ok(value) => Ok(value),
        Err(Fault::Unavailable(why)) => Err(view
            .failed
            .take()
            .unwrap_or(StoreError::Database(why.to_string()))),
        Err(_) => Ok(Value::Null),
    }
}

/// A sum that does not fit, or mixes currencies, is absent.
fn sum(a: &Value, b: &Value) -> Value {
    let sum = match (a, b) {
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
    };
    sum.unwrap_or(Value::Null)
}
