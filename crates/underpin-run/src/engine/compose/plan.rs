//! What an answer is composed of, ready to run: which parts wait for which others, and where
//! their answers are bound.

use super::super::program::{Compiler, Put};
use super::super::shows::{ShowPlan, shows_plan};
use std::collections::BTreeSet;
use std::sync::Arc;
use underpin_brief::expr::Compiled;
use underpin_brief::model::*;

/// What everybody, or clients of one channel, are answered.
pub(in crate::engine) struct Composition {
    pub(in crate::engine) channel: Option<Arc<str>>,
    pub(in crate::engine) shows: Vec<ShowPlan>,
    pub(in crate::engine) parts: Vec<PartPlan>,
}

/// A part ready to run.
pub(in crate::engine) struct PartPlan {
    pub(super) source: PartSource,
    /// Where its answer is bound: also where a part that it replaces would be.
    pub(super) slots: Vec<Slot>,
    /// Parts that must have answered before it.
    pub(super) needs: Vec<usize>,
    pub(super) each: Option<Compiled>,
    pub(super) optional: bool,
    pub(super) within: Option<i64>,
    pub(super) puts: Vec<Put>,
    pub(super) fallback: Vec<Put>,
}

impl Composition {
    /// The answer of a query for everybody, then those of its shapes.
    pub(in crate::engine) fn all(compiler: &Compiler<'_>, query: &Query) -> Vec<Self> {
        let everybody = std::iter::once(None);
        let shapes = query.shapes.iter().map(Some);
        everybody
            .chain(shapes)
            .map(|shape| Self::of(compiler, query, shape))
            .collect()
    }

    fn of(compiler: &Compiler<'_>, query: &Query, shape: Option<&ClientShape>) -> Self {
        let own = shape
            .map(|shape| &shape.shows)
            .filter(|own| !own.is_empty());
        let parts = query.parts_for(shape);
        let slots: Vec<Vec<Slot>> = parts.iter().map(|part| bound(query, shape, part)).collect();
        let plan = |part: &&Part| PartPlan {
            source: part.source,
            slots: bound(query, shape, part),
            needs: needs(part, &slots),
            each: part.each.as_ref().map(|expr| compiler.expr(expr)),
            optional: part.optional,
            within: part.within.map(|within| within.micros),
            puts: compiler.puts(&part.sets),
            fallback: compiler.puts(&part.fallback),
        };
        Self {
            channel: shape.map(|shape| Arc::clone(&shape.channel.text)),
            shows: shows_plan(compiler, own.unwrap_or(&query.shows)),
            parts: parts.iter().map(plan).collect(),
        }
    }
}

/// All slots that stand for a part of that name.
fn bound(query: &Query, shape: Option<&ClientShape>, part: &Part) -> Vec<Slot> {
    let shaped = shape.into_iter().flat_map(|shape| &shape.parts);
    let same = query.parts.iter().chain(shaped);
    same.filter(|other| other.name.text == part.name.text)
        .map(|other| other.slot)
        .collect()
}

/// The parts whose answers a part looks at.
fn needs(part: &Part, slots: &[Vec<Slot>]) -> Vec<usize> {
    let exprs = part.sets.iter().chain(&part.fallback).map(|set| &set.value);
    let seen: BTreeSet<Slot> = exprs
        .chain(&part.each)
        .flat_map(|expr| expr.slots())
        .collect();
    let looks = |(at, slots): (usize, &Vec<Slot>)| {
        let own = slots.contains(&part.slot);
        (!own && slots.iter().any(|slot| seen.contains(slot))).then_some(at)
    };
    slots.iter().enumerate().filter_map(looks).collect()
}
