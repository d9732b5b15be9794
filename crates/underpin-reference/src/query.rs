//! Queries: rows that `allow` admits, filtered, searched, sorted, in pages.

use crate::caller::{Caller, Scope, Settled};
use crate::look::{Look, code};
use crate::meaning::{Meaning, system};
use crate::row::slots;
use crate::state::{Place, State};
use std::cmp::Ordering;
use underpin_brief::expr::{Fault, Frame};
use underpin_brief::model::*;

/// A request for a query.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which.
    pub query: Id<Query>,
    /// Who asks; `None` without a token.
    pub caller: Option<Caller>,
    /// Laid out by the query's `input_shape`.
    pub input: Value,
    /// The key of the one row, of a query `one`.
    pub key: Option<Value>,
    /// Row slots with the values that they may have.
    pub equal: Vec<(usize, Vec<Value>)>,
    /// Row slots with the least and the greatest value.
    pub between: Vec<(usize, Option<Value>, Option<Value>)>,
    /// Row slots to sort by, and whether the largest comes first.
    pub sorts: Vec<(usize, bool)>,
    /// Every word must occur in one of the searched slots.
    pub search: Option<String>,
    /// How many rows at most.
    pub limit: usize,
    /// How many rows come before: those of the pages that were read.
    pub skip: usize,
}

/// A row that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// One value per shown item.
    pub values: Vec<Value>,
    /// The row behind it; rows of views have none.
    pub place: Option<Place>,
}

/// Some rows in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Shown>,
    /// Whether more follow.
    pub more: bool,
}

/// What queries show of one row.
pub type ShownBy = Vec<(Id<Query>, Vec<Value>)>;

impl Meaning {
    /// The rows of an aggregate that a scope may touch, in key order.
    pub(crate) fn visible(&self, state: &State, scope: &Scope, of: Id<Aggregate>) -> Vec<Place> {
        let tenants = system(self.brief.aggregates.get(of), "tenant").is_some();
        let mine = |place: &&Place| {
            place.of == of
                && (!tenants
                    || scope.cross
                    || scope.tenant.is_some() && place.tenant == scope.tenant)
        };
        let mut found: Vec<Place> = state.rows.keys().filter(mine).cloned().collect();
        found.sort_by(|a, b| a.key.cmp(&b.key).then_with(|| a.tenant.cmp(&b.tenant)));
        found
    }

    /// Answers a query.
    ///
    /// # Errors
    /// The code of the refusal.
    pub fn query(&self, state: &State, asked: &Asked) -> Result<Page, Text> {
        let query = self.brief.queries.get(asked.query);
        let settled = self.settle(state, asked.caller.as_ref());
        if !self.named(&settled, &query.allows) {
            return Err(if asked.caller.is_none() {
                "unauthenticated"
            } else {
                "forbidden"
            }
            .into());
        }
        let mut frame = self.frame(query.frame, &settled);
        frame.set(Root::Input.slot(), asked.input.clone());
        let rows = match query.of {
            QuerySource::Aggregate(of) => self.rows_of(state, &settled.scope, of, asked),
            QuerySource::View(view) => self
                .view(state, &settled.scope, view)
                .into_iter()
                .map(|row| (None, row))
                .collect(),
            QuerySource::Parts => return Err("unavailable".into()),
        };
        let sorts = self.sorts(query, asked);
        let mut found = Vec::new();
        for (place, row) in rows {
            if selected(query, asked, &row)
                && self.admits(state, query, &settled, (place.as_ref(), &row), &mut frame)?
            {
                found.push((place, row));
            }
        }
        found.sort_by(|a, b| order(&sorts, &a.1, &b.1).then_with(|| a.cmp(b)));
        if query.one {
            found.truncate(1);
        }
        let count = found.len();
        let shown = found.into_iter().skip(asked.skip).take(asked.limit.max(1));
        let rows: Vec<Shown> = shown
            .map(|(place, row)| self.show(state, query, &settled, (place, &row), &mut frame))
            .collect();
        if query.one && rows.is_empty() {
            return Err("not-found".into());
        }
        Ok(Page {
            more: asked.skip + rows.len() < count,
            rows,
        })
    }

    /// One row: what each query of its aggregate shows the caller of it.
    ///
    /// # Errors
    /// The code of the refusal.
    pub fn row(
        &self,
        state: &State,
        caller: Option<&Caller>,
        of: Id<Aggregate>,
        key: &Value,
    ) -> Result<ShownBy, Text> {
        let settled = self.settle(state, caller);
        let place = self.find(state, &settled.scope, None, of, key);
        let mut shown = Vec::new();
        let mut named = false;
        for (id, query) in self
            .brief
            .queries
            .iter()
            .filter(|(_, query)| query.of == QuerySource::Aggregate(of))
        {
            named |= self.named(&settled, &query.allows);
            let Some((place, row)) = place
                .as_ref()
                .and_then(|place| state.rows.get_key_value(place))
            else {
                continue;
            };
            let mut frame = self.frame(query.frame, &settled);
            frame.set(Root::SelfRow.slot(), row.clone());
            let look = Look::new(self, state, &settled.scope).from(place);
            if self.allowed(&settled, &query.allows, &look, &frame) {
                shown.push((
                    id,
                    self.show(
                        state,
                        query,
                        &settled,
                        (Some(place.clone()), row),
                        &mut frame,
                    )
                    .values,
                ));
            }
        }
        match (shown.is_empty(), named || caller.is_some()) {
            (false, _) => Ok(shown),
            (true, true) => Err("not-found".into()),
            (true, false) => Err("unauthenticated".into()),
        }
    }

