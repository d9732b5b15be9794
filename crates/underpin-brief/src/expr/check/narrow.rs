//! What the truth of a condition says about presence.

use super::{Checker, Typed};
use crate::expr::scope::Scope;
use crate::model::{BinaryOp, Expr, ExprKind, Function, Type, UnaryOp};

/// A spelling of a path that is the same wherever the path is the same; `None` for anything that
/// is not a path from a slot.
pub(super) fn path_key(expr: &Expr) -> Option<String> {
    Some(match &expr.kind {
        ExprKind::Slot(slot) => slot.0.to_string(),
        ExprKind::Field(object, at) => format!("{}.{at}", path_key(object)?),
        ExprKind::ActorField(object, field) => format!("{}@{field:?}", path_key(object)?),
        ExprKind::Join(object, to) => format!("{}>{}", path_key(object)?, to.index()),
        ExprKind::Define(object, of, define) => {
            format!("{}:{}:{}", path_key(object)?, of.index(), define.index())
        }
        ExprKind::JsonMember(object, name) => format!("{}.{name:?}", path_key(object)?),
        ExprKind::Convert(object) => path_key(object)?,
        ExprKind::Call(Function::Value, arguments) => path_key(arguments.first()?)?,
        _ => return None,
    })
}

/// The paths that are present where `condition` is `truth`.
fn present(condition: &Expr, truth: bool, found: &mut Vec<String>) {
    match &condition.kind {
        ExprKind::Has(path) if truth => found.extend(path_key(path)),
        ExprKind::Unary(UnaryOp::Not, inner) => present(inner, !truth, found),
        ExprKind::Binary(BinaryOp::And, left, right) if truth => {
            present(left, true, found);
            present(right, true, found);
        }
        ExprKind::Binary(BinaryOp::Or, left, right) if !truth => {
            present(left, false, found);
            present(right, false, found);
        }
        ExprKind::Call(Function::OrValue, arguments) if truth => {
            if let [inner, otherwise] = arguments.as_slice()
                && matches!(otherwise.kind, ExprKind::Literal(ref no) if !no.is_true())
            {
                present(inner, true, found);
            }
        }
        _ => {}
    }
}

impl Scope<'_> {
    /// Remembers what the truth of `condition` says about presence: after `when="has(a.b)"` or
    /// `require "has(a.b)"`, `a.b` is present. Forgotten by [`Scope::release`].
    pub fn assume(&mut self, condition: &Expr) {
        present(condition, true, &mut self.facts);
    }
}

impl Checker<'_, '_> {
    /// Runs `then` knowing that `condition` is `truth`.
    pub(super) fn knowing<T>(
        &mut self,
        condition: &Expr,
        truth: bool,
        then: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.scope.facts.len();
        present(condition, truth, &mut self.scope.facts);
        let result = then(self);
        self.scope.facts.truncate(before);
        result
    }

    /// Takes the `?` off a path that is known to be present.
    pub(super) fn narrowed(&self, mut typed: Typed) -> Typed {
        let optional = typed.expr.ty.is_optional();
        if !optional || self.scope.facts.is_empty() {
            return typed;
        }
        let Some(key) = path_key(&typed.expr) else {
            return typed;
        };
        if self.scope.facts.contains(&key) {
            typed.expr.ty = match typed.expr.ty {
                Type::Optional(inner) => *inner,
                other => other,
            };
        }
        typed
    }
}
