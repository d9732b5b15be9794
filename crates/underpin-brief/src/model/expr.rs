//! Checked expressions: every name resolved to a slot, every node typed. Made only by the
//! checker in `expr`; compiled to closures, SQL predicates and read sets by their back ends.

use super::table::Id;
use super::types::Type;
use super::value::Value;
use super::{Aggregate, Define};
use crate::source::Span;

/// A variable of the frame in which an expression is evaluated.
///
/// Slots 0 to 9 are the roots of [`Root`]; bindings of statements, loop variables and the
/// variables of comprehensions follow, numbered by the checker per flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// The roots: names that the position of an expression gives, at fixed slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Root {
    /// The row before the statement.
    SelfRow = 0,
    /// What the client sent.
    Input = 1,
    /// What an external operation answered.
    Output = 2,
    /// Who asks.
    Caller = 3,
    /// What a policy or feed reacts to.
    Event = 4,
    /// The time of admission.
    Now = 5,
    /// Flags, decided once per flow: a struct with one bool per flag, in table order.
    Flags = 6,
    /// Limits: a struct with one struct `{used, max}` per limit, in table order.
    Limits = 7,
    /// The element of a query part's `each`.
    Item = 8,
}

impl Root {
    /// How many slots the roots take; the first free slot.
    pub const COUNT: u32 = 10;

    /// Its slot.
    #[must_use]
    pub fn slot(self) -> Slot {
        Slot(self as u32)
    }
}

/// A checked expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    /// What it does.
    pub kind: ExprKind,
    /// Its type; never [`Type::Error`] in a [`Brief`](super::Brief).
    pub ty: Type,
    /// Where it stands.
    pub span: Span,
}

/// Kinds of checked expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExprKind {
    /// A constant.
    Literal(Value),
    /// A variable.
    Slot(Slot),
    /// Slot `index` of a structured value (row, record, struct). Where the object may be absent
    /// the checker has demanded a proof of presence.
    Field(Box<Expr>, usize),
    /// `id` or `name` of an actor identity.
    ActorField(Box<Expr>, ActorField),
    /// The row that a reference names: optional, since no cut checks that it exists. Members of
    /// the row are then [`ExprKind::Field`] of this.
    Join(Box<Expr>, Id<Aggregate>),
    /// A `define` of an aggregate, evaluated with the given row as `self` and the surrounding
    /// `caller`; recursion is counted against the define's depth.
    Define(Box<Expr>, Id<Aggregate>, Id<Define>),
    /// A member of a JSON value (`caller.claims.x`): JSON or absent.
    JsonMember(Box<Expr>, String),
    /// `!x`, `-x`.
    Unary(UnaryOp, Box<Expr>),
    /// `a op b`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `c ? a : b`.
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `has(x)`: whether it is present.
    Has(Box<Expr>),
    /// `x[i]` of a list (absent index refuses `not-found`) or map (absent key refuses `not-found`).
    Index(Box<Expr>, Box<Expr>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{a: b}`.
    Map(Vec<(Expr, Expr)>),
    /// `Line{a: b}`: one expression per slot of the record, defaults and absences filled in.
    Record(Vec<Expr>),
    /// A function of the closed list; a method call has its object as the first argument.
    Call(Function, Vec<Expr>),
    /// `list.map(x, body)` and its kin; `variable` holds the element.
    Comprehension {
        /// Which.
        kind: Comprehension,
        /// What is walked.
        list: Box<Expr>,
        /// The slot of the element.
        variable: Slot,
        /// Evaluated per element.
        body: Box<Expr>,
    },
    /// An aggregate function over the rows of a view's group (`count()`, `sum(o.total)`).
    Aggregate(AggregateFunction, Option<Box<Expr>>),
    /// A conversion that the checker inserted (int to decimal, reference to its key text, text
    /// literal to enum …); the target is the type of the node.
    Convert(Box<Expr>),
}

/// Members of an actor identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorField {
    /// The subject.
    Id,
    /// The display name as last seen in a token; optional.
    Name,
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `!`
    Not,
    /// `-`
    Negate,
}

/// Binary operators. Arithmetic is checked: overflow and division by zero refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// The closed list of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the language reference")]
pub enum Function {
    Sum,
    Min,
    Max,
    Size,
    Count,
    Take,
    Put,
    Drop,
    Merge,
    Value,
    OrValue,
    Date,
    Month,
    Bucket,
    Duration,
    Money,
    String,
    Secret,
    MatchesSchema,
    StartsWith,
    EndsWith,
    Contains,
}

/// Comprehensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the language reference")]
pub enum Comprehension {
    All,
    Exists,
    Filter,
    Map,
}

/// Functions over a group of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the language reference")]
pub enum AggregateFunction {
    Count,
    Sum,
    Min,
    Max,
}
