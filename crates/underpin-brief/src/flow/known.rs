//! What a flow knows of rows and values at a place: which rows exist, in which states they can
//! be, which conditions hold.

use super::expand::bound_in;
use super::proof::rewrite;
use crate::model::*;
use std::collections::BTreeSet;

/// A row that the flow has touched.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub aggregate: Id<Aggregate>,
    /// The binding that names it.
    pub slot: Option<Slot>,
    /// The key that names it.
    pub key: Option<Expr>,
    /// States that it can be in, where that is known.
    pub states: Option<BTreeSet<usize>>,
    /// The segment in which it was touched last.
    pub segment: usize,
    /// The statement (a position in the walk) that touched it first.
    pub since: usize,
    /// Whether this flow made its id, so that no other name means the same row.
    pub fresh: bool,
}

/// What is known at a place.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Touched rows; they exist.
    pub rows: Vec<Row>,
    /// Conditions that hold.
    pub facts: Vec<Expr>,
    /// Keys that were found in a list or map.
    pub indexed: Vec<Expr>,
    /// Variables whose values were stored in rows, so that references in them were valid.
    pub stored: Vec<Slot>,
}

impl Known {
    /// The position of the row that `target` names.
    pub(super) fn find(&self, aggregate: Id<Aggregate>, target: &Target) -> Option<usize> {
        let key = match target {
            Target::Bound(slot) => {
                return self.rows.iter().position(|row| row.slot == Some(*slot));
            }
            Target::Key(key) => key.unconverted(),
        };
        let binding = key_of_binding(key);
        self.rows.iter().position(|row| {
            row.aggregate == aggregate
                && (binding.is_some() && row.slot == binding
                    || row.key.as_ref().is_some_and(|known| known.same(key)))
        })
    }

    /// The loop variable and the bindings of a body are new.
    pub(super) fn enter(&mut self, each: &Statement) {
        let bound = bound_in(each);
        let free = |expr: &Expr| !expr.slots().iter().any(|slot| bound.contains(slot));
        self.rows.retain(|row| {
            row.slot.is_none_or(|slot| !bound.contains(&slot)) && row.key.as_ref().is_none_or(free)
        });
        self.facts.retain(free);
        self.indexed.retain(free);
        self.stored.retain(|slot| !bound.contains(slot));
    }

    /// Keeps what is known both here and in `other`.
    pub(super) fn meet(&mut self, other: &Known) {
        let mut rows = Vec::new();
        for row in &self.rows {
            let twin = other.rows.iter().find(|twin| {
                twin.aggregate == row.aggregate && twin.slot == row.slot && twin.since == row.since
            });
            let Some(twin) = twin else { continue };
            let states = match (&row.states, &twin.states) {
                (Some(a), Some(b)) => Some(a.union(b).copied().collect()),
                _ => None,
            };
            rows.push(Row {
                states,
                ..row.clone()
            });
        }
        self.rows = rows;
        let both = |list: &mut Vec<Expr>, others: &[Expr]| {
            list.retain(|expr| others.iter().any(|other| other.same(expr)));
        };
        both(&mut self.facts, &other.facts);
        both(&mut self.indexed, &other.indexed);
    }

    /// Row `at` was written and is now in one of `states`: other names may mean the same row.
    pub(super) fn written(&mut self, aggregate: Id<Aggregate>, at: Option<usize>) {
        let written = at.and_then(|at| self.rows.get(at)).cloned();
        if written.as_ref().is_some_and(|row| row.fresh) {
            return self.forget_fields(aggregate, written.and_then(|row| row.slot));
        }
        for (index, row) in self.rows.iter_mut().enumerate() {
            if Some(index) == at || row.aggregate != aggregate || row.fresh {
                continue;
            }
            let states = written.as_ref().and_then(|row| row.states.clone());
            row.states = match (row.states.take(), states) {
                (Some(mut own), Some(new)) => {
                    own.extend(new);
                    Some(own)
                }
                _ => None,
            };
        }
        self.forget_fields(aggregate, None);
    }

