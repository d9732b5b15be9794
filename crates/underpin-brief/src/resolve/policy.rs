//! `policy`: whenever this, do that.

use super::common;
use super::read::{EntryExt, NodeExt};
use super::statements::Reader;
use super::world::World;
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::{Callers, Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use std::sync::Arc;

pub(super) fn policies(world: &World<'_>) -> Table<Policy> {
    let rows = world.cx.names.policies.iter();
    Table::new(
        rows.filter_map(|(_, name, node)| policy(world, name, node))
            .collect(),
    )
}

fn policy(world: &World<'_>, name: &Name, node: &Node) -> Option<Policy> {
    let path = NodePath::declaration("policy", &name.text);
    let trigger = trigger(world, name, node);
    let event_shape = match &trigger {
        Some(Trigger::On { source, .. }) => world.shape_of(*source),
        _ => Arc::default(),
    };
    let on = node.child("on").is_some();
    let scope = || {
        let mut scope = Scope::new(&world.cx.sig, Position::Statement);
        // Nobody is the caller of a policy but the service itself; the original one stands in the event.
        scope.set_caller(Callers {
            actors: Vec::new(),
            anyone: true,
        });
        scope.set_flow();
        if on {
            let ty = if trigger.is_some() {
                Type::Struct(Arc::clone(&event_shape))
            } else {
                Type::Error
            };
            scope.set_root(Root::Event, Some(ty));
        }
        scope
    };
    let body = Reader::new(world, scope()).policy(node, &path);
    let mut otherwise: Vec<(Name, Body)> = Vec::new();
    for inner in node.children_named("else") {
        let Some(code) = inner.title() else { continue };
        if let Some((first, _)) = otherwise.iter().find(|(other, _)| other.text == code.text) {
            let message = format!("`else {code}` stands twice");
            world.cx.push(
                Diagnostic::error(codes::U0209, code.span, message)
                    .also(first.span, "the first one")
                    .help("leave one of them out"),
            );
        }
        let path = path.child("else", &code.text);
        let body = Reader::new(world, scope()).policy(inner, &path);
        otherwise.push((code, body));
    }
    otherwise.sort_by(|(a, _), (b, _)| a.text.cmp(&b.text));
    Some(Policy {
        name: name.clone(),
        path,
        trigger: trigger?,
        event_shape,
        body,
        otherwise,
        lag: common::lag(node),
        retry: node
            .child_args("retry")
            .filter_map(EntryExt::duration)
            .collect(),
        priority: common::priority(node),
    })
}

fn trigger(world: &World<'_>, name: &Name, node: &Node) -> Option<Trigger> {
    let (on, every, cron) = (node.child("on"), node.child("every"), node.child("cron"));
    match (on, every, cron) {
        (Some(on), None, None) => {
            let entry = on.arg(0)?;
            let source = world.source(entry)?;
            let after = on.prop("after").and_then(EntryExt::duration);
            Some(Trigger::On { source, after })
        }
        (None, Some(every), None) => every.arg(0)?.duration().map(Trigger::Every),
        (None, None, Some(cron)) => calendar(world, cron),
        _ => {
            let message = format!("`{name}` needs one of `on`, `every` and `cron`");
            let help = "say when it acts: `on <Event>`, `every \"10m\"` or `cron \"0 2 * * *\"`";
            world
                .cx
                .push(Diagnostic::error(codes::U0204, node.head, message).help(help));
            None
        }
    }
}

fn calendar(world: &World<'_>, cron: &Node) -> Option<Trigger> {
    let entry = cron.arg(0)?;
    let zone = cron.word("zone").unwrap_or("UTC");
    if jiff::tz::TimeZone::get(zone).is_err() {
        let place = cron
            .prop("zone")
            .map_or(cron.head, |entry| entry.value_span);
        let message = format!("there is no time zone `{zone}`");
        let help = "write a name of the IANA list, such as `zone=\"Europe/Berlin\"` or `zone=UTC`";
        world
            .cx
            .push(Diagnostic::error(codes::U0206, place, message).help(help));
    }
    if let Some(wrong) = wrong_field(entry.value.as_str()?) {
        let message = format!("`{wrong}` is no field of a calendar");
        let help = "the fields are minute, hour, day, month and weekday: `\"0 2 * * 1-5\"`, `\"*/15 * * * *\"`";
        world
            .cx
            .push(Diagnostic::error(codes::U0206, entry.value_span, message).help(help));
    }
    let per_tenant = cron.prop("per").is_some();
    if per_tenant && world.cx.sig.tenant.is_none() {
        let place = cron.prop("per").map_or(cron.head, |entry| entry.span);
        let message = "there are no tenants";
        let help = "leave `per=tenant` out, or declare `tenancy <Aggregate>`";
        world
            .cx
            .push(Diagnostic::error(codes::U0230, place, message).help(help));
    }
    Some(Trigger::Cron {
        expression: entry.text()?,
        zone: zone.into(),
        per_tenant,
    })
}

/// The first field that is none: numbers in range, `*`, `a-b`, `*/n`, and lists of those.
fn wrong_field(text: &str) -> Option<&str> {
    const RANGES: [(u32, u32); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];
    let fits = |field: &str, (low, high): (u32, u32)| {
        let number = |text: &str| {
            text.parse::<u32>()
                .ok()
                .filter(|n| (low..=high).contains(n))
        };
        field.split(',').all(|part| {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, step.parse::<u32>().ok().filter(|n| *n > 0)),
                None => (part, Some(1)),
            };
            let range = match range.split_once('-') {
                Some((a, b)) => number(a).zip(number(b)).is_some_and(|(a, b)| a <= b),
                None => range == "*" || number(range).is_some(),
            };
            range && step.is_some()
        })
    };
    text.split_whitespace()
        .zip(RANGES)
        .find(|(field, range)| !fits(field, *range))
        .map(|(f, _)| f)
}
