//! Proofs that something cannot fail: linear inequalities over slots. Conservative: what is not
//! proved may still be true.
//!
//! Numbers are whole in their smallest unit (decimals in 10⁻⁹, amounts in minor units, times in
//! microseconds); what is not linear is one unknown, the same wherever it is written the same. A
//! goal is proved by showing that the facts and its negation have no solution. Overflow and
//! unequal currencies are not looked at: they are faults of their own.

mod linear;
mod terms;

use linear::{Linear, infeasible};
use terms::Terms;

use crate::model::{BinaryOp, Expr, ExprKind, Function, Slot, UnaryOp, Value};

/// What takes the place of a row slot or variable in a goal: the value after a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substitution {
    /// The variable (usually [`Root::SelfRow`](crate::model::Root)).
    pub slot: Slot,
    /// The slot of its value, or the variable as a whole.
    pub field: Option<usize>,
    /// What it is now, over the state before.
    pub value: Expr,
}

/// How many times a proof may split a case or ask for a sign.
const FUEL: u32 = 64;

/// Whether `goal` holds after the substitution wherever all `facts` held before it. Facts and
/// goal are bools; `false` where it is not proved.
#[must_use]
pub fn proves(facts: &[Expr], goal: &Expr, substitution: &[Substitution]) -> bool {
    let goal = substituted(goal, substitution);
    let mut known = Known {
        facts: Vec::new(),
        fuel: FUEL,
    };
    for fact in facts {
        known.assume(fact, true);
    }
    known.proves(&goal, true)
}

fn substituted(expr: &Expr, substitution: &[Substitution]) -> Expr {
    let by_field = |slot: Slot, at: usize| {
        substitution
            .iter()
            .find(|new| new.slot == slot && new.field == Some(at))
    };
    let replacement = match &expr.kind {
        ExprKind::Field(object, at) => match object.kind {
            ExprKind::Slot(slot) => by_field(slot, *at),
            _ => None,
        },
        ExprKind::Slot(slot) => substitution
            .iter()
            .find(|new| new.slot == *slot && new.field.is_none()),
        _ => None,
    };
    if let Some(new) = replacement {
        // The place keeps its type: what is put there was converted to it.
        return new.value.clone();
    }
    // A row that is used as a whole while some of its slots changed is another, unknown row.
    if let ExprKind::Slot(slot) = &expr.kind
        && substitution.iter().any(|new| new.slot == *slot)
    {
        let mut unknown = expr.clone();
        unknown.kind = ExprKind::Slot(Slot(u32::MAX));
        return unknown;
    }
    let mut copy = expr.clone();
    if let ExprKind::Field(object, _) = &expr.kind
        && matches!(object.kind, ExprKind::Slot(_))
        && by_whole(object, substitution).is_none()
    {
        return copy;
    }
    for child in copy.children_mut() {
        *child = substituted(child, substitution);
    }
    copy
}

fn by_whole<'s>(object: &Expr, substitution: &'s [Substitution]) -> Option<&'s Substitution> {
    let ExprKind::Slot(slot) = object.kind else {
        return None;
    };
    substitution
        .iter()
        .find(|new| new.slot == slot && new.field.is_none())
}

/// Bools that are known to hold (`true`) or not to hold (`false`).
#[derive(Clone, Default)]
struct Known {
    facts: Vec<(Expr, bool)>,
    fuel: u32,
}

impl Known {
    /// Adds what follows directly from `fact` being `truth`.
    fn assume(&mut self, fact: &Expr, truth: bool) {
        match &fact.kind {
            ExprKind::Unary(UnaryOp::Not, inner) => self.assume(inner, !truth),
            ExprKind::Binary(BinaryOp::And, left, right) if truth => {
                self.assume(left, true);
                self.assume(right, true);
            }
            ExprKind::Binary(BinaryOp::Or, left, right) if !truth => {
                self.assume(left, false);
                self.assume(right, false);
            }
            ExprKind::Call(Function::OrValue, parts) if truth => {
                if let [inner, otherwise] = parts.as_slice()
                    && otherwise.kind == ExprKind::Literal(Value::Bool(false))
                {
                    self.assume(inner, true);
                }
                self.facts.push((fact.clone(), truth));
            }
            _ => self.facts.push((fact.clone(), truth)),
        }
    }

