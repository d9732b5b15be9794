//! Rows of an aggregate that a view may touch, in an order.

use super::scope::View;
use crate::backend::{Filter, Sort, Test};
use crate::store::{Kind, StoreError, codec, sql_values};
use rusqlite::types::Value as Sql;
use underpin_brief::model::*;

/// The condition on the tenant, with its parameter; empty where there is none.
pub(super) fn tenant_condition(
    view: &View<'_>,
    of: Id<Aggregate>,
    values: &mut Vec<Sql>,
) -> Option<String> {
    let layout = view.rows.layout(of);
    let column = layout.tenant.and_then(|slot| layout.columns.get(slot))?;
    if view.scope.cross {
        return None;
    }
    values.push(view.scope.tenant.clone().map_or(Sql::Null, Sql::Text));
    Some(format!("{} = ?{}", column.name, values.len()))
}

/// Rows that satisfy all conditions, in key order.
pub(super) fn in_key_order(
    view: &View<'_>,
    of: Id<Aggregate>,
    conditions: &[String],
    values: Vec<Sql>,
) -> Result<Vec<Value>, StoreError> {
    let layout = view.rows.layout(of);
    let keys: Vec<&str> = layout
        .columns
        .iter()
        .take(layout.keys)
        .map(|column| column.name.as_str())
        .collect();
    let filter = match conditions {
        [] => String::new(),
        some => format!("WHERE {} ", some.join(" AND ")),
    };
    view.rows
        .select(of, &format!("{filter}ORDER BY {}", keys.join(", ")), values)
}

/// All rows that a view may touch, in key order.
pub(super) fn all_rows(view: &View<'_>, of: Id<Aggregate>) -> Result<Vec<Value>, StoreError> {
    let mut values = Vec::new();
    let condition = tenant_condition(view, of, &mut values);
    let conditions: Vec<String> = condition.into_iter().collect();
    in_key_order(view, of, &conditions, values)
}

/// A `WHERE` in the making.
pub(super) struct Select<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) of: Id<Aggregate>,
    pub(super) terms: Vec<String>,
    pub(super) values: Vec<Sql>,
}

