//! `tenancy`, `tier` and `flag`: customers that are kept apart, and what they get.

use super::common;
use super::context::Cx;
use super::limit;
use super::names::unknown;
use super::read::{EntryExt, NodeExt};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::{MembershipSignature, Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use std::collections::BTreeMap;

/// The aggregate whose rows are the tenants.
pub(super) fn tenant(cx: &Cx<'_>, nodes: &[&Node]) -> Option<Id<Aggregate>> {
    let mut all = nodes.iter().filter(|node| node.is("tenancy"));
    let first = all.next();
    for more in all {
        let message = "a brief has one `tenancy`";
        cx.push(
            Diagnostic::error(codes::U0213, more.name.span, message).help("leave one of them out"),
        );
    }
    common::aggregate(cx, &first?.title()?)
}

/// The rows through which callers belong to a tenant.
pub(super) fn memberships(cx: &Cx<'_>, nodes: &[&Node]) -> Vec<MembershipSignature> {
    let mut rows: BTreeMap<Id<Aggregate>, Vec<Id<Actor>>> = BTreeMap::new();
    for line in nodes
        .iter()
        .filter(|n| n.is("tenancy"))
        .flat_map(|n| n.children_named("caller"))
    {
        let actor = line
            .title()
            .and_then(|name| cx.names.actors.find(&name.text));
        let via = line
            .word("via")
            .and_then(|name| cx.names.aggregates.find(name));
        if let (Some(actor), Some(via)) = (actor, via) {
            rows.entry(via).or_default().push(actor);
        }
    }
    let signature = |(aggregate, actors): (Id<Aggregate>, Vec<Id<Actor>>)| {
        let name = cx.names.aggregates.node(aggregate).and_then(NodeExt::title);
        let name = name.map_or_else(
            || "".into(),
            |name| super::names::in_expressions(&name.text),
        );
        MembershipSignature {
            name,
            aggregate,
            actors,
        }
    };
    rows.into_iter().map(signature).collect()
}

/// The checked tenancy.
pub(super) fn tenancy(
    cx: &Cx<'_>,
    nodes: &[&Node],
    aggregates: &Table<Aggregate>,
) -> Option<Tenancy> {
    let node = nodes.iter().find(|node| node.is("tenancy"))?;
    let aggregate = cx.names.aggregates.find(&node.title()?.text)?;
    let expr = |kind: &str, ty: Type| {
        let mut scope = Scope::new(&cx.sig, Position::Define);
        scope.set_self(Some(aggregate));
        cx.expr(node.child_arg(kind)?, &mut scope, Some(&ty))
    };
    let callers = node
        .children_named("caller")
        .filter_map(|line| caller(cx, line, aggregates));
    Some(Tenancy {
        aggregate,
        tier: expr("tier", Type::Tier),
        region: expr("region", Type::Region),
        callers: callers.collect(),
        span: node.span,
    })
}

fn caller(cx: &Cx<'_>, line: &Node, aggregates: &Table<Aggregate>) -> Option<TenantCaller> {
    let name = line.title()?;
    let Some(actor) = cx.names.actors.find(&name.text) else {
        cx.push(unknown("actor", &name, cx.names.actors.names()));
        return None;
    };
    let via = line.prop("via").and_then(EntryExt::name);
    let claim = line.prop("claim").and_then(EntryExt::text);
    match (via, claim) {
        (Some(via), None) => {
            let aggregate = common::aggregate(cx, &via)?;
            let keys = aggregates.get(aggregate).key_fields();
            let by_actor = matches!(keys, [key] if key.ty == Type::Actor(actor));
            if !by_actor {
                let message = format!("`{via}` is not keyed by `{name}`");
                let help = format!(
                    "give it the key `key person {name}`, so that one row says who belongs"
                );
                cx.push(Diagnostic::error(codes::U0230, via.span, message).help(help));
            }
            Some(TenantCaller {
                actor,
                via: TenantVia::Membership(aggregate),
            })
        }
        (None, Some(claim)) => Some(TenantCaller {
            actor,
            via: TenantVia::Claim(claim),
        }),
        _ => {
            let message = format!("`caller {name}` needs either `via=` or `claim=`");
            let help = "write `via=<aggregate>` for a membership row, `claim=<name>` for a claim of the token";
            cx.push(Diagnostic::error(codes::U0230, line.head, message).help(help));
            None
        }
    }
}

pub(super) fn tiers(cx: &Cx<'_>, limits: &Table<Limit>) -> Table<Tier> {
    let tier = |(_, name, node): (_, &Name, &Node)| Tier {
        name: name.clone(),
        isolation: match node.word("isolation") {
            Some("bridge") => Isolation::Bridge,
            Some("silo") => Isolation::Silo,
            _ => Isolation::Pool,
        },
        tenants: node.prop("tenants").and_then(EntryExt::natural),
        limits: node
            .children_named("limit")
            .filter_map(|inner| limit::of_tier(cx, inner, limits))
            .collect(),
        flags: node
            .child_args("flag")
            .filter_map(EntryExt::name)
            .filter_map(|name| {
                let found = cx.names.flags.find(&name.text.replace('-', "_"));
                if found.is_none() {
                    cx.push(unknown("flag", &name, cx.names.flags.names()));
                }
                found
            })
            .collect(),
    };
    Table::new(cx.names.tiers.iter().map(tier).collect())
}

pub(super) fn flags(cx: &Cx<'_>) -> Table<Flag> {
    let flag = |(_, name, node): (_, &Name, &Node)| Flag {
        name: name.clone(),
        rollout: node.child("rollout").and_then(|rollout| {
            let by = rollout.word("by").unwrap_or("caller");
            Some((rollout.arg(0)?.percent()?, by.into()))
        }),
    };
    Table::new(cx.names.flags.iter().map(flag).collect())
}
