//! The checker: names to slots, every node typed, every mistake told once.

use super::scope::Scope;
use super::signatures::Signatures;
use super::source::ExprSource;
use crate::diagnostic::Diagnostic;
use crate::model::{Expr, Root, ShowExpr, Text, Type};

/// Types the expression at `source`. With `expected` the result is converted to that type (int to
/// decimal, a text literal to an enum value …) or it is an error. `None` where something was
/// reported to `out`.
///
/// A bool whose value depends on a row or JSON member that may be absent is false where it is
/// absent; any other type becomes optional.
pub fn check(
    source: ExprSource<'_>,
    scope: &mut Scope<'_>,
    expected: Option<&Type>,
    out: &mut Vec<Diagnostic>,
) -> Option<Expr> {
    let _ = (source, scope, expected, out);
    None
}

/// Types a path that is shown (`id`, `lines.product.name`, `event.payload`): its first name is a
/// slot or define of `base`, otherwise a root or binding. Returns the path in the answer and how
/// the value is found.
pub fn check_show(
    source: ExprSource<'_>,
    base: Root,
    scope: &mut Scope<'_>,
    out: &mut Vec<Diagnostic>,
) -> Option<(Vec<Text>, ShowExpr)> {
    let _ = (source, base, scope, out);
    None
}

/// Types all defines, in the order of their dependencies; [`Signatures::defines`] has them
/// afterwards. To be called once every `set_…` of the signatures is done and before anything
/// else is checked.
pub fn check_defines(signatures: &Signatures, out: &mut Vec<Diagnostic>) {
    let _ = (signatures, out);
}

impl Scope<'_> {
    /// Remembers what the truth of `condition` says about presence: after `when="has(a.b)"` or
    /// `require "has(a.b)"`, `a.b` is present. Forgotten by [`Scope::release`].
    pub fn assume(&mut self, condition: &Expr) {
        let _ = condition;
    }
}