impl Select<'_> {
    pub(super) fn column(&self, slot: usize) -> (String, Kind) {
        let column = self.view.rows.layout(self.of).columns.get(slot);
        column.map_or(("NULL".to_owned(), Kind::Text), |column| {
            (column.name.clone(), column.kind)
        })
    }

    pub(super) fn value(&mut self, kind: Kind, value: &Value) -> Result<String, StoreError> {
        // Of money the first value is the amount: pages are sorted by it alone.
        let sql = sql_values(kind, value)?.into_iter().next();
        self.values.push(sql.unwrap_or(Sql::Null));
        Ok(format!("?{}", self.values.len()))
    }

    /// An element of a list as the codec writes it.
    pub(super) fn element(&mut self, value: &Value) -> String {
        self.values.push(match value {
            Value::Text(text) => Sql::Text(text.to_string()),
            Value::Int(number) => Sql::Integer(*number),
            Value::Bool(truth) => Sql::Integer(i64::from(*truth)),
            other => Sql::Text(codec::to_text(other)),
        });
        format!("?{}", self.values.len())
    }

    pub(super) fn filter(&mut self, filter: &Filter) -> Result<(), StoreError> {
        let (column, kind) = self.column(filter.slot);
        let term = match &filter.test {
            Test::OneOf(values) if kind == Kind::Money => {
                let mut any = Vec::new();
                for value in values {
                    any.push(self.compared((&column, kind), "=", filter.slot, value)?);
                }
                format!("({})", any.join(" OR "))
            }
            Test::OneOf(values) => {
                let mut marks = Vec::new();
                for value in values {
                    marks.push(self.value(kind, value)?);
                }
                format!("{column} IN ({})", marks.join(", "))
            }
            Test::HasOneOf(values) => {
                let mut marks = Vec::new();
                for value in values {
                    marks.push(self.element(value));
                }
                let marks = marks.join(", ");
                format!(
                    "EXISTS (SELECT 1 FROM json_each({column}) AS item WHERE item.value IN ({marks}))"
                )
            }
            Test::AtLeast(value) => self.compared((&column, kind), ">=", filter.slot, value)?,
            Test::AtMost(value) => self.compared((&column, kind), "<=", filter.slot, value)?,
        };
        self.terms.push(term);
        Ok(())
    }

    /// A column against a value; amounts of another currency are neither less nor more.
    fn compared(
        &mut self,
        (column, kind): (&str, Kind),
        sign: &str,
        slot: usize,
        value: &Value,
    ) -> Result<String, StoreError> {
        let mark = self.value(kind, value)?;
        let layout = self.view.rows.layout(self.of).columns.get(slot);
        let currency = layout.and_then(|layout| layout.currency.clone());
        let (Some(currency), Value::Money(_, code)) = (currency, value) else {
            return Ok(format!("{column} {sign} {mark}"));
        };
        self.values.push(Sql::Text(code.as_str().to_owned()));
        let place = self.values.len();
        Ok(format!(
            "({column} {sign} {mark} AND {currency} = ?{place})"
        ))
    }

    /// Every word occurs in one of the slots, whatever the letter case of ASCII letters.
    pub(super) fn search(&mut self, slots: &[usize], text: &str) {
        for word in text.split_whitespace().take(16) {
            let mut pattern = String::from("%");
            for letter in word.chars() {
                if matches!(letter, '%' | '_' | '\\') {
                    pattern.push('\\');
                }
                pattern.push(letter);
            }
            pattern.push('%');
            self.values.push(Sql::Text(pattern));
            let mark = format!("?{}", self.values.len());
            let like = |slot: &usize| format!("{} LIKE {mark} ESCAPE '\\'", self.column(*slot).0);
            let any: Vec<String> = slots.iter().map(like).collect();
            self.terms.push(if any.is_empty() {
                "0".to_owned()
            } else {
                format!("({})", any.join(" OR "))
            });
        }
    }

    /// Rows behind a position: `a > x OR (a = x AND (b > y OR …))`, absent values first.
    pub(super) fn after(&mut self, sorts: &[Sort], position: &[Value]) -> Result<(), StoreError> {
        let mut alternatives = Vec::new();
        let mut equal: Vec<String> = Vec::new();
        let depth = sorts.len().min(position.len());
        for (at, (sort, value)) in sorts.iter().zip(position).enumerate() {
            let (column, kind) = self.column(sort.slot);
            let behind = match (value.is_null(), sort.descending) {
                (true, false) => format!("{column} IS NOT NULL"),
                (true, true) => "0".to_owned(),
                (false, false) => format!("{column} > {}", self.value(kind, value)?),
                (false, true) => {
                    format!(
                        "({column} < {} OR {column} IS NULL)",
                        self.value(kind, value)?
                    )
                }
            };
            let mut all = equal.clone();
            all.push(behind);
            alternatives.push(format!("({})", all.join(" AND ")));
            if at + 1 == depth {
                break;
            }
            equal.push(match value.is_null() {
                true => format!("{column} IS NULL"),
                false => format!("{column} = {}", self.value(kind, value)?),
            });
        }
        self.terms.push(format!("({})", alternatives.join(" OR ")));
        Ok(())
    }

    pub(super) fn finish(self, sorts: &[Sort]) -> (String, Vec<Sql>) {
        let order = |sort: &Sort| {
            format!(
                "{}{}",
                self.column(sort.slot).0,
                if sort.descending { " DESC" } else { "" }
            )
        };
        let order: Vec<String> = sorts.iter().map(order).collect();
        let condition = match self.terms.is_empty() {
            true => String::new(),
            false => format!("WHERE {} ", self.terms.join(" AND ")),
        };
        (
            format!("{condition}ORDER BY {}", order.join(", ")),
            self.values,
        )
    }
}
