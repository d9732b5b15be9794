//! What several kinds of declarations share: `allow`, `load`, `within`, assignments, messages.

use super::context::Cx;
use super::names::unknown;
use super::read::{EntryExt, NodeExt, name_of};
use super::types::{self, add_field, shape_of};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::{Callers, Position, Scope};
use crate::kdl::Node;
use crate::model::*;
use crate::source::Span;
use crate::suggest::closest;

/// The aggregate of that name; reported where there is none.
pub(super) fn aggregate(cx: &Cx<'_>, name: &Name) -> Option<Id<Aggregate>> {
    let found = cx.names.aggregates.find(&name.text);
    if found.is_none() {
        cx.push(unknown("aggregate", name, cx.names.aggregates.names()));
    }
    found
}

/// Who may, without the conditions.
pub(super) fn callers(cx: &Cx<'_>, node: &Node) -> Callers {
    let mut callers = Callers::default();
    for line in node.children_named("allow") {
        add_callers(cx, line, &mut callers);
    }
    callers
}

fn add_callers(cx: &Cx<'_>, line: &Node, callers: &mut Callers) {
    for name in line.args().filter_map(EntryExt::name) {
        let actor = name
            .text
            .split_once('.')
            .map_or(&*name.text, |(actor, _)| actor);
        if actor == "anyone" {
            callers.anyone = true;
        } else if let Some(id) = cx.names.actors.find(actor)
            && !callers.actors.contains(&id)
        {
            callers.actors.push(id);
        }
    }
}

/// Who may; that somebody may is checked, too.
pub(super) fn allows(cx: &Cx<'_>, node: &Node, scope: &mut Scope<'_>) -> Vec<Allow> {
    let mut allows = Vec::new();
    scope.set_position(Position::Allow);
    for line in node.children_named("allow") {
        let mut callers = Callers::default();
        add_callers(cx, line, &mut callers);
        scope.set_caller(callers);
        let when = cx.condition(line.prop("when"), scope);
        let fresh = line.mark(1, "fresh");
        let names = line
            .args()
            .filter_map(EntryExt::name)
            .filter(|name| &*name.text != "fresh");
        for name in names {
            if let Some(who) = who(cx, &name) {
                allows.push(Allow {
                    who,
                    when: when.clone(),
                    fresh,
                    span: line.span,
                });
            }
        }
    }
    // A misspelt `allow` was told of where it stands.
    let misspelt = |line: &Node| closest(&line.name.text, ["allow"]).is_some();
    if node.child("allow").is_none() && !node.nodes().iter().any(misspelt) {
        let name = node.title().map_or_else(|| "it".into(), |name| name.text);
        let message = format!("nobody may use `{name}`");
        let example = cx.names.actors.names().next().unwrap_or("anyone");
        cx.push(
            Diagnostic::error(codes::U0216, node.head, message)
                .help(format!("add `allow {example}` to its block")),
        );
    }
    allows
}

fn who(cx: &Cx<'_>, name: &Name) -> Option<Who> {
    if &*name.text == "anyone" {
        return Some(Who::Anyone);
    }
    let (actor, role) = match name.text.split_once('.') {
        Some((actor, role)) => (actor, Some(role)),
        None => (&*name.text, None),
    };
    let Some(id) = cx.names.actors.find(actor) else {
        let wrong = Name {
            text: actor.into(),
            span: name.span,
        };
        cx.push(unknown(
            "actor",
            &wrong,
            cx.names.actors.names().chain(["anyone"]),
        ));
        return None;
    };
    let Some(role) = role else {
        return Some(Who::Actor(id));
    };
    let node = cx.names.actors.node(id)?;
    let roles: Vec<&str> = node
        .child_args("role")
        .filter_map(|entry| entry.value.as_str())
        .collect();
    let at = roles.iter().position(|known| *known == role);
    if at.is_none() {
        let message = format!("`{actor}` has no role `{role}`");
        let found = Diagnostic::error(codes::U0210, name.span, message);
        cx.push(match closest(role, roles.iter().copied()) {
            Some(meant) => found.fix(
                format!("did you mean `{meant}`?"),
                name.span,
                format!("{actor}.{meant}"),
            ),
            None => found.help(format!("add `role {role}` to the actor `{actor}`")),
        });
    }
    at.map(|at| Who::Role(id, at))
}

