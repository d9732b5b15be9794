//! Which service owns what, where each flow is at home, and of which rows a service keeps copies.
//! One value for all services of a cut; it must not know stores, and nothing of why the cut was
//! drawn.

use super::events::source_text;
use crate::store::{Contents, Presence};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use underpin_brief::expr::effects::reads;
use underpin_brief::flow::{self, Cut, FlowId, aggregates_of};
use underpin_brief::model::*;

/// The services that a backend is cut into: their names, in the order of the cut's numbers.
#[derive(Clone, Debug)]
pub struct Services {
    /// Which service owns which aggregate.
    pub cut: Cut,
    /// One name per service; folders and logs carry it.
    pub names: Vec<String>,
}

impl Services {
    /// Everything in one service.
    #[must_use]
    pub fn one(brief: &Brief) -> Self {
        Self {
            cut: Cut::one(brief),
            names: vec![brief.system.name.text.to_string()],
        }
    }

    /// The services of a cut, each named after its first aggregate.
    #[must_use]
    pub fn of(brief: &Brief, cut: Cut) -> Self {
        if cut.count() == 1 {
            return Self::one(brief);
        }
        let name = |service: usize| {
            let first = cut.aggregates(service).first().copied();
            first.map_or_else(
                || format!("service-{service}"),
                |id| brief.aggregates.get(id).name.text.to_lowercase(),
            )
        };
        let names = (0..cut.count()).map(name).collect();
        Self { cut, names }
    }
}

/// A cut made ready.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub(super) cut: Cut,
    homes: BTreeMap<FlowId, usize>,
    /// Copies that each service keeps.
    copies: Vec<BTreeSet<Id<Aggregate>>>,
    /// The owner of each source of events that a row or a declared event is about.
    sources: BTreeMap<String, usize>,
    /// The service that tells each feed.
    feeds: Vec<usize>,
}

impl Placement {
    pub(super) fn new(brief: &Brief, cut: &Cut) -> Self {
        let mut homes = BTreeMap::new();
        for id in FlowId::all(brief) {
            let home = match id {
                // What runs instead of a refused policy acts on the same piece of work.
                FlowId::Otherwise(policy, _) => FlowId::Policy(policy),
                own => own,
            };
            homes.insert(id, flow::analyse(brief, home, cut).home);
        }
        let mut placement = Self {
            cut: cut.clone(),
            homes,
            copies: vec![BTreeSet::new(); cut.count()],
            sources: sources(brief, cut),
            feeds: Vec::new(),
        };
        placement.place_feeds(brief);
        if cut.count() > 1 {
            placement.find_copies(brief);
        }
        placement
    }

    /// The service where a flow is journalled.
    pub(super) fn home(&self, id: FlowId) -> usize {
        self.homes.get(&id).copied().unwrap_or(0)
    }

    pub(super) fn owner(&self, of: Id<Aggregate>) -> usize {
        self.cut.service(of)
    }

    /// The service that answers a query.
    pub(super) fn answers(&self, brief: &Brief, query: Id<Query>) -> usize {
        match brief.queries.get(query).of {
            QuerySource::Aggregate(of) => self.owner(of),
            QuerySource::View(view) => {
                let first = brief.views.get(view).from.first();
                first.map_or(0, |source| self.owner(source.aggregate))
            }
            QuerySource::Parts => 0,
        }
    }

    /// The service that tells a feed: it hears of all of its sources.
    pub(super) fn tells(&self, feed: Id<Feed>) -> usize {
        self.feeds.get(feed.index()).copied().unwrap_or(0)
    }

