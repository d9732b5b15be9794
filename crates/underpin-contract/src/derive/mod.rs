//! From a brief to its contract: paths first, then links between them, then operations.

mod access;
mod blobs;
mod bulk;
mod changes;
mod exports;
mod feeds;
mod forms;
mod names;

pub(crate) use names::pascal;
mod operations;
mod parameters;
mod problems;
mod refusals;
mod replies;
mod routes;
mod shown;

use crate::contract::{
    CommandLink, Condition, Contract, Links, Method, Operation, PathParameter, PathTarget, Problem,
    Reply, Source,
};
use crate::path::{PathTemplate, Segment};
use crate::schema::{Components, Schema};
use forms::Forms;
use operations::Making;
use problems::Ground;
use refusals::Refusals;
use routes::{Route, Subject};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use underpin_brief::codes::contract::{U0701, U0704};
use underpin_brief::diagnostic::{Diagnostic, Outcome};
use underpin_brief::model::{
    Aggregate, Brief, ChangeStep, Command, Field, Id, Query, QuerySource, Statement, StatementKind,
    Target,
};
use underpin_brief::source::Span;

/// The row that a command names in its path: its aggregate, and the input that is its key.
#[must_use]
pub fn named_row(command: &Command) -> Option<(Id<Aggregate>, usize)> {
    let (aggregate, slot, _) = Subject::of(command).named?;
    Some((aggregate, slot))
}

/// First segments that the backend needs itself.
pub(crate) const RESERVED: &[&str] = &[
    "health",
    "metrics",
    "docs",
    "openapi.json",
    "problems",
    "flows",
    "blobs",
    "webhooks",
    ".well-known",
];

/// The form of what is shown of a row.
pub(crate) fn shown_form(projection: &crate::projection::Projection) -> crate::schema::Object {
    shown::form(projection, true)
}

/// The contract of a brief, with what is wrong about it (codes 07xx). The value is there even
/// where there are errors.
#[must_use]
pub fn derive(brief: &Brief) -> Outcome<Contract> {
    let mut found = Vec::new();
    let mut forms = Forms::new(brief);
    let planned = Planned::new(brief, &forms, &mut found);
    let catalogue = planned.catalogue(brief);
    let mut operations = planned.operations(brief, &mut forms, &catalogue, &mut found);
    if operations.iter().any(may_be_followed) {
        operations.extend(flow_operations(&catalogue));
    }
    let (feeds, streams) = feeds::all(brief, &mut forms, &catalogue, &mut found);
    operations.extend(streams);
    let blobs = blobs::inputs(brief);
    operations.extend(blobs::operations(brief, &blobs, &catalogue));
    distinct(&mut operations);
    operations.sort_by(|a, b| (&a.path, a.method).cmp(&(&b.path, b.method)));
    collisions(brief, &operations, &mut found);
    found.sort_by_key(|diagnostic| diagnostic.primary.span);
    let used = |problem: &&Problem| {
        operations.iter().any(|operation| {
            operation
                .problems
                .values()
                .any(|codes| codes.contains(&problem.code))
        })
    };
    let problems = catalogue
        .values()
        .filter(used)
        .map(|p| (p.code.clone(), p.clone()))
        .collect();
    let contract = Contract {
        name: brief.system.name.text.clone(),
        title: brief
            .system
            .title
            .clone()
            .unwrap_or_else(|| brief.system.name.text.clone()),
        purpose: brief.system.purpose.clone(),
        version: brief.system.version.number,
        not_served: brief
            .system
            .version
            .serves
            .iter()
            .map(|served| served.number)
            .collect(),
        operations,
        blobs,
        components: forms.components,
        feeds,
        problems,
    };
    Outcome {
        value: Some(contract),
        diagnostics: found,
    }
}

/// Declared fields as one object on the wire, with the named forms that it refers to: what systems
/// outside are sent and answer. Bounds are not checked, and secrets are shown: they are meant for
/// that system.
#[must_use]
pub fn declared(brief: &Brief, fields: &[Field]) -> (Components, Schema) {
    let forms = Forms::new(brief);
    let mut object = forms.declared(fields, forms::Side::Out);
    for field in &mut object.fields {
        field.secret = false;
    }
    (forms.components, Schema::Object(object))
}

