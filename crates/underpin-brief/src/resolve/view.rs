//! `view`: a joined or folded read model.

use super::common;
use super::context::Cx;
use super::read::{EntryExt, NodeExt, name_of};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::{Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use std::sync::Arc;

pub(super) fn views(cx: &Cx<'_>) -> Table<View> {
    Table::new(
        cx.names
            .views
            .iter()
            .map(|(_, name, node)| view(cx, name, node))
            .collect(),
    )
}

fn view(cx: &Cx<'_>, name: &Name, node: &Node) -> View {
    let mut scope = Scope::new(&cx.sig, Position::Where);
    let mut sources = Vec::new();
    for line in node.children_named("from") {
        let aggregate = line.arg(1).and_then(EntryExt::name);
        let aggregate = aggregate.and_then(|name| common::aggregate(cx, &name));
        let Some(binding) = line.title() else {
            continue;
        };
        if scope.binding(&binding.text).is_some() {
            let message = format!("`{binding}` is bound already");
            cx.push(
                Diagnostic::error(codes::U0222, binding.span, message).help("choose another name"),
            );
        }
        let slot = scope.bind(&binding.text, aggregate.map_or(Type::Error, Type::Row));
        if let Some(aggregate) = aggregate {
            sources.push((
                line,
                ViewSource {
                    name: binding,
                    slot,
                    aggregate,
                    filter: None,
                },
            ));
        }
    }
    let from = sources
        .into_iter()
        .map(|(line, mut source)| {
            source.filter = cx.condition(line.prop("where"), &mut scope);
            source
        })
        .collect();
    let groups = columns(cx, node, "group", &mut scope, Position::Where);
    let shows = columns(cx, node, "show", &mut scope, Position::View);
    super::actor::distinct(cx, groups.iter().chain(&shows).map(|(name, _)| name));
    let slot = |(name, expr): &(Name, Expr)| SlotType {
        name: Arc::clone(&name.text),
        ty: expr.ty.clone(),
        origin: Origin::Declared,
    };
    let slots = groups.iter().chain(&shows).map(slot).collect();
    View {
        name: name.clone(),
        path: NodePath::declaration("view", &name.text),
        stale: node.prop("stale").and_then(EntryExt::duration),
        from,
        row: Arc::new(Shape {
            title: format!("row of {name}").into(),
            slots,
        }),
        groups,
        shows,
        frame: scope.frame(),
    }
}

fn columns(
    cx: &Cx<'_>,
    node: &Node,
    kind: &str,
    scope: &mut Scope<'_>,
    position: Position,
) -> Vec<(Name, Expr)> {
    scope.set_position(position);
    let columns = node.children_named(kind).flat_map(Node::props);
    columns
        .map(|(key, entry)| {
            let expr = cx.expr(entry, scope, None);
            // A reported column stays one, so that its uses are not reported, too.
            let expr = expr.unwrap_or_else(|| common::unknown_value(entry.value_span));
            (name_of(key), expr)
        })
        .collect()
}