    /// A feed is told where its endpoints are, where its snapshot is answered, or where the first
    /// of its sources happens.
    fn place_feeds(&mut self, brief: &Brief) {
        for feed in brief.feeds.rows() {
            let endpoints = match &feed.deliver {
                Deliver::Webhook(webhook) => webhook.to,
                Deliver::Live | Deliver::Stream => None,
            };
            let service = match (endpoints, feed.start, feed.on.first()) {
                (Some(to), ..) => self.owner(to),
                (None, Some(query), _) => self.answers(brief, query),
                (None, None, Some(source)) => self.source(&source_text(brief, *source)),
                (None, None, None) => 0,
            };
            self.feeds.push(service);
        }
        for (id, _) in brief.feeds.iter() {
            for source in [EventSource::Attempted(id), EventSource::Failing(id)] {
                self.sources
                    .insert(source_text(brief, source), self.tells(id));
            }
        }
    }

    /// The service in whose outbox what happened stands.
    pub(super) fn source(&self, source: &str) -> usize {
        self.sources.get(source).copied().unwrap_or(0)
    }

    /// What stands in the store of a service.
    pub(super) fn contents(&self, brief: &Brief, service: usize) -> Contents {
        let presence = |of| match (self.owner(of) == service, self.copied(service, of)) {
            (true, _) => Presence::Own,
            (false, true) => Presence::Replica,
            (false, false) => Presence::Absent,
        };
        let followed = |of| {
            let own = self.owner(of) == service;
            own && (asked_for_changes(brief, of)
                || (0..self.cut.count()).any(|other| self.copied(other, of)))
        };
        Contents::new(brief, presence, followed)
    }

    pub(super) fn copied(&self, service: usize, of: Id<Aggregate>) -> bool {
        self.owner(of) != service
            && self
                .copies
                .get(service)
                .is_some_and(|copies| copies.contains(&of))
    }

    /// Whether a service keeps copies of rows of another.
    pub(super) fn follows(&self, service: usize, other: usize) -> bool {
        let copies = self.copies.get(service).into_iter().flatten();
        service != other && copies.into_iter().any(|of| self.owner(*of) == other)
    }

    fn copy(&mut self, service: usize, found: impl IntoIterator<Item = Id<Aggregate>>) {
        for of in found {
            if self.owner(of) != service
                && let Some(copies) = self.copies.get_mut(service)
            {
                copies.insert(of);
            }
        }
    }

    fn find_copies(&mut self, brief: &Brief) {
        for (id, query) in brief.queries.iter() {
            let service = self.answers(brief, id);
            let mut found = aggregates_of(brief, query);
            found.extend(query_joins(brief, query));
            self.copy(service, found);
        }
        for (id, feed) in brief.feeds.iter() {
            let found = joins(brief, feed_exprs(feed));
            self.copy(self.tells(id), found);
        }
        for service in 0..self.cut.count() {
            let tenants = brief.tenancy.iter().map(|tenancy| tenancy.aggregate);
            self.copy(service, tenants.collect::<Vec<_>>());
            self.copy(service, super::scope::memberships(brief));
        }
        for (id, aggregate) in brief.aggregates.iter() {
            // Whose a row is must be known where it is erased.
            let found = joins(brief, aggregate.subject.as_ref());
            self.copy(self.owner(id), found);
        }
        for id in FlowId::all(brief) {
            self.copies_of_flow(brief, id);
        }
        for (id, command) in brief.commands.iter() {
            let whens = command
                .allows
                .iter()
                .filter_map(|allow| allow.when.as_ref());
            let once = command.once.as_ref();
            let found = joins(brief, whens.chain(once));
            let home = self.home(FlowId::Command(id));
            self.copy(home, found.iter().copied());
            if let Some((row, _)) = underpin_contract::named_row(command) {
                self.copy(home, [row]);
                // Where the row is, what is open on it is told.
                self.copy(self.owner(row), found);
            }
        }
    }

