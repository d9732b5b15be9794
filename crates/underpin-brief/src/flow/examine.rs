//! Pivot, roles and what is wrong with an order of statements, on the finest cut.

use super::expand::{self, Item, Leaf};
use super::refusal::{Occurrence, Walk};
use super::segments::segments;
use super::undo::{self, Doubt};
use super::why::Why;
use super::{Cut, Owner, Role, Segment, StepUndo};
use crate::model::*;
use std::collections::BTreeMap;

/// What is wrong; leaves by their position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Problem {
    /// An effect before the pivot that nothing takes back.
    NoUndo { leaf: usize, pivot: usize },
    /// Neither of two effects can be taken back, and both can be refused.
    TwoPivots { leaf: usize, pivot: usize },
    /// The undo may be refused.
    UndoRefuses { leaf: usize, doubt: Doubt },
    /// An event that may have to be taken back.
    EarlyEmit { leaf: usize, pivot: usize },
    /// Nobody can tell whether the call happened.
    UnknownOutcome { leaf: usize },
    /// A call that may end in doubt stands elsewhere than at the pivot.
    OnceElsewhere { leaf: usize, pivot: usize },
    /// A row must be held whose key is not known in time.
    LateHold { leaf: usize, pivot: usize },
}

/// An order of statements, examined.
pub(super) struct Examined<'a> {
    pub leaves: Vec<Leaf<'a>>,
    /// The pivot, as a leaf.
    pub pivot: Option<usize>,
    /// Per leaf.
    pub roles: Vec<Role>,
    /// Per leaf: why it can be refused.
    pub refuses: Vec<Option<Why>>,
    /// Per leaf: what takes it back.
    pub undos: Vec<StepUndo>,
    /// Sorted, no two alike.
    pub problems: Vec<Problem>,
    /// By leaf: why its undo may be refused.
    pub doubts: BTreeMap<usize, Why>,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    doubts: BTreeMap<usize, Why>,
}

/// Everything that is known of the walk over one order.
struct Course<'w, 'a> {
    walk: &'w Walk<'a>,
    leaves: &'w [Leaf<'a>],
    steps: &'w [Occurrence],
    of: &'w [usize],
    segments: &'w [Segment],
    undos: &'w [StepUndo],
}

/// Examines `statements` as the body of the walk's flow.
pub(super) fn examine<'a>(
    walk: &Walk<'a>,
    finest: &Cut,
    statements: &'a [Statement],
) -> Examined<'a> {
    let leaves = expand::leaves(statements);
    let items = expand::items(statements);
    let owners: Vec<Option<Owner>> = items
        .iter()
        .filter_map(|item| match item {
            Item::Do(leaf) => leaves.get(*leaf),
            _ => None,
        })
        .map(|leaf| expand::owner(walk.brief, finest, leaf.statement))
        .collect();
    let (of, list) = segments(&owners, 0);
    let steps = walk.run(&leaves, &items, &of);
    let undos: Vec<StepUndo> = leaves
        .iter()
        .map(|leaf| undo::of(walk.brief, leaf.statement))
        .collect();
    let course = Course {
        walk,
        leaves: &leaves,
        steps: &steps,
        of: &of,
        segments: &list,
        undos: &undos,
    };
    let mut roles = vec![Role::Local; leaves.len()];
    let mut found = Found::default();
    let mut pivot = None;
    for group in course.groups() {
        let at = course.pivot(&group);
        course.judge(&group, at, &mut roles, &mut found);
        if group.chunk.is_none() {
            pivot = at.and_then(|at| steps.get(at)).map(|step| step.leaf);
        }
    }
    let Found {
        mut problems,
        doubts,
    } = found;
    problems.sort();
    problems.dedup();
    let mut refuses = vec![None; leaves.len()];
    for step in &steps {
        if let Some(why) = refuses.get_mut(step.leaf).filter(|why| why.is_none()) {
            why.clone_from(&step.refuses);
        }
    }
    Examined {
        pivot,
        roles,
        refuses,
        undos,
        problems,
        doubts,
        leaves,
    }
}

/// Occurrences that stand or fall together: the flow itself, or one chunk of a loop.
struct Group {
    /// The position of the loop; `None` for the flow itself.
    chunk: Option<usize>,
    /// Positions in the walk.
    members: Vec<usize>,
}

