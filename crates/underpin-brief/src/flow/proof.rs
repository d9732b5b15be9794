//! "Cannot refuse": what is known of values, put into facts, and what must hold after a
//! statement, put into goals. The proof itself is interval arithmetic in `expr`.

use super::FlowId;
use super::why::{Reason, Why};
use crate::expr::interval::{Substitution, proves};
use crate::model::*;
use std::cell::Cell;
use std::collections::BTreeSet;

/// What is known of the names of one flow.
pub(super) struct Proof<'a> {
    brief: &'a Brief,
    input: &'a [Field],
    event: &'a [Field],
    asked: Cell<u32>,
}

impl<'a> Proof<'a> {
    pub(super) fn new(brief: &'a Brief, id: FlowId) -> Self {
        let input = match id {
            FlowId::Command(id) => brief.commands.get(id).input.as_slice(),
            FlowId::Policy(_) | FlowId::Otherwise(..) => &[],
        };
        Self {
            brief,
            input,
            event: event_fields(brief, id),
            asked: Cell::new(0),
        }
    }

    /// Whether `goal` follows from `facts` and from what is declared of the values in it.
    pub(super) fn proves(&self, facts: &[Expr], goal: &Expr, after: &[Substitution]) -> bool {
        self.asked.set(self.asked.get().saturating_add(1));
        let goal = self.inline(goal, 0);
        let values = after.iter().map(|substitution| &substitution.value);
        let about: Vec<&Expr> = values.chain([&goal]).collect();
        let mut known: Vec<Expr> = relevant(facts, &about)
            .into_iter()
            .map(|fact| self.inline(fact, 0))
            .collect();
        let mut bounds = Vec::new();
        for expr in known.iter().chain(about) {
            self.bounds(expr, &mut bounds);
        }
        known.extend(bounds);
        proves(&known, &goal, after)
    }

    /// How many proofs were asked for so far: the price of an examination.
    pub(super) fn asked(&self) -> u32 {
        self.asked.get()
    }

    /// What a row of `aggregate` may break of its invariants and bounds when `assigns` happen to
    /// it. `before` tells whether it kept them before (a new row did not exist).
    pub(super) fn breaks(
        &self,
        aggregate: Id<Aggregate>,
        assigns: &[Assign],
        facts: &[Expr],
        before: bool,
    ) -> Option<Why> {
        let declared = self.brief.aggregates.get(aggregate);
        let mut known = facts.to_vec();
        if before {
            known.extend(
                declared
                    .invariants
                    .iter()
                    .map(|invariant| invariant.expr.clone()),
            );
        }
        let after: Vec<Substitution> = assigns.iter().map(substitution).collect();
        let field = |assign: &Assign| {
            let field = declared.field_of_slot(assign.slot)?;
            if before && field.marks.unique {
                return Some(Why::new(Reason::Taken, field.name.span));
            }
            let fits = self.fits(&known, &assign.value, field);
            (!fits).then(|| Why::new(Reason::Bounds, field.name.span))
        };
        let invariant = |invariant: &Invariant| {
            let goal = self.inline(&invariant.expr, 0);
            let kept = (before && !mentions(&goal, assigns)) || self.proves(&known, &goal, &after);
            let code = || Reason::Condition(invariant.code.text.clone());
            (!kept).then(|| Why::new(code(), invariant.expr.span))
        };
        let bounds = assigns.iter().find_map(field);
        bounds.or_else(|| declared.invariants.iter().find_map(invariant))
    }

    /// Whether a value stays inside what is declared of the field that takes it.
    fn fits(&self, facts: &[Expr], value: &Expr, field: &Field) -> bool {
        if field.min.is_none() && field.max.is_none() && field.count.is_none() {
            return true;
        }
        let value = value.unconverted();
        if numeric(field.ty.required()) {
            let below = field
                .min
                .as_ref()
                .map(|min| compare(value, BinaryOp::GreaterEqual, min));
            let above = field
                .max
                .as_ref()
                .map(|max| compare(value, BinaryOp::LessEqual, max));
            return below
                .iter()
                .chain(&above)
                .all(|goal| self.proves(facts, goal, &[]));
        }
        match &value.kind {
            ExprKind::Literal(Value::Null) => true,
            ExprKind::Literal(Value::Text(text)) => {
                let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
                let at_least = as_int(field.min.as_ref()).unwrap_or(0);
                (at_least..=as_int(field.max.as_ref()).unwrap_or(i64::MAX)).contains(&length)
            }
            ExprKind::Literal(Value::List(items)) => counts(field, items.len()),
            ExprKind::List(items) => counts(field, items.len()),
            ExprKind::Field(object, at) => self
                .declared(object, *at)
                .is_some_and(|source| narrower(source, field)),
            ExprKind::Conditional(_, yes, no) => {
                self.fits(facts, yes, field) && self.fits(facts, no, field)
            }
            ExprKind::Call(Function::OrValue | Function::Value, parts) => {
                parts.iter().all(|part| self.fits(facts, part, field))
            }
            _ => false,
        }
    }

