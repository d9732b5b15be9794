//! Where operations stand: the paths of commands, queries and rows.

use super::forms::{Forms, Side};
use super::names::{kebab, plural};
use crate::contract::{PathParameter, PathTarget};
use crate::path::{PathTemplate, Segment};
use std::sync::Arc;
use underpin_brief::codes::contract::U0703;
use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::model::{
    Aggregate, Brief, Command, Expr, ExprKind, Id, Query, QuerySource, Root, Slot, Statement,
    StatementKind, Target, Type,
};

/// Where an operation stands.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub path: PathTemplate,
    pub parameters: Vec<PathParameter>,
}

/// What the statements of a command say about its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    /// The row that is named by a reference in the input: its aggregate, the input slot, the
    /// binding of the statement.
    pub named: Option<(Id<Aggregate>, usize, Option<Slot>)>,
    /// The one row that is created outside an `each`: its aggregate, the binding, and whether it
    /// is always created.
    pub created: Option<(Id<Aggregate>, Option<Slot>, bool)>,
    /// The first row that is written.
    pub first: Option<Id<Aggregate>>,
}

impl Subject {
    /// Looks at a command.
    pub(super) fn of(command: &Command) -> Self {
        let mut subject = Self::default();
        let statements = &command.body.statements;
        if let Some((aggregate, target, binding)) = first_write(statements) {
            let key = match target {
                Target::Key(expr) => input_slot(expr, aggregate),
                Target::Bound(slot) => bound_key(statements, *slot, aggregate),
            };
            subject.named = key.map(|slot| (aggregate, slot, binding));
            subject.first = Some(aggregate);
        }
        let mut creates = statements
            .iter()
            .filter_map(|statement| match &statement.kind {
                StatementKind::Create { aggregate, .. } => {
                    Some((*aggregate, statement.binding, statement.when.is_none()))
                }
                _ => None,
            });
        let (one, more) = (creates.next(), creates.next());
        subject.first = subject.first.or(one.map(|(aggregate, ..)| aggregate));
        subject.created = one.filter(|_| more.is_none() && subject.named.is_none());
        subject
    }

    /// The aggregate under which the command is grouped.
    pub(super) fn aggregate(&self) -> Option<Id<Aggregate>> {
        let named = self.named.map(|(aggregate, ..)| aggregate);
        named
            .or(self.created.map(|(aggregate, ..)| aggregate))
            .or(self.first)
    }
}

/// The first `change` or `delete`, in the written order, also inside an `each`.
fn first_write(statements: &[Statement]) -> Option<(Id<Aggregate>, &Target, Option<Slot>)> {
    statements
        .iter()
        .find_map(|statement| match &statement.kind {
            StatementKind::Change {
                aggregate, target, ..
            }
            | StatementKind::Delete {
                aggregate, target, ..
            } => Some((*aggregate, target, statement.binding)),
            StatementKind::Each { body, .. } => first_write(body),
            _ => None,
        })
}

/// The input slot that `expr` is, where that is a reference to `aggregate`.
pub(super) fn input_slot(expr: &Expr, aggregate: Id<Aggregate>) -> Option<usize> {
    let ExprKind::Field(object, slot) = &expr.unconverted().kind else {
        return None;
    };
    let input = matches!(object.kind, ExprKind::Slot(root) if root == Root::Input.slot());
    (input && expr.unconverted().ty == Type::Ref(aggregate)).then_some(*slot)
}

/// The input slot by which the row bound to `slot` was read.
fn bound_key(statements: &[Statement], slot: Slot, aggregate: Id<Aggregate>) -> Option<usize> {
    use underpin_brief::model::Access;
    statements
        .iter()
        .find_map(|statement| match &statement.kind {
            StatementKind::Read {
                access: Access::One(key),
                ..
            } if statement.binding == Some(slot) => input_slot(key, aggregate),
            _ => None,
        })
}

fn fixed(text: &str) -> Segment {
    Segment::Static(text.into())
}

/// The plural of an aggregate in paths.
pub(super) fn plural_of(brief: &Brief, id: Id<Aggregate>) -> String {
    let aggregate = brief.aggregates.get(id);
    match &aggregate.plural {
        Some(plural) => plural.to_string(),
        None => plural(&kebab(&aggregate.name.text)),
    }
}

/// `/orders/{id}`.
pub(super) fn item(brief: &Brief, forms: &Forms<'_>, id: Id<Aggregate>) -> Route {
    let mut path = PathTemplate {
        segments: vec![fixed(&plural_of(brief, id))],
    };
    let parameter = key_parameter(brief, forms, id, PathTarget::Key);
    path.segments
        .extend(parameter.names.iter().cloned().map(Segment::Parameter));
    Route {
        path,
        parameters: vec![parameter],
    }
}

fn key_parameter(
    brief: &Brief,
    forms: &Forms<'_>,
    id: Id<Aggregate>,
    target: PathTarget,
) -> PathParameter {
    let schema = forms.key(id, Side::In);
    PathParameter {
        names: forms.key_names(id, &schema),
        schema,
        target,
        description: format!(
            "The key of the {}.",
            kebab(&brief.aggregates.get(id).name.text)
        ),
    }
}