impl Course<'_, '_> {
    fn statement(&self, at: usize) -> Option<&Statement> {
        self.steps
            .get(at)
            .and_then(|step| self.leaves.get(step.leaf))
            .map(|leaf| leaf.statement)
    }

    fn chunk(&self, at: usize) -> Option<usize> {
        let leaf = self
            .steps
            .get(at)
            .and_then(|step| self.leaves.get(step.leaf))?;
        let chunked = leaf
            .loops
            .iter()
            .any(|each| matches!(each.kind, StatementKind::Each { chunk: Some(_), .. }));
        leaf.at.first().copied().filter(|_| chunked)
    }

    /// The flow (which sees its chunks from outside), then every chunk.
    fn groups(&self) -> Vec<Group> {
        let mut groups = vec![Group {
            chunk: None,
            members: (0..self.steps.len()).collect(),
        }];
        for at in 0..self.steps.len() {
            let Some(chunk) = self.chunk(at) else {
                continue;
            };
            match groups.iter_mut().find(|group| group.chunk == Some(chunk)) {
                Some(group) => group.members.push(at),
                None => groups.push(Group {
                    chunk: Some(chunk),
                    members: vec![at],
                }),
            }
        }
        groups
    }

    /// Whether an occurrence belongs to a chunk that `group` sees from outside.
    fn foreign(&self, group: &Group, at: usize) -> bool {
        group.chunk.is_none() && self.chunk(at).is_some()
    }

    /// The last occurrence that is not retriable.
    fn pivot(&self, group: &Group) -> Option<usize> {
        let fixed = |at: &&usize| {
            let refuses = self
                .steps
                .get(**at)
                .is_some_and(|step| step.refuses.is_some());
            !self.foreign(group, **at) && (refuses || !self.repeatable(**at))
        };
        group.members.iter().rev().find(fixed).copied()
    }

    fn repeatable(&self, at: usize) -> bool {
        self.statement(at)
            .is_none_or(|statement| repeatable(self.walk.brief, statement))
    }

    fn judge(&self, group: &Group, pivot: Option<usize>, roles: &mut [Role], found: &mut Found) {
        for &at in &group.members {
            let (Some(step), Some(statement)) = (self.steps.get(at), self.statement(at)) else {
                continue;
            };
            let effect = expand::has_effect(self.walk.brief, statement);
            let role = match pivot {
                Some(pivot) if at == pivot => Role::Pivot,
                Some(pivot) if at < pivot && effect => Role::Compensatable,
                _ if effect => Role::Retriable,
                _ => Role::Local,
            };
            if let Some(kept) = roles.get_mut(step.leaf)
                && (group.chunk.is_some() || !self.foreign(group, at))
                && weight(role) > weight(*kept)
            {
                *kept = role;
            }
            self.outcome(at, pivot, found);
            if let Some(pivot) = pivot {
                match role {
                    Role::Compensatable => self.before(group, at, pivot, found),
                    Role::Retriable => self.after(at, pivot, found),
                    Role::Local | Role::Pivot => {}
                }
            }
        }
    }

    /// Calls whose outcome may stay unknown.
    fn outcome(&self, at: usize, pivot: Option<usize>, found: &mut Found) {
        let Some(statement) = self.statement(at) else {
            return;
        };
        let StatementKind::Call { once, .. } = &statement.kind else {
            return;
        };
        if repeatable(self.walk.brief, statement) {
            return;
        }
        let leaf = self.leaf(at);
        match pivot {
            _ if once.is_none() => found.problems.push(Problem::UnknownOutcome { leaf }),
            Some(pivot) if pivot != at => {
                found.problems.push(Problem::OnceElsewhere {
                    leaf,
                    pivot: self.leaf(pivot),
                });
            }
            _ => {}
        }
    }

    /// An effect before the pivot.
    fn before(&self, group: &Group, at: usize, pivot: usize, found: &mut Found) {
        let (leaf, last) = (self.leaf(at), self.leaf(pivot));
        let Some(statement) = self.statement(at) else {
            return;
        };
        let together = self.together(at, pivot);
        if self.foreign(group, at) {
            found.problems.push(Problem::NoUndo { leaf, pivot: last });
        } else if matches!(statement.kind, StatementKind::Emit { .. }) {
            // In a loop the emit of one element precedes the pivot of the next: one transaction
            // keeps or drops both.
            if leaf < last || !together {
                found
                    .problems
                    .push(Problem::EarlyEmit { leaf, pivot: last });
            }
        } else if !together {
            self.undo(at, pivot, found);
        }
    }

