//! What a command or a policy does, step by step, in the written order.

use super::*;

/// The statements of a command, a policy or an `else`.
#[derive(Clone, Debug)]
pub struct Body {
    /// In order.
    pub statements: Vec<Statement>,
    /// How many slots the frame needs: roots, bindings, loop and comprehension variables.
    pub frame: u32,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its name: `kind#n` where the brief gives none.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// The slot that its result is bound to.
    pub binding: Option<Slot>,
    /// It is skipped where this is false; its binding is then absent.
    pub when: Option<Expr>,
    /// How often it runs or refuses, for the simulator.
    pub share: Option<Percent>,
    /// The whole statement.
    pub span: Span,
    /// What it does.
    pub kind: StatementKind,
}

/// Kinds of statements.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// Binds a value.
    Let(Expr),
    /// Reads rows.
    Read {
        /// Of this aggregate.
        aggregate: Id<Aggregate>,
        /// Which.
        access: Access,
        /// A copy that old will do; absent: the owner is asked.
        stale: Option<Duration>,
    },
    /// Creates a row; refuses `exists` where the key or a unique field is taken.
    Create {
        /// Of this aggregate.
        aggregate: Id<Aggregate>,
        /// In this tenant instead of the caller's.
        tenant: Option<Expr>,
        /// Its fields.
        sets: Vec<Assign>,
        /// What takes it back.
        undo: Undo,
    },
    /// Changes a row; refuses `not-found` where it does not exist.
    Change {
        /// Of this aggregate.
        aggregate: Id<Aggregate>,
        /// Which row.
        target: Target,
        /// Whether a missing row is created first, from defaults and the key.
        create: bool,
        /// What is done to it, in order.
        steps: Vec<ChangeStep>,
        /// What takes it back.
        undo: Undo,
    },
    /// Deletes a row.
    Delete {
        /// Of this aggregate.
        aggregate: Id<Aggregate>,
        /// Which row.
        target: Target,
        /// What takes it back.
        undo: Undo,
    },
    /// Asks somebody else, or another command.
    Call {
        /// Whom.
        target: CallTarget,
        /// Its input.
        sets: Vec<Assign>,
        /// What takes it back.
        undo: Undo,
        /// What stands in where it cannot be reached.
        fallback: Vec<Assign>,
        /// Why an unknown outcome is acceptable: tried at most once.
        once: Option<Text>,
    },
    /// Tells others.
    Emit {
        /// What.
        event: Id<Event>,
        /// Its fields.
        sets: Vec<Assign>,
    },
    /// Repeats for each element.
    Each {
        /// The slot of the element.
        variable: Slot,
        /// The list.
        list: Expr,
        /// Elements per transaction.
        chunk: Option<u32>,
        /// What is repeated.
        body: Vec<Statement>,
    },
    /// Refuses where it does not hold.
    Require {
        /// The condition.
        condition: Expr,
        /// The refusal.
        code: Name,
    },
    /// What the client gets.
    Return(Vec<(Name, Expr)>),
}

/// Which rows are read.
#[derive(Clone, Debug)]
pub enum Access {
    /// The row of this key; refuses `not-found`. Binding: row.
    One(Expr),
    /// The rows of these keys; missing ones are omitted. Binding: map from key to row.
    Keys(Expr),
    /// Rows that satisfy a condition over `self`, in key order. Binding: list of rows.
    Where {
        /// The condition.
        filter: Option<Expr>,
        /// At most.
        limit: Option<u32>,
    },
}

/// Which row is changed.
#[derive(Clone, Debug)]
pub enum Target {
    /// The row of this key.
    Key(Expr),
    /// The row bound to this slot by an earlier statement.
    Bound(Slot),
}

/// What is done to a row, with `self` the row before the step.
#[derive(Clone, Debug)]
pub enum ChangeStep {
    /// Refuses where it does not hold.
    Require {
        /// The condition.
        condition: Expr,
        /// The refusal.
        code: Name,
        /// How often it refuses, for the simulator.
        share: Option<Percent>,
        /// Where it stands.
        span: Span,
    },
    /// Sets fields; all right-hand sides see the row before.
    Set(Vec<Assign>),
    /// Moves it; refuses `illegal-move` where the state does not admit it.
    Move {
        /// Which move.
        id: Id<Move>,
        /// Where it stands.
        span: Span,
    },
}

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assign {
    /// Position of the slot in the target's shape (row, input, event).
    pub slot: usize,
    /// Its name.
    pub name: Name,
    /// The value.
    pub value: Expr,
}

/// Whom a call asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallTarget {
    /// An operation of an external.
    External(Id<External>, Id<ExternalOperation>),
    /// A command of ours: a child flow.
    Command(Id<Command>),
}

/// What takes a completed statement back.
#[derive(Clone, Debug)]
pub enum Undo {
    /// Nothing written: the default of its kind, or none needed.
    Default,
    /// Written steps on the row that the statement created or changed.
    Steps {
        /// What is done to the row.
        steps: Vec<ChangeStep>,
        /// Why it cannot refuse, where that is not proved.
        sure: Option<Text>,
        /// Where it stands.
        span: Span,
    },
    /// Written input of the operation's undo (over `input` and `output` of the call).
    Call {
        /// The input.
        sets: Vec<Assign>,
        /// Where it stands.
        span: Span,
    },
    /// Deliberately none.
    None {
        /// Why.
        why: Text,
        /// Where it stands.
        span: Span,
    },
}
