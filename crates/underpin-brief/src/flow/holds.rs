//! Rows that are kept from others: those that are changed after the pivot in another transaction.

use super::examine::needs_hold;
use super::expand::Leaf;
use super::{Hold, Role, Step};
use crate::model::*;

/// Whether the key of the row that leaf `leaf` changes is known before leaf `limit` begins.
pub(super) fn key_known(leaves: &[Leaf<'_>], leaf: usize, limit: usize) -> bool {
    let Some(statement) = leaves.get(leaf).map(|leaf| leaf.statement) else {
        return true;
    };
    match target(statement) {
        Some(target) => target_known(leaves, target, limit, 0),
        None => true,
    }
}

fn target(statement: &Statement) -> Option<&Target> {
    match &statement.kind {
        StatementKind::Change { target, .. } | StatementKind::Delete { target, .. } => Some(target),
        _ => None,
    }
}

fn target_known(leaves: &[Leaf<'_>], target: &Target, limit: usize, depth: u32) -> bool {
    match target {
        Target::Key(key) => expr_known(leaves, key, limit, depth),
        Target::Bound(slot) => row_known(leaves, *slot, limit, depth),
    }
}

fn expr_known(leaves: &[Leaf<'_>], expr: &Expr, limit: usize, depth: u32) -> bool {
    depth < 32
        && expr
            .slots()
            .into_iter()
            .all(|slot| slot_known(leaves, slot, limit, depth + 1))
}

/// Bound before `limit`, a root, or the element of a list that is known.
fn slot_known(leaves: &[Leaf<'_>], slot: Slot, limit: usize, depth: u32) -> bool {
    let bound = leaves
        .iter()
        .position(|leaf| leaf.statement.binding == Some(slot));
    if let Some(at) = bound {
        return at < limit;
    }
    let around = leaves.iter().flat_map(|leaf| &leaf.loops);
    let list = around.into_iter().find_map(|each| match &each.kind {
        StatementKind::Each { variable, list, .. } if *variable == slot => Some(list),
        _ => None,
    });
    list.is_none_or(|list| expr_known(leaves, list, limit, depth))
}

/// The row bound to `slot` is known where its own key is: also a generated one.
fn row_known(leaves: &[Leaf<'_>], slot: Slot, limit: usize, depth: u32) -> bool {
    let bound = leaves
        .iter()
        .position(|leaf| leaf.statement.binding == Some(slot));
    let Some(at) = bound else {
        return slot_known(leaves, slot, limit, depth);
    };
    let Some(statement) = leaves.get(at).map(|leaf| leaf.statement) else {
        return true;
    };
    at < limit
        || depth < 32
            && match &statement.kind {
                StatementKind::Read {
                    access: Access::One(key),
                    ..
                } => expr_known(leaves, key, limit, depth + 1),
                StatementKind::Change { target, .. } => {
                    target_known(leaves, target, limit, depth + 1)
                }
                StatementKind::Create { .. } => true,
                _ => false,
            }
}

/// The holds of analysed steps: `together` tells whether two steps share a transaction.
pub(super) fn holds(
    leaves: &[Leaf<'_>],
    steps: &[Step],
    pivot: usize,
    together: &dyn Fn(usize, usize) -> bool,
) -> Vec<Hold> {
    let mut found = Vec::new();
    for (until, (leaf, step)) in leaves.iter().zip(steps).enumerate() {
        let later = until > pivot && step.role == Role::Retriable && !together(until, pivot);
        let (StatementKind::Change {
            aggregate, target, ..
        }
        | StatementKind::Delete {
            aggregate, target, ..
        }) = &leaf.statement.kind
        else {
            continue;
        };
        if later && needs_hold(leaf.statement) {
            let touched = first_touch(leaves, *aggregate, target);
            let made = leaves
                .get(touched)
                .is_some_and(|leaf| matches!(leaf.statement.kind, StatementKind::Create { .. }));
            let from = if made { touched } else { touched.min(pivot) };
            found.push(Hold {
                aggregate: *aggregate,
                from,
                until,
            });
        }
    }
    found
}

/// The first leaf that names the same row.
fn first_touch(leaves: &[Leaf<'_>], aggregate: Id<Aggregate>, target: &Target) -> usize {
    let same = |other: &Target| match (other, target) {
        (Target::Bound(a), Target::Bound(b)) => a == b,
        (Target::Key(a), Target::Key(b)) => a.same(b),
        _ => false,
    };
    let names = |leaf: &Leaf<'_>| {
        let bound = matches!(target, Target::Bound(slot) if leaf.statement.binding == Some(*slot));
        bound
            || match &leaf.statement.kind {
                StatementKind::Read {
                    aggregate: of,
                    access: Access::One(key),
                    ..
                } => *of == aggregate && matches!(target, Target::Key(own) if own.same(key)),
                StatementKind::Change {
                    aggregate: of,
                    target: other,
                    ..
                }
                | StatementKind::Delete {
                    aggregate: of,
                    target: other,
                    ..
                } => *of == aggregate && same(other),
                _ => false,
            }
    };
    leaves.iter().position(names).unwrap_or(leaves.len())
}
