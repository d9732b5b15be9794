//! `quality`, `cost`, `pin`, `question` and `slice`: what is required of the whole, fixed by hand,
//! still open, and moved step by step.

use super::aggregate::sources;
use super::common;
use super::context::Cx;
use super::limit;
use super::names::unknown;
use super::order::order;
use super::read::{self, EntryExt, NodeExt, name_of};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::kdl::{Node, Value as Kdl};
use crate::model::*;

fn all<'n>(nodes: &'n [&Node], kind: &'n str) -> impl Iterator<Item = &'n Node> {
    nodes.iter().copied().filter(move |node| node.is(kind))
}

/// A declaration of any kind that `entry` names; reported where there is none.
fn subject(cx: &Cx<'_>, node: &Node, prop: &str) -> Option<Name> {
    let name = node.prop(prop)?.name()?;
    known(cx, &name);
    Some(name)
}

fn known(cx: &Cx<'_>, name: &Name) {
    if !cx.names.knows(&name.text) {
        cx.push(unknown("declaration", name, cx.names.everything()));
    }
}

pub(super) fn quality(cx: &Cx<'_>, nodes: &[&Node]) -> Quality {
    let mut quality = Quality::default();
    for node in all(nodes, "quality") {
        for line in node.children_named("availability") {
            let share = line.arg(0).and_then(EntryExt::percent);
            let subject = subject(cx, line, "for");
            let same = |(_, other): &&(Percent, Option<Name>)| {
                other.as_ref().map(|n| &n.text) == subject.as_ref().map(|n| &n.text)
            };
            if quality.availability.iter().find(same).is_some() {
                let message = "this availability is required twice";
                let help = "leave one of them out";
                cx.push(Diagnostic::error(codes::U0209, line.head, message).help(help));
            }
            quality
                .availability
                .extend(share.map(|share| (share, subject)));
        }
        let recovery = node.child("recovery");
        let part = |prop: &str| recovery.and_then(|line| line.prop(prop)?.duration());
        quality.recovery_point = quality.recovery_point.or(part("point"));
        quality.recovery_time = quality.recovery_time.or(part("time"));
        quality
            .privacy
            .extend(node.child_args("privacy").filter_map(EntryExt::text));
        let budget = node.child_arg("budget");
        let budget = budget.and_then(|entry| Some((read::budget(entry)?, entry.value_span)));
        quality.budget = quality.budget.or(budget);
        quality.withins.extend(common::withins(cx, node));
    }
    let key = |(_, name): &(Percent, Option<Name>)| name.as_ref().map(|name| name.text.clone());
    quality.availability.sort_by_key(key);
    quality.privacy.sort();
    quality.privacy.dedup();
    quality
}

pub(super) fn costs(nodes: &[&Node]) -> Vec<CostConstant> {
    let mut costs: Vec<CostConstant> = all(nodes, "cost")
        .flat_map(Node::props)
        .filter_map(|(key, entry)| {
            let value = match &entry.value {
                Kdl::Bool(truth) => Value::Bool(*truth),
                Kdl::String { text, .. } => Value::Text(text.clone()),
                Kdl::Integer(number) => Value::Int(i64::try_from(*number).ok()?),
                _ => Value::Decimal(entry.decimal()?),
            };
            Some(CostConstant {
                name: name_of(key),
                value,
            })
        })
        .collect();
    costs.sort_by(|a, b| a.name.text.cmp(&b.name.text));
    costs
}

/// Reports the subject of a pin that names neither a declaration nor a channel.
fn pinned_channel(cx: &Cx<'_>, name: &Name) {
    let channels = cx
        .names
        .actors
        .iter()
        .flat_map(|(_, _, node)| node.child_args("channel"));
    if !channels
        .filter_map(|entry| entry.value.as_str())
        .any(|known| known == &*name.text)
    {
        cx.push(unknown(
            "declaration or channel",
            name,
            cx.names.everything(),
        ));
    }
}

