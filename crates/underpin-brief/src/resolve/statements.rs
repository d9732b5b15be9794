//! Statements of commands and policies: names to slots, in the written order.

use super::common::{self, Target as Sets, assigns, complete};
use super::names::unknown;
use super::read::{EntryExt, NodeExt, name_of};
use super::world::World;
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::{Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use crate::source::Span;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The verbs.
const VERBS: &[&str] = &[
    "let", "read", "create", "change", "delete", "call", "emit", "each", "require", "return",
];

/// What may stand where.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Command,
    Policy,
    Loop,
}

/// The statements of one command, policy or `else` while they are read.
pub(super) struct Reader<'w, 's> {
    pub(super) world: &'w World<'w>,
    pub(super) scope: Scope<'s>,
    /// What the `return` of a command gives.
    pub(super) returned: Vec<(Name, Type)>,
    lets: Vec<(Name, Slot)>,
}

/// Names of statements on one level: how often each was given.
type Given = BTreeMap<String, usize>;

impl<'w, 's> Reader<'w, 's> {
    pub(super) fn new(world: &'w World<'w>, mut scope: Scope<'s>) -> Self {
        scope.set_position(Position::Statement);
        Self {
            world,
            scope,
            returned: Vec::new(),
            lets: Vec::new(),
        }
    }

    /// The body of a command.
    pub(super) fn command(&mut self, node: &Node, path: &NodePath) -> Body {
        self.body(node, path, Level::Command)
    }

    /// The body of a policy, or of its `else`.
    pub(super) fn policy(&mut self, node: &Node, path: &NodePath) -> Body {
        self.body(node, path, Level::Policy)
    }

    fn body(&mut self, node: &Node, path: &NodePath, level: Level) -> Body {
        let statements = self.block(node, path, level);
        self.unused(&statements);
        Body {
            statements,
            frame: self.scope.frame(),
        }
    }

    fn block(&mut self, node: &Node, path: &NodePath, level: Level) -> Vec<Statement> {
        let mut given = Given::new();
        let mut statements = Vec::new();
        let mut ended: Option<Span> = None;
        for inner in node
            .nodes()
            .iter()
            .filter(|inner| VERBS.contains(&&*inner.name.text))
        {
            if let Some(end) = ended {
                let message = "a statement stands after `return`";
                self.world.cx.push(
                    Diagnostic::error(codes::U0223, inner.head, message)
                        .also(end, "the answer is given here")
                        .help("move `return` to the end"),
                );
            }
            if inner.is("return") {
                ended = Some(inner.head);
            }
            self.statement(inner, path, level, &mut given, &mut statements);
        }
        statements
    }

    fn statement(
        &mut self,
        node: &Node,
        parent: &NodePath,
        level: Level,
        given: &mut Given,
        out: &mut Vec<Statement>,
    ) {
        if node.is("let") {
            self.lets(node, parent, given, out);
            return;
        }
        let mark = self.scope.mark();
        let when = self.world.cx.condition(node.prop("when"), &mut self.scope);
        if let Some(when) = &when {
            self.scope.assume(when);
        }
        let (name, path) = label(node, parent, given);
        let made = self.kind(node, &path, level);
        self.scope.release(mark);
        let Some(Made { kind, bind }) = made else {
            return;
        };
        let binding = bind.map(|bind| self.bind(bind, when.is_some()));
        let Some(kind) = kind else { return };
        if let (StatementKind::Require { condition, .. }, None) = (&kind, &when) {
            self.scope.assume(condition);
        }
        out.push(Statement {
            name,
            path,
            binding,
            when,
            share: node.prop("share").and_then(EntryExt::percent),
            span: node.span,
            kind,
        });
    }

    /// Binds the result of a statement; where it may be skipped, it may be absent.
    fn bind(&mut self, bind: Bind, skipped: bool) -> Slot {
        match bind {
            Bind::Again(slot) => slot,
            Bind::New(name, ty) => {
                if self.scope.binding(&name.text).is_some() {
                    let message = format!("`{name}` is bound already");
                    let help = "choose another name, or leave the aggregate out to go on with the bound row";
                    self.world
                        .cx
                        .push(Diagnostic::error(codes::U0222, name.span, message).help(help));
                }
                self.scope
                    .bind(&name.text, if skipped { ty.optional() } else { ty })
            }
        }
    }

