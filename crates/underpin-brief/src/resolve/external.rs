//! `external`: what somebody else runs. First shapes; then the inputs of undos.

use super::common::{self, Target, assigns};
use super::context::Cx;
use super::names::unknown;
use super::read::{EntryExt, NodeExt};
use super::system::team;
use super::types::{self, shape_of};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::{Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use std::sync::Arc;

pub(super) fn shapes(cx: &Cx<'_>) -> Table<External> {
    let rows = cx.names.externals.iter();
    Table::new(
        rows.map(|(id, name, node)| external(cx, id, name, node))
            .collect(),
    )
}

fn external(cx: &Cx<'_>, id: Id<External>, name: &Name, node: &Node) -> External {
    let path = NodePath::declaration("external", &name.text);
    let operations = cx.names.operations.get(id.index());
    let operations = operations.into_iter().flat_map(|index| index.iter());
    let sends = cx
        .names
        .sends
        .get(id.index())
        .into_iter()
        .flat_map(|index| index.iter());
    let store = node.child("store");
    let serves = node.child("serves");
    External {
        name: name.clone(),
        legacy: node.mark(1, "legacy"),
        team: team(cx, node),
        contract: node.child_arg("contract").and_then(EntryExt::text),
        operations: Table::new(
            operations
                .map(|(_, name, node)| operation(cx, &path, name, node))
                .collect(),
        ),
        sends: Table::new(
            sends
                .map(|(_, name, node)| sent(cx, &path, name, node))
                .collect(),
        ),
        latency: node.child("latency").map(latency),
        availability: node.child_arg("availability").and_then(EntryExt::percent),
        rate: node.child_arg("rate").and_then(EntryExt::rate),
        holds: node
            .child_args("holds")
            .filter_map(EntryExt::name)
            .filter_map(|name| common::aggregate(cx, &name))
            .collect(),
        store: store.and_then(|node| {
            Some(LegacyStore {
                kind: node.arg(0)?.text()?,
                version: node.prop("version").and_then(EntryExt::text),
                capture: node.prop("capture").and_then(EntryExt::text),
            })
        }),
        serves: serves.map(|node| served(cx, node)),
        freezes: node.children_named("freeze").filter_map(freeze).collect(),
    }
}

fn served(cx: &Cx<'_>, node: &Node) -> LegacyServes {
    let operations: Vec<Name> = node.args().filter_map(EntryExt::name).collect();
    for name in &operations {
        if !cx
            .names
            .operations_of_ours()
            .any(|known| known == &*name.text)
        {
            cx.push(unknown("operation", name, cx.names.operations_of_ours()));
        }
    }
    LegacyServes {
        operations,
        path: node.prop("path").and_then(EntryExt::text),
    }
}

fn freeze(node: &Node) -> Option<Freeze> {
    Some(Freeze {
        from: node.prop("from")?.day()?,
        to: node.prop("to")?.day()?,
        reason: node.prop("reason").and_then(EntryExt::text),
    })
}

fn latency(node: &Node) -> Latency {
    Latency {
        p50: node.prop("p50").and_then(EntryExt::duration),
        p99: node.prop("p99").and_then(EntryExt::duration),
    }
}

fn operation(cx: &Cx<'_>, path: &NodePath, name: &Name, node: &Node) -> ExternalOperation {
    let input = types::fields(cx, node, "input");
    let output = types::fields(cx, node, "output");
    let shape =
        |what: &str, fields: &[Field]| Arc::new(shape_of(format!("{what} of {name}"), fields, 0));
    let idempotent = node
        .prop("idempotent")
        .and_then(EntryExt::name)
        .and_then(|key| {
            let at = input.iter().position(|field| field.name.text == key.text);
            if at.is_none() {
                cx.push(unknown(
                    "input",
                    &key,
                    input.iter().map(|field| &*field.name.text),
                ));
            }
            at
        });
    let fails: Vec<Fails> = node
        .children_named("fails")
        .filter_map(|node| {
            let share = node.prop("share").and_then(EntryExt::percent);
            Some(Fails {
                code: node.title()?,
                share,
            })
        })
        .collect();
    super::actor::distinct(cx, fails.iter().map(|one| &one.code));
    ExternalOperation {
        name: name.clone(),
        path: path.child("operation", &name.text),
        idempotent,
        read: node.mark(1, "read"),
        input_shape: shape("input", &input),
        output_shape: shape("output", &output),
        input,
        output,
        fails,
        undo: None,
        status: None,
        latency: node.child("latency").map(latency),
        availability: node.child_arg("availability").and_then(EntryExt::percent),
        rate: node.child_arg("rate").and_then(EntryExt::rate),
        stale: node.child_arg("stale").and_then(EntryExt::duration),
    }
}

fn sent(cx: &Cx<'_>, path: &NodePath, name: &Name, node: &Node) -> Sends {
    let (fields, key) = common::message_fields(cx, node);
    let mut scope = Scope::new(&cx.sig, Position::Where);
    Sends {
        name: name.clone(),
        path: path.child("sends", &name.text),
        via: match node.word("via") {
            Some("kafka") => Via::Kafka,
            Some("amqp") => Via::Amqp,
            Some("nats") => Via::Nats,
            _ => Via::Webhook,
        },
        topic: node.prop("topic").and_then(EntryExt::text),
        format: node.prop("format").and_then(EntryExt::text),
        key,
        fields,
        shape: Arc::default(),
        loads: common::loads(cx, node, &mut scope),
    }
}

/// Undos, statuses and the shapes of messages, when everything has a shape.
pub(super) fn rules(cx: &Cx<'_>, table: &mut Table<External>) {
    for (id, _, _) in cx.names.externals.iter() {
        let Some(index) = cx.names.operations.get(id.index()) else {
            continue;
        };
        for (at, _, node) in index.iter() {
            let undo = node
                .child("undo")
                .and_then(|undo| undo_of(cx, table, id, at, undo));
            let status = node
                .child_arg("status")
                .and_then(EntryExt::name)
                .and_then(|name| {
                    let found = index.find(&name.text);
                    if found.is_none() {
                        cx.push(unknown("operation", &name, index.names()));
                    }
                    found
                });
            let operation = table.get_mut(id).operations.get_mut(at);
            operation.undo = undo;
            operation.status = status;
        }
        let Some(index) = cx.names.sends.get(id.index()) else {
            continue;
        };
        for (at, _, _) in index.iter() {
            let sends = table.get_mut(id).sends.get_mut(at);
            sends.shape = Arc::new(common::message_shape(cx, &sends.name, &sends.fields));
        }
    }
}

fn undo_of(
    cx: &Cx<'_>,
    table: &Table<External>,
    id: Id<External>,
    at: Id<ExternalOperation>,
    node: &Node,
) -> Option<OperationUndo> {
    let name = node.title()?;
    let index = cx.names.operations.get(id.index())?;
    let Some(operation) = index.find(&name.text) else {
        cx.push(unknown("operation", &name, index.names()));
        return None;
    };
    let undone = table.get(id).operations.get(at);
    if undone.read {
        let message = format!(
            "`{}` changes nothing, so there is nothing to undo",
            undone.name
        );
        let help = "leave `undo` out, or leave the mark `read` out";
        cx.push(Diagnostic::error(codes::U0224, node.head, message).help(help));
    }
    let mut scope = Scope::new(&cx.sig, Position::Statement);
    scope.set_input(&undone.input_shape);
    scope.set_root(
        Root::Output,
        Some(Type::Struct(Arc::clone(&undone.output_shape))),
    );
    let target = table.get(id).operations.get(operation);
    let target = Target::inputs(&target.name.text, &target.input);
    let sets = assigns(cx, node, "set", &target, &mut scope);
    common::complete(cx, &target, &sets, node.head);
    Some(OperationUndo { operation, sets })
}
