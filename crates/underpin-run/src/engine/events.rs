//! What happened, from the statement to the outbox: declared events and the lifecycle of rows.
//! They are kept with the flow until its pivot has committed, and dropped when it is undone.

use super::placement::Place;
use super::program::Put;
use super::scope::service_value;
use super::state::{Happened, Kept, State};
use super::walk::{Halt, Walk};
use crate::store::{Rows, StoreError, codec};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use underpin_brief::flow::FlowId;
use underpin_brief::model::*;

/// A listener: a policy and how much later it acts.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) policy: String,
    pub(super) after: Option<i64>,
}

/// Who listens to what.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by: BTreeMap<String, Vec<Listener>>,
    shapes: BTreeMap<EventSource, Arc<Shape>>,
    told: BTreeSet<String>,
    changed: BTreeSet<Id<Aggregate>>,
}

/// A source as the outbox keeps it.
pub(crate) fn source_text(brief: &Brief, source: EventSource) -> String {
    let aggregate = |id: Id<Aggregate>| &*brief.aggregates.get(id).name.text;
    match source {
        EventSource::Event(id) => format!("event {}", brief.events.get(id).name),
        EventSource::State(id, state) => {
            let states = brief.aggregates.get(id).states.as_ref();
            let name = states.and_then(|states| states.names.get(state));
            format!(
                "state {}.{}",
                aggregate(id),
                name.map_or("", |name| &name.text)
            )
        }
        EventSource::Created(id) => format!("created {}", aggregate(id)),
        EventSource::Changed(id) => format!("changed {}", aggregate(id)),
        EventSource::Sent(external, message) => {
            let external = brief.externals.get(external);
            format!(
                "sent {}.{}",
                external.name,
                external.sends.get(message).name
            )
        }
        EventSource::Attempted(feed) => format!("attempted {}", brief.feeds.get(feed).name),
        EventSource::Failing(feed) => format!("failing {}", brief.feeds.get(feed).name),
    }
}

impl Listeners {
    /// Those of one service; what has to be told for the others is known too.
    pub(super) fn new(brief: &Brief, place: &Place) -> Self {
        let mut listeners = Self::default();
        for (id, policy) in brief.policies.iter() {
            let Trigger::On { source, after } = &policy.trigger else {
                continue;
            };
            let listener = Listener {
                policy: policy.name.text.to_string(),
                after: after.map(|after| after.micros),
            };
            if place.all.home(FlowId::Policy(id)) == place.here {
                listeners
                    .by
                    .entry(source_text(brief, *source))
                    .or_default()
                    .push(listener);
            }
            listeners
                .shapes
                .insert(*source, Arc::clone(&policy.event_shape));
            if let EventSource::Changed(id) = source {
                listeners.changed.insert(*id);
            }
        }
        // Only what somebody hears of is told of rows.
        for (id, feed) in brief.feeds.iter() {
            for source in &feed.on {
                if place.all.tells(id) == place.here {
                    listeners.told.insert(source_text(brief, *source));
                }
                listeners
                    .shapes
                    .entry(*source)
                    .or_insert_with(|| super::feeds::source_shape(brief, *source));
            }
        }
        listeners
    }

    /// Those of flows of an earlier brief: the same listeners, by its own declarations.
    pub(super) fn beside(current: &Self, succession: &crate::migrate::Succession) -> Self {
        let mut listeners = Self {
            by: current.by.clone(),
            told: current.told.clone(),
            ..Self::default()
        };
        for (source, shape) in succession.old.values() {
            listeners.shapes.insert(*source, Arc::clone(shape));
            if let EventSource::Changed(id) = source {
                listeners.changed.insert(*id);
            }
        }
        listeners
    }

    /// Whether somebody at this service listens to that source.
    pub(super) fn hear(&self, source: &str) -> bool {
        self.by.contains_key(source) || self.told.contains(source)
    }

    /// Whether somebody at this service listens to something.
    pub(super) fn sources(&self) -> impl Iterator<Item = &str> {
        let told = self.told.iter().filter(|told| !self.by.contains_key(*told));
        self.by.keys().chain(told).map(String::as_str)
    }

    /// Whether somebody at any service listens to that source.
    pub(super) fn anywhere(&self, source: EventSource) -> bool {
        self.shapes.contains_key(&source)
    }

    /// Who listens to that source here.
    pub(super) fn of(&self, source: &str) -> &[Listener] {
        self.by.get(source).map_or(&[], Vec::as_slice)
    }

    fn shape(&self, source: EventSource) -> Option<&Arc<Shape>> {
        self.shapes.get(&source)
    }
}

/// Puts a value where a shape has a slot of that name.
pub(super) fn put(shape: &Shape, slots: &mut [Value], name: &str, value: Value) {
    if let Some((at, _)) = shape.find(name)
        && let Some(place) = slots.get_mut(at)
    {
        *place = value;
    }
}

