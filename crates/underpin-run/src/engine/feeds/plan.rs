//! Feeds made ready: their sources, and what one of them tells one subscriber of one event. Must
//! not know how a message travels.

use super::outbox::Happening;
use crate::engine::access;
use crate::engine::core::Core;
use crate::engine::events::source_text;
use crate::engine::program::{Allowed, Compiler};

use crate::engine::scope::{Scope, Settled, View, memberships};
use crate::engine::shows::{ShowPlan, show_plan, shown};
use crate::sql;
use crate::store::StoreError;
use std::sync::Arc;
use underpin_brief::expr::{Compiled, Frame};
use underpin_brief::model::*;

/// How long a feed can be resumed where the brief does not say, µs: an assumption.
const KEEP: i64 = 24 * 3_600 * 1_000_000;

/// One source of a feed.
pub(in crate::engine) struct SourcePlan {
    /// As the outbox has it.
    pub(super) text: String,
    /// Where the slots of the feed's `event` stand in the event of this source; none: as they are.
    slots: Option<Vec<Option<usize>>>,
    /// How many of the event's first slots are told where the feed has no `show`.
    fields: usize,
    /// The aggregate whose row a lifecycle event carries, in slot 1.
    row: Option<Id<Aggregate>>,
    /// Whether it belongs to a tenant.
    tenanted: bool,
}

/// A feed made ready.
pub(in crate::engine) struct FeedPlan {
    pub(super) id: Id<Feed>,
    pub(super) name: Arc<str>,
    pub(super) sources: Vec<SourcePlan>,
    allows: Vec<Allow>,
    filter: Option<Compiled>,
    /// `where` as far as SQL can say it of stored endpoints.
    pub(super) prefilter: Option<sql::Filter>,
    shows: Vec<ShowPlan>,
    frame: u32,
    /// Whether what is told depends on who is told.
    pub(super) personal: bool,
    /// Whether whoever is told is told the same.
    pub(super) uniform: bool,
    pub(in crate::engine) keep: i64,
    live: bool,
    pub(super) endpoint: Option<EndpointPlan>,
    /// The aggregate that all sources are about.
    pub(super) about: Option<Id<Aggregate>>,
}

struct Allow {
    allowed: Allowed,
    /// Whether it holds or not whatever happens: where none does, the subscriber is shut out.
    standing: bool,
}

/// Where the messages of a webhook feed go.
pub(super) struct EndpointPlan {
    /// Rows of this aggregate; none: endpoints that callers register.
    pub(super) to: Option<Id<Aggregate>>,
    pub(super) url: Option<Compiled>,
    pub(super) secrets: Option<Compiled>,
}

/// What a subscriber is told of an event.
pub(super) enum Verdict {
    Told(Vec<Value>),
    Silent,
    /// No `allow` admits the subscriber, whatever happens.
    Revoked,
}

/// The type that something which every event has was given where the brief was checked.
fn enveloped(brief: &Brief, name: &str) -> Option<Type> {
    let events = brief.events.rows().iter().map(|event| &event.shape);
    let policies = brief
        .policies
        .rows()
        .iter()
        .map(|policy| &policy.event_shape);
    let feeds = brief.feeds.rows().iter().map(|feed| &feed.event_shape);
    let mut all = events.chain(policies).chain(feeds);
    all.find_map(|shape| {
        let own = |slot: &&SlotType| slot.origin == Origin::System && *slot.name == *name;
        shape.slots.iter().rfind(own).map(|slot| slot.ty.clone())
    })
}

