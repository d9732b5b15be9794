//! `system` and `team`: the header and who builds it.

use super::context::Cx;
use super::read::{self, EntryExt, NodeExt};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::kdl::Node;
use crate::model::*;
use crate::source::Span;

/// The header; where there is none, which is reported, an empty one.
pub(super) fn system(nodes: &[&Node], out: &mut Vec<Diagnostic>) -> System {
    let mut headers = nodes.iter().filter(|node| node.is("system"));
    let first = headers.next();
    for more in headers {
        let message = "a brief has one `system`";
        let mut found = Diagnostic::error(codes::U0213, more.name.span, message);
        if let Some(first) = first {
            found = found.also(first.name.span, "the first one");
        }
        out.push(found.help("leave one of them out: included files have none"));
    }
    let Some(node) = first else {
        let place = nodes.first().map_or(Span::default(), |node| node.name.span);
        out.push(
            Diagnostic::error(codes::U0213, place, "the brief has no `system`")
                .help("begin with `system <name>`"),
        );
        return empty();
    };
    let version = node.child("version");
    System {
        name: node.title().unwrap_or_else(|| empty().name),
        title: node.child_arg("title").and_then(EntryExt::text),
        purpose: node.child_arg("purpose").and_then(EntryExt::text),
        currencies: node
            .child_args("currency")
            .filter_map(read::currency)
            .collect(),
        regions: node
            .child_args("region")
            .filter_map(EntryExt::text)
            .collect(),
        version: Version {
            number: version.and_then(|node| node.arg(0)?.small()).unwrap_or(1),
            serves: version.into_iter().flat_map(served).collect(),
        },
    }
}

fn empty() -> System {
    System {
        name: Name {
            text: "".into(),
            span: Span::default(),
        },
        title: None,
        purpose: None,
        currencies: Vec::new(),
        regions: Vec::new(),
        version: Version {
            number: 1,
            serves: Vec::new(),
        },
    }
}

fn served(version: &Node) -> impl Iterator<Item = ServedVersion> {
    version.children_named("serve").flat_map(|serve| {
        let until = serve.prop("until").and_then(EntryExt::day);
        let numbers = serve.args().filter_map(EntryExt::small);
        numbers.map(move |number| ServedVersion { number, until })
    })
}

pub(super) fn teams(cx: &Cx<'_>) -> Table<Team> {
    let team = |(_, name, node): (_, &Name, &Node)| Team {
        name: name.clone(),
        size: node.prop("size").and_then(EntryExt::small),
        skills: node
            .child_args("skills")
            .filter_map(EntryExt::text)
            .collect(),
    };
    Table::new(cx.names.teams.iter().map(team).collect())
}

/// The team that the property `team` names.
pub(super) fn team(cx: &Cx<'_>, node: &Node) -> Option<Id<Team>> {
    let name = node.prop("team")?.name()?;
    let id = cx.names.teams.find(&name.text);
    if id.is_none() {
        cx.push(super::names::unknown("team", &name, cx.names.teams.names()));
    }
    id
}
