//! Operations: commands, queries and rows with everything that clients see of them.

use super::access;
use super::forms::{Forms, Side, json_bytes};
use super::names::{camel, kebab, sentence};
use super::parameters;
use super::problems::{ByStatus, by_status};
use super::refusals::Refusals;
use super::routes::{Route, Subject};
use super::shown;
use crate::contract::{
    AnsweredRow, Body, CommandReply, Condition, KeyProperty, Links, Method, Operation, PathTarget,
    Problem, Reply, RowReply, Source,
};
use crate::projection::Projection;
use crate::schema::{Field, Object, Schema};
use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::codes::contract::U0702;
use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::model::{
    Aggregate, AnswerMode, Brief, Command, Expr, ExprKind, Id, Precondition, Query, QuerySource,
    Slot, StatementKind,
};

/// The largest body where nothing larger was declared.
const BODY: u64 = 1 << 20;

/// What all operations are made of.
pub(super) struct Making<'b, 'f> {
    pub brief: &'b Brief,
    pub forms: &'f mut Forms<'b>,
    pub catalogue: &'f BTreeMap<Arc<str>, Problem>,
    pub found: &'f mut Vec<Diagnostic>,
}

impl Making<'_, '_> {
    /// The operation of a command.
    pub(super) fn command(
        &mut self,
        id: Id<Command>,
        route: Route,
        subject: &Subject,
        refusals: &Refusals,
        links: Option<Links>,
    ) -> Operation {
        let command = self.brief.commands.get(id);
        let body = self.body(command, &route);
        let condition = match command.precondition {
            Some(Precondition::Version) => Condition::Required,
            Some(Precondition::None) => Condition::Ignored,
            None if underpin_brief::flow::only_merges(self.brief, command) => Condition::Ignored,
            None if subject.named.is_some() => Condition::Accepted,
            None => Condition::Ignored,
        };
        let reply = self.command_reply(command, subject, refusals, links);
        let access = access::of(self.brief, &command.allows);
        let mut codes: Vec<&str> = refusals.codes.keys().map(|code| &**code).collect();
        codes.extend(["malformed-request", "invalid-parameter", "unauthenticated"]);
        codes.extend(["method-not-allowed", "too-large", "unsupported-media-type"]);
        codes.extend([
            "invalid-input",
            "key-reused",
            "in-progress",
            "too-many-requests",
        ]);
        codes.extend(["internal", "unavailable", "deadline-exceeded", "forbidden"]);
        codes.extend(["conflict", "busy"].into_iter().filter(|_| refusals.writes));
        codes.extend(["in-doubt"].into_iter().filter(|_| refusals.doubtful));
        codes.extend(
            ["cancelled"]
                .into_iter()
                .filter(|_| reply.may_continue || reply.accepted),
        );
        codes.extend(
            ["not-found"]
                .into_iter()
                .filter(|_| !route.parameters.is_empty()),
        );
        match condition {
            Condition::Ignored => {}
            Condition::Accepted => codes.push("precondition-failed"),
            Condition::Required => codes.extend(["precondition-failed", "precondition-required"]),
        }
        Operation {
            id: camel(&command.name.text).into(),
            name: command.name.text.clone(),
            summary: sentence(&command.name.text),
            tag: self.tag(subject.aggregate()),
            method: Method::Post,
            path: route.path,
            source: Source::Command(id),
            path_parameters: route.parameters,
            parameters: Vec::new(),
            body,
            reply: Reply::Command(reply),
            shapes: Vec::new(),
            access,
            idempotent: true,
            precondition: condition,
            problems: by_status(codes, self.catalogue),
            input_width: command.input.len(),
        }
    }

    fn tag(&self, aggregate: Option<Id<Aggregate>>) -> Arc<str> {
        match aggregate {
            Some(id) => self.brief.aggregates.get(id).name.text.clone(),
            None => self.brief.system.name.text.clone(),
        }
    }