/// Places and refusals of everything, before operations are made of them.
struct Planned {
    commands: Vec<(Id<Command>, Route, Subject, Refusals)>,
    queries: Vec<(Id<Query>, Route, Refusals)>,
    items: Vec<(Id<Aggregate>, Route, Vec<Id<Query>>)>,
    links: BTreeMap<Id<Aggregate>, Links>,
}

impl Planned {
    fn new(brief: &Brief, forms: &Forms<'_>, found: &mut Vec<Diagnostic>) -> Self {
        let commands: Vec<_> = brief
            .commands
            .iter()
            .map(|(id, command)| {
                let subject = Subject::of(command);
                let route = routes::command(brief, forms, command, &subject, found);
                (id, route, subject, refusals::of_command(brief, id))
            })
            .collect();
        let queries = brief
            .queries
            .iter()
            .map(|(id, query)| {
                (
                    id,
                    routes::query(brief, forms, query, found),
                    refusals::of_query(brief, id),
                )
            })
            .collect();
        let mut items = Vec::new();
        for (id, _) in brief.aggregates.iter() {
            let of: Vec<Id<Query>> = brief
                .queries
                .iter()
                .filter(|(_, query)| query.of == QuerySource::Aggregate(id))
                .map(|(query, _)| query)
                .collect();
            if !of.is_empty() {
                items.push((id, routes::item(brief, forms, id), of));
            }
        }
        let mut planned = Self {
            commands,
            queries,
            items,
            links: BTreeMap::new(),
        };
        for (id, _) in brief.aggregates.iter() {
            planned.links.insert(id, planned.links_of(brief, id));
        }
        planned
    }

    /// Where a row of an aggregate stands and which commands name it in their path.
    fn links_of(&self, brief: &Brief, id: Id<Aggregate>) -> Links {
        let item = self.items.iter().find(|(aggregate, ..)| *aggregate == id);
        let on_row = self
            .commands
            .iter()
            .filter_map(|(command, route, subject, _)| {
                let (aggregate, slot, _) = subject.named?;
                let only_key = match route.parameters.as_slice() {
                    [one] => one.target == PathTarget::Input(slot),
                    _ => false,
                };
                (aggregate == id && only_key).then_some((*command, route, slot))
            });
        let mut commands: Vec<CommandLink> = on_row
            .map(|(command, route, slot)| {
                let declared = brief.commands.get(command);
                let moves = first_move(brief, id, slot, &declared.body.statements);
                CommandLink {
                    rel: match &moves {
                        Some((name, _)) => name.clone(),
                        None => declared.name.text.clone(),
                    },
                    command,
                    path: route.path.clone(),
                    from: moves.map(|(_, from)| from).unwrap_or_default(),
                    access: access::of(brief, &declared.allows),
                }
            })
            .collect();
        let rels: Vec<Arc<str>> = commands.iter().map(|link| link.rel.clone()).collect();
        for link in &mut commands {
            let shared = rels.iter().filter(|rel| **rel == link.rel).count() > 1;
            if shared || &*link.rel == "self" {
                link.rel = brief.commands.get(link.command).name.text.clone();
            }
        }
        commands.sort_by(|a, b| a.rel.cmp(&b.rel));
        Links {
            item: item.map(|(_, route, _)| route.path.clone()),
            commands,
        }
    }

    /// All problems that can arise, the brief's own with the status of their strongest ground.
    fn catalogue(&self, brief: &Brief) -> BTreeMap<Arc<str>, Problem> {
        let mut catalogue = problems::protocol();
        let mut grounds: BTreeMap<Arc<str>, Ground> = BTreeMap::new();
        let commands = self.commands.iter().map(|(.., refusals)| refusals);
        let all = commands.chain(self.queries.iter().map(|(.., refusals)| refusals));
        for (code, ground) in all.flat_map(|refusals| &refusals.codes) {
            let known = grounds.entry(code.clone()).or_insert(*ground);
            *known = (*known).max(*ground);
        }
        for (code, ground) in grounds {
            catalogue
                .entry(code.clone())
                .or_insert_with(|| problems::declared(&code, ground));
        }
        if let Some(tenancy) = &brief.tenancy {
            let name = &brief.aggregates.get(tenancy.aggregate).name.text;
            if let Some(forbidden) = catalogue.get_mut("forbidden") {
                forbidden.description =
                    format!("The caller may not do this, or belongs to no {name}.");
            }
        }
        catalogue
    }

