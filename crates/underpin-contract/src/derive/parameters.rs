//! What may stand in the query string of a query: inputs, filters, order, search, page.

use super::forms::{Forms, Side};
use crate::contract::{FilterOp, Parameter, Style, Target};
use crate::schema::{Components, Schema, TextFormat};
use std::sync::Arc;
use underpin_brief::codes::contract::{U0702, U0705};
use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::model::{Brief, Feed, Field, Id, Name, Query, QuerySource, Value};

/// Most values of one filter.
const MOST_VALUES: u32 = 20;
/// The longest search text in characters.
const LONGEST_SEARCH: u64 = 200;

/// The parameters of a query. `in_path` are input slots that stand in the path already.
pub(super) fn of_query(
    brief: &Brief,
    forms: &Forms<'_>,
    id: Id<Query>,
    in_path: &[usize],
    found: &mut Vec<Diagnostic>,
) -> Vec<Parameter> {
    let query = brief.queries.get(id);
    let mut parameters: Vec<Parameter> = query
        .input
        .iter()
        .enumerate()
        .filter(|(slot, _)| !in_path.contains(slot))
        .map(|(slot, field)| input(forms, slot, field))
        .collect();
    if !query.one && query.of != QuerySource::Parts {
        filters(brief, forms, query, &mut parameters, found);
        sorts(brief, query, &mut parameters);
        page(query, &mut parameters);
    }
    let fact = "`sort`, `search`, `limit` and `after` are parameters of every list";
    let help = "give the input another name, or filter by another field";
    twice(&query.name, &parameters, (fact, help), found);
    parameters
}

/// The parameters of a live feed: its inputs, and where to go on.
pub(super) fn of_feed(
    forms: &Forms<'_>,
    feed: &Feed,
    found: &mut Vec<Diagnostic>,
) -> Vec<Parameter> {
    let inputs = feed.input.iter().enumerate();
    let mut parameters: Vec<Parameter> = inputs
        .map(|(slot, field)| input(forms, slot, field))
        .collect();
    parameters.push(Parameter {
        name: "after".into(),
        schema: Schema::token(4_000),
        style: Style::Once,
        required: false,
        target: Target::After,
        description: "The `id` of the last event that was seen, for clients that cannot send \
            `Last-Event-ID`."
            .to_owned(),
    });
    let fact = "`after` is a parameter of every live feed";
    twice(
        &feed.name,
        &parameters,
        (fact, "give the input another name"),
        found,
    );
    parameters
}

/// Two parameters of one name.
fn twice(
    name: &Name,
    parameters: &[Parameter],
    (fact, help): (&str, &str),
    found: &mut Vec<Diagnostic>,
) {
    let mut seen: Vec<Arc<str>> = Vec::new();
    for parameter in parameters {
        if seen.contains(&parameter.name) {
            let message = format!(
                "`{name}` would have two parameters called `{}`",
                parameter.name
            );
            found.push(
                Diagnostic::error(U0702, name.span, message)
                    .fact(fact)
                    .help(help),
            );
        }
        seen.push(parameter.name.clone());
    }
}

/// The form and the style that a value has in a query string.
fn in_url(components: &Components, schema: &Schema) -> (Schema, Style) {
    let present = components.follow(schema.present());
    if let Schema::List { items, min, max } = present {
        let inner = components.follow(items.present());
        if inner.in_url().is_scalar() {
            let items = Box::new(inner.in_url());
            return (
                Schema::List {
                    items,
                    min: *min,
                    max: *max,
                },
                Style::Repeated,
            );
        }
    }
    match present.in_url() {
        scalar if scalar.is_scalar() => (scalar, Style::Once),
        _ => (schema.present().clone(), Style::Json),
    }
}

fn input(forms: &Forms<'_>, slot: usize, field: &Field) -> Parameter {
    let described = forms.field(field, slot, Side::In);
    let (schema, style) = in_url(&forms.components, &described.schema);
    Parameter {
        name: described.name,
        schema,
        style,
        required: described.required,
        target: Target::Input(slot, described.default.unwrap_or(Value::Null)),
        description: String::new(),
    }
}

fn slot(
    brief: &Brief,
    forms: &Forms<'_>,
    of: QuerySource,
    slot: usize,
) -> Option<(Arc<str>, Schema)> {
    let shape = match of {
        QuerySource::Aggregate(id) => &brief.aggregates.get(id).row,
        QuerySource::View(id) => &brief.views.get(id).row,
        QuerySource::Parts => return None,
    };
    let found = shape.slots.get(slot)?;
    let schema = match of {
        QuerySource::Aggregate(id) => forms.row_slot(id, slot, Side::In)?,
        _ => forms.form(&found.ty, Side::In),
    };
    Some((found.name.clone(), schema))
}

