//! What every room of this stage shares: texts, names, signatures, and where findings go.

use super::names::Names;
use crate::diagnostic::Diagnostic;
use crate::expr::{ExprSource, Scope, Signatures};
use crate::kdl::Entry;
use crate::model::*;
use crate::source::Sources;
use std::cell::RefCell;

/// The shared context.
pub(super) struct Cx<'a> {
    pub(super) sources: &'a Sources,
    pub(super) names: Names<'a>,
    pub(super) currency: Currency,
    pub(super) regions: Vec<Text>,
    pub(super) sig: Signatures,
    pub(super) found: RefCell<Vec<Diagnostic>>,
}

impl<'a> Cx<'a> {
    pub(super) fn push(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// Types the expression of an entry.
    pub(super) fn expr(
        &self,
        entry: &Entry,
        scope: &mut Scope<'_>,
        expected: Option<&Type>,
    ) -> Option<Expr> {
        let source = ExprSource::entry(entry, self.sources);
        crate::expr::check(source, scope, expected, &mut self.found.borrow_mut())
    }

    /// Types a condition.
    pub(super) fn condition(&self, entry: Option<&Entry>, scope: &mut Scope<'_>) -> Option<Expr> {
        let source = ExprSource::entry(entry?, self.sources);
        crate::expr::check_condition(source, scope, &mut self.found.borrow_mut())
    }

    /// Types a shown path.
    pub(super) fn path(
        &self,
        entry: &Entry,
        base: Root,
        scope: &mut Scope<'_>,
    ) -> Option<(Vec<Text>, ShowExpr)> {
        let source = ExprSource::entry(entry, self.sources);
        crate::expr::check_show(source, base, scope, &mut self.found.borrow_mut())
    }
}