/// All `load` lines.
pub(super) fn loads(cx: &Cx<'_>, node: &Node, scope: &mut Scope<'_>) -> Vec<Load> {
    let load = |line: &Node, scope: &mut Scope<'_>| Load {
        mean: line.prop("mean").and_then(EntryExt::rate),
        peak: line.prop("peak").and_then(EntryExt::rate),
        skew: line.prop("skew").and_then(EntryExt::decimal),
        channel: channel(cx, line),
        connections: line.prop("connections").and_then(EntryExt::natural),
        per: line
            .prop("per")
            .and_then(|entry| cx.expr(entry, scope, None)),
        typical: line.prop("typical").and_then(EntryExt::natural),
        peak_per: line.prop("peak").and_then(EntryExt::natural),
        span: line.span,
    };
    node.children_named("load")
        .map(|line| load(line, scope))
        .collect()
}

/// All `within` lines.
pub(super) fn withins(cx: &Cx<'_>, node: &Node) -> Vec<Within> {
    let within = |line: &Node| Within {
        p50: line.prop("p50").and_then(EntryExt::duration),
        p99: line.prop("p99").and_then(EntryExt::duration),
        channel: channel(cx, line),
        span: line.span,
    };
    node.children_named("within").map(within).collect()
}

/// The channel that `for=` names; reported where no actor has it.
pub(super) fn channel(cx: &Cx<'_>, node: &Node) -> Option<Text> {
    let name = node.prop("for")?.name()?;
    known_channel(cx, &name);
    Some(name.text)
}

/// Reports a channel that no actor has.
pub(super) fn known_channel(cx: &Cx<'_>, name: &Name) {
    let known: std::collections::BTreeSet<&str> = cx
        .names
        .actors
        .iter()
        .flat_map(|(_, _, node)| node.child_args("channel"))
        .filter_map(|entry| entry.value.as_str())
        .collect();
    if !known.contains(&*name.text) {
        cx.push(unknown("channel", name, known.into_iter()));
    }
}

pub(super) fn priority(node: &Node) -> Priority {
    match node
        .child_arg("priority")
        .and_then(|entry| entry.value.as_str())
    {
        Some("low") => Priority::Low,
        Some("high") => Priority::High,
        _ => Priority::Normal,
    }
}

pub(super) fn lag(node: &Node) -> Option<Duration> {
    node.child("lag")?.prop("p99")?.duration()
}

/// Something whose slots are assigned.
pub(super) struct Target<'t> {
    title: &'t str,
    /// What a slot is called.
    slot: &'static str,
    slots: Vec<Place<'t>>,
}

struct Place<'t> {
    name: &'t str,
    ty: &'t Type,
    /// Why it cannot be assigned.
    barred: Option<&'static str>,
    needed: bool,
}

impl<'t> Target<'t> {
    /// Inputs of what is asked or called.
    pub(super) fn inputs(title: &'t str, inputs: &'t [Field]) -> Self {
        Self {
            slot: "input",
            ..Self::fields(title, inputs)
        }
    }

