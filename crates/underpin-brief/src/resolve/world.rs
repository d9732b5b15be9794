//! Everything that has a shape, for the passes that type expressions and statements.

use super::context::Cx;
use super::grammar::both;
use super::names::unknown;
use super::read::EntryExt;
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::kdl::Entry;
use crate::model::*;
use std::cell::RefCell;
use std::sync::Arc;

/// Shapes of everything.
pub(super) struct World<'a> {
    pub(super) cx: Cx<'a>,
    pub(super) externals: Table<External>,
    pub(super) aggregates: Table<Aggregate>,
    pub(super) events: Table<Event>,
    /// Input of every command, in the order of ids.
    pub(super) inputs: Vec<Vec<Field>>,
    /// What every command returns, once it was checked.
    pub(super) returns: RefCell<Vec<Option<Arc<Shape>>>>,
}

impl World<'_> {
    /// What the words after `on` name; reported where there is no such thing.
    pub(super) fn source(&self, entry: &Entry) -> Option<EventSource> {
        let name = entry.name()?;
        let names = &self.cx.names;
        let Some((of, what)) = name.text.split_once('.') else {
            let found = names.events.find(&name.text).map(EventSource::Event);
            if found.is_none() {
                let known = names.events.names();
                let found = unknown("event", &name, known);
                let help = "a row that enters a state is `Aggregate.state`, a message of an external `external.Name`";
                self.cx.push(found.help(help));
            }
            return found;
        };
        let part = |text: &str, from: usize| Name {
            text: text.into(),
            span: inside(entry, from, from + text.len()),
        };
        let what = part(what, of.len() + 1);
        if let Some(id) = names.aggregates.find(of) {
            return self.lifecycle(id, &what);
        }
        if let Some(id) = names.externals.find(of) {
            let sends = &self.externals.get(id).sends;
            let found = sends.find(&what.text);
            if found.is_none() {
                self.cx.push(unknown(
                    "message",
                    &what,
                    sends.iter().map(|(_, one)| one.name()),
                ));
            }
            return found.map(|sent| EventSource::Sent(id, sent));
        }
        if let Some(id) = names.feeds.find(of) {
            return match &*what.text {
                "attempted" => Some(EventSource::Attempted(id)),
                "failing" => Some(EventSource::Failing(id)),
                _ => {
                    self.cx.push(unknown(
                        "outcome",
                        &what,
                        ["attempted", "failing"].into_iter(),
                    ));
                    None
                }
            };
        }
        let known = names
            .aggregates
            .names()
            .chain(names.externals.names())
            .chain(names.feeds.names());
        self.cx
            .push(unknown("aggregate, external or feed", &part(of, 0), known));
        None
    }

    fn lifecycle(&self, id: Id<Aggregate>, what: &Name) -> Option<EventSource> {
        let states = self.aggregates.get(id).states.as_ref();
        let names: Vec<&str> = states
            .into_iter()
            .flat_map(|states| &states.names)
            .map(|n| &*n.text)
            .collect();
        if let Some(at) = names.iter().position(|name| *name == &*what.text) {
            return Some(EventSource::State(id, at));
        }
        match &*what.text {
            "created" => Some(EventSource::Created(id)),
            "changed" => Some(EventSource::Changed(id)),
            _ => {
                let known = names.into_iter().chain(["created", "changed"]);
                self.cx.push(unknown("state", what, known));
                None
            }
        }
    }

    /// The layout of `event` for that source.
    pub(super) fn shape_of(&self, source: EventSource) -> Arc<Shape> {
        match source {
            EventSource::Event(id) => Arc::clone(&self.events.get(id).shape),
            EventSource::Sent(external, sent) => {
                Arc::clone(&self.externals.get(external).sends.get(sent).shape)
            }
            EventSource::State(id, _) | EventSource::Created(id) | EventSource::Changed(id) => {
                let title = format!("lifecycle of {}", self.aggregates.get(id).name);
                self.given(title, vec![("key", Type::Ref(id)), ("row", Type::Row(id))])
            }
            EventSource::Attempted(feed) => {
                let slots = vec![
                    ("to", self.endpoint(feed)),
                    ("message", self.delivered(feed)),
                    ("status", Type::Int.optional()),
                    ("took", Type::Duration),
                    ("answer", Type::Text.optional()),
                    ("next", Type::Time.optional()),
                ];
                self.given("an attempted delivery".into(), slots)
            }
            EventSource::Failing(feed) => {
                let slots = vec![("to", self.endpoint(feed)), ("since", Type::Time)];
                self.given("a failing endpoint".into(), slots)
            }
        }
    }

    fn given(&self, title: String, slots: Vec<(&str, Type)>) -> Arc<Shape> {
        let slot = |(name, ty): (&str, Type)| SlotType {
            name: name.into(),
            ty,
            origin: Origin::System,
        };
        let mut shape = Shape {
            title: title.into(),
            slots: slots.into_iter().map(slot).collect(),
        };
        shape.slots.extend(super::common::envelope(&self.cx));
        Arc::new(shape)
    }

    /// To whom a feed delivers: a row of its endpoints, or the name of a subscriber.
    fn endpoint(&self, feed: Id<Feed>) -> Type {
        let node = self.cx.names.feeds.node(feed);
        let deliver = node.and_then(|node| super::read::NodeExt::child(node, "deliver"));
        let to = deliver
            .and_then(|node| node.prop("to"))
            .and_then(|to| to.value.as_str());
        to.and_then(|name| self.cx.names.aggregates.find(name))
            .map_or(Type::Text, Type::Ref)
    }

    /// What was delivered: the row that the feed's events are about, where it is one.
    fn delivered(&self, feed: Id<Feed>) -> Type {
        let node = self.cx.names.feeds.node(feed);
        let words = node
            .into_iter()
            .flat_map(|node| super::read::NodeExt::child_args(node, "on"));
        let mut about: Option<Id<Aggregate>> = None;
        for word in words.filter_map(|entry| entry.value.as_str()) {
            let of = word.split_once('.').map_or(word, |(of, _)| of);
            let event = self
                .cx
                .names
                .events
                .find(of)
                .map(|id| self.events.get(id).about);
            match (event.or_else(|| self.cx.names.aggregates.find(of)), about) {
                (Some(id), None) => about = Some(id),
                (Some(id), Some(before)) if id == before => {}
                _ => return Type::Text,
            }
        }
        about.map_or(Type::Text, Type::Ref)
    }

    /// What all sources share: slots of one name and type in every one of them.
    pub(super) fn common_shape(&self, sources: &[EventSource]) -> Arc<Shape> {
        let mut shapes = sources.iter().map(|source| self.shape_of(*source));
        let Some(first) = shapes.next() else {
            return Arc::default();
        };
        let rest: Vec<Arc<Shape>> = shapes.collect();
        if rest.is_empty() {
            return first;
        }
        let shared = |slot: &&SlotType| {
            rest.iter()
                .all(|shape| shape.find(&slot.name).is_some_and(|(_, ty)| *ty == slot.ty))
        };
        let slots = first.slots.iter().filter(shared).cloned().collect();
        Arc::new(Shape {
            title: "what these events share".into(),
            slots,
        })
    }

    /// The operation of an external or the command that a call names.
    pub(super) fn call_target(&self, entry: &Entry) -> Option<CallTarget> {
        let name = entry.name()?;
        let names = &self.cx.names;
        let Some((of, what)) = name.text.split_once('.') else {
            let found = names.commands.find(&name.text).map(CallTarget::Command);
            if found.is_none() {
                let found = unknown("command", &name, names.commands.names());
                self.cx
                    .push(found.help("an operation of an external is `external.operation`"));
            }
            return found;
        };
        let part = |text: &str, from: usize| Name {
            text: text.into(),
            span: inside(entry, from, from + text.len()),
        };
        let Some(external) = names.externals.find(of) else {
            self.cx
                .push(unknown("external", &part(of, 0), names.externals.names()));
            return None;
        };
        let index = names.operations.get(external.index())?;
        let found = index
            .find(what)
            .map(|id| CallTarget::External(external, id));
        if found.is_none() {
            let what = part(what, of.len() + 1);
            let message = format!("`{of}` has no operation `{}`", what.text);
            let known: Vec<&str> = index.names().collect();
            let error = Diagnostic::error(codes::U0210, what.span, message);
            let meant = crate::suggest::closest(&what.text, known.iter().copied());
            self.cx.push(match meant {
                Some(meant) => error.fix(format!("did you mean `{meant}`?"), what.span, meant),
                None => error.help(format!("it has {}", both(&known))),
            });
        }
        found
    }
}

/// The bytes `from..to` of the word that an entry holds.
fn inside(entry: &Entry, from: usize, to: usize) -> crate::source::Span {
    let quote = u32::from(entry.value.style() != Some(crate::kdl::Style::Bare));
    let at = |offset: usize| {
        u32::try_from(offset)
            .unwrap_or(u32::MAX)
            .saturating_add(quote)
    };
    entry.value_span.slice(at(from), at(to))
}
