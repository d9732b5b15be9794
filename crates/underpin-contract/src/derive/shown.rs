//! What queries show: columns put together as the tree in which they are answered.

use super::forms::{Forms, Side};
use crate::projection::{Column, Node, Projection};
use crate::schema::{Field, Object, Schema};
use std::sync::Arc;
use underpin_brief::codes::contract::U0702;
use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::model::{Brief, Expr, ExprKind, Feed, Id, Name, Query, Root, Show, ShowExpr};

/// What `shows` of a query show: its own, or those of a channel.
pub(super) fn of_shows(
    forms: &Forms<'_>,
    (id, query): (Id<Query>, &Query),
    shows: &[Show],
    found: &mut Vec<Diagnostic>,
) -> Projection {
    of_named(forms, (&query.name, "self"), (id, shows), found)
}

/// What a feed shows of an event. Its columns belong to no query: only their positions count.
pub(super) fn of_feed(feed: &Feed, forms: &Forms<'_>, found: &mut Vec<Diagnostic>) -> Projection {
    let none = Id::from_index(0);
    of_named(forms, (&feed.name, "event"), (none, &feed.shows), found)
}

fn of_named(
    forms: &Forms<'_>,
    (name, root): (&Name, &str),
    (query, shows): (Id<Query>, &[Show]),
    found: &mut Vec<Diagnostic>,
) -> Projection {
    let mut projection = Projection::default();
    for (at, show) in shows.iter().enumerate() {
        let column = Column { query, show: at };
        let steps = steps(&show.output, &show.expr, forms);
        if !insert(&mut projection.members, &steps, column) {
            let path = show.output.join(".");
            let message = format!("`{name}` shows `{path}` both as a value and as a part");
            found.push(Diagnostic::error(U0702, show.span, message).help(format!(
                "show it once, or give one another name: `other=\"{root}.{path}\"`"
            )));
        }
    }
    projection
}

/// What all queries of an aggregate show of one row. What depends on a query's input is left out:
/// a row that is asked for by key comes without it.
pub(super) fn union(brief: &Brief, forms: &Forms<'_>, queries: &[Id<Query>]) -> Projection {
    let mut projection = Projection::default();
    for id in queries {
        for (at, show) in brief.queries.get(*id).shows.iter().enumerate() {
            if !mentions_input(&show.expr) {
                let column = Column {
                    query: *id,
                    show: at,
                };
                insert(
                    &mut projection.members,
                    &steps(&show.output, &show.expr, forms),
                    column,
                );
            }
        }
    }
    projection
}

fn mentions_input(show: &ShowExpr) -> bool {
    let mentions = |expr: &Expr| expr.slots().contains(&Root::Input.slot());
    match show {
        ShowExpr::Value(expr) => mentions(expr),
        ShowExpr::Each { list, show, .. } => mentions(list) || mentions_input(show),
    }
}

/// One step of a shown path.
enum Step {
    /// A property.
    Name(Arc<str>),
    /// The elements of the list that the steps so far lead to.
    Each,
    /// The value.
    Leaf(Schema),
}

fn steps(output: &[Arc<str>], show: &ShowExpr, forms: &Forms<'_>) -> Vec<Step> {
    let mut names = output.iter().cloned();
    let mut steps = Vec::new();
    let mut show = show;
    while let ShowExpr::Each {
        list, show: inner, ..
    } = show
    {
        steps.extend(names.by_ref().take(members(list)).map(Step::Name));
        steps.push(Step::Each);
        show = inner;
    }
    if let ShowExpr::Value(expr) = show {
        steps.extend(names.map(Step::Name));
        steps.push(Step::Leaf(forms.form(&expr.ty, Side::Out)));
    }
    steps
}

/// How many names of the path an expression takes: one per member.
fn members(expr: &Expr) -> usize {
    match &expr.kind {
        ExprKind::Field(inner, _)
        | ExprKind::ActorField(inner, _)
        | ExprKind::JsonMember(inner, _)
        | ExprKind::Define(inner, ..) => 1 + members(inner),
        ExprKind::Join(inner, _) | ExprKind::Convert(inner) => members(inner),
        ExprKind::Call(_, parts) => parts.first().map_or(0, members),
        _ => 0,
    }
}

type Members = Vec<(Arc<str>, Node)>;

/// Adds a column; `false` where something else stands in its way.
fn insert(members: &mut Members, steps: &[Step], column: Column) -> bool {
    let Some((Step::Name(name), rest)) = steps.split_first() else {
        return false;
    };
    match members.iter_mut().find(|(known, _)| known == name) {
        Some((_, node)) => merge(node, rest, column),
        None => match fresh(rest, column) {
            Some(node) => {
                members.push((name.clone(), node));
                true
            }
            None => false,
        },
    }
}

fn merge(node: &mut Node, steps: &[Step], column: Column) -> bool {
    match (node, steps) {
        (Node::Leaf { columns, schema }, [Step::Leaf(other)]) => {
            if schema != other {
                *schema = Schema::Any { max_bytes: None };
            }
            columns.push(column);
            true
        }
        (Node::Object(members), [Step::Name(_), ..]) => insert(members, steps, column),
        (Node::Each(inner), [Step::Each, rest @ ..]) => merge(inner, rest, column),
        _ => false,
    }
}

fn fresh(steps: &[Step], column: Column) -> Option<Node> {
    match steps.split_first()? {
        (Step::Leaf(schema), _) => Some(Node::Leaf {
            columns: vec![column],
            schema: schema.clone(),
        }),
        (Step::Each, rest) => Some(Node::Each(Box::new(fresh(rest, column)?))),
        (Step::Name(name), rest) => Some(Node::Object(vec![(name.clone(), fresh(rest, column)?)])),
    }
}

/// The form of a shown row; of a union nothing is sure to be there.
pub(super) fn form(projection: &Projection, required: bool) -> Object {
    object(&projection.members, required)
}

fn object(members: &[(Arc<str>, Node)], required: bool) -> Object {
    let field = |(slot, (name, node)): (usize, &(Arc<str>, Node))| Field {
        name: name.clone(),
        slot,
        schema: node_form(node, required),
        required,
        default: None,
        secret: false,
    };
    Object {
        title: None,
        width: members.len(),
        fields: members.iter().enumerate().map(field).collect(),
    }
}

fn node_form(node: &Node, required: bool) -> Schema {
    match node {
        Node::Leaf { schema, .. } => schema.clone(),
        Node::Object(members) => Schema::Object(object(members, required)),
        Node::Each(inner) => Schema::List {
            items: Box::new(node_form(inner, required)),
            min: 0,
            max: None,
        },
    }
}