    /// Fields of an event.
    pub(super) fn fields(title: &'t str, fields: &'t [Field]) -> Self {
        let place = |field: &'t Field| Place {
            name: &field.name.text,
            ty: &field.ty,
            barred: None,
            needed: needed(field),
        };
        Self {
            title,
            slot: "field",
            slots: fields.iter().map(place).collect(),
        }
    }

    /// A row that is created: its key is set, too, unless it is generated.
    pub(super) fn created(aggregate: &'t Aggregate) -> Self {
        Self::row(aggregate, true, false)
    }

    /// A row that is changed, and, where `create`, made from its key and defaults.
    pub(super) fn changed(aggregate: &'t Aggregate, create: bool) -> Self {
        Self::row(aggregate, false, create)
    }

    fn row(aggregate: &'t Aggregate, creating: bool, upsert: bool) -> Self {
        let place = |(at, slot): (usize, &'t SlotType)| {
            let field = aggregate.field_of_slot(at);
            let is_key = at < aggregate.keys;
            let fixed = field.is_some_and(|field| field.marks.fixed);
            let barred = match field {
                None if &*slot.name == "state" => Some("a state changes by `move`"),
                None => Some("it is given by the language"),
                Some(_) if is_key && creating && aggregate.generated_key => {
                    Some("a key without a type is generated")
                }
                Some(_) if is_key && !creating => Some("a key never changes"),
                Some(_) if fixed && !creating && !upsert => {
                    Some("it is marked `fixed`, so it is set at creation only")
                }
                Some(_) => None,
            };
            let free = barred.is_none() && (creating || upsert);
            let needed = free && field.is_some_and(needed);
            Place {
                name: &slot.name,
                ty: &slot.ty,
                barred,
                needed,
            }
        };
        let slots = aggregate.row.slots.iter().enumerate().map(place).collect();
        Self {
            title: &aggregate.name.text,
            slot: "field",
            slots,
        }
    }

    /// Row or struct slots without any demand, as for what stands in for an answer.
    pub(super) fn shape(title: &'t str, shape: &'t Shape) -> Self {
        let place = |slot: &'t SlotType| Place {
            name: &slot.name,
            ty: &slot.ty,
            barred: None,
            needed: !slot.ty.is_optional(),
        };
        Self {
            title,
            slot: "field",
            slots: shape.slots.iter().map(place).collect(),
        }
    }
}

/// Whether a field must be given: it has no default, is not optional, and no list that may be
/// empty.
fn needed(field: &Field) -> bool {
    let empty_list =
        matches!(field.ty, Type::List(_)) && field.count.is_none_or(|count| count.min == 0);
    field.default.is_none() && !field.ty.is_optional() && !empty_list
}

/// The assignments of all children `kind` (`set`, `fallback`) of `node`.
pub(super) fn assigns(
    cx: &Cx<'_>,
    node: &Node,
    kind: &str,
    target: &Target<'_>,
    scope: &mut Scope<'_>,
) -> Vec<Assign> {
    let mut sets: Vec<Assign> = Vec::new();
    for inner in node.children_named(kind) {
        assign(cx, inner, target, scope, &mut sets);
    }
    sets
}

/// The assignments of one `set`.
pub(super) fn assign(
    cx: &Cx<'_>,
    set: &Node,
    target: &Target<'_>,
    scope: &mut Scope<'_>,
    sets: &mut Vec<Assign>,
) {
    for (key, entry) in set.props() {
        let name = name_of(key);
        let found = target
            .slots
            .iter()
            .position(|place| place.name == &*key.text);
        let Some((slot, place)) = found.and_then(|at| Some((at, target.slots.get(at)?))) else {
            cx.push(no_slot(target, &name));
            let _ = cx.expr(entry, scope, None);
            let known = target.slots.iter().map(|place| place.name);
            let meant = closest(&key.text, known.collect::<Vec<_>>());
            let meant = target
                .slots
                .iter()
                .position(|place| Some(place.name) == meant);
            sets.extend(meant.map(|slot| reported(slot, name, entry.value_span)));
            continue;
        };
        if let Some(why) = place.barred {
            let message = format!("`{}` of `{}` cannot be set", place.name, target.title);
            cx.push(Diagnostic::error(codes::U0220, key.span, message).help(why));
        }
        if let Some(first) = sets.iter().find(|set| set.slot == slot) {
            let message = format!("`{name}` is set twice");
            cx.push(
                Diagnostic::error(codes::U0209, key.span, message)
                    .also(first.name.span, "the first time")
                    .help("leave one of them out"),
            );
        }
        if let Some(value) = cx.expr(entry, scope, Some(place.ty)) {
            sets.push(Assign { slot, name, value });
        } else {
            sets.push(reported(slot, name, entry.value_span));
        }
    }
}

