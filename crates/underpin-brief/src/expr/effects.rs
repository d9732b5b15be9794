//! What an expression reads: slots of rows, joins, the caller, the time.

use std::collections::BTreeSet;

use super::eval::Defines;
use crate::model::{Aggregate, Define, Expr, ExprKind, Function, Id, Root, Slot, Table, Type};

/// A dot through a reference: from which row slot to which aggregate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The aggregate whose row holds the reference; `None` where it comes from an input, an event
    /// or a binding.
    pub from: Option<Id<Aggregate>>,
    /// The row slot that holds it, where it comes from a row.
    pub slot: Option<usize>,
    /// The aggregate that is looked at.
    pub to: Id<Aggregate>,
}

/// What an expression reads, defines included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Row slots, per aggregate.
    pub slots: BTreeSet<(Id<Aggregate>, usize)>,
    /// Whole rows (a row that is passed on as a value).
    pub rows: BTreeSet<Id<Aggregate>>,
    /// Joins.
    pub joins: BTreeSet<Edge>,
    /// Roots; `self` of a define is not one.
    pub roots: BTreeSet<Root>,
    /// Bindings and variables, by slot.
    pub bindings: BTreeSet<Slot>,
    /// Whether a secret is drawn.
    pub secret: bool,
}

impl Reads {
    /// Whether it depends on who asks.
    #[must_use]
    pub fn caller(&self) -> bool {
        self.roots.contains(&Root::Caller)
    }

    /// Whether it depends on the time of admission.
    #[must_use]
    pub fn now(&self) -> bool {
        self.roots.contains(&Root::Now)
    }

    /// Adds what `other` reads.
    pub fn add(&mut self, other: Self) {
        self.slots.extend(other.slots);
        self.rows.extend(other.rows);
        self.joins.extend(other.joins);
        self.roots.extend(other.roots);
        self.bindings.extend(other.bindings);
        self.secret |= other.secret;
    }
}

/// What `expr` reads, looking through `defines`.
#[must_use]
pub fn reads(expr: &Expr, defines: &dyn Defines) -> Reads {
    let mut walk = Walk {
        tables: defines.tables(),
        seen: BTreeSet::new(),
        reads: Reads::default(),
        inside: false,
    };
    walk.value(expr);
    walk.reads
}

struct Walk<'d> {
    tables: Vec<&'d Table<Define>>,
    /// Defines that were looked through.
    seen: BTreeSet<(usize, usize)>,
    reads: Reads,
    /// Whether a define is being looked through: its `self` is no root of the expression.
    inside: bool,
}

const ROOTS: [Root; 9] = [
    Root::SelfRow,
    Root::Input,
    Root::Output,
    Root::Caller,
    Root::Event,
    Root::Now,
    Root::Flags,
    Root::Limits,
    Root::Item,
];

impl Walk<'_> {
    /// An expression whose whole value is used.
    fn value(&mut self, expr: &Expr) {
        if let Type::Row(aggregate) = expr.ty.required() {
            self.reads.rows.insert(*aggregate);
        }
        self.part(expr);
    }

    /// An expression of whose value only what its surroundings say is used.
    fn part(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Slot(slot) => self.slot(*slot),
            ExprKind::Field(object, at) => {
                if let Type::Row(aggregate) = object.ty.required() {
                    self.reads.slots.insert((*aggregate, *at));
                }
                self.part(object);
            }
            ExprKind::Join(reference, to) => {
                self.join(reference, *to);
                self.part(reference);
            }
            ExprKind::Define(object, aggregate, define) => {
                self.define(aggregate.index(), define.index());
                self.part(object);
            }
            ExprKind::Has(path) => self.part(path),
            ExprKind::Comprehension { list, body, .. } => {
                self.value(list);
                self.value(body);
            }
            ExprKind::Call(function, arguments) => {
                self.reads.secret |= *function == Function::Secret;
                arguments.iter().for_each(|argument| self.value(argument));
            }
            _ => expr
                .children()
                .into_iter()
                .for_each(|child| self.value(child)),
        }
    }

    fn slot(&mut self, slot: Slot) {
        match ROOTS.into_iter().find(|root| root.slot() == slot) {
            Some(Root::SelfRow) if self.inside => {}
            Some(root) => {
                self.reads.roots.insert(root);
            }
            None if self.inside => {}
            None => {
                self.reads.bindings.insert(slot);
            }
        }
    }

    fn join(&mut self, reference: &Expr, to: Id<Aggregate>) {
        let mut holder = reference;
        while let ExprKind::Convert(inner) = &holder.kind {
            holder = inner;
        }
        if let ExprKind::Call(Function::Value | Function::OrValue, arguments) = &holder.kind
            && let Some(first) = arguments.first()
        {
            return self.join(first, to);
        }
        let (from, slot) = match &holder.kind {
            ExprKind::Field(object, at) => match object.ty.required() {
                Type::Row(aggregate) => (Some(*aggregate), Some(*at)),
                _ => (None, None),
            },
            _ => (None, None),
        };
        self.reads.joins.insert(Edge { from, slot, to });
    }

    fn define(&mut self, aggregate: usize, define: usize) {
        if !self.seen.insert((aggregate, define)) {
            return;
        }
        let table = self.tables.get(aggregate).copied();
        let Some(found) = table.and_then(|table| table.rows().get(define)) else {
            return;
        };
        let outer = std::mem::replace(&mut self.inside, true);
        self.value(&found.expr);
        self.inside = outer;
    }
}
