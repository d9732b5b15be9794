//! What an evaluation sees: rows that a scope may touch. Expressions are evaluated by the brief's
//! own evaluator, which the tests of that crate compare with another implementation of CEL.

use crate::caller::Scope;
use crate::meaning::Meaning;
use crate::state::{Place, State};
use std::cell::Cell;
use underpin_brief::expr::{Fault, Frame, Rows};
use underpin_brief::model::*;

/// Rows as one scope sees them.
pub(crate) struct Look<'a> {
    meaning: &'a Meaning,
    state: &'a State,
    scope: &'a Scope,
    near: Option<Text>,
    /// How many secrets were drawn.
    pub(crate) secrets: Cell<u64>,
}

impl<'a> Look<'a> {
    pub(crate) fn new(meaning: &'a Meaning, state: &'a State, scope: &'a Scope) -> Self {
        Self {
            meaning,
            state,
            scope,
            near: None,
            secrets: Cell::new(0),
        }
    }

    /// Whose row is looked from: references of a row lead into its own tenant first.
    pub(crate) fn from(mut self, place: &Place) -> Self {
        self.near = place.tenant.clone();
        self
    }
}

impl Rows for Look<'_> {
    fn row(&self, of: Id<Aggregate>, key: &Value) -> Result<Option<Value>, Fault> {
        let place = self
            .meaning
            .find(self.state, self.scope, self.near.as_ref(), of, key);
        Ok(place.and_then(|place| self.state.rows.get(&place).cloned()))
    }

    fn secret(&self, _bytes: u32) -> Result<Value, Fault> {
        let number = self.secrets.get() + 1;
        self.secrets.set(number);
        Ok(Value::text(&format!("?{:08}", self.state.drawn + number)))
    }
}

impl Meaning {
    pub(crate) fn eval(&self, expr: &Expr, look: &Look<'_>, frame: &Frame) -> Result<Value, Fault> {
        self.library.compile(expr).eval(&mut frame.clone(), look)
    }

    /// Whether a condition holds; where it has no value it does not.
    pub(crate) fn truth(&self, expr: &Expr, look: &Look<'_>, frame: &Frame) -> bool {
        self.eval(expr, look, frame)
            .is_ok_and(|value| value.is_true())
    }
}

/// The refusal that a fault is.
pub(crate) fn code(fault: &Fault) -> Text {
    match fault {
        Fault::NotFound => "not-found".into(),
        _ => "arithmetic".into(),
    }
}