    fn lets(
        &mut self,
        node: &Node,
        parent: &NodePath,
        given: &mut Given,
        out: &mut Vec<Statement>,
    ) {
        for (key, entry) in node.props() {
            let name = name_of(key);
            let expr = self.world.cx.expr(entry, &mut self.scope, None);
            let ty = expr.as_ref().map_or(Type::Error, |expr| expr.ty.clone());
            let slot = self.bind(Bind::New(name.clone(), ty), false);
            self.lets.push((name.clone(), slot));
            let Some(expr) = expr else { continue };
            let path = unique(parent, "let", &name.text, given);
            out.push(Statement {
                name,
                path,
                binding: Some(slot),
                when: None,
                share: None,
                span: node.span,
                kind: StatementKind::Let(expr),
            });
        }
    }

    fn kind(&mut self, node: &Node, path: &NodePath, level: Level) -> Option<Made> {
        match &*node.name.text {
            "read" => self.read(node),
            "create" => self.create(node),
            "change" => self.change(node),
            "delete" => self.delete(node),
            "call" => self.call(node),
            "emit" => self.emit(node),
            "each" => self.each(node, path, level),
            "require" => self.require(node),
            "return" => self.answer(node, level),
            _ => None,
        }
    }

    fn read(&mut self, node: &Node) -> Option<Made> {
        let cx = &self.world.cx;
        let id = common::aggregate(cx, &node.arg(1)?.name()?);
        let key = node.prop("key");
        let keys = node.prop("keys");
        if key.is_some() && (keys.is_some() || node.prop("where").is_some())
            || keys.is_some() && node.prop("where").is_some()
        {
            let message = "`read` takes one of `key=`, `keys=` and `where=`";
            cx.push(
                Diagnostic::error(codes::U0223, node.head, message).help("leave the others out"),
            );
        }
        let Some(id) = id else {
            return self.broken(node);
        };
        let row = Type::Row(id);
        let limit = node.prop("limit").and_then(EntryExt::small);
        let (access, ty) = if let Some(key) = key {
            (
                cx.expr(key, &mut self.scope, Some(&Type::Ref(id)))
                    .map(Access::One),
                row,
            )
        } else if let Some(keys) = keys {
            let wanted = Type::Ref(id).list();
            let access = cx
                .expr(keys, &mut self.scope, Some(&wanted))
                .map(Access::Keys);
            (access, Type::Map(Box::new(Type::Ref(id)), Box::new(row)))
        } else {
            let before = self.scope.set_self(Some(id));
            let filter = node.prop("where");
            let checked = cx.condition(filter, &mut self.scope);
            self.scope.set_root(Root::SelfRow, before);
            let broken = filter.is_some() && checked.is_none();
            let access = (!broken).then_some(Access::Where {
                filter: checked,
                limit,
            });
            (access, row.list())
        };
        let stale = node.prop("stale").and_then(EntryExt::duration);
        let kind = access.map(|access| StatementKind::Read {
            aggregate: id,
            access,
            stale,
        });
        Some(Made {
            kind,
            bind: Some(Bind::New(node.title()?, ty)),
        })
    }

    /// Binds the name of a broken statement, so that its uses are not reported, too.
    fn broken(&self, node: &Node) -> Option<Made> {
        Some(Made {
            kind: None,
            bind: Some(Bind::New(node.title()?, Type::Error)),
        })
    }

    fn create(&mut self, node: &Node) -> Option<Made> {
        let world = self.world;
        let cx = &world.cx;
        let Some(id) = common::aggregate(cx, &node.arg(1)?.name()?) else {
            return self.broken(node);
        };
        let aggregate = world.aggregates.get(id);
        let tenant_type = cx.sig.tenant.map_or(Type::Text, Type::Ref);
        let tenant = node
            .prop("tenant")
            .and_then(|entry| cx.expr(entry, &mut self.scope, Some(&tenant_type)));
        let target = Sets::created(aggregate);
        let sets = assigns(cx, node, "set", &target, &mut self.scope);
        complete(cx, &target, &sets, node.head);
        let undo = self.undo_row(node, id);
        let kind = StatementKind::Create {
            aggregate: id,
            tenant,
            sets,
            undo,
        };
        Some(Made {
            kind: Some(kind),
            bind: Some(Bind::New(node.title()?, Type::Row(id))),
        })
    }