    /// What was declared of slot `at` of `object`.
    pub(super) fn declared(&self, object: &Expr, at: usize) -> Option<&'a Field> {
        let object = object.unconverted();
        match object.ty.required() {
            Type::Row(id) => self.brief.aggregates.get(*id).field_of_slot(at),
            Type::Record(id) => self.brief.records.get(*id).fields.get(at),
            Type::Struct(_) => match object.kind {
                ExprKind::Slot(slot) if slot == Root::Input.slot() => self.input.get(at),
                ExprKind::Slot(slot) if slot == Root::Event.slot() => self.event.get(at),
                _ => None,
            },
            _ => None,
        }
    }

    /// Adds what is declared of the values in `expr`: bounds of numbers, and that a sum of what is
    /// never negative is not.
    fn bounds(&self, expr: &Expr, found: &mut Vec<Expr>) {
        expr.walk(&mut |part| {
            if !numeric(&part.ty) {
                return;
            }
            match &part.kind {
                ExprKind::Field(object, at) => {
                    let Some(field) = self.declared(object, *at) else {
                        return;
                    };
                    let (min, max) = (field.min.iter(), field.max.iter());
                    found.extend(min.map(|min| compare(part, BinaryOp::GreaterEqual, min)));
                    found.extend(max.map(|max| compare(part, BinaryOp::LessEqual, max)));
                }
                ExprKind::Call(Function::Sum, parts) => {
                    if let Some(zero) = self.zero(&part.ty).filter(|_| self.no_debts(parts)) {
                        found.push(compare(part, BinaryOp::GreaterEqual, &zero));
                    }
                }
                _ => {}
            }
        });
    }

    /// Whether every element of a summed list is proved not to be negative.
    fn no_debts(&self, parts: &[Expr]) -> bool {
        let Some(ExprKind::Comprehension {
            kind: Comprehension::Map,
            body,
            ..
        }) = parts.first().map(|list| &list.unconverted().kind)
        else {
            return false;
        };
        self.zero(&body.ty).is_some_and(|zero| {
            self.proves(&[], &compare(body, BinaryOp::GreaterEqual, &zero), &[])
        })
    }

    fn zero(&self, ty: &Type) -> Option<Value> {
        match ty {
            Type::Int => Some(Value::Int(0)),
            Type::Decimal => Some(Value::Decimal(Decimal::ZERO)),
            Type::Duration => Some(Value::Duration(Duration::from_micros(0))),
            Type::Money => self
                .brief
                .system
                .currencies
                .first()
                .map(|of| Value::Money(0, *of)),
            _ => None,
        }
    }

    /// The expression with defines of `self` opened, a few levels deep.
    fn inline(&self, expr: &Expr, depth: u32) -> Expr {
        rewrite(expr, &|part| {
            let ExprKind::Define(row, aggregate, define) = &part.kind else {
                return None;
            };
            let own = matches!(row.kind, ExprKind::Slot(slot) if slot == Root::SelfRow.slot());
            if !own || depth > 8 {
                return None;
            }
            let define = self.brief.aggregates.get(*aggregate).defines.get(*define);
            Some(self.inline(&define.expr, depth + 1))
        })
    }
}

fn event_fields(brief: &Brief, id: FlowId) -> &[Field] {
    let (FlowId::Policy(id) | FlowId::Otherwise(id, _)) = id else {
        return &[];
    };
    match &brief.policies.get(id).trigger {
        Trigger::On {
            source: EventSource::Event(id),
            ..
        } => &brief.events.get(*id).fields,
        Trigger::On {
            source: EventSource::Sent(external, id),
            ..
        } => &brief.externals.get(*external).sends.get(*id).fields,
        _ => &[],
    }
}

/// A proof looks at so many facts: more would cost more than they could prove.
const FACTS: usize = 32;

