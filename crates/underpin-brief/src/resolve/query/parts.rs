//! Parts and shapes of a query: what it is composed of, and what one channel sees instead.

use super::{Answers, shows};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::Scope;
use crate::kdl::{Entry, Node};
use crate::model::*;
use crate::resolve::common::{self, Target, assigns};
use crate::resolve::names::unknown;
use crate::resolve::read::{EntryExt, NodeExt};
use crate::resolve::types;
use crate::resolve::world::World;
use std::sync::Arc;

/// What a part asks: the source, the layout of one answer, whether it answers a list, and the
/// fields that it takes.
struct Source {
    source: PartSource,
    shape: Arc<Shape>,
    list: bool,
    takes: Vec<Field>,
}

/// A query while it is read.
pub(super) struct Asked<'w, 's> {
    pub(super) world: &'w World<'w>,
    pub(super) scope: Scope<'s>,
    pub(super) answers: &'w Answers,
    pub(super) base: Root,
}

impl Asked<'_, '_> {
    /// What `show` lines name; without any, every slot of the row that is no secret.
    pub(super) fn shows(&mut self, node: &Node, row: Option<&Shape>) -> Vec<Show> {
        let shows = shows(self.world, node, self.base, &mut self.scope);
        if !shows.is_empty() || node.child("show").is_some() {
            return shows;
        }
        match row.filter(|_| node.is("query")) {
            Some(row) => self.everything(node, row),
            None => Vec::new(),
        }
    }

    /// Every slot of the row that a person declared and that is no secret, and its state.
    fn everything(&self, node: &Node, row: &Shape) -> Vec<Show> {
        let id = node
            .word("of")
            .and_then(|of| self.world.cx.names.aggregates.find(of));
        let own = id.map_or_else(|| Type::Struct(Arc::new(row.clone())), Type::Row);
        let secret = |at: usize| {
            let field = id.and_then(|id| self.world.aggregates.get(id).field_of_slot(at));
            field.is_some_and(|field| field.marks.secret)
        };
        let span = node.head;
        let show = |(at, slot): (usize, &SlotType)| {
            let given = slot.origin == Origin::System && &*slot.name != "state";
            if given || secret(at) {
                return None;
            }
            let me = Expr {
                kind: ExprKind::Slot(Root::SelfRow.slot()),
                ty: own.clone(),
                span,
            };
            let kind = ExprKind::Field(Box::new(me), at);
            let expr = ShowExpr::Value(Expr {
                kind,
                ty: slot.ty.clone(),
                span,
            });
            Some(Show {
                output: vec![Arc::clone(&slot.name)],
                expr,
                span,
            })
        };
        row.slots.iter().enumerate().filter_map(show).collect()
    }

    /// Parts in the order in which they use one another, and what each is bound to.
    pub(super) fn parts(&mut self, node: &Node) -> (Vec<Part>, Vec<(Name, Type)>) {
        let mut parts = Vec::new();
        let mut bound = Vec::new();
        for line in node.children_named("part") {
            let Some(name) = line.title() else { continue };
            if bound
                .iter()
                .any(|(other, _): &(Name, Type)| other.text == name.text)
            {
                let message = format!("`{name}` is bound already");
                let help = "choose another name";
                self.world
                    .cx
                    .push(Diagnostic::error(codes::U0222, name.span, message).help(help));
            }
            let (part, ty) = self.part(line, &name);
            bound.push((name, ty));
            parts.extend(part);
        }
        (parts, bound)
    }

    fn part(&mut self, line: &Node, name: &Name) -> (Option<Part>, Type) {
        let world = self.world;
        let each = line
            .prop("each")
            .and_then(|entry| world.cx.expr(entry, &mut self.scope, None));
        let item = line.prop("each").map(|_| match &each {
            Some(each) => self.element(line, each),
            None => Type::Error,
        });
        let before = self.scope.set_root(Root::Item, item.clone());
        let asked = line.arg(1).and_then(|entry| self.asked(entry));
        let sets = asked.as_ref().map(|asked| {
            let title = line.arg(1).and_then(|source| source.value.as_str());
            let target = Target::inputs(title.unwrap_or(&name.text), &asked.takes);
            let sets = assigns(&world.cx, line, "set", &target, &mut self.scope);
            common::complete(&world.cx, &target, &sets, line.head);
            sets
        });
        self.scope.set_root(Root::Item, before);
        let (Some(asked), Some(sets)) = (asked, sets) else {
            self.scope.bind(&name.text, Type::Error);
            return (None, Type::Error);
        };
        let (fallback, shows) = self.answer(line, name, &asked.shape);
        let optional = line.mark(2, "optional");
        let mut ty = Type::Struct(asked.shape);
        if asked.list {
            ty = ty.list();
        }
        if item.is_some() {
            ty = ty.list();
        }
        if optional && fallback.is_empty() {
            ty = ty.optional();
        }
        let slot = self.scope.bind(&name.text, ty.clone());
        let within = line.prop("within").and_then(EntryExt::duration);
        let part = Part {
            name: name.clone(),
            slot,
            source: asked.source,
            each,
            optional,
            within,
            sets,
            fallback,
            shows,
        };
        (Some(part), ty)
    }