    fn with(&self, fact: &Expr, truth: bool) -> Self {
        let mut more = self.clone();
        more.assume(fact, truth);
        more
    }

    fn spend(&mut self) -> bool {
        let left = self.fuel > 0;
        self.fuel = self.fuel.saturating_sub(1);
        left
    }

    /// Whether `goal` must be `truth`.
    fn proves(&mut self, goal: &Expr, truth: bool) -> bool {
        if !self.spend() {
            return false;
        }
        if self
            .facts
            .iter()
            .any(|(fact, held)| *held == truth && fact.same(goal))
        {
            return true;
        }
        match (&goal.kind, truth) {
            (ExprKind::Literal(Value::Bool(held)), _) => *held == truth,
            (ExprKind::Unary(UnaryOp::Not, inner), _) => self.proves(inner, !truth),
            (ExprKind::Binary(BinaryOp::And, left, right), true) => {
                self.proves(left, true) && self.with(left, true).proves(right, true)
            }
            (ExprKind::Binary(BinaryOp::Or, left, right), false) => {
                self.proves(left, false) && self.with(left, false).proves(right, false)
            }
            (ExprKind::Binary(BinaryOp::Or, left, right), true) => {
                self.with(left, false).proves(right, true)
                    || self.with(right, false).proves(left, true)
            }
            (ExprKind::Binary(BinaryOp::And, left, right), false) => {
                self.with(left, true).proves(right, false)
                    || self.with(right, true).proves(left, false)
            }
            (ExprKind::Conditional(condition, yes, no), _) => {
                self.with(condition, true).proves(yes, truth)
                    && self.with(condition, false).proves(no, truth)
            }
            (ExprKind::Binary(op, left, right), _) => self.compares(*op, left, right, truth),
            _ => false,
        }
    }

    fn compares(&mut self, op: BinaryOp, left: &Expr, right: &Expr, truth: bool) -> bool {
        let op = if truth { op } else { negated(op) };
        if let Some(split) = first_condition(left).or_else(|| first_condition(right)) {
            return self.by_cases(op, left, right, &split);
        }
        let by_value = matches!(op, BinaryOp::Equal | BinaryOp::NotEqual | BinaryOp::In);
        if by_value
            && !terms::numeric(&left.ty)
            && let Some(held) = self.by_value(op, left, right)
        {
            return held && (op != BinaryOp::In || truth);
        }
        let mut terms = Terms::default();
        let (Some(left), Some(right)) = (terms.linear(left), terms.linear(right)) else {
            return false;
        };
        let Some(difference) = left.minus(&right) else {
            return false;
        };
        let goals: Vec<Linear> = match op {
            BinaryOp::GreaterEqual => vec![difference],
            BinaryOp::LessEqual => vec![difference.negated()],
            BinaryOp::Greater => vec![difference.plus_constant(-1)],
            BinaryOp::Less => vec![difference.negated().plus_constant(-1)],
            BinaryOp::Equal => vec![difference.clone(), difference.negated()],
            BinaryOp::NotEqual => {
                // Different wherever one is surely larger.
                let larger = difference.clone().plus_constant(-1);
                let smaller = difference.negated().plus_constant(-1);
                return self.holds(&larger, &mut terms) || self.holds(&smaller, &mut terms);
            }
            _ => return false,
        };
        goals.iter().all(|goal| self.holds(goal, &mut terms))
    }