    fn body(&mut self, command: &Command, route: &Route) -> Option<Body> {
        let in_path = |slot: usize| {
            route
                .parameters
                .iter()
                .any(|parameter| parameter.target == PathTarget::Input(slot))
        };
        let version = self.brief.system.version.number;
        let served = |field: &underpin_brief::model::Field| {
            field.since.is_none_or(|since| since <= version)
                && field.until.is_none_or(|until| until >= version)
        };
        let fields: Vec<Field> = command
            .input
            .iter()
            .enumerate()
            .filter(|(slot, field)| !in_path(*slot) && served(field))
            .map(|(slot, field)| self.forms.field(field, slot, Side::In))
            .collect();
        if fields.is_empty() {
            return None;
        }
        let optional = fields.iter().all(|field| !field.required);
        let object = Object {
            title: None,
            fields,
            width: command.input.len(),
        };
        let name = self.forms.name(&command.name.text, "Input");
        let schema = Schema::Object(object.clone());
        let declared = json_bytes(&self.forms.components, &schema, 0);
        self.forms.add(&name, schema);
        Some(Body {
            object,
            component: name,
            max_bytes: declared.clamp(BODY, 64 * BODY),
            optional,
        })
    }

    fn command_reply(
        &mut self,
        command: &Command,
        subject: &Subject,
        refusals: &Refusals,
        links: Option<Links>,
    ) -> CommandReply {
        let returns = self.returns(command);
        let row = match (subject.named, subject.created) {
            (Some((aggregate, _, binding)), _) => Some((aggregate, binding, false)),
            (None, Some((aggregate, binding, always))) => Some((aggregate, binding, always)),
            (None, None) => None,
        };
        let row = row.map(|(aggregate, binding, created)| AnsweredRow {
            aggregate,
            binding,
            created,
            links: links.unwrap_or_default(),
        });
        let reply = CommandReply {
            component: self.forms.name(&command.name.text, "Result"),
            key: returned_key(self.brief, command, row.as_ref()),
            returns,
            row,
            accepted: command.answer == AnswerMode::Accepted,
            may_continue: refusals.calls,
        };
        if !reply.is_empty() {
            self.forms
                .add(&reply.component, Schema::Object(reply.form()));
        }
        reply
    }

    /// The `return` fields in the order of the statements.
    fn returns(&mut self, command: &Command) -> Object {
        let mut object = Object::default();
        for statement in &command.body.statements {
            let StatementKind::Return(fields) = &statement.kind else {
                continue;
            };
            for (name, expr) in fields {
                let form = self.forms.form(&expr.ty, Side::Out);
                let schema = if statement.when.is_some() {
                    form.nullable()
                } else {
                    form
                };
                if &*name.text == "links" || object.fields.iter().any(|f| f.name == name.text) {
                    let message =
                        format!("the answer of `{}` would have two `{name}`", command.name);
                    self.found.push(
                        Diagnostic::error(U0702, name.span, message)
                            .fact("`links` of an answer tell what can be done next")
                            .help("return it under another name"),
                    );
                }
                object.fields.push(Field {
                    name: name.text.clone(),
                    slot: object.width,
                    schema,
                    required: true,
                    default: None,
                    secret: false,
                });
                object.width += 1;
            }
        }
        object
    }

    /// The operation of a query.
    pub(super) fn query(
        &mut self,
        id: Id<Query>,
        route: Route,
        refusals: &Refusals,
        links: Option<&Links>,
    ) -> Operation {
        let query = self.brief.queries.get(id);
        let in_path: Vec<usize> = route
            .parameters
            .iter()
            .filter_map(|parameter| match parameter.target {
                PathTarget::Input(slot) => Some(slot),
                _ => None,
            })
            .collect();
        let parameters = parameters::of_query(self.brief, self.forms, id, &in_path, self.found);
        let (reply, shapes) = self.query_replies(id, links);
        let aggregate = match query.of {
            QuerySource::Aggregate(id) => Some(id),
            _ => None,
        };
        let tag = match query.of {
            QuerySource::View(view) => self.brief.views.get(view).name.text.clone(),
            _ => self.tag(aggregate),
        };
        let mut problems = self.read_problems(refusals, matches!(reply, Reply::Row(_)));
        if !route.parameters.is_empty() {
            problems.extend(by_status(["not-found"], self.catalogue));
        }
        Operation {
            id: camel(&query.name.text).into(),
            name: query.name.text.clone(),
            summary: sentence(&query.name.text),
            tag,
            method: Method::Get,
            path: route.path,
            source: Source::Query(id),
            path_parameters: route.parameters,
            parameters,
            body: None,
            reply,
            shapes,
            access: access::of(self.brief, &query.allows),
            idempotent: false,
            precondition: Condition::Ignored,
            problems,
            input_width: query.input.len(),
        }
    }

