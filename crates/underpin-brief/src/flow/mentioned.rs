//! Which expressions a statement evaluates. Knows nothing of what they mean.

use crate::model::*;

/// The expressions that a statement evaluates when it runs, its undo apart.
pub(super) fn expressions(statement: &Statement) -> Vec<&Expr> {
    match &statement.kind {
        StatementKind::Let(value) => vec![value],
        StatementKind::Require { condition, .. } => vec![condition],
        StatementKind::Return(values) => values.iter().map(|(_, value)| value).collect(),
        StatementKind::Read { access, .. } => match access {
            Access::One(expr) | Access::Keys(expr) => vec![expr],
            Access::Where { filter, .. } => filter.iter().collect(),
        },
        StatementKind::Create { sets, tenant, .. } => {
            sets.iter().map(|set| &set.value).chain(tenant).collect()
        }
        StatementKind::Emit { sets, .. } => sets.iter().map(|set| &set.value).collect(),
        StatementKind::Call { sets, fallback, .. } => {
            sets.iter().chain(fallback).map(|set| &set.value).collect()
        }
        StatementKind::Change { target, steps, .. } => {
            let mut found = key(target);
            for step in steps {
                match step {
                    ChangeStep::Require { condition, .. } => found.push(condition),
                    ChangeStep::Set(sets) => found.extend(sets.iter().map(|set| &set.value)),
                    ChangeStep::Move { .. } => {}
                }
            }
            found
        }
        StatementKind::Delete { target, .. } => key(target),
        StatementKind::Each { list, .. } => vec![list],
    }
}

fn key(target: &Target) -> Vec<&Expr> {
    match target {
        Target::Key(key) => vec![key],
        Target::Bound(_) => Vec::new(),
    }
}
