//! What is declared: every name of every kind, with its node and the id that it will have. Types
//! and their names only; nothing is said of what they are.

use super::read::{NodeExt, snake};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::kdl::Node;
use crate::model::*;
use crate::source::Span;
use crate::suggest::closest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Declarations of one kind by name; positions are ids.
pub(super) struct Index<'a, T> {
    rows: Vec<(Name, &'a Node)>,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl<'a, T> Index<'a, T> {
    /// Sorts by name. Of two of one name the first in the text stays, and the other is reported.
    pub(super) fn new(
        nodes: impl Iterator<Item = &'a Node>,
        spelled: fn(&str) -> String,
        out: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut seen: BTreeMap<Arc<str>, (Name, &'a Node)> = BTreeMap::new();
        for node in nodes {
            let Some(mut name) = node.title() else {
                continue;
            };
            let key: Arc<str> = spelled(&name.text).into();
            if let Some((first, _)) = seen.get(&key) {
                out.push(twice(&name, first.span));
            } else {
                name.text = Arc::clone(&key);
                seen.insert(key, (name, node));
            }
        }
        Self {
            rows: seen.into_values().collect(),
            kind: std::marker::PhantomData,
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<Id<T>> {
        self.rows
            .binary_search_by(|(row, _)| (*row.text).cmp(name))
            .ok()
            .map(Id::from_index)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Id<T>, &Name, &'a Node)> {
        self.rows
            .iter()
            .enumerate()
            .map(|(at, (name, node))| (Id::from_index(at), name, *node))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|(name, _)| &*name.text)
    }

    pub(super) fn node(&self, id: Id<T>) -> Option<&'a Node> {
        self.rows.get(id.index()).map(|(_, node)| *node)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

fn twice(name: &Name, first: Span) -> Diagnostic {
    let message = format!("`{}` is declared twice", name.text);
    Diagnostic::error(codes::U0209, name.span, message)
        .also(first, "the first one")
        .help("rename one of them, or leave it out")
}

/// All that is declared.
pub(super) struct Names<'a> {
    pub(super) teams: Index<'a, Team>,
    pub(super) actors: Index<'a, Actor>,
    pub(super) externals: Index<'a, External>,
    /// Per external, in the order of ids.
    pub(super) operations: Vec<Index<'a, ExternalOperation>>,
    /// Per external, in the order of ids.
    pub(super) sends: Vec<Index<'a, Sends>>,
    pub(super) records: Index<'a, Record>,
    pub(super) enums: Index<'a, Enum>,
    pub(super) aggregates: Index<'a, Aggregate>,
    pub(super) events: Index<'a, Event>,
    pub(super) views: Index<'a, View>,
    pub(super) queries: Index<'a, Query>,
    pub(super) commands: Index<'a, Command>,
    pub(super) policies: Index<'a, Policy>,
    pub(super) feeds: Index<'a, Feed>,
    pub(super) limits: Index<'a, Limit>,
    pub(super) tiers: Index<'a, Tier>,
    pub(super) flags: Index<'a, Flag>,
    pub(super) slices: Index<'a, Slice>,
}

/// Names of types that the language has; no declaration may take them.
pub(super) const BUILTIN: &[&str] = &[
    "text", "int", "decimal", "money", "bool", "date", "time", "duration", "email", "url", "json",
    "blob", "edits", "tier", "region",
];

impl<'a> Names<'a> {
    pub(super) fn collect(nodes: &[&'a Node], out: &mut Vec<Diagnostic>) -> Self {
        let mut by_kind: BTreeMap<&str, Vec<&'a Node>> = BTreeMap::new();
        for node in nodes {
            by_kind.entry(&node.name.text).or_default().push(node);
        }
        let of = |kind: &str| by_kind.get(kind).cloned().unwrap_or_default().into_iter();
        shared(
            &["aggregate", "record", "enum", "event", "view"],
            &by_kind,
            out,
        );
        shared(&["command", "query", "feed"], &by_kind, out);
        let externals: Index<'a, External> = Index::new(of("external"), str::to_owned, out);
        let inner = |kind: &'static str| {
            let nodes = externals.rows.iter().map(move |(_, node)| *node);
            nodes.map(move |node| node.nodes().iter().filter(move |inner| inner.is(kind)))
        };
        let operations = inner("operation")
            .map(|nodes| Index::new(nodes, str::to_owned, out))
            .collect();
        let sends = inner("sends")
            .map(|nodes| Index::new(nodes, str::to_owned, out))
            .collect();
        let names = Self {
            teams: Index::new(of("team"), str::to_owned, out),
            actors: Index::new(of("actor"), str::to_owned, out),
            operations,
            sends,
            externals,
            records: Index::new(of("record"), str::to_owned, out),
            enums: Index::new(of("enum"), str::to_owned, out),
            aggregates: Index::new(of("aggregate"), str::to_owned, out),
            events: Index::new(of("event"), str::to_owned, out),
            views: Index::new(of("view"), str::to_owned, out),
            queries: Index::new(of("query"), str::to_owned, out),
            commands: Index::new(of("command"), str::to_owned, out),
            policies: Index::new(of("policy"), str::to_owned, out),
            feeds: Index::new(of("feed"), str::to_owned, out),
            limits: Index::new(of("limit"), str::to_owned, out),
            tiers: Index::new(of("tier"), str::to_owned, out),
            flags: Index::new(of("flag"), |name| name.replace('-', "_"), out),
            slices: Index::new(of("slice"), str::to_owned, out),
        };
        for (_, name, _) in names.actors.iter() {
            if BUILTIN.contains(&&*name.text) || matches!(&*name.text, "anyone" | "fresh") {
                let message = format!("`{}` is a word of the language", name.text);
                out.push(Diagnostic::error(codes::U0208, name.span, message).help("rename it"));
            }
        }
        names
    }

    /// Whether some declaration of any kind has that name.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.everything().any(|name| name == word)
    }

    /// Names of all kinds.
    pub(super) fn everything(&self) -> impl Iterator<Item = &str> {
        self.operations_of_ours()
            .chain(self.types())
            .chain(self.teams.names())
            .chain(self.externals.names())
            .chain(self.views.names())
            .chain(self.events.names())
            .chain(self.policies.names())
            .chain(self.limits.names())
            .chain(self.tiers.names())
            .chain(self.flags.names())
            .chain(self.slices.names())
    }

    /// Commands, queries and feeds.
    pub(super) fn operations_of_ours(&self) -> impl Iterator<Item = &str> {
        self.commands
            .names()
            .chain(self.queries.names())
            .chain(self.feeds.names())
    }

    /// Names that a type may have besides the ones of the language.
    pub(super) fn types(&self) -> impl Iterator<Item = &str> {
        self.enums
            .names()
            .chain(self.records.names())
            .chain(self.aggregates.names())
            .chain(self.actors.names())
    }
}

/// Kinds that share one space of names.
fn shared(kinds: &[&str], by_kind: &BTreeMap<&str, Vec<&Node>>, out: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<Arc<str>, (&str, Name)> = BTreeMap::new();
    for kind in kinds {
        for node in by_kind.get(kind).into_iter().flatten() {
            let Some(name) = node.title() else { continue };
            match seen.get(&name.text) {
                Some((before, _)) if before == kind => {}
                Some((_, first)) => out.push(twice(&name, first.span)),
                None => {
                    seen.insert(name.text.clone(), (kind, name));
                }
            }
        }
    }
}

/// "There is no such thing", with what was probably meant.
pub(super) fn unknown<'n>(
    what: &str,
    name: &Name,
    known: impl Iterator<Item = &'n str>,
) -> Diagnostic {
    let mut known: Vec<&str> = known.collect();
    let mut seen = std::collections::BTreeSet::new();
    known.retain(|name| seen.insert(*name));
    let message = format!("there is no {what} `{}`", name.text);
    let found = Diagnostic::error(codes::U0210, name.span, message);
    if let Some(meant) = closest(&name.text, known.iter().copied()) {
        return found.fix(format!("did you mean `{meant}`?"), name.span, meant);
    }
    match known.as_slice() {
        [] => found.help(format!(
            "declare it, or leave it out: no {what} is declared"
        )),
        some if some.len() <= 8 => found.help(format!("there is {}", super::grammar::both(some))),
        _ => found.help("correct the name, or declare it"),
    }
}

/// The name that expressions use for a declaration.
pub(super) fn in_expressions(name: &str) -> Arc<str> {
    snake(name).into()
}