    fn read_problems(&self, refusals: &Refusals, one: bool) -> ByStatus {
        let mut codes: Vec<&str> = refusals.codes.keys().map(|code| &**code).collect();
        codes.extend([
            "malformed-request",
            "invalid-parameter",
            "unauthenticated",
            "forbidden",
        ]);
        codes.extend([
            "method-not-allowed",
            "too-many-requests",
            "internal",
            "unavailable",
        ]);
        codes.extend(["deadline-exceeded"]);
        codes.extend(["not-found"].into_iter().filter(|_| one));
        by_status(codes, self.catalogue)
    }

    /// The operation that shows one row of an aggregate.
    pub(super) fn item(
        &mut self,
        id: Id<Aggregate>,
        route: Route,
        queries: Vec<Id<Query>>,
        links: Links,
    ) -> Operation {
        let aggregate = self.brief.aggregates.get(id);
        let name = &*aggregate.name.text;
        let projection: Projection = shown::union(self.brief, self.forms, &queries);
        let mut row = shown::form(&projection, queries.len() == 1);
        add_links(&mut row, Some(&links));
        let component = self.forms.name(name, "Item");
        self.forms.add(&component, Schema::Object(row));
        let allows = queries
            .iter()
            .flat_map(|query| &self.brief.queries.get(*query).allows);
        let access = access::of(self.brief, allows);
        let known = |operation: &str| {
            self.brief.queries.find(operation).is_some()
                || self.brief.commands.find(operation).is_some()
        };
        let mut operation = format!("get-{}", kebab(name));
        while known(&operation) {
            operation.push_str("-item");
        }
        Operation {
            id: camel(&operation).into(),
            name: operation.as_str().into(),
            summary: format!("One {}", kebab(name).replace('-', " ")),
            tag: aggregate.name.text.clone(),
            method: Method::Get,
            path: route.path,
            source: Source::Item(id),
            path_parameters: route.parameters,
            parameters: Vec::new(),
            body: None,
            reply: Reply::Row(RowReply {
                aggregate: Some(id),
                projection,
                parts: Vec::new(),
                queries,
                links,
                component,
            }),
            shapes: Vec::new(),
            access,
            idempotent: false,
            precondition: Condition::Ignored,
            problems: self.read_problems(&Refusals::default(), true),
            input_width: 0,
        }
    }
}

/// `links` stands after what is shown, unless something is shown under that name.
pub(super) fn add_links(row: &mut Object, links: Option<&Links>) {
    let Some(links) = links.filter(|links| !links.is_empty()) else {
        return;
    };
    if row.fields.iter().any(|field| &*field.name == "links") {
        return;
    }
    row.fields.push(Field {
        name: "links".into(),
        slot: row.width,
        schema: Schema::Object(links.form()),
        required: true,
        default: None,
        secret: false,
    });
    row.width += 1;
}

/// Whether `expr` is the only key field of the row in `slot`.
pub(super) fn is_key(brief: &Brief, id: Id<Aggregate>, expr: &Expr, slot: Slot) -> bool {
    let ExprKind::Field(row, 0) = &expr.unconverted().kind else {
        return false;
    };
    brief.aggregates.get(id).keys == 1 && row.kind == ExprKind::Slot(slot)
}

/// The `return` field that is the key of the row that the answer is about.
fn returned_key(
    brief: &Brief,
    command: &Command,
    row: Option<&AnsweredRow>,
) -> Option<KeyProperty> {
    let row = row?;
    let binding = row.binding?;
    let fields = command
        .body
        .statements
        .iter()
        .filter_map(|statement| match &statement.kind {
            StatementKind::Return(fields) => Some(fields),
            _ => None,
        });
    let mut fields = fields.flatten();
    let (name, _) = fields.find(|(_, expr)| is_key(brief, row.aggregate, expr, binding))?;
    Some(KeyProperty {
        aggregate: row.aggregate,
        name: name.text.clone(),
    })
}
