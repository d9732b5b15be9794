//! Answers of parts as values that later parts look at, and back.

use super::super::core::Core;
use super::PartPlan;
use crate::backend::{PartAnswer, ShownRow};
use serde_json::{Map, Value as Json};
use underpin_brief::model::*;
use underpin_contract::{Components, Reply};

/// The value of a part for those who look at it.
pub(super) fn value(core: &Core, part: &PartPlan, answer: &PartAnswer) -> Value {
    match (answer, part.source) {
        (PartAnswer::Missing, _) => Value::Null,
        (PartAnswer::Answer(value), _) => value.clone(),
        (PartAnswer::Instead(inner), _) => value(core, part, inner),
        (PartAnswer::List(items), _) => {
            Value::list(items.iter().map(|item| value(core, part, item)).collect())
        }
        (PartAnswer::Row(row), PartSource::Query(query)) => shown(core, query, row),
        (PartAnswer::Row(_), PartSource::External(..)) => Value::Null,
    }
}

/// The first names of what a query shows, each once, with the shows below it.
fn names(query: &Query) -> Vec<(&str, Vec<usize>)> {
    let mut names: Vec<(&str, Vec<usize>)> = Vec::new();
    for (at, show) in query.shows.iter().enumerate() {
        let Some(first) = show.output.first() else {
            continue;
        };
        match names.iter_mut().find(|(name, _)| *name == &**first) {
            Some((_, shows)) => shows.push(at),
            None => names.push((first, vec![at])),
        }
    }
    names
}

/// A shown row as the record that the brief's expressions know: what is shown below a name is JSON.
fn shown(core: &Core, id: Id<Query>, row: &ShownRow) -> Value {
    let query = core.brief.queries.get(id);
    let mut nested: Option<Map<String, Json>> = None;
    let mut slots = Vec::new();
    for (name, shows) in names(query) {
        let whole = |at: &&usize| {
            let show = query.shows.get(**at);
            show.is_some_and(|show| show.output.len() == 1)
        };
        slots.push(match shows.iter().find(whole) {
            Some(at) => row.values.get(*at).cloned().unwrap_or(Value::Null),
            None => {
                let all = nested.get_or_insert_with(|| rendered(core, id, row));
                let below = all.get(name).cloned().unwrap_or(Json::Null);
                Value::Json(underpin_contract::canonical_json(&below).into())
            }
        });
    }
    let width = slots.len() + query.parts.len();
    slots.resize(width, Value::Null);
    for (at, (part, answer)) in query.parts.iter().zip(&row.parts).enumerate() {
        let place = width - query.parts.len() + at;
        if let (Some(slot), PartSource::External(..)) = (slots.get_mut(place), part.source) {
            *slot = plain(answer);
        }
    }
    Value::record(slots)
}

/// An external's answer, or a list of them.
fn plain(answer: &PartAnswer) -> Value {
    match answer {
        PartAnswer::Answer(value) => value.clone(),
        PartAnswer::Instead(inner) => plain(inner),
        PartAnswer::List(items) => Value::list(items.iter().map(plain).collect()),
        PartAnswer::Missing | PartAnswer::Row(_) => Value::Null,
    }
}

fn rendered(core: &Core, id: Id<Query>, row: &ShownRow) -> Map<String, Json> {
    let Some(contract) = core.contract() else {
        return Map::new();
    };
    let components: &Components = &contract.components;
    let projection = match contract.query(id).map(|operation| &operation.reply) {
        Some(Reply::Row(reply)) => &reply.projection,
        Some(Reply::Page(reply)) => &reply.projection,
        _ => return Map::new(),
    };
    projection.render(components, &|column| row.values.get(column.show))
}

/// How wide what stands in for a part is, all absent.
pub(super) fn width(core: &Core, part: &PartPlan) -> Vec<Value> {
    let width = match part.source {
        PartSource::External(external, operation) => {
            let external = core.brief.externals.get(external);
            external.operations.get(operation).output_shape.slots.len()
        }
        PartSource::Query(query) => {
            let query = core.brief.queries.get(query);
            names(query).len() + query.parts.len()
        }
    };
    vec![Value::Null; width]
}

/// The input of a part before anything is set: what is declared as its default.
pub(super) fn input_width(core: &Core, part: &PartPlan) -> Vec<Value> {
    let fields = match part.source {
        PartSource::External(external, operation) => {
            &core
                .brief
                .externals
                .get(external)
                .operations
                .get(operation)
                .input
        }
        PartSource::Query(query) => &core.brief.queries.get(query).input,
    };
    let default = |field: &Field| field.default.clone().unwrap_or(Value::Null);
    fields.iter().map(default).collect()
}

/// A value that stands in for a part, as an answer.
pub(super) fn answer(core: &Core, part: &PartPlan, value: &Value) -> PartAnswer {
    let PartSource::Query(query) = part.source else {
        return PartAnswer::Answer(value.clone());
    };
    let query = core.brief.queries.get(query);
    let mut values = vec![Value::Null; query.shows.len()];
    for (slot, (_, shows)) in names(query).into_iter().enumerate() {
        for at in shows {
            if let Some(place) = values.get_mut(at) {
                *place = value.slot(slot).clone();
            }
        }
    }
    PartAnswer::Row(Box::new(ShownRow {
        values,
        parts: query.parts.iter().map(|_| PartAnswer::Missing).collect(),
        mark: None,
    }))
}
