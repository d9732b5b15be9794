//! Defines: typed when they are first used, so that the order of their dependencies needs no list.

use super::super::ast::Ident;
use super::super::signatures::{DefineState, Signatures, Traits};
use super::{Checker, Typed};
use crate::codes::expressions as codes;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::expr::scope::{Callers, Position, Scope};
use crate::model::{Aggregate, Define, ExprKind, Id, Type};
use crate::source::Span;

/// How many defines may wait for each other's types.
const DEEPEST: u32 = 16;

/// Types all defines, in the order of their dependencies; [`Signatures::defines`] has them
/// afterwards. To be called once every `set_…` of the signatures is done and before anything
/// else is checked.
pub fn check_defines(signatures: &Signatures, out: &mut Vec<Diagnostic>) {
    for aggregate in signatures.aggregate_ids() {
        for at in 0..signatures.define_slots(aggregate).len() {
            check_define(signatures, aggregate, at, 0, out);
        }
    }
}

fn check_define(
    signatures: &Signatures,
    aggregate: Id<Aggregate>,
    at: usize,
    nesting: u32,
    out: &mut Vec<Diagnostic>,
) {
    let Some(slot) = signatures.define_slots(aggregate).get(at) else {
        return;
    };
    if !matches!(*slot.state.borrow(), DefineState::Unchecked) {
        return;
    }
    let source = &slot.source;
    if nesting > DEEPEST {
        let message = format!("`{}` lies too deep in a chain of defines", source.name);
        out.push(Diagnostic::error(codes::U0316, source.name.span, message));
        *slot.state.borrow_mut() = DefineState::Broken;
        return;
    }
    *slot.state.borrow_mut() = DefineState::InProgress { recursive: false };
    let mut scope = Scope::new(signatures, Position::Define);
    scope.set_self(Some(aggregate));
    scope.set_caller(Callers::default());
    let before = out.len();
    let mut checker = Checker::new(source.source.get(), &mut scope, out);
    checker.nesting = nesting + 1;
    let typed = checker.whole(None);
    let traits = checker.traits;
    let checked = checker.finish(typed);
    let recursive = matches!(
        *slot.state.borrow(),
        DefineState::InProgress { recursive: true }
    );
    let failed = has_errors(out.get(before..).unwrap_or(&[]));
    let Some(expr) = checked.filter(|_| !failed) else {
        *slot.state.borrow_mut() = DefineState::Broken;
        return;
    };
    if recursive && expr.ty != Type::Bool {
        let message = format!("`{}` uses itself, so it must be a bool", source.name);
        let found = Diagnostic::error(codes::U0313, source.name.span, message);
        out.push(found.fact("where the recursion is cut off, a bool is false"));
        *slot.state.borrow_mut() = DefineState::Broken;
        return;
    }
    let define = Define {
        name: source.name.clone(),
        expr,
        frame: scope.frame(),
        depth: source.depth,
    };
    let traits = Traits {
        limited: traits.limited || recursive,
        ..traits
    };
    *slot.state.borrow_mut() = DefineState::Checked {
        define: Box::new(define),
        traits,
    };
}

impl Checker<'_, '_> {
    /// The define `name` of a row, if there is one.
    pub(super) fn define_member(
        &mut self,
        object: &Typed,
        aggregate: Id<Aggregate>,
        name: &Ident,
        span: Span,
    ) -> Option<Typed> {
        let signatures = self.scope.signatures;
        let slots = signatures.define_slots(aggregate);
        let at = slots
            .iter()
            .position(|slot| slot.source.name.text == name.text)?;
        let slot = slots.get(at)?;
        let kind = ExprKind::Define(Box::new(object.expr.clone()), aggregate, Id::from_index(at));
        check_define(signatures, aggregate, at, self.nesting, self.out);
        let state = slot.state.borrow().clone();
        let (ty, traits) = match state {
            DefineState::Checked { define, traits } => (define.expr.ty, traits),
            DefineState::InProgress { .. } => {
                if slot.source.depth.is_none() {
                    self.needs_depth(&slot.source.name.text, slot.source.name.span, name);
                    return Some(self.broken(span));
                }
                *slot.state.borrow_mut() = DefineState::InProgress { recursive: true };
                (
                    Type::Bool,
                    Traits {
                        limited: true,
                        soft: true,
                        ..Traits::default()
                    },
                )
            }
            DefineState::Unchecked | DefineState::Broken => return Some(self.broken(span)),
        };
        if traits.limited && !self.positive {
            let place = self.place_of(name);
            let message = format!(
                "`{}` is cut off at a depth and stands under a negation",
                name.text
            );
            let found = Diagnostic::error(codes::U0314, place, message).fact(
                "deeper than its `depth` it is false: its negation would then be true, and grant",
            );
            self.out.push(found);
            return Some(self.broken(span));
        }
        if !self.fits_position(traits, name) {
            return Some(self.broken(span));
        }
        self.traits = Traits {
            limited: self.traits.limited || traits.limited,
            joins: self.traits.joins || traits.joins,
            caller: self.traits.caller || traits.caller,
            soft: self.traits.soft,
        };
        Some(Typed::hard(kind, ty, span).soft_if(object.soft || traits.soft))
    }

    fn needs_depth(&mut self, define: &str, declared: Span, name: &Ident) {
        let place = self.place_of(name);
        let message = format!("`{define}` uses itself without a `depth`");
        let found = Diagnostic::error(codes::U0313, place, message)
            .also(declared, "declared here")
            .help("say how deep it is followed, as in `depth=8`; deeper it is false");
        self.out.push(found);
    }

    /// Whether what a define looks at may be looked at here.
    fn fits_position(&mut self, traits: Traits, name: &Ident) -> bool {
        let place = self.place_of(name);
        let invariant = self.scope.position == Position::Invariant;
        if traits.caller && invariant {
            let message = format!(
                "`{}` depends on the caller, an invariant does not",
                name.text
            );
            self.error(codes::U0310, place, message);
            return false;
        }
        if traits.joins && !self.scope.position.joins() {
            let message = format!("`{}` looks at another aggregate", name.text);
            let found = Diagnostic::error(codes::U0309, place, message);
            let found = if invariant {
                found.fact("an invariant is checked with its own row only")
            } else {
                found.fact("statements name every row that they read, so that remote access is visible")
                    .help("`read` the other row before, or ask this in an `allow … when`")
            };
            self.out.push(found);
            return false;
        }
        true
    }
}
