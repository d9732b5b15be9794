//! `query`: what can be asked. Parts may ask other queries, so queries are checked in the order
//! in which they use one another.

use super::common::{self, Target, assigns};
use super::names::unknown;
use super::order::order;
use super::read::{EntryExt, NodeExt, name_of};
use super::types;
use super::world::World;
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::{Position, Scope};
use crate::kdl::{Entry, Node};
use crate::model::*;
use std::sync::Arc;

/// What a part sees of an answer.
type Answers = Vec<Option<Type>>;

pub(super) fn queries(world: &World<'_>, views: &Table<View>) -> Table<Query> {
    let names = &world.cx.names;
    let edges: Vec<Vec<usize>> = names
        .queries
        .iter()
        .map(|(_, _, node)| {
            let parts = all_parts(node).filter_map(|part| part.arg(1)?.value.as_str());
            parts
                .filter_map(|word| names.queries.find(word))
                .map(Id::index)
                .collect()
        })
        .collect();
    let (sequence, cyclic) = order(&edges);
    let mut answers: Answers = vec![None; names.queries.len()];
    let mut all = Vec::new();
    let declared: Vec<_> = names.queries.iter().collect();
    for at in sequence {
        let Some((_, name, node)) = declared.get(at) else {
            continue;
        };
        if cyclic.contains(&at) {
            let message = format!("`{name}` is a part of itself");
            let help = "leave one of the parts out";
            world
                .cx
                .push(Diagnostic::error(codes::U0228, name.span, message).help(help));
        }
        let (query, answer) = query(world, views, &answers, name, node);
        if let Some(place) = answers.get_mut(at) {
            *place = Some(answer);
        }
        all.push(query);
    }
    Table::new(all)
}

fn all_parts(node: &Node) -> impl Iterator<Item = &Node> {
    let shaped = node
        .children_named("shape")
        .flat_map(|shape| shape.children_named("part"));
    node.children_named("part").chain(shaped)
}

/// A query while it is read.
struct Asked<'w, 's> {
    world: &'w World<'w>,
    scope: Scope<'s>,
    answers: &'w Answers,
    base: Root,
}

fn query(
    world: &World<'_>,
    views: &Table<View>,
    answers: &Answers,
    name: &Name,
    node: &Node,
) -> (Query, Type) {
    let cx = &world.cx;
    let of = source(world, node);
    let row = match of {
        QuerySource::Aggregate(id) => Some(Arc::clone(&world.aggregates.get(id).row)),
        QuerySource::View(id) => views
            .rows()
            .get(id.index())
            .map(|view| Arc::clone(&view.row)),
        QuerySource::Parts => None,
    };
    let input = types::fields(cx, node, "input");
    let input_shape = Arc::new(types::shape_of(format!("input of {name}"), &input, 0));
    let mut scope = Scope::new(&cx.sig, Position::Allow);
    scope.set_input(&input_shape);
    match (of, &row) {
        (QuerySource::Aggregate(id), _) => {
            scope.set_self(Some(id));
        }
        (QuerySource::View(_), Some(row)) => {
            scope.set_root(Root::SelfRow, Some(Type::Struct(Arc::clone(row))));
        }
        _ => {}
    }
    scope.set_flow();
    let allows = common::allows(cx, node, &mut scope);
    scope.set_caller(common::callers(cx, node));
    scope.set_position(Position::Where);
    let filter = cx.condition(node.prop("where"), &mut scope);
    let loads = common::loads(cx, node, &mut scope);
    let columns = |kind: &str| columns(world, node, kind, row.as_deref());
    let (filters, sorts, searches) = (columns("filter"), columns("sort"), columns("search"));
    let mut asked = Asked {
        world,
        scope,
        answers,
        base: Root::SelfRow,
    };
    let shows = asked.shows(node, row.as_deref());
    let mark = asked.scope.mark();
    let (parts, bound) = asked.parts(node);
    let shapes = node
        .children_named("shape")
        .filter_map(|shape| asked.shape(shape, row.as_deref()));
    let shapes = shapes.collect();
    asked.scope.release(mark);
    let one = node.mark(1, "one");
    let answer = answer(name, &shows, &bound, one || of == QuerySource::Parts);
    if shows.is_empty() && parts.is_empty() && of == QuerySource::Parts {
        let message = format!("`{name}` answers nothing");
        let help = "add `of=<Aggregate>`, or a `part`";
        cx.push(Diagnostic::error(codes::U0204, node.head, message).help(help));
    }
    let query = Query {
        name: name.clone(),
        path: NodePath::declaration("query", &name.text),
        of,
        one,
        filter,
        allows,
        input,
        input_shape,
        filters,
        sorts,
        searches,
        shows,
        page: node
            .child("page")
            .and_then(|page| page.prop("max")?.small()),
        parts,
        shapes,
        stale: stale(node),
        changes: node
            .child("changes")
            .map(|changes| changes.prop("keep").and_then(EntryExt::duration)),
        exports: node
            .child_args("export")
            .filter_map(EntryExt::text)
            .collect(),
        loads,
        withins: common::withins(cx, node),
        sizes: sizes(world, node),
        priority: common::priority(node),
        route: node.prop("path").and_then(EntryExt::text),
        frame: asked.scope.frame(),
    };
    (query, answer)
}

