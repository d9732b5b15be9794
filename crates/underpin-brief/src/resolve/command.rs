//! `command`: what can be done. Commands may call one another, so they are checked in the order
//! in which they do.

use super::common;
use super::order::order;
use super::read::{EntryExt, NodeExt};
use super::statements::Reader;
use super::types;
use super::world::World;
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::{Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use std::sync::Arc;

pub(super) fn commands(world: &World<'_>) -> Table<Command> {
    let names = &world.cx.names;
    let mut edges: Vec<Vec<usize>> = Vec::new();
    for (_, _, node) in names.commands.iter() {
        let mut called = Vec::new();
        calls(node, &mut |word| {
            called.extend(names.commands.find(word).map(Id::index));
        });
        edges.push(called);
    }
    let (sequence, cyclic) = order(&edges);
    let declared: Vec<_> = names.commands.iter().collect();
    let mut all = Vec::new();
    for at in sequence {
        let Some((_, name, node)) = declared.get(at) else {
            continue;
        };
        if cyclic.contains(&at) {
            let message = format!("`{name}` calls itself, directly or through others");
            let help = "let a policy go on with the work: it starts anew on an event";
            world
                .cx
                .push(Diagnostic::error(codes::U0228, name.span, message).help(help));
        }
        let (command, returned) = command(world, name, node, at);
        if let Some(place) = world.returns.borrow_mut().get_mut(at) {
            *place = Some(Arc::new(returned));
        }
        all.push(command);
    }
    Table::new(all)
}

/// Words after `call x` anywhere in a body.
fn calls(node: &Node, found: &mut dyn FnMut(&str)) {
    for inner in node.nodes() {
        if inner.is("call") {
            inner
                .arg(1)
                .and_then(|entry| entry.value.as_str())
                .into_iter()
                .for_each(&mut *found);
        } else if inner.is("each") {
            calls(inner, found);
        }
    }
}

fn command(world: &World<'_>, name: &Name, node: &Node, at: usize) -> (Command, Shape) {
    let cx = &world.cx;
    let input = world.inputs.get(at).cloned().unwrap_or_default();
    let input_shape = Arc::new(types::shape_of(format!("input of {name}"), &input, 0));
    let path = NodePath::declaration("command", &name.text);
    let mut scope = Scope::new(&cx.sig, Position::Allow);
    scope.set_input(&input_shape);
    scope.set_flow();
    let allows = common::allows(cx, node, &mut scope);
    scope.set_caller(common::callers(cx, node));
    scope.set_position(Position::Statement);
    let once = node
        .prop("once")
        .and_then(|entry| cx.expr(entry, &mut scope, None));
    let loads = common::loads(cx, node, &mut scope);
    scope.set_secrets(true);
    let mut reader = Reader::new(world, scope);
    let body = reader.command(node, &path);
    if body.statements.is_empty() && !has_statement(node) {
        let message = format!("`{name}` does nothing");
        let help = "add a statement such as `create`, `change` or `call`";
        cx.push(Diagnostic::error(codes::U0204, node.head, message).help(help));
    }
    let slot = |(name, ty): &(Name, Type)| SlotType {
        name: Arc::clone(&name.text),
        ty: ty.clone(),
        origin: Origin::Declared,
    };
    let slots = reader.returned.iter().map(slot).collect();
    let returned = Shape {
        title: format!("answer of {name}").into(),
        slots,
    };
    let command = Command {
        name: name.clone(),
        path,
        allows,
        input,
        input_shape,
        body,
        answer: match node.word("answer") {
            Some("accepted") => AnswerMode::Accepted,
            _ => AnswerMode::Final,
        },
        once,
        precondition: match node.word("precondition") {
            Some("version") => Some(Precondition::Version),
            Some("none") => Some(Precondition::None),
            _ => None,
        },
        holds: node.prop("hold").is_none(),
        loads,
        withins: common::withins(cx, node),
        deadline: node.child_arg("deadline").and_then(EntryExt::duration),
        priority: common::priority(node),
        bulk: node.child_arg("bulk").and_then(EntryExt::small),
        route: node.prop("path").and_then(EntryExt::text),
    };
    (command, returned)
}

fn has_statement(node: &Node) -> bool {
    const OTHERS: &[&str] = &[
        "allow", "input", "load", "within", "deadline", "priority", "bulk",
    ];
    node.nodes()
        .iter()
        .any(|inner| !OTHERS.contains(&&*inner.name.text))
}