/// The layout of `event` of a source.
pub(crate) fn source_shape(brief: &Brief, source: EventSource) -> Arc<Shape> {
    let given = |slots: &[(&str, Type)]| {
        let ty = |name, otherwise| enveloped(brief, name).unwrap_or(otherwise);
        let envelope = [
            ("id", Type::Text),
            ("time", Type::Time),
            ("caller", ty("caller", Type::Nothing)),
            ("tenant", ty("tenant", Type::Text.optional())),
        ];
        let slot = |(name, ty): &(&str, Type)| SlotType {
            name: (*name).into(),
            ty: ty.clone(),
            origin: Origin::System,
        };
        Arc::new(Shape {
            title: "what happened".into(),
            slots: slots.iter().chain(&envelope).map(slot).collect(),
        })
    };
    match source {
        EventSource::Event(id) => Arc::clone(&brief.events.get(id).shape),
        EventSource::Sent(external, sent) => {
            Arc::clone(&brief.externals.get(external).sends.get(sent).shape)
        }
        EventSource::State(id, _) | EventSource::Created(id) | EventSource::Changed(id) => {
            given(&[("key", Type::Ref(id)), ("row", Type::Row(id))])
        }
        EventSource::Attempted(_) => given(&[
            ("to", Type::Text),
            ("message", Type::Text),
            ("status", Type::Int.optional()),
            ("took", Type::Duration),
            ("answer", Type::Text.optional()),
            ("next", Type::Time.optional()),
        ]),
        EventSource::Failing(_) => given(&[("to", Type::Text), ("since", Type::Time)]),
    }
}

/// The aggregate that events of a source are about.
fn about(brief: &Brief, source: EventSource) -> Option<Id<Aggregate>> {
    match source {
        EventSource::Event(id) => Some(brief.events.get(id).about),
        EventSource::State(id, _) | EventSource::Created(id) | EventSource::Changed(id) => Some(id),
        EventSource::Sent(..) | EventSource::Attempted(_) | EventSource::Failing(_) => None,
    }
}

fn source_plan(compiler: &Compiler<'_>, feed: &Feed, source: EventSource) -> SourcePlan {
    let brief = compiler.brief;
    let shape = source_shape(brief, source);
    let slots = (feed.on.len() > 1).then(|| {
        let place = |slot: &SlotType| shape.find(&slot.name).map(|(at, _)| at);
        feed.event_shape.slots.iter().map(place).collect()
    });
    let (fields, row) = match source {
        EventSource::Event(id) => (brief.events.get(id).fields.len(), None),
        EventSource::Sent(external, sent) => {
            let sent = brief.externals.get(external).sends.get(sent);
            (sent.fields.len(), None)
        }
        EventSource::State(id, _) | EventSource::Created(id) | EventSource::Changed(id) => {
            (2, Some(id))
        }
        EventSource::Attempted(_) => (6, None),
        EventSource::Failing(_) => (2, None),
    };
    let kept = |id| compiler.schema.layout(id).tenant.is_some();
    SourcePlan {
        text: source_text(brief, source),
        slots,
        fields,
        row,
        tenanted: about(brief, source).map_or(brief.tenancy.is_some(), kept),
    }
}

/// Whether an expression may look at a root. A `define` sees the caller without naming it.
fn looks_at(expr: &Expr, root: Root) -> bool {
    expr.slots().contains(&root.slot())
}

fn personal(expr: &Expr) -> bool {
    looks_at(expr, Root::Caller) || has_define(expr)
}

fn has_define(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |inner| found |= matches!(inner.kind, ExprKind::Define(..)));
    found
}

fn shown_exprs<'e>(show: &'e ShowExpr, found: &mut Vec<&'e Expr>) {
    match show {
        ShowExpr::Value(expr) => found.push(expr),
        ShowExpr::Each { list, show, .. } => {
            found.push(list);
            shown_exprs(show, found);
        }
    }
}