    /// Which row a `change` or a `delete` is about, and what its name is bound to.
    fn target(&mut self, node: &Node) -> Option<(Id<Aggregate>, Target, Bind)> {
        let world = self.world;
        let name = node.title()?;
        let word = node
            .arg(1)
            .and_then(EntryExt::name)
            .filter(|word| &*word.text != "create");
        let Some(word) = word else {
            return self.bound(node, &name);
        };
        let id = common::aggregate(&world.cx, &word)?;
        let Some(key) = node.prop("key") else {
            let message = format!("`{} {name} {word}` lacks `key=`", node.name.text);
            let help = format!("say which row: `key=<reference to {word}>`");
            world
                .cx
                .push(Diagnostic::error(codes::U0204, node.head, message).help(help));
            return None;
        };
        let key = world.cx.expr(key, &mut self.scope, Some(&Type::Ref(id)))?;
        Some((id, Target::Key(key), Bind::New(name, Type::Row(id))))
    }

    fn bound(&mut self, node: &Node, name: &Name) -> Option<(Id<Aggregate>, Target, Bind)> {
        let verb = &node.name.text;
        let found = self
            .scope
            .binding(&name.text)
            .map(|(slot, ty)| (slot, ty.clone()));
        let Some((slot, ty)) = found else {
            let message = format!("no statement before this one bound `{name}`");
            let help = format!("name the aggregate and the row: `{verb} {name} <Aggregate> key=…`");
            self.world
                .cx
                .push(Diagnostic::error(codes::U0222, name.span, message).help(help));
            return None;
        };
        if let Some(key) = node.prop("key") {
            let message = format!("`{verb} {name}` has a `key=`, but no aggregate");
            let help = format!("write `{verb} {name} <Aggregate> key=…`, or leave `key=` out");
            self.world
                .cx
                .push(Diagnostic::error(codes::U0223, key.span, message).help(help));
        }
        let skipped = node.prop("when").is_some();
        match &ty {
            Type::Row(id) => Some((*id, Target::Bound(slot), Bind::Again(slot))),
            Type::Optional(inner) if skipped => match &**inner {
                Type::Row(id) => Some((*id, Target::Bound(slot), Bind::Again(slot))),
                _ => None,
            },
            Type::Error => None,
            other => {
                let shown = other.show(&self.world.cx.sig).to_string();
                let message = format!("`{name}` is `{shown}`, no row that can be changed");
                let help = match other {
                    Type::Optional(_) => format!("add `when=\"has({name})\"`"),
                    _ => format!("name a row that `read`, `create` or `change` bound"),
                };
                self.world
                    .cx
                    .push(Diagnostic::error(codes::U0222, name.span, message).help(help));
                None
            }
        }
    }

    fn change(&mut self, node: &Node) -> Option<Made> {
        let Some((id, target, bind)) = self.target(node) else {
            return self.broken_unless_bound(node);
        };
        let world = self.world;
        let aggregate = world.aggregates.get(id);
        let create = node.mark(1, "create");
        if create && matches!(target, Target::Bound(_)) {
            let message = "a bound row exists, so it is not created";
            let help = "leave `create` out, or write `change <name> <Aggregate> key=… create`";
            world
                .cx
                .push(Diagnostic::error(codes::U0223, node.head, message).help(help));
        }
        let steps = self.steps(node, id, create);
        if create {
            let given: Vec<Assign> = steps
                .iter()
                .filter_map(|step| match step {
                    ChangeStep::Set(sets) => Some(sets.clone()),
                    _ => None,
                })
                .flatten()
                .collect();
            complete(
                &world.cx,
                &Sets::changed(aggregate, true),
                &given,
                node.head,
            );
        }
        if node.nodes().iter().all(|inner| inner.is("undo")) {
            let message = format!("this `change` of `{}` changes nothing", aggregate.name);
            let help = "add `set`, `move` or `require` to its block";
            world
                .cx
                .push(Diagnostic::error(codes::U0204, node.head, message).help(help));
        }
        let undo = self.undo_row(node, id);
        let kind = StatementKind::Change {
            aggregate: id,
            target,
            create,
            steps,
            undo,
        };
        Some(Made {
            kind: Some(kind),
            bind: Some(bind),
        })
    }

    fn broken_unless_bound(&self, node: &Node) -> Option<Made> {
        let name = node.title()?;
        if self.scope.binding(&name.text).is_some() {
            None
        } else {
            self.broken(node)
        }
    }