    fn copies_of_flow(&mut self, brief: &Brief, id: FlowId) {
        let body = id.body(brief);
        let mut exprs: Vec<&Expr> = Vec::new();
        body.statements
            .iter()
            .for_each(|statement| statement.expressions(&mut exprs));
        let found = joins(brief, exprs.iter().copied());
        let limits = exprs
            .iter()
            .any(|expr| reads(expr, brief).roots.contains(&Root::Limits));
        let analysed = flow::analyse(brief, id, &self.cut);
        let mut services: BTreeSet<usize> = [self.home(id)].into();
        for segment in &analysed.segments {
            if let flow::Owner::Service(service) = segment.owner {
                services.insert(service);
            }
        }
        for service in services {
            self.copy(service, found.iter().copied());
        }
        if limits {
            let counted = brief
                .limits
                .rows()
                .iter()
                .filter_map(|limit| match &limit.kind {
                    LimitKind::Count { aggregate, .. } | LimitKind::Sum { aggregate, .. } => {
                        Some(*aggregate)
                    }
                    LimitKind::Rate { .. } => None,
                });
            self.copy(self.home(id), counted.collect::<Vec<_>>());
        }
    }
}

/// Everything that a feed evaluates.
fn feed_exprs(feed: &Feed) -> Vec<&Expr> {
    let mut found: Vec<&Expr> = feed
        .allows
        .iter()
        .filter_map(|allow| allow.when.as_ref())
        .collect();
    found.extend(&feed.filter);
    for show in &feed.shows {
        let mut show = &show.expr;
        while let ShowExpr::Each {
            list, show: inner, ..
        } = show
        {
            found.push(list);
            show = inner;
        }
        if let ShowExpr::Value(expr) = show {
            found.push(expr);
        }
    }
    if let Deliver::Webhook(webhook) = &feed.deliver {
        found.extend(&webhook.url);
        found.extend(&webhook.secrets);
    }
    found
}

fn joins<'e>(brief: &Brief, exprs: impl IntoIterator<Item = &'e Expr>) -> BTreeSet<Id<Aggregate>> {
    let edges = exprs.into_iter().flat_map(|expr| reads(expr, brief).joins);
    edges.map(|edge| edge.to).collect()
}

/// What a query of a view looks at beyond the sources of the view.
fn query_joins(brief: &Brief, query: &Query) -> BTreeSet<Id<Aggregate>> {
    let QuerySource::View(view) = query.of else {
        return BTreeSet::new();
    };
    let view = brief.views.get(view);
    let filters = view.from.iter().filter_map(|source| source.filter.as_ref());
    let groups = view.groups.iter().map(|(_, expr)| expr);
    let shows = view.shows.iter().map(|(_, expr)| expr);
    joins(brief, filters.chain(groups).chain(shows))
}

fn sources(brief: &Brief, cut: &Cut) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for (id, event) in brief.events.iter() {
        let source = source_text(brief, EventSource::Event(id));
        found.insert(source, cut.service(event.about));
    }
    for (id, aggregate) in brief.aggregates.iter() {
        let states = aggregate.states.iter().flat_map(|states| &states.names);
        let entered = states
            .enumerate()
            .map(|(state, _)| EventSource::State(id, state));
        let own = [EventSource::Created(id), EventSource::Changed(id)];
        for source in entered.chain(own) {
            found.insert(source_text(brief, source), cut.service(id));
        }
    }
    found
}

/// A cut as one service sees it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) all: Arc<Placement>,
    /// The number of this service.
    pub(super) here: usize,
}

/// Whether clients ask for what has changed of the rows of an aggregate.
fn asked_for_changes(brief: &Brief, of: Id<Aggregate>) -> bool {
    let mut queries = brief.queries.rows().iter();
    queries.any(|query| query.changes.is_some() && query.of == QuerySource::Aggregate(of))
}

impl Place {
    /// The only service of a brief.
    pub(super) fn only(brief: &Brief) -> Self {
        Self {
            all: Arc::new(Placement::new(brief, &Cut::one(brief))),
            here: 0,
        }
    }

    /// Whether rows of that aggregate are written here.
    pub(super) fn owns(&self, of: Id<Aggregate>) -> bool {
        self.all.owner(of) == self.here
    }
}
