//! Statements that ask or tell others: `call` and `emit`.

use super::{Bind, Made, Reader};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::kdl::Node;
use crate::model::*;
use crate::resolve::common::{Target as Sets, assigns, complete};
use crate::resolve::names::unknown;
use crate::resolve::read::{EntryExt, NodeExt};
use std::sync::Arc;

impl Reader<'_, '_> {
    pub(super) fn call(&mut self, node: &Node) -> Option<Made> {
        let world = self.world;
        let Some(target) = world.call_target(node.arg(1)?) else {
            return self.broken(node);
        };
        let once = node.prop("once").and_then(EntryExt::text);
        let made = match target {
            CallTarget::External(external, operation) => {
                let operation = world.externals.get(external).operations.get(operation);
                let inputs = Sets::fields(&operation.name.text, &operation.input);
                let sets = assigns(&world.cx, node, "set", &inputs, &mut self.scope);
                complete(&world.cx, &inputs, &sets, node.head);
                let undo = self.undo_call(node, external, operation);
                let fallback = self.fallback(node, operation);
                let ty = Type::Struct(Arc::clone(&operation.output_shape));
                (
                    StatementKind::Call {
                        target,
                        sets,
                        undo,
                        fallback,
                        once,
                    },
                    ty,
                )
            }
            CallTarget::Command(id) => {
                let fields = world.inputs.get(id.index()).map_or(&[][..], Vec::as_slice);
                let title = node.arg(1).and_then(EntryExt::name)?;
                let inputs = Sets::fields(&title.text, fields);
                let sets = assigns(&world.cx, node, "set", &inputs, &mut self.scope);
                complete(&world.cx, &inputs, &sets, node.head);
                let undo = self.undo_command(node);
                let shape = world.returns.borrow().get(id.index()).cloned().flatten();
                let ty = shape.map_or(Type::Error, Type::Struct);
                if let Some(line) = node.child("fallback") {
                    let message = "`fallback` has no place where a command is called";
                    let found = Diagnostic::error(codes::U0223, line.head, message)
                        .fact("it stands in for an external that cannot be reached; a command of this brief can")
                        .fix("leave it out", line.span, "");
                    world.cx.push(found);
                }
                let fallback = Vec::new();
                (
                    StatementKind::Call {
                        target,
                        sets,
                        undo,
                        fallback,
                        once,
                    },
                    ty,
                )
            }
        };
        Some(Made {
            kind: Some(made.0),
            bind: Some(Bind::New(node.title()?, made.1)),
        })
    }

    pub(super) fn undo_call(
        &mut self,
        node: &Node,
        external: Id<External>,
        call: &ExternalOperation,
    ) -> Undo {
        let Some(undo) = node.child("undo") else {
            return Undo::Default;
        };
        if let Some(why) = undo.prop("none").and_then(EntryExt::text) {
            self.undo_says_both(undo);
            return Undo::None {
                why,
                span: undo.span,
            };
        }
        let world = self.world;
        let Some(declared) = &call.undo else {
            let message = format!("`{}` has no `undo`", call.name);
            let help = "declare `undo <operation>` in the operation, or write `undo none=\"why\"`";
            world
                .cx
                .push(Diagnostic::error(codes::U0224, undo.head, message).help(help));
            return Undo::Default;
        };
        let operation = world
            .externals
            .get(external)
            .operations
            .get(declared.operation);
        let target = Sets::fields(&operation.name.text, &operation.input);
        let input = Some(Type::Struct(Arc::clone(&call.input_shape)));
        let output = Some(Type::Struct(Arc::clone(&call.output_shape)));
        let before = (
            self.scope.set_root(Root::Input, input),
            self.scope.set_root(Root::Output, output),
        );
        let sets = assigns(&world.cx, undo, "set", &target, &mut self.scope);
        self.scope.set_root(Root::Input, before.0);
        self.scope.set_root(Root::Output, before.1);
        complete(&world.cx, &target, &sets, undo.head);
        Undo::Call {
            sets,
            span: undo.span,
        }
    }

    pub(super) fn undo_command(&self, node: &Node) -> Undo {
        let Some(undo) = node.child("undo") else {
            return Undo::Default;
        };
        match undo.prop("none").and_then(EntryExt::text) {
            Some(why) => Undo::None {
                why,
                span: undo.span,
            },
            None => {
                let message = "a command undoes itself, statement by statement";
                let help = "leave `undo` out, or write `undo none=\"why\"`";
                self.world
                    .cx
                    .push(Diagnostic::error(codes::U0224, undo.head, message).help(help));
                Undo::Default
            }
        }
    }

    pub(super) fn fallback(&mut self, node: &Node, operation: &ExternalOperation) -> Vec<Assign> {
        let Some(first) = node.child("fallback") else {
            return Vec::new();
        };
        let title = format!("answer of {}", operation.name);
        let target = Sets::shape(&title, &operation.output_shape);
        let sets = assigns(&self.world.cx, node, "fallback", &target, &mut self.scope);
        complete(&self.world.cx, &target, &sets, first.head);
        sets
    }

    pub(super) fn emit(&mut self, node: &Node) -> Option<Made> {
        let world = self.world;
        let name = node.title()?;
        let Some(event) = world.cx.names.events.find(&name.text) else {
            world
                .cx
                .push(unknown("event", &name, world.cx.names.events.names()));
            return None;
        };
        let declared = world.events.get(event);
        let target = Sets::fields(&declared.name.text, &declared.fields);
        let sets = assigns(&world.cx, node, "set", &target, &mut self.scope);
        complete(&world.cx, &target, &sets, node.head);
        Some(Made {
            kind: Some(StatementKind::Emit { event, sets }),
            bind: None,
        })
    }
}
