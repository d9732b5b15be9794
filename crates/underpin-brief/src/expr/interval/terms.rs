//! Expressions as linear forms: what is not linear becomes an unknown.

use super::linear::Linear;
use crate::model::{BinaryOp, Decimal, Expr, ExprKind, Function, Type, UnaryOp, Value};

/// Unknowns, numbered; the same expression is the same unknown.
#[derive(Default)]
pub(super) struct Terms {
    unknowns: Vec<Expr>,
    bounds: Vec<Linear>,
    products: Vec<(Linear, [Linear; 2])>,
}

const ONE: i128 = Decimal::ONE.nanos() as i128;

impl Terms {
    /// What is known of the unknowns themselves: sizes are not negative, `max(a, b)` is at least
    /// `a` and `b`.
    pub(super) fn bounds(&self) -> Vec<Linear> {
        self.bounds.clone()
    }

    /// Products with their factors: not negative where no factor is.
    pub(super) fn products(&self) -> Vec<(Linear, [Linear; 2])> {
        self.products.clone()
    }

    /// The form of a number; `None` for what is no number or does not fit.
    pub(super) fn linear(&mut self, expr: &Expr) -> Option<Linear> {
        if !numeric(&expr.ty) {
            return None;
        }
        match &expr.kind {
            ExprKind::Literal(value) => literal(value, &expr.ty).map(Linear::constant),
            ExprKind::Binary(op @ (BinaryOp::Add | BinaryOp::Subtract), left, right)
                if dates(expr, left, right) =>
            {
                let (left, right) = (self.linear(left)?, self.linear(right)?);
                if *op == BinaryOp::Add {
                    left.plus(&right)
                } else {
                    left.minus(&right)
                }
            }
            ExprKind::Binary(BinaryOp::Multiply, left, right) => self.product(expr, left, right),
            ExprKind::Unary(UnaryOp::Negate, inner) => Some(self.linear(inner)?.negated()),
            ExprKind::Convert(inner) => match (inner.ty.required(), expr.ty.required()) {
                (Type::Int, Type::Decimal) => self.linear(inner)?.times(ONE),
                (from, to) if from == to => self.linear(inner),
                _ => self.unknown(expr),
            },
            ExprKind::Call(Function::Value, parts) => self.linear(parts.first()?),
            ExprKind::Call(Function::Min | Function::Max, parts) if parts.len() > 1 => {
                self.extreme(expr, parts)
            }
            ExprKind::Call(Function::Size, _) => {
                let form = self.unknown(expr)?;
                self.bounds.push(form.clone());
                Some(form)
            }
            _ => self.unknown(expr),
        }
    }

    fn unknown(&mut self, expr: &Expr) -> Option<Linear> {
        let at = match self.unknowns.iter().position(|known| known.same(expr)) {
            Some(at) => at,
            None => {
                self.unknowns.push(expr.clone());
                self.unknowns.len() - 1
            }
        };
        Some(Linear::unknown(at))
    }

    fn extreme(&mut self, expr: &Expr, parts: &[Expr]) -> Option<Linear> {
        let smallest = matches!(expr.kind, ExprKind::Call(Function::Min, _));
        let form = self.unknown(expr)?;
        for part in parts {
            let part = self.linear(part)?;
            let bound = if smallest {
                part.minus(&form)
            } else {
                form.minus(&part)
            };
            self.bounds.extend(bound);
        }
        Some(form)
    }

    fn product(&mut self, expr: &Expr, left: &Expr, right: &Expr) -> Option<Linear> {
        let (a, b) = (self.linear(left)?, self.linear(right)?);
        match (factor(&a, left), factor(&b, right)) {
            (Some(by), _) => b.times(by),
            (None, Some(by)) => a.times(by),
            (None, None) => {
                let form = self.unknown(expr)?;
                self.products.push((form.clone(), [a, b]));
                Some(form)
            }
        }
    }

    /// Forms that are at least zero where `fact` is `held`.
    pub(super) fn inequalities(&mut self, fact: &Expr, held: bool) -> Vec<Linear> {
        let ExprKind::Binary(op, left, right) = &fact.kind else {
            return Vec::new();
        };
        let op = if held { *op } else { super::negated(*op) };
        let comparison = matches!(
            op,
            BinaryOp::Equal
                | BinaryOp::Less
                | BinaryOp::LessEqual
                | BinaryOp::Greater
                | BinaryOp::GreaterEqual
        );
        if !comparison {
            return Vec::new();
        }
        let (Some(left), Some(right)) = (self.linear(left), self.linear(right)) else {
            return Vec::new();
        };
        let Some(difference) = left.minus(&right) else {
            return Vec::new();
        };
        match op {
            BinaryOp::GreaterEqual => vec![difference],
            BinaryOp::Greater => vec![difference.plus_constant(-1)],
            BinaryOp::LessEqual => vec![difference.negated()],
            BinaryOp::Less => vec![difference.negated().plus_constant(-1)],
            _ => vec![difference.clone(), difference.negated()],
        }
    }
}

/// A constant that multiplies without rounding: a whole number.
fn factor(form: &Linear, expr: &Expr) -> Option<i128> {
    match expr.ty.required() {
        Type::Int => form.value(),
        Type::Decimal => form
            .value()
            .filter(|nanos| nanos % ONE == 0)
            .map(|nanos| nanos / ONE),
        _ => None,
    }
}

pub(super) fn numeric(ty: &Type) -> bool {
    matches!(
        ty.required(),
        Type::Int | Type::Decimal | Type::Money | Type::Duration | Type::Time | Type::Date
    )
}

/// Whether a sum stays in one unit: days and microseconds do not mix.
fn dates(sum: &Expr, left: &Expr, right: &Expr) -> bool {
    let day = |expr: &Expr| *expr.ty.required() == Type::Date;
    !day(sum) && !day(left) && !day(right)
}

fn literal(value: &Value, ty: &Type) -> Option<i128> {
    Some(match (value, ty.required()) {
        (Value::Int(0), _) => 0,
        (Value::Int(number), Type::Int) => i128::from(*number),
        (Value::Int(number), Type::Decimal) => i128::from(*number).checked_mul(ONE)?,
        (Value::Decimal(number), Type::Decimal) => i128::from(number.nanos()),
        (Value::Money(minor, _), _) => i128::from(*minor),
        (Value::Duration(length), _) => i128::from(length.micros),
        (Value::Time(at), _) => i128::from(*at),
        (Value::Date(day), _) => i128::from(*day),
        _ => return None,
    })
}