    /// Drops conditions over rows of `aggregate`, or of one binding only.
    fn forget_fields(&mut self, aggregate: Id<Aggregate>, only: Option<Slot>) {
        self.facts.retain(|fact| {
            let mut hit = false;
            fact.walk(&mut |part| {
                let row = matches!(part.ty.required(), Type::Row(id) if *id == aggregate);
                hit |= row
                    && only
                        .is_none_or(|slot| matches!(part.kind, ExprKind::Slot(of) if of == slot));
            });
            !hit
        });
    }

    /// The conditions over the row bound to `slot`, said of `self`, and those over no row.
    pub(super) fn about_self(&self, slot: Option<Slot>) -> Vec<Expr> {
        let own = Root::SelfRow.slot();
        let renamed = self.facts.iter().map(|fact| {
            rewrite(fact, &|part| match part.kind {
                ExprKind::Slot(of) if Some(of) == slot => Some(Expr {
                    kind: ExprKind::Slot(own),
                    ..part.clone()
                }),
                _ => None,
            })
        });
        renamed.collect()
    }

    /// Adds what follows from `condition` being true: its conjuncts and the states it names.
    pub(super) fn assume(&mut self, brief: &Brief, condition: &Expr) {
        for conjunct in conjuncts(condition) {
            if let Some((slot, states)) = states_of(brief, conjunct)
                && let Some(row) = self.rows.iter_mut().find(|row| row.slot == Some(slot))
            {
                row.states = Some(match row.states.take() {
                    Some(known) => known.intersection(&states).copied().collect(),
                    None => states,
                });
            }
            self.facts.push(conjunct.clone());
        }
    }
}

/// The binding whose own key `expr` is.
fn key_of_binding(expr: &Expr) -> Option<Slot> {
    let ExprKind::Field(row, 0) = &expr.kind else {
        return None;
    };
    match (&row.unconverted().kind, row.ty.required()) {
        (ExprKind::Slot(slot), Type::Row(_)) => Some(*slot),
        _ => None,
    }
}

/// The parts of a conjunction.
pub(super) fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match &condition.kind {
        ExprKind::Binary(BinaryOp::And, left, right) => {
            let mut parts = conjuncts(left);
            parts.extend(conjuncts(right));
            parts
        }
        _ => vec![condition],
    }
}

/// `row.state == 'a'` and `row.state in ['a', 'b']`: the variable of the row and the states.
pub(super) fn states_of(brief: &Brief, condition: &Expr) -> Option<(Slot, BTreeSet<usize>)> {
    let ExprKind::Binary(op, left, right) = &condition.kind else {
        return None;
    };
    let (left, right) = (left.unconverted(), right.unconverted());
    let (place, values) = match (op, &right.kind) {
        (BinaryOp::Equal, ExprKind::Literal(_)) => (left, vec![right]),
        (BinaryOp::Equal, _) => (right, vec![left]),
        (BinaryOp::In, ExprKind::List(items)) => (left, items.iter().collect()),
        (BinaryOp::In, ExprKind::Literal(Value::List(_))) => (left, vec![right]),
        _ => return None,
    };
    let ExprKind::Field(row, _) = &place.kind else {
        return None;
    };
    let (Type::State(aggregate), ExprKind::Slot(slot)) = (&place.ty, &row.unconverted().kind)
    else {
        return None;
    };
    let names = &brief.aggregates.get(*aggregate).states.as_ref()?.names;
    let position = |value: &Value| {
        let text = value.as_text()?;
        names.iter().position(|name| &*name.text == text)
    };
    let mut states = BTreeSet::new();
    for value in values {
        match &value.unconverted().kind {
            ExprKind::Literal(Value::List(items)) => {
                states.extend(items.iter().map(position).collect::<Option<Vec<_>>>()?);
            }
            ExprKind::Literal(value) => {
                states.insert(position(value)?);
            }
            _ => return None,
        }
    }
    Some((*slot, states))
}

/// Whether an expression means the same wherever it stands: it looks at no row that the flow
/// may write.
pub(super) fn steady(expr: &Expr) -> bool {
    let mut steady = true;
    expr.walk(&mut |part| {
        if let ExprKind::Field(object, at) = &part.kind
            && matches!(object.ty.required(), Type::Row(_))
            && *at != 0
        {
            steady = false;
        }
    });
    steady
}