    fn operations<'b>(
        &self,
        brief: &'b Brief,
        forms: &mut Forms<'b>,
        catalogue: &BTreeMap<Arc<str>, Problem>,
        found: &mut Vec<Diagnostic>,
    ) -> Vec<Operation> {
        let mut making = Making {
            brief,
            forms,
            catalogue,
            found,
        };
        let mut operations = Vec::new();
        for (id, route, subject, refusals) in &self.commands {
            let row = subject
                .named
                .map(|(id, ..)| id)
                .or(subject.created.map(|(id, ..)| id));
            let links = row.and_then(|row| self.links.get(&row).cloned());
            let one = making.command(*id, route.clone(), subject, refusals, links);
            let bulk = making.bulk(*id, &one);
            operations.push(one);
            operations.extend(bulk);
        }
        for (id, route, refusals) in &self.queries {
            let links = match brief.queries.get(*id).of {
                QuerySource::Aggregate(row) => self.links.get(&row),
                _ => None,
            };
            let page = making.query(*id, route.clone(), refusals, links);
            operations.extend(making.exports(*id, &page));
            operations.extend(making.changes(*id, &page));
            operations.push(page);
        }
        for (id, route, queries) in &self.items {
            let links = self.links.get(id).cloned().unwrap_or_default();
            operations.push(making.item(*id, route.clone(), queries.clone(), links));
        }
        operations
    }
}

/// The first move of the row that stands in the input slot, with the states from which it goes.
fn first_move(
    brief: &Brief,
    id: Id<Aggregate>,
    slot: usize,
    statements: &[Statement],
) -> Option<(Arc<str>, Vec<Arc<str>>)> {
    let states = brief.aggregates.get(id).states.as_ref()?;
    let steps = statements
        .iter()
        .find_map(|statement| match &statement.kind {
            StatementKind::Change {
                aggregate,
                target,
                steps,
                ..
            } if *aggregate == id => {
                let named = match target {
                    Target::Key(expr) => routes::input_slot(expr, id) == Some(slot),
                    Target::Bound(_) => true,
                };
                named.then_some(steps)
            }
            _ => None,
        })?;
    let chosen = steps.iter().find_map(|step| match step {
        ChangeStep::Move { id, .. } => Some(states.moves.get(*id)),
        _ => None,
    })?;
    let from = chosen.from.iter().filter_map(|at| states.names.get(*at));
    Some((
        chosen.name.text.clone(),
        from.map(|name| name.text.clone()).collect(),
    ))
}

fn may_be_followed(operation: &Operation) -> bool {
    match &operation.reply {
        Reply::Command(reply) => reply.accepted || reply.may_continue,
        _ => false,
    }
}

/// Names that are made of those of the brief give way to them.
fn distinct(operations: &mut [Operation]) {
    let made = |operation: &Operation| {
        matches!(
            operation.source,
            Source::Bulk(_) | Source::Export(..) | Source::Changes(_) | Source::Blobs(_)
        )
    };
    let given = operations.iter().filter(|operation| !made(operation));
    let mut taken: BTreeSet<Arc<str>> = given.map(|operation| operation.id.clone()).collect();
    for operation in operations.iter_mut().filter(|operation| made(operation)) {
        while !taken.insert(operation.id.clone()) {
            operation.id = format!("{}_", operation.id).into();
        }
    }
}

