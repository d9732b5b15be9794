//! Statements of commands and policies: names to slots, in the written order.

use crate::codes::declarations as codes;
use crate::diagnostic::{Diagnostic, Severity};
use crate::expr::{Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use crate::resolve::read::{EntryExt, NodeExt, name_of};
use crate::resolve::world::World;
use crate::source::Span;
use std::collections::BTreeMap;

mod calls;
mod rows;

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
        let before = self.errors();
        let statements = self.block(node, path, level);
        // A reported statement may be the one that uses the value.
        if self.errors() == before {
            self.unused(&statements);
        }
        Body {
            statements,
            frame: self.scope.frame(),
        }
    }

    fn errors(&self) -> usize {
        let found = self.world.cx.found.borrow();
        let errors = found
            .iter()
            .filter(|finding| finding.severity == Severity::Error);
        errors.count()
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

    /// Binds the name of a broken statement, so that its uses are not reported, too.
    fn broken(&self, node: &Node) -> Option<Made> {
        Some(Made {
            kind: None,
            bind: Some(Bind::New(node.title()?, Type::Error)),
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
        crate::resolve::uses::of_statements(statements, &mut |slot| {
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
