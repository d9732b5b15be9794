//! Which rows a brief makes at all. What no statement makes comes from elsewhere, or never.

use super::FlowId;
use crate::model::*;
use std::collections::BTreeSet;

/// Aggregates of which some command or policy makes rows.
#[must_use]
pub fn made(brief: &Brief) -> BTreeSet<Id<Aggregate>> {
    let mut found = BTreeSet::new();
    for flow in FlowId::all(brief) {
        creates(&flow.body(brief).statements, &mut found);
    }
    found
}

fn creates(statements: &[Statement], found: &mut BTreeSet<Id<Aggregate>>) {
    for statement in statements {
        match &statement.kind {
            StatementKind::Create { aggregate, .. }
            | StatementKind::Change {
                aggregate,
                create: true,
                ..
            } => {
                found.insert(*aggregate);
            }
            StatementKind::Each { body, .. } => creates(body, found),
            _ => {}
        }
    }
}
