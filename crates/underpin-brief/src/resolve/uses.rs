//! Which slots statements and expressions read. Knows their structure only.

use crate::model::*;

/// Calls `found` for every slot that an expression of `statements` or a bound target reads.
pub(super) fn of_statements(statements: &[Statement], found: &mut dyn FnMut(Slot)) {
    for statement in statements {
        each_expr(statement, &mut |expr| of_expr(expr, found));
        match &statement.kind {
            StatementKind::Change {
                target: Target::Bound(slot),
                ..
            }
            | StatementKind::Delete {
                target: Target::Bound(slot),
                ..
            } => found(*slot),
            StatementKind::Each { body, .. } => of_statements(body, found),
            _ => {}
        }
    }
}

/// Calls `visit` for every expression of one statement, not of the statements inside it.
pub(super) fn each_expr(statement: &Statement, visit: &mut dyn FnMut(&Expr)) {
    statement.when.iter().for_each(&mut *visit);
    match &statement.kind {
        StatementKind::Let(expr) => visit(expr),
        StatementKind::Read { access, .. } => match access {
            Access::One(expr) | Access::Keys(expr) => visit(expr),
            Access::Where { filter, .. } => filter.iter().for_each(visit),
        },
        StatementKind::Create {
            tenant, sets, undo, ..
        } => {
            tenant.iter().for_each(&mut *visit);
            of_sets(sets, visit);
            of_undo(undo, visit);
        }
        StatementKind::Change {
            target,
            steps,
            undo,
            ..
        } => {
            of_target(target, visit);
            of_steps(steps, visit);
            of_undo(undo, visit);
        }
        StatementKind::Delete { target, undo, .. } => {
            of_target(target, visit);
            of_undo(undo, visit);
        }
        StatementKind::Call {
            sets,
            undo,
            fallback,
            ..
        } => {
            of_sets(sets, visit);
            of_sets(fallback, visit);
            of_undo(undo, visit);
        }
        StatementKind::Emit { sets, .. } => of_sets(sets, visit),
        StatementKind::Each { list, .. } => visit(list),
        StatementKind::Require { condition, .. } => visit(condition),
        StatementKind::Return(values) => values.iter().for_each(|(_, expr)| visit(expr)),
    }
}

fn of_target(target: &Target, visit: &mut dyn FnMut(&Expr)) {
    if let Target::Key(expr) = target {
        visit(expr);
    }
}

fn of_sets(sets: &[Assign], visit: &mut dyn FnMut(&Expr)) {
    sets.iter().for_each(|set| visit(&set.value));
}

fn of_steps(steps: &[ChangeStep], visit: &mut dyn FnMut(&Expr)) {
    for step in steps {
        match step {
            ChangeStep::Require { condition, .. } => visit(condition),
            ChangeStep::Set(sets) => of_sets(sets, visit),
            ChangeStep::Move { .. } => {}
        }
    }
}

fn of_undo(undo: &Undo, visit: &mut dyn FnMut(&Expr)) {
    match undo {
        Undo::Steps { steps, .. } => of_steps(steps, visit),
        Undo::Call { sets, .. } => of_sets(sets, visit),
        Undo::Default | Undo::None { .. } => {}
    }
}

/// Calls `found` for every slot that `expr` reads.
pub(super) fn of_expr(expr: &Expr, found: &mut dyn FnMut(Slot)) {
    match &expr.kind {
        ExprKind::Slot(slot) => found(*slot),
        ExprKind::Literal(_) | ExprKind::Aggregate(_, None) => {}
        ExprKind::Field(inner, _)
        | ExprKind::ActorField(inner, _)
        | ExprKind::Join(inner, _)
        | ExprKind::Define(inner, _, _)
        | ExprKind::JsonMember(inner, _)
        | ExprKind::Unary(_, inner)
        | ExprKind::Has(inner)
        | ExprKind::Aggregate(_, Some(inner))
        | ExprKind::Convert(inner) => of_expr(inner, found),
        ExprKind::Binary(_, a, b) | ExprKind::Index(a, b) => {
            of_expr(a, found);
            of_expr(b, found);
        }
        ExprKind::Conditional(a, b, c) => {
            of_expr(a, found);
            of_expr(b, found);
            of_expr(c, found);
        }
        ExprKind::List(items) | ExprKind::Record(items) | ExprKind::Call(_, items) => {
            items.iter().for_each(|item| of_expr(item, found));
        }
        ExprKind::Map(pairs) => {
            for (key, value) in pairs {
                of_expr(key, found);
                of_expr(value, found);
            }
        }
        ExprKind::Comprehension { list, body, .. } => {
            of_expr(list, found);
            of_expr(body, found);
        }
    }
}