    /// The steps of a `change` or of an undo, on a row of `id`.
    fn steps(&mut self, node: &Node, id: Id<Aggregate>, create: bool) -> Vec<ChangeStep> {
        let world = self.world;
        let cx = &world.cx;
        let aggregate = world.aggregates.get(id);
        let before = self.scope.set_self(Some(id));
        let mark = self.scope.mark();
        let mut steps = Vec::new();
        for inner in node.nodes() {
            match &*inner.name.text {
                "require" => {
                    let condition = cx.condition(inner.arg(0), &mut self.scope);
                    let code = inner.prop("else").and_then(EntryExt::name);
                    if let Some(when) = inner.prop("when") {
                        let message = "inside a `change`, `require` takes no `when=`";
                        let help = "write `!condition || …` instead";
                        cx.push(Diagnostic::error(codes::U0223, when.span, message).help(help));
                    }
                    let (Some(condition), Some(code)) = (condition, code) else {
                        continue;
                    };
                    self.scope.assume(&condition);
                    let share = inner.prop("share").and_then(EntryExt::percent);
                    steps.push(ChangeStep::Require {
                        condition,
                        code,
                        share,
                        span: inner.span,
                    });
                }
                "set" => {
                    let target = Sets::changed(aggregate, create);
                    let mut sets = Vec::new();
                    common::assign(cx, inner, &target, &mut self.scope, &mut sets);
                    steps.push(ChangeStep::Set(sets));
                }
                "move" => {
                    let Some(name) = inner.title() else { continue };
                    if let Some(found) = super::aggregate::find_move(cx, aggregate, &name) {
                        steps.push(ChangeStep::Move {
                            id: found,
                            span: inner.span,
                        });
                    }
                }
                _ => {}
            }
        }
        self.scope.release(mark);
        self.scope.set_root(Root::SelfRow, before);
        steps
    }

    fn undo_row(&mut self, node: &Node, id: Id<Aggregate>) -> Undo {
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
        let steps = self.steps(undo, id, false);
        if steps.is_empty() && undo.nodes().is_empty() {
            let message = "this `undo` undoes nothing";
            let help = "write `undo { set … }`, or `undo none=\"why\"`";
            self.world
                .cx
                .push(Diagnostic::error(codes::U0224, undo.head, message).help(help));
        }
        let sure = undo.prop("sure").and_then(EntryExt::text);
        Undo::Steps {
            steps,
            sure,
            span: undo.span,
        }
    }

    fn undo_says_both(&self, undo: &Node) {
        if !undo.nodes().is_empty() || undo.prop("sure").is_some() {
            let message = "`none=` says that there is no undo, but one is written";
            let help = "leave one of them out";
            self.world
                .cx
                .push(Diagnostic::error(codes::U0224, undo.span, message).help(help));
        }
    }

    fn delete(&mut self, node: &Node) -> Option<Made> {
        let Some((aggregate, target, bind)) = self.target(node) else {
            return self.broken_unless_bound(node);
        };
        let mut written = Undo::Default;
        if let Some(undo) = node.child("undo") {
            match undo.prop("none").and_then(EntryExt::text) {
                Some(why) => {
                    written = Undo::None {
                        why,
                        span: undo.span,
                    }
                }
                None => {
                    let message = "what was deleted cannot be restored by `set` or `move`";
                    let help =
                        "delete after everything that may refuse, or write `undo none=\"why\"`";
                    self.world
                        .cx
                        .push(Diagnostic::error(codes::U0224, undo.span, message).help(help));
                }
            }
        }
        let kind = StatementKind::Delete {
            aggregate,
            target,
            undo: written,
        };
        Some(Made {
            kind: Some(kind),
            bind: Some(bind),
        })
    }