    /// Splits a conditional that stands somewhere in a comparison.
    fn by_cases(&mut self, op: BinaryOp, left: &Expr, right: &Expr, split: &Split) -> bool {
        if !self.spend() {
            return false;
        }
        [true, false].into_iter().all(|case| {
            let mut known = self.with(&split.condition, case);
            known.fuel = self.fuel / 2;
            let (left, right) = (decided(left, split, case), decided(right, split, case));
            known.compares(op, &left, &right, true)
        })
    }

    /// Comparisons of values that facts pin down (`self.state == 'open'`).
    fn by_value(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<bool> {
        if op == BinaryOp::In {
            let ExprKind::List(items) = &right.kind else {
                return None;
            };
            let value = self.value_of(left)?;
            return Some(
                items
                    .iter()
                    .any(|item| self.value_of(item).as_ref() == Some(&value)),
            );
        }
        let (left, right) = (self.value_of(left)?, self.value_of(right)?);
        Some((left == right) == (op == BinaryOp::Equal))
    }

    fn value_of(&self, expr: &Expr) -> Option<Value> {
        let expr = expr.unconverted();
        if let ExprKind::Literal(value) = &expr.kind {
            return Some(value.clone());
        }
        self.facts.iter().find_map(|(fact, held)| {
            let ExprKind::Binary(op, left, right) = &fact.kind else {
                return None;
            };
            if (*op != BinaryOp::Equal || !held) && (*op != BinaryOp::NotEqual || *held) {
                return None;
            }
            let (left, right) = (left.unconverted(), right.unconverted());
            match (&left.kind, &right.kind) {
                (_, ExprKind::Literal(value)) if left.same(expr) => Some(value.clone()),
                (ExprKind::Literal(value), _) if right.same(expr) => Some(value.clone()),
                _ => None,
            }
        })
    }

    /// Whether `goal >= 0` follows.
    fn holds(&mut self, goal: &Linear, terms: &mut Terms) -> bool {
        let mut system = Vec::new();
        for (fact, held) in &self.facts {
            system.extend(terms.inequalities(fact, *held));
        }
        system.extend(terms.bounds());
        for (product, [left, right]) in terms.products() {
            if self.spend() && signs(&system, &left) && signs(&system, &right) {
                system.push(product);
            }
        }
        system.push(goal.negated().plus_constant(-1));
        infeasible(system)
    }
}

/// Whether a term is never negative under `system`.
fn signs(system: &[Linear], term: &Linear) -> bool {
    let mut system = system.to_vec();
    system.push(term.negated().plus_constant(-1));
    infeasible(system)
}

fn negated(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Equal => BinaryOp::NotEqual,
        BinaryOp::NotEqual => BinaryOp::Equal,
        BinaryOp::Less => BinaryOp::GreaterEqual,
        BinaryOp::LessEqual => BinaryOp::Greater,
        BinaryOp::Greater => BinaryOp::LessEqual,
        BinaryOp::GreaterEqual => BinaryOp::Less,
        // Not decided by a negation: never provable as it stands.
        other => other,
    }
}

/// A conditional inside an expression.
struct Split {
    condition: Expr,
    whole: Expr,
    yes: Expr,
    no: Expr,
}

fn first_condition(expr: &Expr) -> Option<Split> {
    match &expr.kind {
        ExprKind::Conditional(condition, yes, no) => Some(Split {
            condition: (**condition).clone(),
            whole: expr.clone(),
            yes: (**yes).clone(),
            no: (**no).clone(),
        }),
        ExprKind::Comprehension { .. } => None,
        _ => expr.children().into_iter().find_map(first_condition),
    }
}

fn decided(expr: &Expr, split: &Split, case: bool) -> Expr {
    if expr.same(&split.whole) {
        return if case {
            split.yes.clone()
        } else {
            split.no.clone()
        };
    }
    let mut copy = expr.clone();
    for child in copy.children_mut() {
        *child = decided(child, split, case);
    }
    copy
}

#[cfg(test)]
mod tests;