    fn rows_of(
        &self,
        state: &State,
        scope: &Scope,
        of: Id<Aggregate>,
        asked: &Asked,
    ) -> Vec<(Option<Place>, Value)> {
        let places = match &asked.key {
            Some(key) => self.find(state, scope, None, of, key).into_iter().collect(),
            None => self.visible(state, scope, of),
        };
        let row = |place: Place| {
            state
                .rows
                .get(&place)
                .cloned()
                .map(|row| (Some(place), row))
        };
        places.into_iter().filter_map(row).collect()
    }

    /// What was asked for, else the first that is declared; keys behind, so that the order is one.
    fn sorts(&self, query: &Query, asked: &Asked) -> Vec<(usize, bool)> {
        let mut sorts = asked.sorts.clone();
        if sorts.is_empty() {
            sorts.extend(query.sorts.first().map(|slot| (*slot, false)));
        }
        if let QuerySource::Aggregate(of) = query.of {
            for slot in 0..self.brief.aggregates.get(of).keys {
                if !sorts.iter().any(|(other, _)| *other == slot) {
                    sorts.push((slot, false));
                }
            }
        }
        sorts
    }

    fn admits(
        &self,
        state: &State,
        query: &Query,
        settled: &Settled,
        (place, row): (Option<&Place>, &Value),
        frame: &mut Frame,
    ) -> Result<bool, Text> {
        let look = self.look(state, settled, place);
        frame.set(Root::SelfRow.slot(), row.clone());
        let wanted = match &query.filter {
            None => true,
            Some(filter) => match self.eval(filter, &look, frame) {
                Ok(value) => value.is_true(),
                Err(Fault::NotFound) => false,
                Err(fault) => return Err(code(&fault)),
            },
        };
        Ok(wanted && self.allowed(settled, &query.allows, &look, frame))
    }

    fn look<'a>(
        &'a self,
        state: &'a State,
        settled: &'a Settled,
        place: Option<&Place>,
    ) -> Look<'a> {
        let look = Look::new(self, state, &settled.scope);
        match place.filter(|_| settled.scope.cross) {
            Some(place) => look.from(place),
            None => look,
        }
    }

    fn show(
        &self,
        state: &State,
        query: &Query,
        settled: &Settled,
        (place, row): (Option<Place>, &Value),
        frame: &mut Frame,
    ) -> Shown {
        let look = self.look(state, settled, place.as_ref());
        frame.set(Root::SelfRow.slot(), row.clone());
        let values = match query.shows.is_empty() {
            true if place.is_none() => slots(row),
            _ => query
                .shows
                .iter()
                .map(|show| self.item(&show.expr, &look, frame))
                .collect(),
        };
        Shown { values, place }
    }

    /// What is shown; what has no value is absent.
    fn item(&self, show: &ShowExpr, look: &Look<'_>, frame: &mut Frame) -> Value {
        match show {
            ShowExpr::Value(expr) => self.eval(expr, look, frame).unwrap_or(Value::Null),
            ShowExpr::Each {
                list,
                variable,
                show,
            } => match self.eval(list, look, frame) {
                Ok(Value::List(items)) => {
                    let item = |item: &Value| {
                        frame.set(*variable, item.clone());
                        self.item(show, look, frame)
                    };
                    Value::list(items.iter().map(item).collect())
                }
                _ => Value::Null,
            },
        }
    }
}

/// Whether a row is what filters and search ask for.
fn selected(query: &Query, asked: &Asked, row: &Value) -> bool {
    let equal = asked
        .equal
        .iter()
        .all(|(slot, values)| match row.slot(*slot) {
            Value::List(items) => items.iter().any(|item| values.contains(item)),
            value => values.contains(value),
        });
    let comparable = |a: &Value, b: &Value| match (a, b) {
        (Value::Null, _) => false,
        (Value::Money(_, one), Value::Money(_, other)) => one == other,
        _ => true,
    };
    let between = asked.between.iter().all(|(slot, least, most)| {
        let value = row.slot(*slot);
        least
            .as_ref()
            .is_none_or(|least| comparable(value, least) && value >= least)
            && most
                .as_ref()
                .is_none_or(|most| comparable(value, most) && value <= most)
    });
    let within = |word: &str| {
        let word = word.to_ascii_lowercase();
        let texts = query
            .searches
            .iter()
            .filter_map(|slot| row.slot(*slot).as_text());
        texts
            .map(str::to_ascii_lowercase)
            .any(|text| text.contains(&word))
    };
    equal
        && between
        && asked
            .search
            .as_ref()
            .is_none_or(|search| search.split_whitespace().all(within))
}

/// Absent values come first, amounts are compared without their currency.
fn order(sorts: &[(usize, bool)], a: &Value, b: &Value) -> Ordering {
    let compare = |(slot, descending): &(usize, bool)| {
        let found = match (a.slot(*slot), b.slot(*slot)) {
            (Value::Money(one, _), Value::Money(other, _)) => one.cmp(other),
            (one, other) => one.cmp(other),
        };
        if *descending { found.reverse() } else { found }
    };
    sorts
        .iter()
        .map(compare)
        .find(|found| found.is_ne())
        .unwrap_or(Ordering::Equal)
}
