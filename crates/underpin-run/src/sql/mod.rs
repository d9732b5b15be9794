//! Typed expressions as SQL predicates, with everything that does not depend on the row bound as
//! a parameter. What cannot be said in SQL with exactly the same meaning stays a closure, which
//! the caller runs over the rows that SQL admits. Nothing here runs SQL or knows who asks.
//!
//! Absence is SQL's `NULL`, and its three-valued logic is the language's. Arithmetic on columns is
//! never translated: SQLite turns an overflow into a float where the language refuses.

mod translate;

use crate::store::{Column, Kind, Schema};
use rusqlite::types::Value as Sql;
use std::sync::Arc;
use translate::Translator;
use underpin_brief::expr::{Compiled, Fault, Frame, Library, Rows};
use underpin_brief::model::{
    Aggregate, BinaryOp, Brief, Define, Expr, ExprKind, Function, Id, Type, Value,
};

/// Where rows stand: the names of tables and columns.
pub trait Columns {
    /// The quoted name of the table of an aggregate.
    fn table(&self, of: Id<Aggregate>) -> &str;
    /// The column of a row slot.
    fn column(&self, of: Id<Aggregate>, slot: usize) -> Option<&Column>;
    /// The quoted name of the column of the tenant, where rows are kept per tenant.
    fn tenant(&self, of: Id<Aggregate>) -> Option<&str>;
    /// How values of a type stand in a column or parameter.
    fn kind(&self, ty: &Type) -> Kind;
    /// A define that is not recursive.
    fn define(&self, of: Id<Aggregate>, define: Id<Define>) -> Option<&Define>;
    /// Whether all amounts have one currency, so that comparing them cannot refuse.
    fn one_currency(&self) -> bool;
}

/// The tables of a brief's store.
#[derive(Clone, Copy)]
pub struct Stored<'b> {
    /// The brief.
    pub brief: &'b Brief,
    /// Its tables.
    pub schema: &'b Schema,
}

impl Columns for Stored<'_> {
    fn table(&self, of: Id<Aggregate>) -> &str {
        &self.schema.layout(of).table
    }

    fn column(&self, of: Id<Aggregate>, slot: usize) -> Option<&Column> {
        self.schema.layout(of).columns.get(slot)
    }

    fn tenant(&self, of: Id<Aggregate>) -> Option<&str> {
        let layout = self.schema.layout(of);
        let column = layout.tenant.and_then(|slot| layout.columns.get(slot))?;
        Some(&column.name)
    }

    fn kind(&self, ty: &Type) -> Kind {
        Kind::of(self.brief, ty)
    }

    fn define(&self, of: Id<Aggregate>, define: Id<Define>) -> Option<&Define> {
        let found = self.brief.aggregates.get(of).defines.get(define);
        found.depth.is_none().then_some(found)
    }

    fn one_currency(&self) -> bool {
        self.brief.system.currencies.len() <= 1
    }
}

/// A piece of SQL text: words, or the place of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Parameter(usize),
}

/// How a parameter is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As a column of that kind holds it.
    Plain(Kind),
    /// The currency of an amount.
    Currency,
    /// A list of texts or ints, as a JSON array.
    Array,
}

#[derive(Clone, Debug)]
struct Parameter {
    value: Compiled,
    form: Form,
}

/// A condition in SQL, made once and bound per request.
#[derive(Clone, Debug)]
pub struct Predicate {
    pieces: Vec<Piece>,
    parameters: Vec<Parameter>,
    within_tenant: bool,
}

impl Predicate {
    /// The text with parameters numbered after `values`, to which they are added. `frame` has the
    /// values of everything but the row.
    ///
    /// # Errors
    /// What keeps a parameter from having a value; `values` is then as it was.
    pub fn bind(
        &self,
        frame: &mut Frame,
        rows: &dyn Rows,
        values: &mut Vec<Sql>,
    ) -> Result<String, Fault> {
        let before = values.len();
        for parameter in &self.parameters {
            let bound = parameter.value.eval(frame, rows);
            match bound.and_then(|value| sql_value(parameter.form, &value)) {
                Ok(value) => values.push(value),
                Err(fault) => {
                    values.truncate(before);
                    return Err(fault);
                }
            }
        }
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Parameter(at) => text.push_str(&format!("?{}", before + at + 1)),
            }
        }
        Ok(text)
    }
}

