//! `limit`: how much may be used.

use super::common;
use super::context::Cx;
use super::names::unknown;
use super::read::{EntryExt, NodeExt};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::kdl::Node;
use crate::model::*;

pub(super) fn limits(cx: &Cx<'_>, aggregates: &Table<Aggregate>) -> Table<Limit> {
    let limit = |(_, name, node): (_, &Name, &Node)| {
        Some(Limit {
            name: name.clone(),
            path: NodePath::declaration("limit", &name.text),
            per: match node.word("per") {
                Some("tenant") => LimitPer::Tenant,
                Some("ip") => LimitPer::Ip,
                Some("all") => LimitPer::All,
                _ => LimitPer::Caller,
            },
            kind: kind(cx, node, aggregates)?,
            operations: node
                .child_args("for")
                .filter_map(EntryExt::name)
                .filter_map(|name| operation(cx, &name))
                .collect(),
            code: node.prop("else").and_then(EntryExt::name),
        })
    };
    let all: Vec<Limit> = cx.names.limits.iter().filter_map(limit).collect();
    Table::new(all)
}

/// The command or query of that name; reported where there is none.
pub(super) fn operation(cx: &Cx<'_>, name: &Name) -> Option<LimitedOperation> {
    let command = cx
        .names
        .commands
        .find(&name.text)
        .map(LimitedOperation::Command);
    let query = || {
        cx.names
            .queries
            .find(&name.text)
            .map(LimitedOperation::Query)
    };
    let found = command.or_else(query);
    if found.is_none() {
        let known = cx.names.commands.names().chain(cx.names.queries.names());
        cx.push(unknown("command or query", name, known));
    }
    found
}

fn kind(cx: &Cx<'_>, node: &Node, aggregates: &Table<Aggregate>) -> Option<LimitKind> {
    let rate = node.prop("rate");
    let count = node.prop("count");
    let sum = node.prop("sum");
    let max = node.prop("max").and_then(most);
    match (rate, count, sum, max) {
        (Some(rate), None, None, _) => Some(LimitKind::Rate {
            rate: rate.rate()?,
            burst: node.prop("burst").and_then(EntryExt::natural),
        }),
        (None, Some(count), None, Some(max)) => Some(LimitKind::Count {
            aggregate: common::aggregate(cx, &count.name()?)?,
            max,
        }),
        (None, None, Some(sum), Some(max)) => {
            let path = sum.name()?;
            let (of, field) = path.text.split_once('.').unwrap_or((&path.text, ""));
            let aggregate = common::aggregate(
                cx,
                &Name {
                    text: of.into(),
                    span: path.span,
                },
            )?;
            let row = &aggregates.get(aggregate).row;
            let slot = row
                .find(field)
                .filter(|(_, ty)| matches!(ty, Type::Int))
                .map(|(at, _)| at);
            if slot.is_none() {
                let message = format!("`{}` is no whole number that can be added up", path.text);
                let help = format!("write `sum={of}.<field>` with a field of the type `int`");
                cx.push(Diagnostic::error(codes::U0229, path.span, message).help(help));
            }
            Some(LimitKind::Sum {
                aggregate,
                slot: slot?,
                max,
            })
        }
        _ => {
            let message =
                "a limit says either `rate=`, or `count=` and `max=`, or `sum=` and `max=`";
            let help = "write for example `rate=\"20/s\"`, `count=Note max=3` or `sum=File.bytes max=\"1 GiB\"`";
            cx.push(Diagnostic::error(codes::U0231, node.head, message).help(help));
            None
        }
    }
}

fn most(entry: &crate::kdl::Entry) -> Option<u64> {
    entry
        .natural()
        .or_else(|| entry.bytes().map(|bytes| bytes.0))
}

/// A tier's own value of a limit.
pub(super) fn of_tier(
    cx: &Cx<'_>,
    node: &Node,
    limits: &Table<Limit>,
) -> Option<(Id<Limit>, LimitKind)> {
    let name = node.title()?;
    let Some(id) = limits.find(&name.text) else {
        if cx.names.limits.find(&name.text).is_none() {
            cx.push(unknown("limit", &name, cx.names.limits.names()));
        }
        return None;
    };
    let rate = node.prop("rate").and_then(EntryExt::rate);
    let burst = node.prop("burst").and_then(EntryExt::natural);
    let most = node.prop("max").and_then(most);
    let kind = match (&limits.get(id).kind, rate, most) {
        (LimitKind::Rate { .. }, Some(rate), None) => LimitKind::Rate { rate, burst },
        (LimitKind::Count { aggregate, .. }, None, Some(max)) => LimitKind::Count {
            aggregate: *aggregate,
            max,
        },
        (
            LimitKind::Sum {
                aggregate, slot, ..
            },
            None,
            Some(max),
        ) => LimitKind::Sum {
            aggregate: *aggregate,
            slot: *slot,
            max,
        },
        (declared, _, _) => {
            let wants = if matches!(declared, LimitKind::Rate { .. }) {
                "rate"
            } else {
                "max"
            };
            let message = format!("`{name}` is overridden by `{wants}=`");
            let found = Diagnostic::error(codes::U0231, node.head, message);
            cx.push(found.also(limits.get(id).name.span, "it is declared here"));
            return None;
        }
    };
    Some((id, kind))
}
