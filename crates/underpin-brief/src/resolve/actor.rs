//! `actor`: who uses the system.

use super::context::Cx;
use super::grammar::kinds::bandwidth;
use super::read::{EntryExt, NodeExt};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::kdl::Node;
use crate::model::*;

pub(super) fn actors(cx: &Cx<'_>) -> Table<Actor> {
    Table::new(
        cx.names
            .actors
            .iter()
            .map(|(_, name, node)| actor(cx, name, node))
            .collect(),
    )
}

fn actor(cx: &Cx<'_>, name: &Name, node: &Node) -> Actor {
    let channels: Vec<Channel> = node.children_named("channel").flat_map(channels).collect();
    let roles: Vec<Name> = node.child_args("role").filter_map(EntryExt::name).collect();
    distinct(cx, channels.iter().map(|channel| &channel.name));
    distinct(cx, roles.iter());
    Actor {
        name: name.clone(),
        kind: match node.word("kind") {
            Some("staff") => ActorKind::Staff,
            Some("partner") => ActorKind::Partner,
            Some("system") => ActorKind::System,
            _ => ActorKind::Person,
        },
        cross_tenant: node.mark(1, "cross-tenant"),
        channels,
        sign_in: node
            .child_args("sign-in")
            .filter_map(EntryExt::text)
            .collect(),
        roles,
    }
}

fn channels(node: &Node) -> impl Iterator<Item = Channel> {
    let channel = |name| Channel {
        name,
        rtt: node.prop("rtt").and_then(EntryExt::duration),
        bandwidth: node
            .prop("bandwidth")
            .and_then(|entry| bandwidth(entry.value.as_str()?)),
        session: node.prop("session").and_then(EntryExt::text),
        offline: node.prop("offline").and_then(EntryExt::duration),
    };
    node.args().filter_map(EntryExt::name).map(channel)
}

/// Reports names that stand twice in a list.
pub(super) fn distinct<'n>(cx: &Cx<'_>, names: impl Iterator<Item = &'n Name>) {
    let mut seen: std::collections::BTreeMap<&str, &Name> = std::collections::BTreeMap::new();
    for name in names {
        if let Some(first) = seen.insert(&name.text, name) {
            let message = format!("`{name}` stands twice");
            cx.push(
                Diagnostic::error(codes::U0209, name.span, message)
                    .also(first.span, "the first one")
                    .help("leave one of them out"),
            );
        }
    }
}
