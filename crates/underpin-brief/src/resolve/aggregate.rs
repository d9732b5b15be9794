//! `aggregate`: a unit of consistency. First its shape; then, when everything has a shape, its
//! invariants and its subject.

use super::context::Cx;
use super::names::unknown;
use super::read::{EntryExt, NodeExt};
use super::system::team;
use super::types::{self, add_field, shape_of};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::{Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use crate::suggest::closest;
use std::sync::Arc;

/// Reports keys that lead back to themselves, and takes them out, so that whoever follows keys
/// comes to an end.
pub(super) fn break_key_cycles(cx: &Cx<'_>, table: &mut Table<Aggregate>) {
    let leads = |aggregate: &Aggregate| {
        let keys = aggregate.key_fields().iter();
        let to = keys.filter_map(|field| match field.ty {
            Type::Ref(id) => Some(id.index()),
            _ => None,
        });
        to.collect()
    };
    let edges: Vec<Vec<usize>> = table.rows().iter().map(leads).collect();
    let (_, cyclic) = super::order::order(&edges);
    for at in cyclic {
        let aggregate = table.get_mut(Id::from_index(at));
        let mut row = (*aggregate.row).clone();
        for (slot, field) in aggregate.fields.iter_mut().take(aggregate.keys).enumerate() {
            if !matches!(field.ty, Type::Ref(_)) {
                continue;
            }
            let message = format!("the key of `{}` leads back to itself", aggregate.name);
            let help = "take a key that is no reference, and make this one a field";
            cx.push(Diagnostic::error(codes::U0228, field.name.span, message).help(help));
            field.ty = Type::Error;
            if let Some(slot) = row.slots.get_mut(slot) {
                slot.ty = Type::Error;
            }
        }
        aggregate.row = Arc::new(row);
    }
}

/// Slots that the language gives to every row.
const GIVEN: &[&str] = &["created", "version", "state", "tenant"];

/// Shapes of all aggregates; `tenant` is the aggregate whose rows are the tenants.
pub(super) fn shapes(cx: &Cx<'_>, tenant: Option<Id<Aggregate>>) -> Table<Aggregate> {
    let rows = cx.names.aggregates.iter();
    Table::new(
        rows.map(|(id, name, node)| shape(cx, id, name, node, tenant))
            .collect(),
    )
}

fn shape(
    cx: &Cx<'_>,
    id: Id<Aggregate>,
    name: &Name,
    node: &Node,
    tenant: Option<Id<Aggregate>>,
) -> Aggregate {
    let (mut fields, generated_key) = keys(cx, node);
    let keys = fields.len();
    for field in types::fields(cx, node, "field") {
        add_field(cx, &mut fields, field);
    }
    for field in &fields {
        if GIVEN.contains(&&*field.name.text) {
            let message = format!("every row has `{}` already", field.name);
            let help = "rename the field";
            cx.push(Diagnostic::error(codes::U0208, field.name.span, message).help(help));
        }
    }
    let states = node.child("states").map(|node| states(cx, node));
    let shared = node.mark(1, "shared");
    let mut row = shape_of(format!("row of {name}"), &fields, keys);
    let mut given = |name: &str, ty| {
        row.slots.push(SlotType {
            name: name.into(),
            ty,
            origin: Origin::System,
        });
    };
    given("created", Type::Time);
    given("version", Type::Int);
    if states.is_some() {
        given("state", Type::State(id));
    }
    if let Some(tenant) = tenant.filter(|tenant| !shared && *tenant != id) {
        given("tenant", Type::Ref(tenant));
    }
    let volume = node.child("volume");
    Aggregate {
        name: name.clone(),
        path: NodePath::declaration("aggregate", &name.text),
        team: team(cx, node),
        shared,
        ephemeral: node.prop("ephemeral").and_then(EntryExt::duration),
        fields,
        keys,
        generated_key,
        row: Arc::new(row),
        defines: Table::default(),
        invariants: Vec::new(),
        states,
        subject: None,
        volume: volume.map(|node| Volume {
            rows: node.prop("rows").and_then(EntryExt::natural),
            bytes: node.prop("bytes").and_then(EntryExt::natural),
            growth: node
                .prop("growth")
                .and_then(|entry| super::grammar::kinds::growth(entry.value.as_str()?)),
            skew: node.prop("skew").and_then(EntryExt::decimal),
        }),
        keep: node.child_arg("keep").and_then(EntryExt::duration),
        history: node.child_arg("history").and_then(EntryExt::duration),
        was: node
            .children_named("was")
            .filter_map(|node| was(cx, node))
            .collect(),
        plural: node.child_arg("plural").and_then(EntryExt::text),
    }
}

/// The key fields, and whether they are one generated id.
fn keys(cx: &Cx<'_>, node: &Node) -> (Vec<Field>, bool) {
    let mut fields = Vec::new();
    let nodes: Vec<&Node> = node.children_named("key").collect();
    let mut generated = false;
    for key in &nodes {
        let Some(name) = key.title() else { continue };
        let typed = key.arg(1).is_some();
        let field = if typed {
            types::field(cx, key)
        } else {
            if nodes.len() > 1 {
                let message = format!("the key field `{name}` lacks its type");
                let help =
                    format!("only a key of one field is generated: write `key {name} <type>`");
                cx.push(Diagnostic::error(codes::U0204, name.span, message).help(help));
            }
            generated = true;
            Some(types::with_type(cx, key, name, Type::Text))
        };
        let Some(field) = field else { continue };
        if matches!(
            field.ty,
            Type::Optional(_) | Type::List(_) | Type::Record(_)
        ) {
            let message = format!(
                "`{}` cannot be a key: its type has no single value",
                field.name
            );
            let help = "a key field is a required text, number, day, actor or reference";
            cx.push(Diagnostic::error(codes::U0212, field.name.span, message).help(help));
        }
        add_field(cx, &mut fields, field);
    }
    let generated = generated && fields.len() == 1;
    (fields, generated)
}

fn states(cx: &Cx<'_>, node: &Node) -> States {
    let names: Vec<Name> = node.args().filter_map(EntryExt::name).collect();
    super::actor::distinct(cx, names.iter());
    let place = |name: &Name| {
        let found = names.iter().position(|state| state.text == name.text);
        if found.is_none() {
            cx.push(unknown(
                "state",
                name,
                names.iter().map(|state| &*state.text),
            ));
        }
        found
    };
    let mut moves: Vec<Move> = Vec::new();
    for inner in node.children_named("move") {
        let Some(name) = inner.title() else { continue };
        let from: Vec<Name> = inner.args().skip(1).filter_map(EntryExt::name).collect();
        super::actor::distinct(cx, from.iter());
        let mut from: Vec<usize> = from.iter().filter_map(place).collect();
        from.sort_unstable();
        let to = inner
            .prop("to")
            .and_then(EntryExt::name)
            .and_then(|to| place(&to));
        if let Some(to) = to {
            moves.push(Move { name, from, to });
        }
    }
    super::actor::distinct(cx, moves.iter().map(|one| &one.name));
    States {
        names,
        moves: Table::new(moves),
    }
}

fn was(cx: &Cx<'_>, node: &Node) -> Option<Was> {
    let place = node.arg(0)?;
    let text = place.value.as_str()?;
    let (external, table) = text.split_once('.').unwrap_or((text, ""));
    let name = Name {
        text: external.into(),
        span: place.value_span,
    };
    let Some(external) = cx.names.externals.find(external) else {
        cx.push(unknown("external", &name, cx.names.externals.names()));
        return None;
    };
    Some(Was {
        external,
        table: table.into(),
        sets: sources(node),
    })
}

/// Assignments whose right-hand sides are kept as they were written.
pub(super) fn sources(node: &Node) -> Vec<(Name, Text)> {
    let sets = node.children_named("set").flat_map(Node::props);
    sets.filter_map(|(key, entry)| Some((super::read::name_of(key), entry.text()?)))
        .collect()
}

/// Invariants and subject, over the finished shapes.
pub(super) fn rules(cx: &Cx<'_>, table: &mut Table<Aggregate>) {
    let has_subject: Vec<bool> = cx
        .names
        .aggregates
        .iter()
        .map(|(_, _, node)| node.child("subject").is_some())
        .collect();
    for (id, _, node) in cx.names.aggregates.iter() {
        let path = table.get(id).path.clone();
        let mut invariants = Vec::new();
        for (at, inner) in node.children_named("invariant").enumerate() {
            let mut scope = Scope::new(&cx.sig, Position::Invariant);
            scope.set_self(Some(id));
            let expr = cx.condition(inner.arg(0), &mut scope);
            let code = inner.prop("else").and_then(EntryExt::name);
            let path = NodePath(format!("{path}/invariant#{}", at + 1).into());
            if let (Some(expr), Some(code)) = (expr, code) {
                invariants.push(Invariant {
                    expr,
                    frame: scope.frame(),
                    code,
                    path,
                });
            }
        }
        let subject = subject(cx, id, node, &has_subject);
        let aggregate = table.get_mut(id);
        aggregate.defines = cx.sig.defines(id);
        aggregate.invariants = invariants;
        aggregate.subject = subject;
        personal(cx, aggregate, node);
    }
}

fn subject(cx: &Cx<'_>, id: Id<Aggregate>, node: &Node, with: &[bool]) -> Option<Expr> {
    let entry = node.child_arg("subject")?;
    let mut scope = Scope::new(&cx.sig, Position::Show);
    scope.set_self(Some(id));
    let (_, show) = cx.path(entry, Root::SelfRow, &mut scope)?;
    let text = entry.value.as_str().unwrap_or("");
    let key = cx.sig.aggregate(id).and_then(|a| a.row.slots.get(..a.keys));
    let is_key = key.is_some_and(|slots| slots.iter().any(|slot| &*slot.name == text));
    let fits = |ty: &Type| match ty.required() {
        Type::Actor(_) | Type::Email | Type::Error => true,
        Type::Ref(other) => with.get(other.index()).copied().unwrap_or(false),
        _ => is_key,
    };
    match show {
        ShowExpr::Value(expr) if fits(&expr.ty) => Some(expr),
        _ => {
            let message = format!("`{text}` does not say whose data a row is");
            cx.push(Diagnostic::error(codes::U0217, entry.value_span, message).help(
                "a subject is an actor, an e-mail address, the row's own key, or a reference to \
                 an aggregate with a subject",
            ));
            None
        }
    }
}

fn personal(cx: &Cx<'_>, aggregate: &Aggregate, node: &Node) {
    if node.child("subject").is_some() {
        return;
    }
    let Some(field) = aggregate.fields.iter().find(|field| field.marks.personal) else {
        return;
    };
    let name = &aggregate.name;
    let message = format!("`{name}` holds personal data, but not whose");
    let found = Diagnostic::error(codes::U0217, field.name.span, message)
        .also(name.span, "this aggregate has no `subject`");
    let actor = aggregate
        .fields
        .iter()
        .find(|f| matches!(f.ty.required(), Type::Actor(_)));
    let key = aggregate.key_fields().first();
    let guess = actor.or(key).map_or("<field>", |field| &field.name.text);
    cx.push(found.help(format!("add `subject {guess}` to its block")));
}

/// A move that a statement names; reported where there is none.
pub(super) fn find_move(cx: &Cx<'_>, aggregate: &Aggregate, name: &Name) -> Option<Id<Move>> {
    let Some(states) = &aggregate.states else {
        let message = format!("`{}` has no states", aggregate.name);
        let help = format!(
            "declare `states … {{ move {name} … }}` in `{}`",
            aggregate.name
        );
        cx.push(Diagnostic::error(codes::U0221, name.span, message).help(help));
        return None;
    };
    let found = states.moves.find(&name.text);
    if found.is_none() {
        let message = format!("`{}` has no move `{name}`", aggregate.name);
        let known: Vec<&str> = states.moves.iter().map(|(_, one)| one.name()).collect();
        let mut error = Diagnostic::error(codes::U0221, name.span, message);
        error = match closest(&name.text, known.iter().copied()) {
            Some(meant) => error.fix(format!("did you mean `{meant}`?"), name.span, meant),
            None if known.is_empty() => error.help("declare it in `states`"),
            None => error.help(format!("it has {}", super::grammar::both(&known))),
        };
        cx.push(error);
    }
    found
}
