//! Pure deltas: assignments that add to what is there, whose inverse commutes with others' writes.

use crate::model::{
    Aggregate, Assign, BinaryOp, Brief, ChangeStep, Command, Expr, ExprKind, Root, Statement,
    StatementKind, Type,
};

/// Whether a change consists of additions to fields only (and of conditions, which write nothing).
#[must_use]
pub fn is_delta(steps: &[ChangeStep]) -> bool {
    let mut sets = 0;
    let pure = steps.iter().all(|step| match step {
        ChangeStep::Require { .. } => true,
        ChangeStep::Move { .. } => false,
        ChangeStep::Set(assigns) => {
            sets += assigns.len();
            assigns.iter().all(|assign| delta_of(assign).is_some())
        }
    });
    pure && sets > 0
}

/// Whether a change sets only fields that say how changes of them meet: it meets others, whatever
/// they did meanwhile.
#[must_use]
pub fn is_merge(aggregate: &Aggregate, steps: &[ChangeStep]) -> bool {
    let merges = |assign: &Assign| {
        let field = aggregate.field_of_slot(assign.slot);
        field.is_some_and(|field| field.merge.is_some())
    };
    let mut sets = 0;
    let pure = steps.iter().all(|step| match step {
        ChangeStep::Require { .. } => true,
        ChangeStep::Move { .. } => false,
        ChangeStep::Set(assigns) => {
            sets += assigns.len();
            assigns.iter().all(merges)
        }
    });
    pure && sets > 0
}

/// Whether all that a command changes are fields that merge.
#[must_use]
pub fn only_merges(brief: &Brief, command: &Command) -> bool {
    let mut writes = Vec::new();
    written(brief, &command.body.statements, &mut writes);
    !writes.is_empty() && writes.iter().all(|merges| *merges)
}

fn written(brief: &Brief, statements: &[Statement], found: &mut Vec<bool>) {
    for statement in statements {
        match &statement.kind {
            StatementKind::Change {
                aggregate, steps, ..
            } => found.push(is_merge(brief.aggregates.get(*aggregate), steps)),
            StatementKind::Delete { .. } => found.push(false),
            StatementKind::Each { body, .. } => written(brief, body, found),
            _ => {}
        }
    }
}

/// The assignments that take a pure delta back, last first; `None` where it is not one.
#[must_use]
pub fn inverse(steps: &[ChangeStep]) -> Option<Vec<Assign>> {
    if !is_delta(steps) {
        return None;
    }
    let sets = steps.iter().rev().filter_map(|step| match step {
        ChangeStep::Set(assigns) => Some(assigns),
        _ => None,
    });
    sets.flatten().map(opposite).collect()
}

/// The own field, the operator and the amount of `self.f + n`, `n + self.f` or `self.f - n`.
fn delta_of(assign: &Assign) -> Option<(&Expr, BinaryOp, &Expr)> {
    let value = assign.value.unconverted();
    let ExprKind::Binary(op, left, right) = &value.kind else {
        return None;
    };
    if !matches!(
        value.ty,
        Type::Int | Type::Decimal | Type::Money | Type::Duration
    ) {
        return None;
    }
    let (own, amount) = match op {
        BinaryOp::Add if is_own(left, assign.slot) => (left, right),
        BinaryOp::Add if is_own(right, assign.slot) => (right, left),
        BinaryOp::Subtract if is_own(left, assign.slot) => (left, right),
        _ => return None,
    };
    let sees_row = amount.slots().contains(&Root::SelfRow.slot());
    (!sees_row).then_some((own, *op, amount))
}

fn is_own(expr: &Expr, slot: usize) -> bool {
    match &expr.unconverted().kind {
        ExprKind::Field(row, at) => {
            *at == slot && matches!(row.kind, ExprKind::Slot(root) if root == Root::SelfRow.slot())
        }
        _ => false,
    }
}

fn opposite(assign: &Assign) -> Option<Assign> {
    let (own, op, amount) = delta_of(assign)?;
    let op = if op == BinaryOp::Add {
        BinaryOp::Subtract
    } else {
        BinaryOp::Add
    };
    let value = assign.value.unconverted();
    let kind = ExprKind::Binary(op, Box::new(own.clone()), Box::new(amount.clone()));
    let value = Expr {
        kind,
        ty: value.ty.clone(),
        span: value.span,
    };
    Some(Assign {
        slot: assign.slot,
        name: assign.name.clone(),
        value,
    })
}