impl FeedPlan {
    pub(in crate::engine) fn new(compiler: &Compiler<'_>, id: Id<Feed>) -> Self {
        let brief = compiler.brief;
        let feed = brief.feeds.get(id);
        let mut exprs = Vec::new();
        for show in &feed.shows {
            shown_exprs(&show.expr, &mut exprs);
        }
        let uniform = !exprs
            .iter()
            .any(|expr| personal(expr) || looks_at(expr, Root::Input));
        exprs.extend(feed.allows.iter().filter_map(|allow| allow.when.as_ref()));
        exprs.extend(&feed.filter);
        let allow = |(allowed, declared): (Allowed, &underpin_brief::model::Allow)| Allow {
            allowed,
            standing: !declared
                .when
                .as_ref()
                .is_some_and(|when| looks_at(when, Root::Event)),
        };
        let abouts: Vec<_> = feed.on.iter().map(|source| about(brief, *source)).collect();
        let same = abouts.windows(2).all(|pair| pair.first() == pair.last());
        let endpoint = match &feed.deliver {
            Deliver::Webhook(webhook) => Some(EndpointPlan {
                to: webhook.to,
                url: webhook.url.as_ref().map(|expr| compiler.expr(expr)),
                secrets: webhook.secrets.as_ref().map(|expr| compiler.expr(expr)),
            }),
            Deliver::Live | Deliver::Stream => None,
        };
        let to = endpoint.as_ref().and_then(|endpoint| endpoint.to);
        Self {
            id,
            name: Arc::clone(&feed.name.text),
            sources: feed
                .on
                .iter()
                .map(|source| source_plan(compiler, feed, *source))
                .collect(),
            personal: exprs.iter().any(|expr| personal(expr)),
            uniform,
            allows: compiler
                .allows(&feed.allows)
                .into_iter()
                .zip(&feed.allows)
                .map(allow)
                .collect(),
            filter: feed.filter.as_ref().map(|expr| compiler.expr(expr)),
            prefilter: to
                .zip(feed.filter.as_ref())
                .map(|(to, expr)| compiler.filter(expr, to)),
            shows: feed
                .shows
                .iter()
                .map(|show| show_plan(compiler, &show.expr))
                .collect(),
            frame: feed.frame,
            keep: feed.keep.map_or(KEEP, |keep| keep.micros.max(0)),
            live: matches!(feed.deliver, Deliver::Live),
            endpoint,
            about: abouts.first().copied().flatten().filter(|_| same),
        }
    }

    /// Whether clients open streams of it.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// Which of the feed's sources an event is of.
    pub(in crate::engine) fn on(&self, source: &str) -> Option<usize> {
        self.sources.iter().position(|plan| plan.text == source)
    }

    /// A frame with who asks, and for what.
    pub(super) fn frame(&self, caller: &Value, input: &Value) -> Frame {
        let mut frame = Frame::new(self.frame.max(Root::COUNT));
        frame.set(Root::Caller.slot(), caller.clone());
        frame.set(Root::Input.slot(), input.clone());
        frame
    }

    /// The tenant of an event, where it has one.
    pub(super) fn tenant(
        &self,
        on: usize,
        event: &Happening,
        view: &View<'_>,
    ) -> Option<Option<String>> {
        let source = self.sources.get(on).filter(|source| source.tenanted)?;
        let of_row = source.row.and_then(|of| {
            let slot = view.rows.layout(of).tenant?;
            event.event.slot(1).slot(slot).as_text().map(str::to_owned)
        });
        Some(of_row.or_else(|| event.tenant.clone()))
    }

    /// Whether an event may be seen from a scope at all.
    pub(super) fn within(
        &self,
        on: usize,
        event: &Happening,
        scope: &Scope,
        view: &View<'_>,
    ) -> bool {
        match self.tenant(on, event, view) {
            None => true,
            Some(tenant) => scope.cross || tenant.is_some() && tenant == scope.tenant,
        }
    }

    /// Puts an event into a frame.
    pub(super) fn put(&self, on: usize, event: &Happening, frame: &mut Frame) {
        let slots = self
            .sources
            .get(on)
            .and_then(|source| source.slots.as_ref());
        let value = match slots {
            None => event.event.clone(),
            Some(slots) => {
                let slot =
                    |at: &Option<usize>| at.map_or(Value::Null, |at| event.event.slot(at).clone());
                Value::record(slots.iter().map(slot).collect())
            }
        };
        frame.set(Root::Event.slot(), value);
    }