/// What counts as set although it was reported, so that no second finding follows.
fn reported(slot: usize, name: Name, span: Span) -> Assign {
    Assign {
        slot,
        name,
        value: unknown_value(span),
    }
}

/// What stands for an expression that was reported: it fits everywhere.
pub(super) fn unknown_value(span: Span) -> Expr {
    let kind = ExprKind::Literal(Value::Null);
    let ty = Type::Error;
    Expr { kind, ty, span }
}

fn no_slot(target: &Target<'_>, name: &Name) -> Diagnostic {
    let message = format!("`{}` has no {} `{name}`", target.title, target.slot);
    let found = Diagnostic::error(codes::U0219, name.span, message);
    let open: Vec<&str> = target
        .slots
        .iter()
        .filter(|place| place.barred.is_none())
        .map(|p| p.name)
        .collect();
    match closest(&name.text, open.iter().copied()) {
        Some(meant) => found.fix(format!("did you mean `{meant}`?"), name.span, meant),
        None if open.is_empty() => found.help("it takes nothing"),
        None => found.help(format!("it has {}", super::grammar::both(&open))),
    }
}

/// Reports what must be set and is not.
pub(super) fn complete(cx: &Cx<'_>, target: &Target<'_>, sets: &[Assign], place: Span) {
    let given = |at: usize| sets.iter().any(|set| set.slot == at);
    let missing: Vec<&str> = target
        .slots
        .iter()
        .enumerate()
        .filter(|(at, slot)| slot.needed && !given(*at))
        .map(|(_, slot)| slot.name)
        .collect();
    if missing.is_empty() {
        return;
    }
    let names = super::grammar::both(&missing);
    let message = format!("{names} of `{}` must be set", target.title);
    let sets: Vec<String> = missing.iter().map(|name| format!("{name}=…")).collect();
    cx.push(
        Diagnostic::error(codes::U0218, place, message).help(format!(
            "add `set {}`, or give the {} a default",
            sets.join(" "),
            target.slot
        )),
    );
}

/// Fields of an event or a message of an external, and which of them make its ordering key. A
/// `key` with a type is a field, too.
pub(super) fn message_fields(cx: &Cx<'_>, node: &Node) -> (Vec<Field>, Vec<usize>) {
    let typed = node
        .children_named("key")
        .filter(|key| key.arg(1).is_some());
    let mut fields: Vec<Field> = Vec::new();
    for inner in typed.chain(node.children_named("field")) {
        if let Some(field) = types::field(cx, inner) {
            add_field(cx, &mut fields, field);
        }
    }
    let mut key = Vec::new();
    for name in node.children_named("key").filter_map(NodeExt::title) {
        match fields.iter().position(|field| field.name.text == name.text) {
            Some(at) => key.push(at),
            None => {
                cx.push(unknown(
                    "field",
                    &name,
                    fields.iter().map(|field| &*field.name.text),
                ));
            }
        }
    }
    (fields, key)
}

/// The layout of `event`: the fields, then what every message has.
pub(super) fn message_shape(cx: &Cx<'_>, name: &Name, fields: &[Field]) -> Shape {
    let mut shape = shape_of(name.text.to_string(), fields, 0);
    shape.slots.extend(envelope(cx));
    shape
}

/// What every message has.
pub(super) fn envelope(cx: &Cx<'_>) -> Vec<SlotType> {
    let tenant = cx.sig.tenant.map_or(Type::Text, Type::Ref).optional();
    let given = [
        ("id", Type::Text),
        ("time", Type::Time),
        ("caller", Type::Struct(cx.sig.caller_shape())),
        ("tenant", tenant),
    ];
    let slot = |(name, ty): (&str, Type)| SlotType {
        name: name.into(),
        ty,
        origin: Origin::System,
    };
    given.into_iter().map(slot).collect()
}
