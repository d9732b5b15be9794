//! What an expression consists of before anything is resolved: offsets are bytes of its own text.

use std::sync::Arc;

use crate::model::{BinaryOp, Decimal, UnaryOp};

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ast {
    pub(super) kind: AstKind,
    pub(super) from: u32,
    pub(super) to: u32,
    /// Levels below and including this node; the parser keeps it small.
    pub(super) depth: u16,
}

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ident {
    pub(super) text: Arc<str>,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// Kinds of nodes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum AstKind {
    Null,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(Arc<str>),
    Name(Arc<str>),
    Member(Box<Ast>, Ident),
    Call(Ident, Vec<Ast>),
    Method(Box<Ast>, Ident, Vec<Ast>),
    Index(Box<Ast>, Box<Ast>),
    Unary(UnaryOp, Box<Ast>),
    Binary(BinaryOp, Box<Ast>, Box<Ast>),
    Conditional(Box<Ast>, Box<Ast>, Box<Ast>),
    List(Vec<Ast>),
    Map(Vec<(Ast, Ast)>),
    Record(Ident, Vec<(Ident, Ast)>),
}
