//! What queries show of a row, ready to run. It must not know which rows are shown.

use super::program::Compiler;
use super::scope::View;
use crate::store::StoreError;
use underpin_brief::expr::{Compiled, Fault, Frame};
use underpin_brief::model::*;

/// What is shown, ready to run.
pub(super) enum ShowPlan {
    Value(Compiled),
    Each {
        list: Compiled,
        variable: Slot,
        show: Box<ShowPlan>,
    },
}

pub(super) fn shows_plan(compiler: &Compiler<'_>, shows: &[Show]) -> Vec<ShowPlan> {
    let plan = |show: &Show| show_plan(compiler, &show.expr);
    shows.iter().map(plan).collect()
}

pub(super) fn show_plan(compiler: &Compiler<'_>, show: &ShowExpr) -> ShowPlan {
    match show {
        ShowExpr::Value(expr) => ShowPlan::Value(compiler.expr(expr)),
        ShowExpr::Each {
            list,
            variable,
            show,
        } => ShowPlan::Each {
            list: compiler.expr(list),
            variable: *variable,
            show: Box::new(show_plan(compiler, show)),
        },
    }
}

/// What is shown; what has no value is shown as absent.
pub(super) fn shown(
    plan: &ShowPlan,
    frame: &mut Frame,
    view: &View<'_>,
) -> Result<Value, StoreError> {
    match plan {
        ShowPlan::Value(expr) => value_of(expr, frame, view),
        ShowPlan::Each {
            list,
            variable,
            show,
        } => {
            let Value::List(items) = value_of(list, frame, view)? else {
                return Ok(Value::Null);
            };
            let mut values = Vec::with_capacity(items.len());
            for item in items.iter() {
                frame.set(*variable, item.clone());
                values.push(shown(show, frame, view)?);
            }
            Ok(Value::list(values))
        }
    }
}

/// A value; what cannot be computed is absent.
pub(super) fn value_of(
    expr: &Compiled,
    frame: &mut Frame,
    view: &View<'_>,
) -> Result<Value, StoreError> {
    match expr.eval(frame, view) {
        Ok(value) => Ok(value),
        Err(Fault::Unavailable(why)) => Err(view
            .failed
            .take()
            .unwrap_or(StoreError::Database(why.to_string()))),
        Err(_) => Ok(Value::Null),
    }
}
