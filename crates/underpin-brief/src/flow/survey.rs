//! What the analysis of one flow must know of all the others, gathered once per brief.

use super::expand::leaves;
use super::{Cut, FlowId};
use crate::model::*;
use std::collections::BTreeSet;

/// Facts about a whole brief.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The finest cut that the brief allows.
    pub(super) finest: Cut,
    /// Per aggregate: whether its rows never disappear.
    permanent: Vec<bool>,
    /// Per aggregate: the moves that others may make, which is all except those in undos of a
    /// `create`, for these touch only their own row.
    moves: Vec<BTreeSet<Id<Move>>>,
}

impl Survey {
    /// Looks through every flow of `brief`.
    #[must_use]
    pub fn of(brief: &Brief) -> Self {
        let rows = brief.aggregates.rows();
        let mut survey = Self {
            finest: Cut::finest(brief),
            permanent: rows
                .iter()
                .map(|of| of.keep.is_none() && of.ephemeral.is_none())
                .collect(),
            moves: vec![BTreeSet::new(); rows.len()],
        };
        for id in FlowId::all(brief) {
            for leaf in leaves(&id.body(brief).statements) {
                survey.add(leaf.statement);
            }
        }
        survey
    }

    fn add(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Delete { aggregate, .. } => {
                if let Some(permanent) = self.permanent.get_mut(aggregate.index()) {
                    *permanent = false;
                }
            }
            StatementKind::Change {
                aggregate,
                steps,
                undo,
                ..
            } => {
                let undone: &[ChangeStep] = match undo {
                    Undo::Steps { steps, .. } => steps,
                    _ => &[],
                };
                let moves = steps.iter().chain(undone).filter_map(|step| match step {
                    ChangeStep::Move { id, .. } => Some(*id),
                    _ => None,
                });
                if let Some(known) = self.moves.get_mut(aggregate.index()) {
                    known.extend(moves);
                }
            }
            _ => {}
        }
    }

    pub(super) fn permanent(&self, aggregate: Id<Aggregate>) -> bool {
        self.permanent
            .get(aggregate.index())
            .copied()
            .unwrap_or(false)
    }

    /// The states that others may bring a row into that is in one of `from`.
    pub(super) fn reachable(
        &self,
        of: &Aggregate,
        at: Id<Aggregate>,
        from: &BTreeSet<usize>,
    ) -> BTreeSet<usize> {
        let mut reached = from.clone();
        let (Some(states), Some(moves)) = (&of.states, self.moves.get(at.index())) else {
            return reached;
        };
        loop {
            let before = reached.len();
            for to in moves.iter().map(|id| states.moves.get(*id)) {
                if to.from.iter().any(|state| reached.contains(state)) {
                    reached.insert(to.to);
                }
            }
            if reached.len() == before {
                return reached;
            }
        }
    }
}