fn stale(node: &Node) -> Stale {
    let line = node.child("stale");
    Stale {
        max: line.and_then(|line| line.arg(0)?.duration()),
        own: line.is_some_and(|line| line.mark(1, "own")),
    }
}

fn sizes(world: &World<'_>, node: &Node) -> Vec<(Bytes, Option<Text>)> {
    let size = |line: &Node| Some((line.arg(0)?.bytes()?, common::channel(&world.cx, line)));
    node.children_named("size").filter_map(size).collect()
}

fn source(world: &World<'_>, node: &Node) -> QuerySource {
    let Some(name) = node.prop("of").and_then(EntryExt::name) else {
        return QuerySource::Parts;
    };
    let names = &world.cx.names;
    if let Some(id) = names.aggregates.find(&name.text) {
        return QuerySource::Aggregate(id);
    }
    if let Some(id) = names.views.find(&name.text) {
        return QuerySource::View(id);
    }
    let known = names.aggregates.names().chain(names.views.names());
    world.cx.push(unknown("aggregate or view", &name, known));
    QuerySource::Parts
}

/// Row slots that `filter`, `sort` or `search` name.
fn columns(world: &World<'_>, node: &Node, kind: &str, row: Option<&Shape>) -> Vec<usize> {
    let names: Vec<Name> = node.child_args(kind).filter_map(EntryExt::name).collect();
    super::actor::distinct(&world.cx, names.iter());
    let Some(row) = row else {
        if let (Some(name), None) = (names.first(), node.prop("of")) {
            let message = format!("a query of parts has nothing to {kind}");
            let help = "name what it reads: `of=<Aggregate>`";
            world
                .cx
                .push(Diagnostic::error(codes::U0229, name.span, message).help(help));
        }
        return Vec::new();
    };
    let column = |name: &Name| {
        let Some((at, ty)) = row.find(&name.text) else {
            world.cx.push(unknown(
                "column",
                name,
                row.slots.iter().map(|slot| &*slot.name),
            ));
            return None;
        };
        let inner = ty.required();
        let fits = match kind {
            "search" => matches!(inner, Type::Text | Type::Email | Type::Url | Type::Error),
            _ => {
                !matches!(
                    inner,
                    Type::Record(_)
                        | Type::Struct(_)
                        | Type::Json
                        | Type::Blob
                        | Type::Edits
                        | Type::Map(..)
                        | Type::Row(_)
                ) && (kind == "filter" || !matches!(inner, Type::List(_)))
            }
        };
        if !fits {
            let shown = ty.show(&world.cx.sig).to_string();
            let message = format!("`{name}` is `{shown}`, which cannot be used to {kind}");
            let help = match kind {
                "search" => "texts can be searched",
                _ => "single values such as texts, numbers, days, states and references can",
            };
            world
                .cx
                .push(Diagnostic::error(codes::U0229, name.span, message).help(help));
        }
        fits.then_some(at)
    };
    names.iter().filter_map(column).collect()
}

