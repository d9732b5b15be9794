//! What an expression can see where it stands: roots, bindings, what is known to be present, and
//! what its position permits. A scope also numbers the slots of the frame.

use std::sync::Arc;

use super::signatures::Signatures;
use crate::model::{Actor, Aggregate, Id, Root, Shape, Slot, Type};

/// Where an expression stands; this decides what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// `allow … when`: dots through references are joins.
    Allow,
    /// `where` of queries, feeds and views: joins.
    Where,
    /// What a query, feed or part shows, and paths such as `subject`: joins; what is absent on
    /// the way makes the value absent.
    Show,
    /// `define`: joins.
    Define,
    /// `group` and `show` of a view: joins, and functions over the group's rows.
    View,
    /// Everything in a command or policy: no joins, `secret` allowed in commands.
    Statement,
    /// `invariant`: only `self`.
    Invariant,
}

impl Position {
    pub(super) fn joins(self) -> bool {
        !matches!(self, Self::Statement | Self::Invariant)
    }
}

/// Who may be asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callers {
    /// The actors that some `allow` names.
    pub actors: Vec<Id<Actor>>,
    /// Whether callers without a token are let in, so that `caller.id` may be absent.
    pub anyone: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) name: Arc<str>,
    pub(super) slot: Slot,
    pub(super) ty: Type,
}

/// A point to which a scope can go back, see [`Scope::mark`].
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    bindings: usize,
    facts: usize,
}

/// What an expression can see. One scope serves a whole flow (command, policy, query …), so that
/// its slots make one frame.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    pub(super) signatures: &'a Signatures,
    pub(super) position: Position,
    pub(super) roots: Vec<Option<Type>>,
    pub(super) callers: Callers,
    pub(super) secrets: bool,
    pub(super) bindings: Vec<Binding>,
    pub(super) facts: Vec<String>,
    next: u32,
}

impl<'a> Scope<'a> {
    /// A scope with no root and no binding.
    #[must_use]
    pub fn new(signatures: &'a Signatures, position: Position) -> Self {
        Self {
            signatures,
            position,
            roots: vec![None; Root::COUNT as usize],
            callers: Callers::default(),
            secrets: false,
            bindings: Vec::new(),
            facts: Vec::new(),
            next: Root::COUNT,
        }
    }

    /// What the expressions are typed against.
    #[must_use]
    pub fn signatures(&self) -> &'a Signatures {
        self.signatures
    }

    /// The position of the expressions that follow.
    pub fn set_position(&mut self, position: Position) {
        self.position = position;
    }

    /// Puts a root in scope, or takes it out; returns what it was.
    pub fn set_root(&mut self, root: Root, ty: Option<Type>) -> Option<Type> {
        let place = self.roots.get_mut(root.slot().0 as usize)?;
        std::mem::replace(place, ty)
    }

    /// `self` is a row of `aggregate`, or nothing; returns what it was.
    pub fn set_self(&mut self, aggregate: Option<Id<Aggregate>>) -> Option<Type> {
        self.set_root(Root::SelfRow, aggregate.map(Type::Row))
    }

    /// `input` has this shape.
    pub fn set_input(&mut self, shape: &Arc<Shape>) {
        self.set_root(Root::Input, Some(Type::Struct(Arc::clone(shape))));
    }

    /// `caller` is in scope, and is one of these.
    pub fn set_caller(&mut self, callers: Callers) {
        self.callers = callers;
        let shape = self.signatures.caller_shape();
        self.set_root(Root::Caller, Some(Type::Struct(shape)));
    }

    /// `now`, `flags` and `limits` are in scope, as in commands and policies.
    pub fn set_flow(&mut self) {
        self.set_root(Root::Now, Some(Type::Time));
        let (flags, limits) = (
            self.signatures.flags_shape(),
            self.signatures.limits_shape(),
        );
        self.set_root(Root::Flags, Some(Type::Struct(flags)));
        self.set_root(Root::Limits, Some(Type::Struct(limits)));
    }

    /// `secret` may be drawn: only in commands.
    pub fn set_secrets(&mut self, allowed: bool) {
        self.secrets = allowed;
    }

    /// Binds a name to a new slot. A later binding of the same name hides it.
    pub fn bind(&mut self, name: &str, ty: Type) -> Slot {
        let slot = self.fresh();
        self.bindings.push(Binding {
            name: name.into(),
            slot,
            ty,
        });
        slot
    }

    /// Gives the newest binding at `slot` another type (a bound row that may be absent, say).
    pub fn retype(&mut self, slot: Slot, ty: Type) {
        if let Some(found) = self
            .bindings
            .iter_mut()
            .rev()
            .find(|found| found.slot == slot)
        {
            found.ty = ty;
        }
    }

    /// The newest binding of that name.
    #[must_use]
    pub fn binding(&self, name: &str) -> Option<(Slot, &Type)> {
        let found = self
            .bindings
            .iter()
            .rev()
            .find(|found| &*found.name == name);
        found.map(|found| (found.slot, &found.ty))
    }

    /// A slot without a name.
    pub fn fresh(&mut self) -> Slot {
        let slot = Slot(self.next);
        self.next = self.next.saturating_add(1);
        slot
    }

    /// Where the scope stands now: bindings and known presences.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            bindings: self.bindings.len(),
            facts: self.facts.len(),
        }
    }

    /// Forgets the bindings and presences since `mark`; their slots are not used again.
    pub fn release(&mut self, mark: Mark) {
        self.bindings.truncate(mark.bindings);
        self.facts.truncate(mark.facts);
    }

    /// How many slots the frame of everything checked so far needs.
    #[must_use]
    pub fn frame(&self) -> u32 {
        self.next
    }
}