fn filters(
    brief: &Brief,
    forms: &Forms<'_>,
    query: &Query,
    parameters: &mut Vec<Parameter>,
    found: &mut Vec<Diagnostic>,
) {
    for at in &query.filters {
        let Some((name, schema)) = slot(brief, forms, query.of, *at) else {
            continue;
        };
        let (form, style) = in_url(&forms.components, &schema);
        let (item, op) = match (&form, style) {
            (Schema::List { items, .. }, Style::Repeated) => {
                ((**items).clone(), FilterOp::HasAnyOf)
            }
            (_, Style::Once) => (form.clone(), FilterOp::AnyOf),
            _ => {
                let message = format!("`{}` cannot filter by `{name}`", query.name);
                found.push(
                    Diagnostic::error(U0705, query.name.span, message)
                        .label("its values are not single pieces of text")
                        .help(
                            "filter by fields of simple types, or say it in `where=` with an input",
                        ),
                );
                continue;
            }
        };
        let item = unbounded(item);
        parameters.push(filter(&name, "", &item, *at, op));
        if item.is_ordered() {
            parameters.push(filter(&name, ".min", &item, *at, FilterOp::Min));
            parameters.push(filter(&name, ".max", &item, *at, FilterOp::Max));
        }
    }
}

/// A filter may ask for more than a field accepts: it finds nothing then.
fn unbounded(schema: Schema) -> Schema {
    match schema {
        Schema::Text { max, format, .. } => Schema::Text {
            min: None,
            max: max.or(Some(1_000)),
            format,
        },
        other => other,
    }
}

fn filter(name: &str, suffix: &str, schema: &Schema, slot: usize, op: FilterOp) -> Parameter {
    let (style, description) = match op {
        FilterOp::AnyOf => (
            Style::Repeated,
            format!("Only rows whose `{name}` is one of these."),
        ),
        FilterOp::HasAnyOf => (
            Style::Repeated,
            format!("Only rows whose `{name}` has one of these."),
        ),
        FilterOp::Min => (
            Style::Once,
            format!("Only rows whose `{name}` is at least this."),
        ),
        FilterOp::Max => (
            Style::Once,
            format!("Only rows whose `{name}` is at most this."),
        ),
    };
    let schema = match style {
        Style::Repeated => Schema::List {
            items: Box::new(schema.clone()),
            min: 1,
            max: Some(MOST_VALUES),
        },
        _ => schema.clone(),
    };
    Parameter {
        name: format!("{name}{suffix}").into(),
        schema,
        style,
        required: false,
        target: Target::Filter(slot, op),
        description,
    }
}

fn sorts(brief: &Brief, query: &Query, parameters: &mut Vec<Parameter>) {
    let shape = match query.of {
        QuerySource::Aggregate(id) => &brief.aggregates.get(id).row,
        QuerySource::View(id) => &brief.views.get(id).row,
        QuerySource::Parts => return,
    };
    let name = |at: &usize| Some((shape.slots.get(*at)?.name.clone(), *at));
    let columns: Vec<(Arc<str>, usize)> = query.sorts.iter().filter_map(name).collect();
    if columns.is_empty() {
        return;
    }
    let values = columns
        .iter()
        .flat_map(|(name, _)| [name.clone(), format!("-{name}").into()]);
    let items = Schema::Enum(values.collect());
    let count = u32::try_from(columns.len()).unwrap_or(u32::MAX);
    parameters.push(Parameter {
        name: "sort".into(),
        schema: Schema::List {
            items: Box::new(items),
            min: 1,
            max: Some(count),
        },
        style: Style::Comma,
        required: false,
        target: Target::Sort(columns),
        description: "The order, most important first; `-` before a name: largest first."
            .to_owned(),
    });
}

fn page(query: &Query, parameters: &mut Vec<Parameter>) {
    if !query.searches.is_empty() {
        parameters.push(Parameter {
            name: "search".into(),
            schema: Schema::Text {
                min: Some(1),
                max: Some(LONGEST_SEARCH),
                format: TextFormat::Plain,
            },
            style: Style::Once,
            required: false,
            target: Target::Search(query.searches.clone()),
            description: "Only rows in which every one of these words occurs.".to_owned(),
        });
    }
    let (max, default) = page_sizes(query.page);
    let shaped = query.shapes.iter().filter_map(|shape| shape.page);
    let max = shaped.fold(max, u32::max);
    parameters.push(Parameter {
        name: "limit".into(),
        schema: Schema::Integer {
            min: Some(1),
            max: Some(i64::from(max)),
        },
        style: Style::Once,
        required: false,
        target: Target::Limit,
        description: format!("How many rows at most; {default} where nothing is said."),
    });
    parameters.push(Parameter {
        name: "after".into(),
        schema: Schema::token(4_000),
        style: Style::Once,
        required: false,
        target: Target::After,
        description: "Where the page begins; taken from `next` of the page before.".to_owned(),
    });
}

/// The largest page and the page where the client does not say.
pub(super) fn page_sizes(page: Option<u32>) -> (u32, u32) {
    let max = page.unwrap_or(100).max(1);
    (max, max.min(50))
}
