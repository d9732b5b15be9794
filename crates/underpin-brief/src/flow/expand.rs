//! The statements of a body as the analysis walks them: once for the result, and with every
//! `each` as two copies in sequence, since a later element may refuse what an earlier one did.
//! A loop over a list that has one element at most is one copy.

use super::Owner;
use crate::flow::Cut;
use crate::model::*;

/// More statements than this are not doubled: nested loops would grow without bound.
const LARGEST: usize = 2048;

/// A statement other than `each`, with its position.
#[derive(Clone, Debug)]
pub(super) struct Leaf<'a> {
    /// The statement.
    pub statement: &'a Statement,
    /// One index per level.
    pub at: Vec<usize>,
    /// The loops around it, outermost first.
    pub loops: Vec<&'a Statement>,
}

/// What the analysis meets, in order.
#[derive(Clone, Debug)]
pub(super) enum Item<'a> {
    /// A loop begins: what is learnt inside does not outlive it, for it may run no times.
    Open,
    /// A copy of a loop body begins: its variable and bindings are new.
    Enter(&'a Statement),
    /// A loop ends.
    Close,
    /// The statement of this leaf.
    Do(usize),
}

/// All leaves, each once.
pub(super) fn leaves(statements: &[Statement]) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    collect(statements, &mut Vec::new(), &mut Vec::new(), &mut found);
    found
}

fn collect<'a>(
    statements: &'a [Statement],
    at: &mut Vec<usize>,
    loops: &mut Vec<&'a Statement>,
    found: &mut Vec<Leaf<'a>>,
) {
    for (index, statement) in statements.iter().enumerate() {
        at.push(index);
        if let StatementKind::Each { body, .. } = &statement.kind {
            loops.push(statement);
            collect(body, at, loops, found);
            loops.pop();
        } else {
            found.push(Leaf {
                statement,
                at: at.clone(),
                loops: loops.clone(),
            });
        }
        at.pop();
    }
}

/// The walk over `statements`, whose leaves are those of [`leaves`].
pub(super) fn items(statements: &[Statement]) -> Vec<Item<'_>> {
    let mut out = Vec::new();
    expand(statements, &mut 0, &mut Vec::new(), &mut out);
    out
}

/// `short` are the bindings so far that hold one element at most.
fn expand<'a>(
    statements: &'a [Statement],
    leaf: &mut usize,
    short: &mut Vec<Slot>,
    out: &mut Vec<Item<'a>>,
) {
    for statement in statements {
        let StatementKind::Each { body, list, .. } = &statement.kind else {
            short.extend(statement.binding.filter(|_| binds_short(statement, short)));
            out.push(Item::Do(*leaf));
            *leaf += 1;
            continue;
        };
        out.push(Item::Open);
        out.push(Item::Enter(statement));
        let before = out.len();
        expand(body, leaf, short, out);
        if out.len() < LARGEST && !is_short(list, short) {
            let copy: Vec<Item<'a>> = out.get(before..).unwrap_or(&[]).to_vec();
            out.push(Item::Enter(statement));
            out.extend(copy);
        }
        out.push(Item::Close);
    }
}

/// Whether a statement binds a list of one element at most.
fn binds_short(statement: &Statement, short: &[Slot]) -> bool {
    match &statement.kind {
        StatementKind::Let(value) => is_short(value, short),
        StatementKind::Read {
            access: Access::Where { limit, .. },
            ..
        } => limit.is_some_and(|limit| limit <= 1),
        _ => false,
    }
}

/// Whether a list has one element at most.
fn is_short(list: &Expr, short: &[Slot]) -> bool {
    match &list.unconverted().kind {
        ExprKind::Slot(slot) => short.contains(slot),
        ExprKind::List(items) => items.len() <= 1,
        ExprKind::Comprehension { list, .. } => is_short(list, short),
        ExprKind::Call(Function::Take, parts) => match parts.as_slice() {
            [list, count] => {
                is_short(list, short)
                    || matches!(count.kind, ExprKind::Literal(Value::Int(count)) if count <= 1)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Who executes a statement; `None` where it joins what surrounds it.
pub(super) fn owner(brief: &Brief, cut: &Cut, statement: &Statement) -> Option<Owner> {
    if let StatementKind::Call { target, .. } = &statement.kind {
        return Some(match *target {
            CallTarget::External(external, operation) => Owner::External(external, operation),
            CallTarget::Command(command) => Owner::Command(command),
        });
    }
    aggregate(brief, statement).map(|aggregate| Owner::Service(cut.service(aggregate)))
}

/// The aggregate that a statement reads, writes or tells about.
pub(super) fn aggregate(brief: &Brief, statement: &Statement) -> Option<Id<Aggregate>> {
    match &statement.kind {
        StatementKind::Read { aggregate, .. }
        | StatementKind::Create { aggregate, .. }
        | StatementKind::Change { aggregate, .. }
        | StatementKind::Delete { aggregate, .. } => Some(*aggregate),
        StatementKind::Emit { event, .. } => Some(brief.events.get(*event).about),
        _ => None,
    }
}

/// Whether a statement changes, tells or asks for something outside the flow.
pub(super) fn has_effect(brief: &Brief, statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Create { .. }
        | StatementKind::Delete { .. }
        | StatementKind::Emit { .. } => true,
        StatementKind::Change { steps, create, .. } => {
            *create
                || steps
                    .iter()
                    .any(|step| !matches!(step, ChangeStep::Require { .. }))
        }
        StatementKind::Call {
            target: CallTarget::External(external, operation),
            ..
        } => {
            !brief
                .externals
                .get(*external)
                .operations
                .get(*operation)
                .read
        }
        StatementKind::Call {
            target: CallTarget::Command(_),
            ..
        } => true,
        _ => false,
    }
}

/// The slots that a statement makes: its binding, where it is not a row that was bound before,
/// and for a loop its variable and the bindings of its body.
pub(super) fn bound_in(statement: &Statement) -> Vec<Slot> {
    let again = match &statement.kind {
        StatementKind::Change {
            target: Target::Bound(slot),
            ..
        }
        | StatementKind::Delete {
            target: Target::Bound(slot),
            ..
        } => Some(*slot),
        _ => None,
    };
    let mut slots: Vec<Slot> = statement
        .binding
        .into_iter()
        .filter(|slot| Some(*slot) != again)
        .collect();
    if let StatementKind::Each { variable, body, .. } = &statement.kind {
        slots.push(*variable);
        slots.extend(body.iter().flat_map(bound_in));
    }
    slots
}
