//! The search for a sound order of statements that keeps their data dependencies.

use super::Cut;
use super::examine::{Problem, examine};
use super::expand::{aggregate, bound_in, has_effect};
use super::mentioned::expressions;
use super::refusal::Walk;
use super::undo::written;
use crate::model::*;
use std::collections::BTreeSet;

/// So many orders are tried; what a person would write is among the first.
const TRIES: usize = 400;

/// Among more statements than these only one order is tried: nobody reads a longer help.
const STATEMENTS: usize = 24;

/// All tries together may ask for so many proofs.
const PROOFS: u32 = 1500;

/// A sound order of `statements`, nearest to the written one first; `None` where none was found.
pub(super) fn sound_order(
    walk: &Walk<'_>,
    finest: &Cut,
    statements: &[Statement],
) -> Option<Vec<usize>> {
    let before = dependencies(walk.brief, statements);
    let mut tries = TRIES;
    let start = walk.proof.asked();
    let few = statements.len() <= STATEMENTS;
    let mut sound = |order: &[usize]| {
        tries = tries.saturating_sub(1);
        let spent = walk.proof.asked().saturating_sub(start) > PROOFS;
        tries > 0 && !spent && legal(&before, order) && is_sound(walk, finest, statements, order)
    };
    for order in moved(if few { statements.len() } else { 0 })
        .into_iter()
        .chain([by_kind(walk.brief, statements)])
    {
        if sound(&order) {
            return Some(order);
        }
    }
    if !few {
        return None;
    }
    let count = statements.len();
    let mut search = Search {
        count,
        before: &before,
        sound: &mut sound,
        budget: TRIES * 8,
    };
    search.extend(&mut Vec::new())
}

fn is_sound(walk: &Walk<'_>, finest: &Cut, statements: &[Statement], order: &[usize]) -> bool {
    let body: Vec<Statement> = order
        .iter()
        .filter_map(|at| statements.get(*at))
        .cloned()
        .collect();
    let problems = examine(walk, finest, &body).problems;
    problems
        .iter()
        .all(|problem| matches!(problem, Problem::UnknownOutcome { .. }))
}

/// Every order with one statement at another place, small moves first.
fn moved(count: usize) -> Vec<Vec<usize>> {
    let mut orders = Vec::new();
    for distance in 1..count {
        for from in 0..count {
            for to in [from.checked_sub(distance), from.checked_add(distance)] {
                let Some(to) = to.filter(|to| *to < count) else {
                    continue;
                };
                let mut order: Vec<usize> = (0..count).collect();
                let taken = order.remove(from);
                order.insert(to, taken);
                orders.push(order);
            }
        }
    }
    orders
}

/// What looks first, what can be taken back next, then calls, what tells and answers last.
fn by_kind(brief: &Brief, statements: &[Statement]) -> Vec<usize> {
    let class = |at: &usize| match statements
        .get(*at)
        .map(|statement| (statement, &statement.kind))
    {
        Some((_, StatementKind::Emit { .. })) => 3,
        Some((_, StatementKind::Return(_))) => 4,
        Some((_, StatementKind::Call { .. })) => 2,
        Some((statement, _)) if has_effect(brief, statement) => 1,
        _ => 0,
    };
    let mut order: Vec<usize> = (0..statements.len()).collect();
    order.sort_by_key(class);
    order
}

fn legal(before: &BTreeSet<(usize, usize)>, order: &[usize]) -> bool {
    before.iter().all(|(first, second)| {
        let place = |of: &usize| order.iter().position(|at| at == of);
        place(first) < place(second)
    })
}

struct Search<'s> {
    count: usize,
    before: &'s BTreeSet<(usize, usize)>,
    sound: &'s mut dyn FnMut(&[usize]) -> bool,
    budget: usize,
}