fn sql_value(form: Form, value: &Value) -> Result<Sql, Fault> {
    let misfit = || Fault::Unavailable("a parameter does not fit its column".into());
    match (form, value) {
        (_, Value::Null) => Ok(Sql::Null),
        (Form::Currency, Value::Money(_, currency)) => Ok(Sql::Text(currency.as_str().to_owned())),
        (Form::Array, Value::List(items)) => {
            let item = |item: &Value| match item {
                Value::Text(text) => Ok(serde_json::Value::from(&**text)),
                Value::Int(number) => Ok(serde_json::Value::from(*number)),
                _ => Err(misfit()),
            };
            let items: serde_json::Value = items.iter().map(item).collect::<Result<_, _>>()?;
            Ok(Sql::Text(items.to_string()))
        }
        (Form::Plain(kind), value) => {
            let values = crate::store::sql_values(kind, value).map_err(|_| misfit())?;
            values.into_iter().next().ok_or_else(misfit)
        }
        _ => Err(misfit()),
    }
}

/// The condition as SQL, if SQL can say exactly it. `self` is a row of `of`, which the statement
/// reads under the name of its table.
#[must_use]
pub fn translate(
    expr: &Expr,
    of: Id<Aggregate>,
    columns: &dyn Columns,
    library: &Arc<Library>,
) -> Option<Predicate> {
    Translator::new(columns, library).predicate(expr, of)
}

/// A condition on rows: what SQL checks, and what is left to check on each row.
#[derive(Clone, Debug)]
pub struct Filter {
    parts: Vec<(Option<Predicate>, Compiled)>,
}

/// A [`Filter`] for one request.
#[derive(Debug)]
pub struct Bound<'f> {
    /// A condition for `WHERE`; `None` where there is nothing that SQL checks.
    pub sql: Option<String>,
    residual: Vec<&'f Compiled>,
}

impl Filter {
    /// Splits a condition at its `&&`.
    #[must_use]
    pub fn new(
        expr: &Expr,
        of: Id<Aggregate>,
        columns: &dyn Columns,
        library: &Arc<Library>,
    ) -> Self {
        let mut conjuncts = Vec::new();
        split(expr, &mut conjuncts);
        let part = |expr: &Expr| (translate(expr, of, columns, library), library.compile(expr));
        Self {
            parts: conjuncts.into_iter().map(part).collect(),
        }
    }

    /// Binds what SQL checks; parameters are added to `values`. A part whose parameters have no
    /// value is left to be checked on each row, where `&&` and `||` may never ask for them.
    pub fn bind(&self, frame: &mut Frame, rows: &dyn Rows, values: &mut Vec<Sql>) -> Bound<'_> {
        let mut texts = Vec::new();
        let mut residual = Vec::new();
        for (predicate, whole) in &self.parts {
            match predicate
                .as_ref()
                .map(|predicate| predicate.bind(frame, rows, values))
            {
                Some(Ok(text)) => texts.push(format!("({text})")),
                Some(Err(_)) | None => residual.push(whole),
            }
        }
        Bound {
            sql: (!texts.is_empty()).then(|| texts.join(" AND ")),
            residual,
        }
    }

    /// Whether SQL looks for joined rows in the tenant of the row at hand only: too little for
    /// those who see every tenant.
    #[must_use]
    pub fn is_within_tenant(&self) -> bool {
        let mut predicates = self
            .parts
            .iter()
            .filter_map(|(predicate, _)| predicate.as_ref());
        predicates.any(|predicate| predicate.within_tenant)
    }

    /// Whether SQL checks all of it, as far as can be known before it is bound.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.parts.iter().all(|(predicate, _)| predicate.is_some())
    }
}

impl Bound<'_> {
    /// Whether SQL checks all of it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.residual.is_empty()
    }

    /// Whether the row in `frame` satisfies what SQL did not check.
    ///
    /// # Errors
    /// What keeps a condition from having a value.
    pub fn admits(&self, frame: &mut Frame, rows: &dyn Rows) -> Result<bool, Fault> {
        for condition in &self.residual {
            if !condition.eval(frame, rows)?.is_true() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn split<'e>(expr: &'e Expr, into: &mut Vec<&'e Expr>) {
    match &expr.kind {
        ExprKind::Binary(BinaryOp::And, left, right) => {
            split(left, into);
            split(right, into);
        }
        // Rows are admitted where the condition is true: absent is as good as false, and said
        // plainly an index can help.
        ExprKind::Call(Function::OrValue, parts) => match parts.as_slice() {
            [
                inner,
                Expr {
                    kind: ExprKind::Literal(Value::Bool(false)),
                    ..
                },
            ] => split(inner, into),
            _ => into.push(expr),
        },
        _ => into.push(expr),
    }
}

#[cfg(test)]
mod tests;