    fn call(&mut self, node: &Node) -> Option<Made> {
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

    fn undo_call(&mut self, node: &Node, external: Id<External>, call: &ExternalOperation) -> Undo {
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

    fn undo_command(&self, node: &Node) -> Undo {
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

    fn fallback(&mut self, node: &Node, operation: &ExternalOperation) -> Vec<Assign> {
        let Some(first) = node.child("fallback") else {
            return Vec::new();
        };
        let title = format!("answer of {}", operation.name);
        let target = Sets::shape(&title, &operation.output_shape);
        let sets = assigns(&self.world.cx, node, "fallback", &target, &mut self.scope);
        complete(&self.world.cx, &target, &sets, first.head);
        sets
    }

    fn emit(&mut self, node: &Node) -> Option<Made> {
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

    fn each(&mut self, node: &Node, path: &NodePath, level: Level) -> Option<Made> {
        let cx = &self.world.cx;
        let list = node
            .prop("in")
            .and_then(|entry| cx.expr(entry, &mut self.scope, None));
        let element = match list.as_ref().map(|list| &list.ty) {
            Some(Type::List(element)) => (**element).clone(),
            Some(Type::Error) | None => Type::Error,
            Some(other) => {
                let shown = other.show(&cx.sig).to_string();
                let place = node.prop("in").map_or(node.head, |entry| entry.value_span);
                let message = format!("`each` walks a list, but this is `{shown}`");
                let help = "name a field or a binding of the type `T*`";
                cx.push(Diagnostic::error(codes::U0223, place, message).help(help));
                Type::Error
            }
        };
        let chunk = node.prop("chunk").and_then(EntryExt::small);
        if chunk == Some(0) {
            let place = node
                .prop("chunk")
                .map_or(node.head, |entry| entry.value_span);
            let message = "a chunk has at least one element";
            cx.push(
                Diagnostic::error(codes::U0223, place, message)
                    .help("write `chunk=100`, or leave it out"),
            );
        }
        let mark = self.scope.mark();
        let name = node.title()?;
        if self.scope.binding(&name.text).is_some() {
            let message = format!("`{name}` is bound already");
            cx.push(
                Diagnostic::error(codes::U0222, name.span, message).help("choose another name"),
            );
        }
        let variable = self.scope.bind(&name.text, element);
        let _ = level;
        let body = self.block(node, path, Level::Loop);
        self.scope.release(mark);
        let kind = StatementKind::Each {
            variable,
            list: list?,
            chunk,
            body,
        };
        Some(Made {
            kind: Some(kind),
            bind: None,
        })
    }

    fn require(&mut self, node: &Node) -> Option<Made> {
        let condition = self.world.cx.condition(node.arg(0), &mut self.scope)?;
        let code = node.prop("else").and_then(EntryExt::name)?;
        let kind = StatementKind::Require { condition, code };
        Some(Made {
            kind: Some(kind),
            bind: None,
        })
    }

    fn answer(&mut self, node: &Node, level: Level) -> Option<Made> {
        if level != Level::Command {
            let inside = if level == Level::Loop {
                "an `each`"
            } else {
                "a policy"
            };
            let message = format!("`return` has no place in {inside}");
            let help = "only a command answers, once, at its end";
            self.world
                .cx
                .push(Diagnostic::error(codes::U0223, node.head, message).help(help));
            return None;
        }
        let mut values = Vec::new();
        for (key, entry) in node.props() {
            let expr = self.world.cx.expr(entry, &mut self.scope, None);
            let ty = expr.as_ref().map_or(Type::Error, |expr| expr.ty.clone());
            self.returned.push((name_of(key), ty));
            values.extend(expr.map(|expr| (name_of(key), expr)));
        }
        Some(Made {
            kind: Some(StatementKind::Return(values)),
            bind: None,
        })
    }

    /// Warns of values that are bound and never used.
    fn unused(&self, statements: &[Statement]) {
        let mut used = std::collections::BTreeSet::new();
        super::uses::of_statements(statements, &mut |slot| {
            used.insert(slot);
        });
        for (name, slot) in self.lets.iter().filter(|(_, slot)| !used.contains(slot)) {
            let _ = slot;
            let message = format!("`{name}` is never used");
            let help = "leave it out";
            self.world
                .cx
                .push(Diagnostic::warning(codes::U0225, name.span, message).help(help));
        }
    }
}

/// A statement's kind, and what its name is bound to.
struct Made {
    /// Absent where something in it was reported.
    kind: Option<StatementKind>,
    bind: Option<Bind>,
}

enum Bind {
    New(Name, Type),
    Again(Slot),
}

/// The name and the path of a statement.
fn label(node: &Node, parent: &NodePath, given: &mut Given) -> (Name, NodePath) {
    let verb = &*node.name.text;
    match node
        .title()
        .filter(|_| verb != "require" && verb != "return")
    {
        Some(name) => {
            let path = unique(parent, verb, &name.text, given);
            (name, path)
        }
        None => {
            let count = given.entry(verb.to_owned()).or_default();
            *count += 1;
            let text = format!("{verb}#{count}");
            let path = NodePath(format!("{parent}/{text}").into());
            (
                Name {
                    text: text.into(),
                    span: node.name.span,
                },
                path,
            )
        }
    }
}

fn unique(parent: &NodePath, verb: &str, name: &str, given: &mut Given) -> NodePath {
    let count = given.entry(format!("{verb} {name}")).or_default();
    *count += 1;
    match count {
        1 => parent.child(verb, name),
        more => parent.child(verb, &format!("{name}#{more}")),
    }
}