/// The place of a command.
pub(super) fn command(
    brief: &Brief,
    forms: &Forms<'_>,
    command: &Command,
    subject: &Subject,
    found: &mut Vec<Diagnostic>,
) -> Route {
    let name = &*command.name.text;
    if let Some(route) = &command.route {
        let inputs: Vec<(Arc<str>, PathTarget, _)> = command
            .input
            .iter()
            .enumerate()
            .map(|(slot, field)| (field.name.text.clone(), PathTarget::Input(slot), field))
            .map(|(name, target, field)| (name, target, forms.declared_form(field, Side::In)))
            .collect();
        return written(route, &inputs, name, command.name.span, found);
    }
    match (subject.named, subject.created) {
        (Some((aggregate, slot, _)), _) => {
            let mut route = item(brief, forms, aggregate);
            for parameter in &mut route.parameters {
                parameter.target = PathTarget::Input(slot);
            }
            route.path.segments.push(fixed(name));
            route
        }
        (None, Some((aggregate, ..))) => Route {
            path: PathTemplate {
                segments: vec![fixed(&plural_of(brief, aggregate))],
            },
            parameters: Vec::new(),
        },
        (None, None) => Route {
            path: PathTemplate {
                segments: vec![fixed(name)],
            },
            parameters: Vec::new(),
        },
    }
}

/// The place of a query.
pub(super) fn query(
    brief: &Brief,
    forms: &Forms<'_>,
    query: &Query,
    found: &mut Vec<Diagnostic>,
) -> Route {
    let name = &*query.name.text;
    let key = query.one.then(|| row_key(brief, forms, query)).flatten();
    if let Some(route) = &query.route {
        let mut known: Vec<(Arc<str>, PathTarget, _)> = query
            .input
            .iter()
            .enumerate()
            .map(|(slot, field)| {
                let form = forms.declared_form(field, Side::In);
                (field.name.text.clone(), PathTarget::Input(slot), form)
            })
            .collect();
        if let Some(key) = &key {
            let only = key.names.first().filter(|_| key.names.len() == 1);
            known.extend(only.map(|name| (name.clone(), PathTarget::Key, key.schema.clone())));
        }
        return written(route, &known, name, query.name.span, found);
    }
    let mut path = PathTemplate {
        segments: vec![fixed(name)],
    };
    if let Some(key) = &key {
        path.segments
            .extend(key.names.iter().cloned().map(Segment::Parameter));
    }
    Route {
        path,
        parameters: key.into_iter().collect(),
    }
}

/// The key of the rows of a query: of its aggregate, or what its view groups by.
fn row_key(brief: &Brief, forms: &Forms<'_>, query: &Query) -> Option<PathParameter> {
    match query.of {
        QuerySource::Aggregate(id) => Some(key_parameter(brief, forms, id, PathTarget::Key)),
        QuerySource::View(id) => {
            let view = brief.views.get(id);
            let parts: Vec<(Arc<str>, _)> = view
                .groups
                .iter()
                .map(|(name, expr)| (name.text.clone(), forms.form(&expr.ty, Side::In)))
                .collect();
            let names = parts.iter().map(|(name, _)| name.clone()).collect();
            let schema = match parts.as_slice() {
                [(_, only)] => only.clone(),
                _ => crate::schema::Schema::Key(parts),
            };
            Some(PathParameter {
                names,
                schema,
                target: PathTarget::Key,
                description: "What the row is grouped by.".to_owned(),
            })
        }
        QuerySource::Parts => None,
    }
}

/// A path that the brief writes: `/orders/{order}/ship`.
fn written(
    text: &str,
    known: &[(Arc<str>, PathTarget, crate::schema::Schema)],
    owner: &str,
    span: underpin_brief::source::Span,
    found: &mut Vec<Diagnostic>,
) -> Route {
    let mut route = Route {
        path: PathTemplate {
            segments: Vec::new(),
        },
        parameters: Vec::new(),
    };
    let mut refuse = |why: String| {
        let names: Vec<String> = known
            .iter()
            .map(|(name, ..)| format!("`{{{name}}}`"))
            .collect();
        let help = match names.is_empty() {
            true => "write a path of fixed words, such as `path=\"/own/words\"`".to_owned(),
            false => format!("what may stand in braces here: {}", names.join(", ")),
        };
        found.push(
            Diagnostic::error(U0703, span, format!("the path of `{owner}` {why}")).help(help),
        );
    };
    let Some(inside) = text.strip_prefix('/') else {
        refuse(format!("`{text}` does not begin with `/`"));
        return route;
    };
    for part in inside.split('/') {
        let inner = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        match inner {
            Some(name) => match known.iter().find(|(known, ..)| &**known == name) {
                Some((name, target, schema)) if schema.present().is_scalar() => {
                    route.path.segments.push(Segment::Parameter(name.clone()));
                    route.parameters.push(PathParameter {
                        names: vec![name.clone()],
                        schema: schema.present().clone(),
                        target: *target,
                        description: String::new(),
                    });
                }
                Some(_) => refuse(format!(
                    "has `{{{name}}}`, which is no single piece of text"
                )),
                None => refuse(format!("has `{{{name}}}`, which it does not take")),
            },
            None if part.is_empty() || !part.chars().all(plain) => {
                refuse(format!("`{text}` has the segment `{part}`"));
            }
            None => route.path.segments.push(fixed(part)),
        }
    }
    route
}
