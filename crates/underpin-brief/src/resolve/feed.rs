//! `feed`: what subscribers are told.

use super::common;
use super::names::unknown;
use super::query;
use super::read::{EntryExt, NodeExt};
use super::types;
use super::world::World;
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::{Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use std::sync::Arc;

pub(super) fn feeds(world: &World<'_>) -> Table<Feed> {
    let rows = world.cx.names.feeds.iter();
    Table::new(
        rows.map(|(_, name, node)| feed(world, name, node))
            .collect(),
    )
}

fn feed(world: &World<'_>, name: &Name, node: &Node) -> Feed {
    let cx = &world.cx;
    let on: Vec<EventSource> = node
        .child_args("on")
        .filter_map(|entry| world.source(entry))
        .collect();
    let event_shape = world.common_shape(&on);
    let input = types::fields(cx, node, "input");
    let input_shape = Arc::new(types::shape_of(format!("input of {name}"), &input, 0));
    let mut scope = Scope::new(&cx.sig, Position::Allow);
    scope.set_input(&input_shape);
    let known = on.len() == node.child_args("on").count();
    let event = if known {
        Type::Struct(Arc::clone(&event_shape))
    } else {
        Type::Error
    };
    scope.set_root(Root::Event, Some(event));
    let endpoint = node
        .child("deliver")
        .and_then(|deliver| endpoint(world, deliver));
    scope.set_self(endpoint);
    scope.set_flow();
    let allows = common::allows(cx, node, &mut scope);
    scope.set_caller(common::callers(cx, node));
    scope.set_position(Position::Where);
    let filter = cx.condition(node.prop("where"), &mut scope);
    let loads = common::loads(cx, node, &mut scope);
    let shows = query::shows(world, node, Root::Event, &mut scope);
    let deliver = deliver(world, node, endpoint, &mut scope);
    let start = node
        .prop("start")
        .and_then(EntryExt::name)
        .and_then(|name| {
            let found = cx.names.queries.find(&name.text);
            if found.is_none() {
                cx.push(unknown("query", &name, cx.names.queries.names()));
            }
            found
        });
    Feed {
        name: name.clone(),
        path: NodePath::declaration("feed", &name.text),
        input,
        input_shape,
        allows,
        filter,
        start,
        on,
        shows,
        deliver,
        keep: node.child_arg("keep").and_then(EntryExt::duration),
        slow: match node
            .child_arg("slow")
            .and_then(|entry| entry.value.as_str())
        {
            Some("conflate") => Slow::Conflate,
            Some("drop") => Slow::Drop,
            _ => Slow::Close,
        },
        retry: node
            .child_args("retry")
            .filter_map(EntryExt::duration)
            .collect(),
        loads,
        withins: common::withins(cx, node),
        lag: common::lag(node),
        event_shape,
        frame: scope.frame(),
    }
}

fn endpoint(world: &World<'_>, deliver: &Node) -> Option<Id<Aggregate>> {
    common::aggregate(&world.cx, &deliver.prop("to")?.name()?)
}

fn deliver(
    world: &World<'_>,
    node: &Node,
    to: Option<Id<Aggregate>>,
    scope: &mut Scope<'_>,
) -> Deliver {
    let Some(line) = node.child("deliver") else {
        return Deliver::Live;
    };
    let how = line
        .arg(0)
        .and_then(|entry| entry.value.as_str())
        .unwrap_or("live");
    if how != "webhook" {
        if let Some((key, entry)) = line.props().next() {
            let message = format!("`{}` means something for `deliver webhook` only", key.text);
            let help = "leave it out";
            world
                .cx
                .push(Diagnostic::error(codes::U0223, entry.span, message).help(help));
        }
        return if how == "stream" {
            Deliver::Stream
        } else {
            Deliver::Live
        };
    }
    let mut expr = |prop: &str, ty: Option<&Type>| {
        line.prop(prop)
            .and_then(|entry| world.cx.expr(entry, scope, ty))
    };
    let url = expr("url", Some(&Type::Url));
    let secrets = expr("secrets", None);
    if line.prop("to").is_some() != line.prop("url").is_some() {
        let message = "stored endpoints need both `to=` and `url=`";
        let help = "write `deliver webhook to=<Aggregate> url=self.<field>`, or neither of them";
        world
            .cx
            .push(Diagnostic::error(codes::U0204, line.head, message).help(help));
    }
    Deliver::Webhook(Box::new(WebhookDelivery {
        to,
        url,
        secrets,
        // Feeds are in order per key unless the brief says that it does not matter.
        ordered: line.word("order") != Some("none"),
        timeout: line.prop("timeout").and_then(EntryExt::duration),
    }))
}
