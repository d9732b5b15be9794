//! `event`: what is told to others.

use super::common::{self, Target};
use super::context::Cx;
use super::read::{EntryExt, NodeExt};
use crate::expr::{Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use std::sync::Arc;

/// All events, once types and memberships are known.
pub(super) fn events(cx: &Cx<'_>) -> Table<Event> {
    Table::new(
        cx.names
            .events
            .iter()
            .map(|(_, name, node)| event(cx, name, node))
            .collect(),
    )
}

fn event(cx: &Cx<'_>, name: &Name, node: &Node) -> Event {
    let (fields, key) = common::message_fields(cx, node);
    let about = node.prop("about").and_then(EntryExt::name);
    let about = about.and_then(|name| common::aggregate(cx, &name));
    let shape = Arc::new(common::message_shape(cx, name, &fields));
    let upcasts = node.children_named("upcast").filter_map(|inner| {
        let from = inner.prop("from")?.small()?;
        let mut scope = Scope::new(&cx.sig, Position::Statement);
        scope.set_root(Root::Event, Some(Type::Struct(Arc::clone(&shape))));
        let target = Target::fields(&name.text, &fields);
        Some(Upcast {
            from,
            sets: common::assigns(cx, inner, "set", &target, &mut scope),
        })
    });
    let upcasts = upcasts.collect();
    Event {
        name: name.clone(),
        path: NodePath::declaration("event", &name.text),
        about: about.unwrap_or_else(|| Id::from_index(0)),
        version: node.prop("version").and_then(EntryExt::small).unwrap_or(1),
        public: node.mark(1, "public"),
        key,
        fields,
        shape,
        upcasts,
        keep: node.child_arg("keep").and_then(EntryExt::duration),
    }
}
