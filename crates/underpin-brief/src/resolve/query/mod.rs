//! `query`: what can be asked. Parts may ask other queries, so queries are checked in the order
//! in which they use one another.

use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::{Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use crate::resolve::common;
use crate::resolve::names::unknown;
use crate::resolve::order::order;
use crate::resolve::read::{EntryExt, NodeExt, name_of};
use crate::resolve::types;
use crate::resolve::world::World;
use std::sync::Arc;

mod parts;

use parts::Asked;

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

fn query(
    world: &World<'_>,
    views: &Table<View>,
    answers: &Answers,
    name: &Name,
    node: &Node,
) -> (Query, Type) {
    let cx = &world.cx;
    let (of, lost) = source(world, name, node);
    let row = row_of(world, views, of);
    let input = types::fields(cx, node, "input");
    let input_shape = Arc::new(types::shape_of(format!("input of {name}"), &input, 0));
    let mut scope = Scope::new(&cx.sig, Position::Allow);
    scope.set_input(&input_shape);
    scope.set_root(Root::SelfRow, own(of, lost, row.as_ref()));
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

/// The layout of the rows that are read.
fn row_of(world: &World<'_>, views: &Table<View>, of: QuerySource) -> Option<Arc<Shape>> {
    match of {
        QuerySource::Aggregate(id) => Some(Arc::clone(&world.aggregates.get(id).row)),
        QuerySource::View(id) => views
            .rows()
            .get(id.index())
            .map(|view| Arc::clone(&view.row)),
        QuerySource::Parts => None,
    }
}

/// The type of `self`.
fn own(of: QuerySource, lost: bool, row: Option<&Arc<Shape>>) -> Option<Type> {
    match of {
        QuerySource::Aggregate(id) => Some(Type::Row(id)),
        QuerySource::View(_) => row.map(|row| Type::Struct(Arc::clone(row))),
        QuerySource::Parts => lost.then_some(Type::Error),
    }
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

/// What a query reads, and whether that was to be said and is not known, which was reported.
fn source(world: &World<'_>, name: &Name, node: &Node) -> (QuerySource, bool) {
    let names = &world.cx.names;
    let Some(of) = node.prop("of").and_then(EntryExt::name) else {
        let rows = |kind: &&str| node.child(kind).is_some();
        let lost = node.child("part").is_none() && node.child("shape").is_none()
            || ["filter", "sort", "search"].iter().any(rows);
        if lost {
            let message = format!("`{name}` does not say what it reads");
            let example = names.aggregates.names().next().unwrap_or("<Aggregate>");
            let help = format!("add `of={example}`, or a `part` for every source");
            world
                .cx
                .push(Diagnostic::error(codes::U0204, node.head, message).help(help));
        }
        return (QuerySource::Parts, lost);
    };
    if let Some(id) = names.aggregates.find(&of.text) {
        return (QuerySource::Aggregate(id), false);
    }
    if let Some(id) = names.views.find(&of.text) {
        return (QuerySource::View(id), false);
    }
    let known = names.aggregates.names().chain(names.views.names());
    world.cx.push(unknown("aggregate or view", &of, known));
    (QuerySource::Parts, true)
}

/// Row slots that `filter`, `sort` or `search` name.
fn columns(world: &World<'_>, node: &Node, kind: &str, row: Option<&Shape>) -> Vec<usize> {
    let names: Vec<Name> = node.child_args(kind).filter_map(EntryExt::name).collect();
    crate::resolve::actor::distinct(&world.cx, names.iter());
    let Some(row) = row else { return Vec::new() };
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