/// The type of an answer: what it shows and its parts, once or as a list.
fn answer(name: &Name, shows: &[Show], parts: &[(Name, Type)], one: bool) -> Type {
    let mut slots: Vec<SlotType> = Vec::new();
    let mut add = |name: &Text, ty: Type| {
        if !slots.iter().any(|slot| slot.name == *name) {
            slots.push(SlotType {
                name: Arc::clone(name),
                ty,
                origin: Origin::Declared,
            });
        }
    };
    for show in shows {
        if let Some(first) = show.output.first() {
            add(
                first,
                if show.output.len() == 1 {
                    show_type(&show.expr)
                } else {
                    Type::Json
                },
            );
        }
    }
    for (name, ty) in parts {
        add(&name.text, ty.clone());
    }
    let row = Type::Struct(Arc::new(Shape {
        title: format!("answer of {name}").into(),
        slots,
    }));
    if one { row } else { row.list() }
}

fn show_type(show: &ShowExpr) -> Type {
    match show {
        ShowExpr::Value(expr) => expr.ty.clone(),
        ShowExpr::Each { show, .. } => show_type(show).list(),
    }
}

impl Asked<'_, '_> {
    /// What `show` lines name; without any, every slot of the row that is no secret.
    fn shows(&mut self, node: &Node, row: Option<&Shape>) -> Vec<Show> {
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
    fn parts(&mut self, node: &Node) -> (Vec<Part>, Vec<(Name, Type)>) {
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
        let made = asked.map(|(source, shape, wraps, sets)| {
            let sets = match sets {
                Some(fields) => {
                    let title = name.text.to_string();
                    let target = Target::fields(&title, &fields);
                    let sets = assigns(&world.cx, line, "set", &target, &mut self.scope);
                    common::complete(&world.cx, &target, &sets, line.head);
                    sets
                }
                None => Vec::new(),
            };
            (source, shape, wraps, sets)
        });
        self.scope.set_root(Root::Item, before);
        let Some((source, shape, list, sets)) = made else {
            self.scope.bind(&name.text, Type::Error);
            return (None, Type::Error);
        };
        let title = format!("answer of {name}");
        let target = Target::shape(&title, &shape);
        let fallback = assigns(&world.cx, line, "fallback", &target, &mut self.scope);
        let shows: Vec<Name> = line.child_args("show").filter_map(EntryExt::name).collect();
        for show in &shows {
            if shape.find(&show.text).is_none() {
                let known = shape.slots.iter().map(|slot| &*slot.name);
                world.cx.push(unknown("field", show, known));
            }
        }
        if let Some(first) = line.child("fallback") {
            common::complete(&world.cx, &target, &fallback, first.head);
        }
        let optional = line.mark(2, "optional");
        let mut ty = Type::Struct(shape);
        if list {
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
            source,
            each,
            optional,
            within,
            sets,
            fallback,
            shows,
        };
        (Some(part), ty)
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

    /// What a part asks: source, the layout of one answer, whether it answers a list, and the
    /// fields that it takes.
    fn asked(&self, entry: &Entry) -> Option<(PartSource, Arc<Shape>, bool, Option<Vec<Field>>)> {
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
            return Some((source, shape, false, Some(found.input.clone())));
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
        Some((PartSource::Query(id), shape, list, Some(fields)))
    }

    fn shape(&mut self, line: &Node, row: Option<&Shape>) -> Option<ClientShape> {
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

/// What the `show` lines of `node` name, relative to `base`.
pub(super) fn shows(
    world: &World<'_>,
    node: &Node,
    base: Root,
    scope: &mut Scope<'_>,
) -> Vec<Show> {
    let cx = &world.cx;
    let mut shows: Vec<Show> = Vec::new();
    scope.set_position(Position::Show);
    for line in node.children_named("show") {
        for entry in &line.entries {
            let span = entry.span;
            let show = match &entry.key {
                None => {
                    cx.path(entry, base, scope)
                        .map(|(output, expr)| Show { output, expr, span })
                }
                Some(key) => cx.expr(entry, scope, None).map(|expr| Show {
                    output: vec![name_of(key).text],
                    expr: ShowExpr::Value(expr),
                    span,
                }),
            };
            let Some(show) = show else { continue };
            if let Some(first) = shows.iter().find(|other| other.output == show.output) {
                let message = format!("`{}` is shown twice", show.output.join("."));
                cx.push(
                    Diagnostic::error(codes::U0209, span, message)
                        .also(first.span, "the first time")
                        .help("leave one of them out"),
                );
                continue;
            }
            shows.push(show);
        }
    }
    scope.set_position(Position::Where);
    shows
}