    /// What stands in for the answer of a part, and which fields of it are shown.
    fn answer(&mut self, line: &Node, name: &Name, shape: &Shape) -> (Vec<Assign>, Vec<Name>) {
        let cx = &self.world.cx;
        let title = format!("answer of {name}");
        let target = Target::shape(&title, shape);
        let fallback = assigns(cx, line, "fallback", &target, &mut self.scope);
        if let Some(first) = line.child("fallback") {
            common::complete(cx, &target, &fallback, first.head);
        }
        let shows: Vec<Name> = line.child_args("show").filter_map(EntryExt::name).collect();
        for show in shows.iter().filter(|show| shape.find(&show.text).is_none()) {
            cx.push(unknown(
                "field",
                show,
                shape.slots.iter().map(|slot| &*slot.name),
            ));
        }
        (fallback, shows)
    }

    fn element(&self, line: &Node, each: &Expr) -> Type {
        match &each.ty {
            Type::List(inner) => (**inner).clone(),
            Type::Error => Type::Error,
            other => {
                let shown = other.show(&self.world.cx.sig).to_string();
                let place = line
                    .prop("each")
                    .map_or(line.head, |entry| entry.value_span);
                let message = format!("`each` walks a list, but this is `{shown}`");
                let help = "name a field or a part of the type `T*`";
                self.world
                    .cx
                    .push(Diagnostic::error(codes::U0223, place, message).help(help));
                Type::Error
            }
        }
    }

    fn asked(&self, entry: &Entry) -> Option<Source> {
        let world = self.world;
        let word = entry.value.as_str()?;
        if word.contains('.') {
            let CallTarget::External(external, operation) = world.call_target(entry)? else {
                return None;
            };
            let found = world.externals.get(external).operations.get(operation);
            if !found.read {
                let name = &found.name;
                let message = format!("`{name}` may change something, and a query changes nothing");
                let help = format!("mark it `read` if it only answers: `operation {name} read`");
                world
                    .cx
                    .push(Diagnostic::error(codes::U0223, entry.value_span, message).help(help));
            }
            let source = PartSource::External(external, operation);
            let shape = Arc::clone(&found.output_shape);
            return Some(Source {
                source,
                shape,
                list: false,
                takes: found.input.clone(),
            });
        }
        let name = entry.name()?;
        let Some(id) = world.cx.names.queries.find(word) else {
            let found = unknown("query", &name, world.cx.names.queries.names());
            world
                .cx
                .push(found.help("an operation of an external is `external.operation`"));
            return None;
        };
        let node = world.cx.names.queries.node(id)?;
        let fields = silent_fields(world, node);
        let (shape, list) = match self.answers.get(id.index())?.as_ref()? {
            Type::List(inner) => (struct_of(inner)?, true),
            other => (struct_of(other)?, false),
        };
        Some(Source {
            source: PartSource::Query(id),
            shape,
            list,
            takes: fields,
        })
    }

    pub(super) fn shape(&mut self, line: &Node, row: Option<&Shape>) -> Option<ClientShape> {
        let channel = line.title()?;
        common::known_channel(&self.world.cx, &channel);
        let mark = self.scope.mark();
        let shows = self.shows(line, row);
        let (parts, _) = self.parts(line);
        self.scope.release(mark);
        let page = line
            .child("page")
            .and_then(|page| page.prop("max")?.small());
        Some(ClientShape {
            channel,
            shows,
            parts,
            page,
        })
    }
}

fn struct_of(ty: &Type) -> Option<Arc<Shape>> {
    match ty {
        Type::Struct(shape) => Some(Arc::clone(shape)),
        _ => None,
    }
}

/// The input of a query that is checked in its own turn, without reporting anything again.
fn silent_fields(world: &World<'_>, node: &Node) -> Vec<Field> {
    let before = world.cx.found.borrow().len();
    let fields = types::fields(&world.cx, node, "input");
    world.cx.found.borrow_mut().truncate(before);
    fields
}