    fn undo(&self, at: usize, pivot: usize, found: &mut Found) {
        let (leaf, last) = (self.leaf(at), self.leaf(pivot));
        let Some(step) = self.steps.get(at) else {
            return;
        };
        match self.undos.get(leaf) {
            Some(StepUndo::Missing) if !self.once(at) => {
                let stuck = |at: usize| {
                    matches!(self.undos.get(self.leaf(at)), Some(StepUndo::Missing))
                        && (!self.repeatable(at)
                            || self
                                .steps
                                .get(at)
                                .is_some_and(|step| step.refuses.is_some()))
                };
                found
                    .problems
                    .push(if leaf != last && stuck(at) && stuck(pivot) {
                        Problem::TwoPivots { leaf, pivot: last }
                    } else {
                        Problem::NoUndo { leaf, pivot: last }
                    });
            }
            Some(written) => {
                let held = self.held(at, pivot);
                let doubt = undo::doubt(self.walk, step, self.leaves, written, held);
                if let Some((doubt, why)) = doubt {
                    found.problems.push(Problem::UndoRefuses { leaf, doubt });
                    found.doubts.extend(why.map(|why| (leaf, why)));
                }
            }
            None => {}
        }
    }

    fn once(&self, at: usize) -> bool {
        self.statement(at).is_some_and(|statement| {
            matches!(statement.kind, StatementKind::Call { once: Some(_), .. })
        })
    }

    /// Whether the row of `at` is changed again after the pivot, so that nobody else does.
    fn held(&self, at: usize, pivot: usize) -> bool {
        let Some(row) = self.steps.get(at).and_then(|step| step.row.as_ref()) else {
            return false;
        };
        self.walk.holds
            && (pivot + 1..self.steps.len()).any(|later| {
                let again = self.steps.get(later).and_then(|step| step.row.as_ref());
                let statement = self.statement(later);
                again.is_some_and(|again| again.since == row.since)
                    && statement.is_some_and(needs_hold)
                    && !self.together(later, pivot)
            })
    }

    /// An effect after the pivot.
    fn after(&self, at: usize, pivot: usize, found: &mut Found) {
        let (leaf, last) = (self.leaf(at), self.leaf(pivot));
        let Some(statement) = self.statement(at) else {
            return;
        };
        if !self.walk.holds || !needs_hold(statement) || self.together(at, pivot) {
            return;
        }
        let local = self
            .of
            .get(pivot)
            .and_then(|of| self.segments.get(*of))
            .is_some_and(|segment| matches!(segment.owner, Owner::Service(_)));
        let known = if local { last + 1 } else { last };
        if !super::holds::key_known(self.leaves, leaf, known) {
            found.problems.push(Problem::LateHold { leaf, pivot: last });
        }
    }

    /// Whether one transaction keeps or drops both, under every cut.
    fn together(&self, a: usize, b: usize) -> bool {
        let (Some(one), Some(two)) = (self.of.get(a), self.of.get(b)) else {
            return false;
        };
        let local = self
            .segments
            .get(*one)
            .is_some_and(|s| matches!(s.owner, Owner::Service(_)));
        one == two && local
    }

    fn leaf(&self, at: usize) -> usize {
        self.steps.get(at).map_or(0, |step| step.leaf)
    }
}

/// Whether a statement may be repeated until its outcome is known.
pub(super) fn repeatable(brief: &Brief, statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Call {
            target: CallTarget::External(external, operation),
            ..
        } => {
            let operation = brief.externals.get(*external).operations.get(*operation);
            operation.read || operation.idempotent.is_some() || operation.status.is_some()
        }
        _ => true,
    }
}

/// Whether the row of a statement after the pivot must be held until then.
pub(super) fn needs_hold(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Change { steps, .. } => {
            !super::is_delta(steps)
                && steps
                    .iter()
                    .any(|step| !matches!(step, ChangeStep::Require { .. }))
        }
        StatementKind::Delete { .. } => true,
        _ => false,
    }
}

/// Of several copies of a step the weightiest role is told.
fn weight(role: Role) -> u8 {
    match role {
        Role::Local => 0,
        Role::Retriable => 1,
        Role::Compensatable => 2,
        Role::Pivot => 3,
    }
}