    /// Whether `where` holds of what the frame has.
    pub(super) fn wanted(&self, frame: &mut Frame, view: &View<'_>) -> Result<bool, StoreError> {
        match &self.filter {
            None => Ok(true),
            Some(filter) => access::grants(filter, frame, view),
        }
    }

    /// What is told: the shown values, or the fields of the event.
    pub(super) fn told(
        &self,
        on: usize,
        event: &Happening,
        frame: &mut Frame,
        view: &View<'_>,
    ) -> Result<Vec<Value>, StoreError> {
        if self.shows.is_empty() {
            let fields = self.sources.get(on).map_or(0, |source| source.fields);
            return Ok((0..fields).map(|at| event.event.slot(at).clone()).collect());
        }
        let mut values = Vec::with_capacity(self.shows.len());
        for plan in &self.shows {
            values.push(shown(plan, frame, view)?);
        }
        Ok(values)
    }

    /// What somebody is told of an event that is within their scope.
    pub(super) fn judge(
        &self,
        core: &Core,
        settled: &Settled,
        (on, event): (usize, &Happening),
        frame: &mut Frame,
        view: &View<'_>,
    ) -> Result<Verdict, StoreError> {
        self.put(on, event, frame);
        if !self.wanted(frame, view)? {
            return Ok(Verdict::Silent);
        }
        match self.admitted(core, settled, frame, view)? {
            Some(true) => self.told(on, event, frame, view).map(Verdict::Told),
            Some(false) => Ok(Verdict::Silent),
            None => Ok(Verdict::Revoked),
        }
    }

    /// Whether some `allow` admits the caller of what the frame has; none where it never will.
    fn admitted(
        &self,
        core: &Core,
        settled: &Settled,
        frame: &mut Frame,
        view: &View<'_>,
    ) -> Result<Option<bool>, StoreError> {
        let mut possible = false;
        for allow in &self.allows {
            if !settled.named(&core.brief, allow.allowed.who) {
                continue;
            }
            possible |= !allow.standing;
            let granted = match &allow.allowed.when {
                None => true,
                Some(when) => access::grants(when, frame, view)?,
            };
            if granted {
                return Ok(Some(true));
            }
        }
        Ok(possible.then_some(false))
    }

    /// Whether the caller may subscribe, before anything has happened.
    pub(super) fn may_subscribe(
        &self,
        core: &Core,
        settled: &Settled,
        frame: &mut Frame,
        view: &View<'_>,
    ) -> Result<bool, StoreError> {
        for allow in &self.allows {
            if !settled.named(&core.brief, allow.allowed.who) {
                continue;
            }
            let granted = match &allow.allowed.when {
                Some(when) if allow.standing => access::grants(when, frame, view)?,
                _ => true,
            };
            if granted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the conditions admit a stored endpoint: whose it is, the brief decided when it was
    /// stored.
    pub(super) fn admits_endpoint(
        &self,
        frame: &mut Frame,
        view: &View<'_>,
    ) -> Result<bool, StoreError> {
        for allow in &self.allows {
            let granted = match &allow.allowed.when {
                None => true,
                Some(when) => access::grants(when, frame, view)?,
            };
            if granted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether what is told to this caller depends on rows that only name them.
    pub(super) fn looks_at_caller(&self, core: &Core, actor: Option<Id<Actor>>) -> bool {
        self.personal || actor.is_some_and(|actor| by_membership(&core.brief, actor))
    }
}

/// Whether the tenant of an actor follows from a row that may change.
pub(super) fn by_membership(brief: &Brief, actor: Id<Actor>) -> bool {
    let rules = brief.tenancy.iter().flat_map(|tenancy| &tenancy.callers);
    let of_row = |rule: &TenantCaller| matches!(rule.via, TenantVia::Membership(_));
    !memberships(brief).is_empty()
        && rules
            .into_iter()
            .any(|rule| rule.actor == actor && of_row(rule))
}
