//! Events from one brief to the next: what stands in the outbox is always in the form of the
//! brief that made the tables, so that whoever reads it needs no other. Former versions of an
//! event become the current one through its `upcast`s.

use super::types::{Between, Fit, Lost, former, fresh};
use crate::store::{StoreError, codec};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::expr::eval::NoRows;
use underpin_brief::expr::{Frame, Library};
use underpin_brief::model::*;

pub(super) use crate::engine::source_text;

/// What is listened to in a brief, by its text in the outbox, with the shape of `event`.
pub(crate) type Sources = BTreeMap<String, (EventSource, Arc<Shape>)>;

/// Everything that a brief's policies, feeds and events give a shape to.
pub(crate) fn sources(brief: &Brief) -> Sources {
    let mut found = Sources::new();
    let mut add = |source: EventSource, shape: &Arc<Shape>| {
        let text = source_text(brief, source);
        found
            .entry(text)
            .or_insert_with(|| (source, Arc::clone(shape)));
    };
    for (id, event) in brief.events.iter() {
        add(EventSource::Event(id), &event.shape);
    }
    for policy in brief.policies.rows() {
        if let Trigger::On { source, .. } = &policy.trigger {
            add(*source, &policy.event_shape);
        }
    }
    for feed in brief.feeds.rows() {
        for source in &feed.on {
            add(*source, &crate::engine::source_shape(brief, *source));
        }
    }
    found
}

/// Turns events of one brief into events of another.
pub(crate) struct Turned<'b> {
    between: Between<'b>,
    old: &'b Sources,
    new: &'b Sources,
    library: Arc<Library>,
}

impl<'b> Turned<'b> {
    pub(crate) fn new(between: Between<'b>, old: &'b Sources, new: &'b Sources) -> Self {
        Self {
            between,
            old,
            new,
            library: Library::new(between.new),
        }
    }

    /// The event in its new form; none where the new brief has no use for its source.
    ///
    /// # Errors
    /// Why it has none, in a few words.
    pub(crate) fn event(&self, source: &str, event: &Value) -> Result<Option<Value>, String> {
        let (Some((_, from)), Some((to_source, to))) = (self.old.get(source), self.new.get(source))
        else {
            return Ok(None);
        };
        if let EventSource::Event(new) = to_source {
            let name = &self.between.new.events.get(*new).name.text;
            if let Some(old) = self.between.old.events.find(name) {
                return self.declared(event, old, *new).map(Some);
            }
        }
        let shaped = self.between.shape(event, from, to, &mut Lost::new())?;
        Ok(Some(shaped))
    }

    /// Fields by name, then what each version since has added.
    fn declared(&self, event: &Value, old: Id<Event>, new: Id<Event>) -> Result<Value, String> {
        let (from, to) = (
            self.between.old.events.get(old),
            self.between.new.events.get(new),
        );
        let raised: Vec<&Upcast> = (from.version..to.version)
            .flat_map(|version| to.upcasts.iter().filter(move |one| one.from == version))
            .collect();
        let mut slots = Vec::with_capacity(to.shape.slots.len());
        for (slot, field) in to.fields.iter().enumerate() {
            let set = raised
                .iter()
                .flat_map(|upcast| &upcast.sets)
                .any(|set| set.slot == slot);
            let before = former(&from.fields, field)
                .and_then(|at| Some((event.slot(at), &from.fields.get(at)?.ty)));
            slots.push(match before {
                Some((Value::Null, _)) | None => fresh(field).unwrap_or(Value::Null),
                Some((value, ty)) => {
                    let new = self.between.value(value, ty, &field.ty, &mut Lost::new());
                    match new {
                        Err(_) if set => Value::Null,
                        new => new.map_err(|why| format!("`{}`: {why}", field.name))?,
                    }
                }
            });
        }
        slots.extend(self.envelope(event, from, to)?);
        let mut value = Value::record(slots);
        for upcast in raised {
            value = self.upcast(&value, upcast)?;
        }
        for (slot, field) in to.fields.iter().enumerate() {
            if value.slot(slot).is_null() && !field.ty.is_optional() {
                return Err(format!("`{}` has no value", field.name));
            }
        }
        Ok(value)
    }

    /// What every event has behind its fields.
    fn envelope(&self, event: &Value, from: &Event, to: &Event) -> Result<Vec<Value>, String> {
        let given = to.shape.slots.iter().skip(to.fields.len());
        let value = |slot: &SlotType| {
            let before = from.shape.slots.iter().enumerate().skip(from.fields.len());
            let found = before
                .filter(|(_, old)| old.name == slot.name)
                .map(|(at, old)| (event.slot(at), &old.ty))
                .next();
            match found {
                Some((Value::Null, _)) | None => Ok(Value::Null),
                Some((value, ty)) => self.between.value(value, ty, &slot.ty, &mut Lost::new()),
            }
        };
        given.map(value).collect()
    }