impl Walk<'_> {
    pub(super) fn emit(&mut self, event: Id<Event>, puts: &[Put]) -> Result<(), Halt> {
        let core = self.core;
        let declared = core.brief.events.get(event);
        let value = self.struct_of(declared.shape.slots.len(), puts)?;
        let mut slots = super::acts::slots_of(&value);
        let fields = declared.fields.len();
        let about = declared
            .fields
            .iter()
            .position(|field| field.ty.required() == &Type::Ref(declared.about));
        let row_key = about.map_or(Value::Null, |slot| value.slot(slot).clone());
        let key = match declared.key.as_slice() {
            [] => row_key.clone(),
            keys => Value::list(keys.iter().map(|slot| value.slot(*slot).clone()).collect()),
        };
        let id = core.world.id().to_string();
        self.common(&declared.shape, fields, &mut slots, &id);
        self.state.events.push(Happened {
            source: source_text(&core.brief, EventSource::Event(event)),
            key: codec::key_text(&key),
            row_key: codec::key_text(&row_key),
            id,
            event: Kept(Value::record(slots)),
            service: core.place.all.owner(declared.about),
        });
        Ok(())
    }

    /// `id`, `time`, `caller`, `tenant` behind the declared fields.
    fn common(&self, shape: &Shape, fields: usize, slots: &mut [Value], id: &str) {
        let tenant = self
            .state
            .scope
            .tenant
            .as_deref()
            .map_or(Value::Null, Value::text);
        let caller = self.frame.get(Root::Caller.slot()).clone();
        let given = [
            ("id", Value::text(id)),
            ("time", Value::Time(self.state.now)),
            ("caller", caller),
            ("tenant", tenant),
        ];
        for (name, value) in given {
            // A declared field of the same name is the brief's own.
            let at = shape
                .slots
                .iter()
                .skip(fields)
                .position(|slot| *slot.name == *name);
            if let Some(place) = at.and_then(|at| slots.get_mut(fields + at)) {
                *place = value;
            }
        }
    }

    /// A row was created or changed: tells those who listen.
    pub(super) fn happened_to_row(&mut self, of: Id<Aggregate>, old: Option<&Value>, new: &Value) {
        let core = self.core;
        let layout = self.view.rows.layout(of);
        let mut sources = Vec::new();
        if old.is_none() {
            sources.push(EventSource::Created(of));
        } else {
            sources.push(EventSource::Changed(of));
        }
        if let (Some(slot), Some(states)) = (layout.state, &core.brief.aggregates.get(of).states) {
            let now = new.slot(slot);
            let entered = old.is_none_or(|old| old.slot(slot) != now);
            let at = states
                .names
                .iter()
                .position(|name| Some(&*name.text) == now.as_text());
            if let (true, Some(at)) = (entered, at) {
                sources.push(EventSource::State(of, at));
            }
        }
        for source in sources {
            let Some(shape) = core.listeners.shape(source).cloned() else {
                continue;
            };
            let key = layout.key_of(new);
            let id = core.world.id().to_string();
            let mut slots = vec![Value::Null; shape.slots.len()];
            put(&shape, &mut slots, "key", key.clone());
            put(&shape, &mut slots, "row", new.clone());
            self.common(&shape, 0, &mut slots, &id);
            self.state.events.push(Happened {
                source: source_text(&core.brief, source),
                key: codec::key_text(&key),
                row_key: codec::key_text(&key),
                id,
                event: Kept(Value::record(slots)),
                service: core.place.here,
            });
        }
    }
}

/// Puts what happened at this service into its outbox, with work for every policy that listens
/// here; what happened elsewhere stays with the flow.
pub(super) fn publish(
    rows: Rows<'_>,
    listeners: &Listeners,
    here: usize,
    state: &mut State,
) -> Result<(), StoreError> {
    let events = std::mem::take(&mut state.events);
    for event in events {
        if event.service != here {
            state.events.push(event);
            continue;
        }
        let tenant = state.scope.tenant.as_deref();
        publish_one(rows, listeners, &event, tenant, state.now, None)?;
    }
    Ok(())
}

/// Puts one event into the outbox; with `origin` it was published by that other service.
pub(super) fn publish_one(
    rows: Rows<'_>,
    listeners: &Listeners,
    event: &Happened,
    tenant: Option<&str>,
    now: i64,
    origin: Option<&str>,
) -> Result<(), StoreError> {
    let text = codec::to_text(&event.event.0);
    let mut insert = rows.prepare(
        "INSERT INTO outbox (id, source, key, row_key, tenant, at, event, origin) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let values = (
        &event.id,
        &event.source,
        &event.key,
        &event.row_key,
        tenant,
        now,
        &text,
        origin,
    );
    let seq = insert.insert(values)?;
    for listener in listeners.by.get(&event.source).into_iter().flatten() {
        if listener.after.is_some() {
            // The row entered the state again: the timer of the last time is over.
            rows.execute(
                "DELETE FROM work INDEXED BY \"work row\"
                 WHERE policy = ?1 AND row_key = ?2 AND tenant IS ?3 AND status = 'waiting'",
                (&listener.policy, &event.row_key, tenant),
            )?;
        }
        let due = now.saturating_add(listener.after.unwrap_or(0));
        rows.execute(
            "INSERT INTO work (policy, seq, key, row_key, tenant, due, status, attempts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'waiting', 0)",
            (&listener.policy, seq, &event.key, &event.row_key, tenant, due),
        )?;
    }
    Ok(())
}

/// The value of `event` for a message of an external: its content, then what all events have.
pub(super) fn inbound_event(
    brief: &Brief,
    shape: &Shape,
    content: &Value,
    id: &str,
    now: i64,
) -> Value {
    let mut slots = super::acts::slots_of(content);
    let fields = slots.len();
    slots.resize(shape.slots.len().max(fields), Value::Null);
    let given = [
        ("id", Value::text(id)),
        ("time", Value::Time(now)),
        ("caller", service_value(brief, None)),
    ];
    for (name, value) in given {
        let at = shape
            .slots
            .iter()
            .skip(fields)
            .position(|slot| *slot.name == *name);
        if let Some(place) = at.and_then(|at| slots.get_mut(fields + at)) {
            *place = value;
        }
    }
    Value::record(slots)
}