impl Search<'_> {
    fn extend(&mut self, order: &mut Vec<usize>) -> Option<Vec<usize>> {
        if self.budget == 0 {
            return None;
        }
        self.budget -= 1;
        if order.len() >= self.count {
            return (self.sound)(order).then(|| order.clone());
        }
        for next in 0..self.count {
            let ready = self
                .before
                .iter()
                .all(|(first, second)| *second != next || order.contains(first));
            if order.contains(&next) || !ready {
                continue;
            }
            order.push(next);
            let found = self.extend(order);
            order.pop();
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// What statements share, so that their order shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Resource {
    Rows(Id<Aggregate>),
    External(Id<External>),
    Events(Id<Aggregate>),
    Commands,
}

/// Pairs of which the first must stay before the second.
fn dependencies(brief: &Brief, statements: &[Statement]) -> BTreeSet<(usize, usize)> {
    let rows: Vec<(Slot, Id<Aggregate>)> = statements
        .iter()
        .flat_map(|statement| {
            let of = aggregate(brief, statement);
            statement.binding.zip(of)
        })
        .collect();
    let parts: Vec<Part> = statements
        .iter()
        .map(|part| Part::of(brief, part, &rows))
        .collect();
    let mut pairs = BTreeSet::new();
    for (second, later) in parts.iter().enumerate() {
        for (first, earlier) in parts.iter().enumerate().take(second) {
            let data = earlier.binds.iter().any(|slot| later.uses.contains(slot));
            let shared = earlier.writes.iter().any(|of| later.touches.contains(of))
                || later.writes.iter().any(|of| earlier.touches.contains(of));
            if data || shared || later.last {
                pairs.insert((first, second));
            }
        }
    }
    pairs
}

#[derive(Default)]
struct Part {
    binds: Vec<Slot>,
    uses: Vec<Slot>,
    touches: BTreeSet<Resource>,
    writes: BTreeSet<Resource>,
    last: bool,
}

impl Part {
    fn of(brief: &Brief, statement: &Statement, rows: &[(Slot, Id<Aggregate>)]) -> Self {
        let mut part = Self {
            binds: bound_in(statement),
            ..Self::default()
        };
        part.last = matches!(statement.kind, StatementKind::Return(_));
        part.add(brief, statement);
        let seen = rows.iter().filter(|(slot, _)| part.uses.contains(slot));
        part.touches.extend(seen.map(|(_, of)| Resource::Rows(*of)));
        part
    }

    fn add(&mut self, brief: &Brief, statement: &Statement) {
        let all = expressions(statement).into_iter().chain(&statement.when);
        self.uses.extend(all.flat_map(Expr::slots));
        self.uses.extend(undo_slots(statement));
        let resource = match &statement.kind {
            StatementKind::Call {
                target: CallTarget::External(external, _),
                ..
            } => Some(Resource::External(*external)),
            StatementKind::Call {
                target: CallTarget::Command(_),
                ..
            } => Some(Resource::Commands),
            StatementKind::Emit { event, .. } => {
                Some(Resource::Events(brief.events.get(*event).about))
            }
            _ => aggregate(brief, statement).map(Resource::Rows),
        };
        if let StatementKind::Change {
            target: Target::Bound(slot),
            ..
        }
        | StatementKind::Delete {
            target: Target::Bound(slot),
            ..
        } = &statement.kind
        {
            self.uses.push(*slot);
        }
        self.touches.extend(resource);
        if has_effect(brief, statement) {
            self.writes.extend(resource);
        }
        if let StatementKind::Each { body, .. } = &statement.kind {
            for inner in body {
                self.add(brief, inner);
            }
        }
    }
}

fn undo_slots(statement: &Statement) -> Vec<Slot> {
    let mut found = Vec::new();
    match written(statement) {
        Some(Undo::Steps { steps, .. }) => {
            for step in steps {
                match step {
                    ChangeStep::Require { condition, .. } => found.extend(condition.slots()),
                    ChangeStep::Set(sets) => {
                        found.extend(sets.iter().flat_map(|set| set.value.slots()));
                    }
                    ChangeStep::Move { .. } => {}
                }
            }
        }
        Some(Undo::Call { sets, .. }) => {
            found.extend(sets.iter().flat_map(|set| set.value.slots()));
        }
        _ => {}
    }
    found
}
