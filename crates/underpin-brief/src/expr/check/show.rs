//! Paths that are shown: they may go through lists and references.

use super::super::ast::Ident;
use super::super::parse::path;
use super::{Checker, Typed};
use crate::codes::expressions as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::scope::{Position, Scope};
use crate::expr::source::ExprSource;
use crate::model::{ExprKind, Root, ShowExpr, Slot, Text, Type};

/// Types a path that is shown (`id`, `lines.product.name`, `event.payload`): its first name is a
/// slot or define of `base`, otherwise a root or binding. Returns the path in the answer and how
/// the value is found.
pub fn check_show(
    source: ExprSource<'_>,
    base: Root,
    scope: &mut Scope<'_>,
    out: &mut Vec<Diagnostic>,
) -> Option<(Vec<Text>, ShowExpr)> {
    let position = std::mem::replace(&mut scope.position, Position::Show);
    let mark = scope.mark();
    let mut checker = Checker::new(source, scope, out);
    let shown = checker.shown(base);
    scope.release(mark);
    scope.position = position;
    shown
}

impl Checker<'_, '_> {
    fn shown(&mut self, base: Root) -> Option<(Vec<Text>, ShowExpr)> {
        let text = self.source.value.as_str().unwrap_or("");
        let Some(names) = path(text) else {
            let span = self.source.span;
            let found = Diagnostic::error(codes::U0301, span, "what is shown is a path here");
            self.out
                .push(found.help("a computed value gets a name: `show total=\"…\"`"));
            return None;
        };
        let (first, rest) = names.split_first()?;
        let base_type = self
            .scope
            .roots
            .get(base.slot().0 as usize)
            .cloned()
            .flatten();
        let in_base = base_type.as_ref().is_some_and(|ty| {
            &*first.text == "id" || self.member_names(ty).iter().any(|n| **n == *first.text)
        });
        let (start, names) = if let (true, Some(ty)) = (in_base, base_type.clone()) {
            let span = self.place_of(first);
            (
                Typed::hard(ExprKind::Slot(base.slot()), ty, span),
                names.as_slice(),
            )
        } else if self.known(&first.text) || base_type.is_none() {
            let tree = super::super::ast::Ast {
                kind: super::super::ast::AstKind::Name(first.text.clone()),
                from: first.from,
                to: first.to,
                depth: 1,
            };
            let span = self.place_of(first);
            (self.name(&first.text, &tree, span), rest)
        } else {
            let ty = base_type?;
            let span = self.place_of(first);
            let object = Typed::hard(ExprKind::Slot(base.slot()), ty, span);
            self.member_of(object, first, span);
            return None;
        };
        if start.is_error() {
            return None;
        }
        let output = names.iter().map(|name| name.text.clone()).collect();
        let shown = self.steps(start, names)?;
        Some((output, shown))
    }

    fn known(&self, name: &str) -> bool {
        self.scope.binding(name).is_some()
            || super::root(name).is_some_and(|root| {
                matches!(self.scope.roots.get(root.slot().0 as usize), Some(Some(_)))
            })
    }

    fn steps(&mut self, mut object: Typed, names: &[Ident]) -> Option<ShowExpr> {
        let mut rest = names;
        let mut lists: Vec<(Typed, Slot)> = Vec::new();
        while let Some((name, after)) = rest.split_first() {
            if let Type::List(item) = object.ty().required().clone() {
                let slot = self.scope.fresh();
                let span = object.expr.span;
                let list =
                    std::mem::replace(&mut object, Typed::hard(ExprKind::Slot(slot), *item, span));
                lists.push((list, slot));
            }
            let span = object.expr.span.to(self.place_of(name));
            object = self.member_of(object, name, span);
            if object.is_error() {
                return None;
            }
            rest = after;
        }
        let object = self.stored(object);
        let mut shown = ShowExpr::Value(object.expr);
        for (list, variable) in lists.into_iter().rev() {
            let list = self.stored(list);
            shown = ShowExpr::Each {
                list: list.expr,
                variable,
                show: Box::new(shown),
            };
        }
        Some(shown)
    }
}
