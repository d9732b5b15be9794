//! The expression language: text to typed expressions, and what can be done with them.
//!
//! [`parse`](parse::parse) reads the syntax (CEL), [`check`](check()) resolves names and types,
//! [`eval`] compiles to closures, [`effects`] says what is read, [`interval`] proves what cannot
//! fail. SQL is made elsewhere, from the same typed expression. No statement, no storage, no
//! clock is known here.

mod ast;
mod check;
pub mod effects;
pub mod eval;
pub mod interval;
mod lex;
mod parse;
mod scope;
mod signatures;
mod source;
#[cfg(test)]
pub(crate) mod tests;

pub use check::{FUNCTIONS, check, check_condition, check_defines, check_show};
pub use eval::{Compiled, Defines, Fault, Frame, Library, Rows};
pub use lex::RESERVED;
pub use scope::{Callers, Mark, Position, Scope};
pub use signatures::{
    AggregateSignature, DeclaredNames, DefineSource, MembershipSignature, RecordSignature,
    Signatures, caller,
};
pub use source::{ExprSource, OwnedSource};