/// The facts that could bear on `about`: those that share a value with it, or with such a fact.
/// What a `let` stands for counts only where its name is used.
fn relevant<'f>(facts: &'f [Expr], about: &[&Expr]) -> Vec<&'f Expr> {
    let mut atoms: BTreeSet<Atom> = about.iter().flat_map(|expr| atoms(expr)).collect();
    let mut taken = vec![false; facts.len()];
    let mut chosen = Vec::new();
    for _ in 0..3 {
        let mut fresh = Vec::new();
        for (fact, taken) in facts.iter().zip(&mut taken).rev() {
            if chosen.len() >= FACTS {
                return chosen;
            }
            let bears = match named(fact) {
                Some(slot) => atoms.contains(&(slot, None)),
                None => self::atoms(fact).iter().any(|atom| atoms.contains(atom)),
            };
            if bears && !*taken {
                *taken = true;
                chosen.push(fact);
                fresh.extend(self::atoms(fact));
            }
        }
        atoms.extend(fresh);
    }
    chosen
}

/// A variable, or a slot of it.
type Atom = (Slot, Option<usize>);

fn atoms(expr: &Expr) -> Vec<Atom> {
    let mut found = Vec::new();
    collect(expr, &mut found);
    found
}

fn collect(expr: &Expr, found: &mut Vec<Atom>) {
    match &expr.kind {
        ExprKind::Slot(slot) => found.push((*slot, None)),
        ExprKind::Field(object, at) => match object.kind {
            ExprKind::Slot(slot) => found.push((slot, Some(*at))),
            _ => collect(object, found),
        },
        _ => expr
            .children()
            .into_iter()
            .for_each(|child| collect(child, found)),
    }
}

/// The name that a `let` gave to a value, where that is what the fact says.
fn named(fact: &Expr) -> Option<Slot> {
    let ExprKind::Binary(BinaryOp::Equal, left, _) = &fact.kind else {
        return None;
    };
    match left.kind {
        ExprKind::Slot(slot) if slot.0 >= Root::COUNT => Some(slot),
        _ => None,
    }
}

/// What `assign` makes of the row.
pub(super) fn substitution(assign: &Assign) -> Substitution {
    Substitution {
        slot: Root::SelfRow.slot(),
        field: Some(assign.slot),
        value: assign.value.clone(),
    }
}

/// A copy in which `replace` was asked for every part, outermost first.
pub(super) fn rewrite(expr: &Expr, replace: &dyn Fn(&Expr) -> Option<Expr>) -> Expr {
    if let Some(new) = replace(expr) {
        return new;
    }
    let mut copy = expr.clone();
    for child in copy.children_mut() {
        *child = rewrite(child, replace);
    }
    copy
}

/// Whether a list of that length fits, its elements apart.
fn counts(field: &Field, length: usize) -> bool {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let Some(range) = field.count else {
        return true;
    };
    field.min.is_none()
        && field.max.is_none()
        && length >= range.min
        && range.max.is_none_or(|max| length <= max)
}

/// `left == right`.
pub(super) fn equal(left: Expr, right: &Expr) -> Expr {
    let span = left.span;
    let kind = ExprKind::Binary(BinaryOp::Equal, Box::new(left), Box::new(right.clone()));
    Expr {
        kind,
        ty: Type::Bool,
        span,
    }
}

fn mentions(goal: &Expr, assigns: &[Assign]) -> bool {
    let mut found = false;
    goal.walk(&mut |part| match &part.kind {
        ExprKind::Field(row, at) if matches!(row.kind, ExprKind::Slot(_)) => {
            found |= assigns.iter().any(|assign| assign.slot == *at);
        }
        // A recursive define that was not opened may look at anything.
        ExprKind::Define(..) => found = true,
        _ => {}
    });
    found
}

fn compare(value: &Expr, op: BinaryOp, bound: &Value) -> Expr {
    let literal = Expr {
        kind: ExprKind::Literal(bound.clone()),
        ty: value.ty.clone(),
        span: value.span,
    };
    let kind = ExprKind::Binary(op, Box::new(value.clone()), Box::new(literal));
    Expr {
        kind,
        ty: Type::Bool,
        span: value.span,
    }
}

fn numeric(ty: &Type) -> bool {
    matches!(ty, Type::Int | Type::Decimal | Type::Money | Type::Duration)
}

fn as_int(value: Option<&Value>) -> Option<i64> {
    match value {
        Some(Value::Int(number)) => Some(*number),
        _ => None,
    }
}

/// Whether everything that `source` admits is admitted by `target`.
fn narrower(source: &Field, target: &Field) -> bool {
    let low = as_int(target.min.as_ref())
        .is_none_or(|min| as_int(source.min.as_ref()).is_some_and(|own| own >= min));
    let high = as_int(target.max.as_ref())
        .is_none_or(|max| as_int(source.max.as_ref()).is_some_and(|own| own <= max));
    let count = target.count.is_none_or(|range| {
        source.count.is_some_and(|own| {
            let capped = range
                .max
                .is_none_or(|max| own.max.is_some_and(|own| own <= max));
            own.min >= range.min && capped
        })
    });
    low && high && count
}