/// The operations that follow and cancel flows.
fn flow_operations(catalogue: &BTreeMap<Arc<str>, Problem>) -> [Operation; 2] {
    let parameter = PathParameter {
        names: vec!["flow".into()],
        schema: Schema::token(64),
        target: PathTarget::Flow,
        description: "The flow, as a 202 names it.".to_owned(),
    };
    let reading = [
        "malformed-request",
        "invalid-parameter",
        "unauthenticated",
        "not-found",
    ];
    let general = [
        "method-not-allowed",
        "too-many-requests",
        "internal",
        "unavailable",
    ];
    let writing = [
        "not-cancellable",
        "too-large",
        "unsupported-media-type",
        "invalid-input",
    ];
    let operation = |id: &str, summary: &str, method, source, last: Option<&str>, more: &[&str]| {
        let fixed = |text: &str| Segment::Static(text.into());
        let mut segments = vec![fixed("flows"), Segment::Parameter("flow".into())];
        segments.extend(last.map(fixed));
        let codes = reading.iter().chain(&general).chain(more).copied();
        Operation {
            id: id.into(),
            name: names::kebab(id).into(),
            summary: summary.to_owned(),
            tag: "Flows".into(),
            method,
            path: PathTemplate { segments },
            source,
            path_parameters: vec![parameter.clone()],
            parameters: Vec::new(),
            body: None,
            reply: Reply::Flow,
            shapes: Vec::new(),
            access: crate::contract::Access {
                anyone: true,
                actors: Vec::new(),
            },
            idempotent: false,
            precondition: Condition::Ignored,
            problems: problems::by_status(codes, catalogue),
            input_width: 0,
        }
    };
    [
        operation(
            "getFlow",
            "How far a flow is",
            Method::Get,
            Source::Flow,
            None,
            &[],
        ),
        operation(
            "cancelFlow",
            "Stop a flow and take back what it did",
            Method::Post,
            Source::FlowCancel,
            Some("cancel"),
            &writing,
        ),
    ]
}

/// Two operations of one method and path, and paths that the backend needs itself.
fn collisions(brief: &Brief, operations: &[Operation], found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<(Method, String), &Operation> = BTreeMap::new();
    // Only a backend that has feeds needs their place.
    let feed =
        |operation: &Operation| matches!(operation.source, Source::Feed(_) | Source::Endpoints(..));
    let told = operations.iter().any(feed);
    for operation in operations {
        let place = (operation.method, operation.path.pattern());
        let (span, kind) = declared_at(brief, operation);
        if let Some(first) = places.get(&place) {
            let message = format!(
                "`{}` and `{}` would both answer `{} {}`",
                first.name,
                operation.name,
                operation.method.as_str(),
                operation.path
            );
            // A row's own path follows from an aggregate: the other side is the one to move.
            let (at, other) = match operation.source {
                Source::Item(_) => (declared_at(brief, first).0, span),
                _ => (span, declared_at(brief, first).0),
            };
            found.push(
                Diagnostic::error(U0701, at, message)
                    .also(other, "the other one")
                    .help(format!(
                        "give one of them a path of its own: `path=\"/{}\"`",
                        match kind {
                            "row" => &*first.name,
                            _ => &*operation.name,
                        }
                    )),
            );
        }
        places.entry(place).or_insert(operation);
        let own = matches!(
            operation.source,
            Source::Flow
                | Source::FlowCancel
                | Source::Blobs(_)
                | Source::Feed(_)
                | Source::Endpoints(..)
        );
        if let Some(Segment::Static(first)) = operation.path.segments.first()
            && (RESERVED.contains(&&**first) || &**first == "feeds" && told)
            && !own
        {
            let message = format!("the backend needs `/{first}` itself");
            let help = match operation.source {
                Source::Item(_) => "choose another plural: `plural \"other-words\"`",
                _ => "choose another path: `path=\"/other/words\"`",
            };
            found.push(Diagnostic::error(U0704, span, message).help(help));
        }
    }
}

/// Where an operation is declared, and what it is.
fn declared_at(brief: &Brief, operation: &Operation) -> (Span, &'static str) {
    match operation.source {
        Source::Command(id) | Source::Bulk(id) => (brief.commands.get(id).name.span, "command"),
        Source::Query(id) | Source::Export(id, _) | Source::Changes(id) => {
            (brief.queries.get(id).name.span, "query")
        }
        Source::Item(id) => (brief.aggregates.get(id).name.span, "row"),
        Source::Flow | Source::FlowCancel | Source::Blobs(_) => (brief.system.name.span, "flow"),
        Source::Feed(id) | Source::Endpoints(id, _) => (brief.feeds.get(id).name.span, "feed"),
    }
}
