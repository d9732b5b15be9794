//! Which slots statements and expressions read. Knows their structure only.

use crate::model::*;

/// Calls `found` for every slot that an expression of `statements` or a bound target reads.
pub(super) fn of_statements(statements: &[Statement], found: &mut dyn FnMut(Slot)) {
    for statement in statements {
        each_expr(statement, &mut |expr| {
            expr.slots().into_iter().for_each(&mut *found);
        });
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
