//! Statements on rows: `read`, `create`, `change` and `delete`.

use super::{Bind, Made, Reader};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::kdl::Node;
use crate::model::*;
use crate::resolve::common::{self, Target as Sets, assigns, complete};
use crate::resolve::read::{EntryExt, NodeExt};

impl Reader<'_, '_> {
    pub(super) fn read(&mut self, node: &Node) -> Option<Made> {
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

    pub(super) fn create(&mut self, node: &Node) -> Option<Made> {
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
    pub(super) fn target(&mut self, node: &Node) -> Option<(Id<Aggregate>, Target, Bind)> {
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

    pub(super) fn bound(
        &mut self,
        node: &Node,
        name: &Name,
    ) -> Option<(Id<Aggregate>, Target, Bind)> {
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
                    _ => "name a row that `read`, `create` or `change` bound".to_owned(),
                };
                self.world
                    .cx
                    .push(Diagnostic::error(codes::U0222, name.span, message).help(help));
                None
            }
        }
    }

    pub(super) fn change(&mut self, node: &Node) -> Option<Made> {
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

    pub(super) fn broken_unless_bound(&self, node: &Node) -> Option<Made> {
        let name = node.title()?;
        if self.scope.binding(&name.text).is_some() {
            None
        } else {
            self.broken(node)
        }
    }

    /// The steps of a `change` or of an undo, on a row of `id`.
    pub(super) fn steps(
        &mut self,
        node: &Node,
        id: Id<Aggregate>,
        create: bool,
    ) -> Vec<ChangeStep> {
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
                    if let Some(found) = crate::resolve::aggregate::find_move(cx, aggregate, &name)
                    {
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

    pub(super) fn undo_row(&mut self, node: &Node, id: Id<Aggregate>) -> Undo {
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

    pub(super) fn undo_says_both(&self, undo: &Node) {
        if !undo.nodes().is_empty() || undo.prop("sure").is_some() {
            let message = "`none=` says that there is no undo, but one is written";
            let help = "leave one of them out";
            self.world
                .cx
                .push(Diagnostic::error(codes::U0224, undo.span, message).help(help));
        }
    }

    pub(super) fn delete(&mut self, node: &Node) -> Option<Made> {
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
}
