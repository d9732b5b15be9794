//! Which service owns which aggregate. Knows nothing of why a cut was chosen.

use crate::model::{Aggregate, Brief, Expr, ExprKind, Id, Pin, Query, QuerySource, ShowExpr};

/// An assignment of aggregates to services, services numbered from 0 in the order of the name of
/// their first aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    services: Vec<usize>,
    count: usize,
}

impl Cut {
    /// Everything in one service.
    #[must_use]
    pub fn one(brief: &Brief) -> Self {
        Self {
            services: vec![0; brief.aggregates.len()],
            count: 1,
        }
    }

    /// The finest cut that the brief allows: every aggregate for itself, except where a query
    /// that may not be stale joins them, or a pin keeps them together.
    #[must_use]
    pub fn finest(brief: &Brief) -> Self {
        let mut groups = Groups::new(brief.aggregates.len());
        for query in &brief.queries {
            if query.stale.max.is_some_and(|max| max.micros == 0) {
                groups.join_all(&aggregates_of(brief, query));
            }
        }
        for pin in &brief.pins {
            groups.join_all(&kept_together(brief, pin));
        }
        Self::from_groups(&groups.roots())
    }

    /// A cut from any labelling: aggregates of the same label are together.
    #[must_use]
    pub fn from_groups(labels: &[usize]) -> Self {
        let mut seen: Vec<usize> = Vec::new();
        let services = labels
            .iter()
            .map(|label| {
                seen.iter()
                    .position(|known| known == label)
                    .unwrap_or_else(|| {
                        seen.push(*label);
                        seen.len() - 1
                    })
            })
            .collect();
        Self {
            services,
            count: seen.len().max(1),
        }
    }

    /// The service of an aggregate.
    #[must_use]
    pub fn service(&self, aggregate: Id<Aggregate>) -> usize {
        self.services.get(aggregate.index()).copied().unwrap_or(0)
    }

    /// How many services there are; at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The aggregates of a service, by name.
    #[must_use]
    pub fn aggregates(&self, service: usize) -> Vec<Id<Aggregate>> {
        let all = self.services.iter().enumerate();
        all.filter(|(_, of)| **of == service)
            .map(|(at, _)| Id::from_index(at))
            .collect()
    }
}

/// The aggregates that a `pin boundary together A B` names; empty for any other pin.
#[must_use]
pub fn kept_together(brief: &Brief, pin: &Pin) -> Vec<Id<Aggregate>> {
    if &*pin.kind.text != "boundary" || &*pin.option.text != "together" {
        return Vec::new();
    }
    pin.subjects
        .iter()
        .filter_map(|subject| brief.aggregates.find(&subject.text))
        .collect()
}

/// The aggregates that a query looks at: its own and those it joins.
#[must_use]
pub fn aggregates_of(brief: &Brief, query: &Query) -> Vec<Id<Aggregate>> {
    let mut found = match query.of {
        QuerySource::Aggregate(id) => vec![id],
        QuerySource::View(id) => brief
            .views
            .get(id)
            .from
            .iter()
            .map(|source| source.aggregate)
            .collect(),
        QuerySource::Parts => Vec::new(),
    };
    let mut defines = Vec::new();
    query
        .filter
        .iter()
        .for_each(|expr| joined(expr, &mut found, &mut defines));
    for allow in &query.allows {
        allow
            .when
            .iter()
            .for_each(|expr| joined(expr, &mut found, &mut defines));
    }
    for show in &query.shows {
        shown(&show.expr, &mut found, &mut defines);
    }
    // A define may name others, and itself: each is looked into once.
    let mut next = 0;
    while let Some((aggregate, define)) = defines.get(next).copied() {
        next += 1;
        let expr = &brief.aggregates.get(aggregate).defines.get(define).expr;
        joined(expr, &mut found, &mut defines);
    }
    found.sort();
    found.dedup();
    found
}

type DefineOf = (Id<Aggregate>, Id<crate::model::Define>);

fn joined(expr: &Expr, found: &mut Vec<Id<Aggregate>>, defines: &mut Vec<DefineOf>) {
    expr.walk(&mut |part| match part.kind {
        ExprKind::Join(_, id) => found.push(id),
        ExprKind::Define(_, id, define) if !defines.contains(&(id, define)) => {
            defines.push((id, define));
        }
        _ => {}
    });
}

fn shown(show: &ShowExpr, found: &mut Vec<Id<Aggregate>>, defines: &mut Vec<DefineOf>) {
    match show {
        ShowExpr::Value(expr) => joined(expr, found, defines),
        ShowExpr::Each { list, show, .. } => {
            joined(list, found, defines);
            shown(show, found, defines);
        }
    }
}

/// Sets that only grow together.
struct Groups(Vec<usize>);

impl Groups {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn label(&self, at: usize) -> usize {
        self.0.get(at).copied().unwrap_or(at)
    }

    fn join_all(&mut self, members: &[Id<Aggregate>]) {
        let Some(first) = members.first() else { return };
        for member in members {
            let (keep, drop) = (self.label(first.index()), self.label(member.index()));
            for label in &mut self.0 {
                if *label == drop {
                    *label = keep;
                }
            }
        }
    }

    fn roots(self) -> Vec<usize> {
        self.0
    }
}