pub(super) fn pins(cx: &Cx<'_>, nodes: &[&Node]) -> Vec<Pin> {
    let pin = |node: &Node| {
        let kind = node.title()?;
        let option = node.arg(1)?.name()?;
        let subjects: Vec<Name> = node.args().skip(2).filter_map(EntryExt::name).collect();
        subjects.iter().for_each(|name| known(cx, name));
        let of = node.prop("for").and_then(EntryExt::name);
        if let Some(of) = &of
            && !cx.names.knows(&of.text)
        {
            // A pin may be about a channel, too.
            pinned_channel(cx, of);
        }
        let mut about: Vec<&str> = subjects.iter().map(|name| &*name.text).collect();
        about.extend(of.iter().map(|of| &*of.text));
        let label = match about.as_slice() {
            [] => kind.text.to_string(),
            some => format!("{kind} {}", some.join(" ")),
        };
        let path = NodePath::declaration("pin", &label);
        Some(Pin {
            kind,
            option,
            subjects,
            of,
            path,
        })
    };
    let mut pins: Vec<Pin> = all(nodes, "pin").filter_map(pin).collect();
    pins.sort_by(|a, b| (&a.path, &a.option.text).cmp(&(&b.path, &b.option.text)));
    for pair in pins.windows(2) {
        let [first, second] = pair else { continue };
        if first.path == second.path {
            let message = format!("`{}` is pinned twice", first.path);
            cx.push(
                Diagnostic::error(codes::U0209, second.kind.span, message)
                    .also(first.kind.span, "the first time")
                    .help("leave one of them out"),
            );
        }
    }
    pins
}

pub(super) fn questions(cx: &Cx<'_>, nodes: &[&Node]) -> Vec<Question> {
    let question = |node: &Node| {
        let text = node.arg(0)?.text()?;
        Some(Question {
            text,
            about: subject(cx, node, "about"),
            span: node.span,
        })
    };
    let mut questions: Vec<Question> = all(nodes, "question").filter_map(question).collect();
    questions.sort_by(|a, b| a.text.cmp(&b.text));
    questions
}

pub(super) fn slices(cx: &Cx<'_>) -> Table<Slice> {
    let names = &cx.names.slices;
    let edges: Vec<Vec<usize>> = names
        .iter()
        .map(|(_, _, node)| {
            let words = node
                .child_args("after")
                .filter_map(|entry| entry.value.as_str());
            words
                .filter_map(|word| names.find(word))
                .map(Id::index)
                .collect()
        })
        .collect();
    let (_, cyclic) = order(&edges);
    let slice = |(id, name, node): (Id<Slice>, &Name, &Node)| {
        if cyclic.contains(&id.index()) {
            let message = format!("`{name}` waits for itself");
            let help = "leave one `after` out";
            cx.push(Diagnostic::error(codes::U0228, name.span, message).help(help));
        }
        slice(cx, name, node)
    };
    Table::new(names.iter().filter_map(slice).collect())
}

fn slice(cx: &Cx<'_>, name: &Name, node: &Node) -> Option<Slice> {
    let from = node.prop("from")?.name()?;
    let external = cx.names.externals.find(&from.text);
    if external.is_none() {
        cx.push(unknown("external", &from, cx.names.externals.names()));
    }
    let (mut aggregates, mut operations) = (Vec::new(), Vec::new());
    for taken in node.child_args("take").filter_map(EntryExt::name) {
        match cx.names.aggregates.find(&taken.text) {
            Some(id) => aggregates.push(id),
            None => operations.extend(limit::operation(cx, &taken)),
        }
    }
    let after: Vec<Name> = node
        .child_args("after")
        .filter_map(EntryExt::name)
        .collect();
    for earlier in &after {
        if cx.names.slices.find(&earlier.text).is_none() {
            cx.push(unknown("slice", earlier, cx.names.slices.names()));
        }
    }
    let canary = |line: &Node| Canary {
        steps: line.args().filter_map(EntryExt::percent).collect(),
        every: line.prop("every").and_then(EntryExt::duration),
        by: line.prop("by").and_then(EntryExt::text),
    };
    Some(Slice {
        name: name.clone(),
        path: NodePath::declaration("slice", &name.text),
        from: external?,
        aggregates,
        operations,
        after,
        shadow: node.child("shadow").map(shadow),
        canary: node.child("canary").map(canary),
        back: node.child("back").map(|line| Back {
            within: line.prop("within").and_then(EntryExt::duration),
            open: line.prop("for").and_then(EntryExt::duration),
            sets: sources(line),
        }),
    })
}

fn shadow(line: &Node) -> Shadow {
    Shadow {
        duration: line.prop("for").and_then(EntryExt::duration),
        sample: line.prop("sample").and_then(EntryExt::percent),
        ignore: line
            .prop("ignore")
            .and_then(EntryExt::text)
            .into_iter()
            .collect(),
        tolerate: line.prop("tolerate").and_then(EntryExt::percent),
    }
}