    fn upcast(&self, event: &Value, upcast: &Upcast) -> Result<Value, String> {
        let mut slots = crate::engine::slots_of(event);
        for set in &upcast.sets {
            let mut frame = Frame::new(Root::COUNT);
            frame.set(Root::Event.slot(), event.clone());
            let value = self
                .library
                .compile(&set.value)
                .eval(&mut frame, &NoRows)
                .map_err(|fault| format!("`upcast`, `{}`: {fault:?}", set.name))?;
            if let Some(place) = slots.get_mut(set.slot) {
                *place = value;
            }
        }
        Ok(Value::record(slots))
    }
}

/// What a flow of an earlier brief tells, in the form of the one that took its place.
pub(crate) struct Succession {
    before: Arc<Brief>,
    now: Arc<Brief>,
    /// What either of the briefs listens to, as the earlier one names it.
    pub(crate) old: Sources,
    new: Sources,
}

impl Succession {
    pub(crate) fn new(before: &Arc<Brief>, now: &Arc<Brief>) -> Self {
        let new = sources(now);
        let mut old = sources(before);
        for (text, (_, shape)) in &new {
            if !old.contains_key(text)
                && let Some(found) = lifecycle(before, text, shape)
            {
                old.insert(text.clone(), found);
            }
        }
        Self {
            before: Arc::clone(before),
            now: Arc::clone(now),
            old,
            new,
        }
    }

    pub(crate) fn between(&self) -> Between<'_> {
        Between {
            old: &self.before,
            new: &self.now,
        }
    }

    /// As [`Turned::event`].
    pub(crate) fn event(&self, source: &str, event: &Value) -> Result<Option<Value>, String> {
        Turned::new(self.between(), &self.old, &self.new).event(source, event)
    }
}

/// A source that only a later brief listens to, by the declarations of the earlier one.
fn lifecycle(brief: &Brief, text: &str, shape: &Shape) -> Option<(EventSource, Arc<Shape>)> {
    let (kind, rest) = text.split_once(' ')?;
    let name = rest.split('.').next()?;
    let id = brief.aggregates.find(name)?;
    let source = match kind {
        "created" => EventSource::Created(id),
        "changed" => EventSource::Changed(id),
        "state" => {
            let (_, state) = rest.split_once('.')?;
            let states = brief.aggregates.get(id).states.as_ref()?;
            let at = states.names.iter().position(|name| *name.text == *state)?;
            EventSource::State(id, at)
        }
        _ => return None,
    };
    let mut shape = shape.clone();
    for slot in &mut shape.slots {
        match &*slot.name {
            "key" => slot.ty = Type::Ref(id),
            "row" => slot.ty = Type::Row(id),
            _ => {}
        }
    }
    Some((source, Arc::new(shape)))
}

/// Whether a flow of the earlier brief can still tell an event.
pub(super) fn tells(between: Between<'_>, id: Id<Event>) -> bool {
    let old = between.old.events.get(id);
    let Some(new) = between.new.events.find(&old.name.text) else {
        return true;
    };
    let new = between.new.events.get(new);
    new.fields.iter().enumerate().all(|(slot, field)| {
        let raised = new.upcasts.iter().any(|upcast| {
            (old.version..new.version).contains(&upcast.from)
                && upcast.sets.iter().any(|set| set.slot == slot)
        });
        let before = former(&old.fields, field).and_then(|at| old.fields.get(at));
        raised
            || match before {
                Some(before) => between
                    .fit(&before.ty, &field.ty)
                    .is_ok_and(|fit| fit != Fit::Checked),
                None => fresh(field).is_ok(),
            }
    })
}

/// Why events of the outbox would have no form, one line per source, with how many.
pub(super) fn check(
    connection: &Connection,
    turned: &Turned<'_>,
) -> Result<BTreeMap<(String, String), u64>, StoreError> {
    let mut wrong = BTreeMap::new();
    each(connection, |_, source, event| {
        if let Err(why) = turned.event(source, event) {
            *wrong.entry((source.to_owned(), why)).or_insert(0) += 1;
        }
        Ok(())
    })?;
    Ok(wrong)
}

/// Writes the events of the outbox in their new form; those of sources that nobody has a use for
/// any more go.
pub(super) fn rewrite(connection: &Connection, turned: &Turned<'_>) -> Result<u64, StoreError> {
    let mut update = connection.prepare("UPDATE outbox SET event = ?2 WHERE seq = ?1")?;
    let mut changed = 0;
    each(connection, |seq, source, event| {
        match turned.event(source, event) {
            Ok(Some(new)) if new == *event => {}
            Ok(Some(new)) => {
                update.execute((seq, codec::to_text(&new)))?;
                changed += 1;
            }
            Ok(None) => {}
            Err(why) => return Err(StoreError::Defect(why)),
        }
        Ok(())
    })?;
    Ok(changed)
}

/// Events are read in parts, so that those who change what they read see no end of it.
fn each(
    connection: &Connection,
    mut with: impl FnMut(i64, &str, &Value) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let mut statement = connection.prepare_cached(
            "SELECT seq, source, event FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT 1000",
        )?;
        let part: Vec<(i64, String, String)> = statement
            .query_map([after], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let Some((last, _, _)) = part.last() else {
            return Ok(());
        };
        after = *last;
        for (seq, source, event) in &part {
            if let Some(event) = codec::from_text(event) {
                with(*seq, source, &event)?;
            }
        }
    }
}
