//! What queries answer, to everybody and to the clients of one channel.

use super::forms::Side;
use super::names::pascal;
use super::operations::{Making, add_links, is_key};
use super::parameters;
use super::shown;
use crate::composed::{ClientReply, PartContent, PartForm, ShownPart, composed};
use crate::contract::{KeyProperty, Links, PageReply, PartsReply, Reply, RowReply};
use crate::projection::Projection;
use crate::schema::{Object, Schema};
use std::sync::Arc;
use underpin_brief::model::{
    Brief, ClientShape, Id, Part, PartSource, Query, QuerySource, Root, Show, ShowExpr,
};

/// How deep queries are parts of one another; a deeper one shows nothing of its parts.
const DEEPEST: u32 = 8;

/// What an answer shows: the rows, the parts and the largest page.
struct Seen<'a> {
    suffix: String,
    shows: &'a [Show],
    parts: Vec<&'a Part>,
    page: Option<u32>,
}

impl Making<'_, '_> {
    /// What everybody is answered, and what clients of some channels are answered instead.
    pub(super) fn query_replies(
        &mut self,
        id: Id<Query>,
        links: Option<&Links>,
    ) -> (Reply, Vec<ClientReply>) {
        let query = self.brief.queries.get(id);
        let plain = Seen {
            suffix: "Row".to_owned(),
            shows: &query.shows,
            parts: query.parts.iter().collect(),
            page: query.page,
        };
        let reply = self.reply(id, &plain, links);
        let mut shapes: Vec<ClientReply> = Vec::new();
        for shape in &query.shapes {
            let seen = shaped(query, shape);
            shapes.push(ClientReply {
                channel: shape.channel.text.clone(),
                reply: self.reply(id, &seen, links),
            });
        }
        (reply, shapes)
    }

    fn reply(&mut self, id: Id<Query>, seen: &Seen<'_>, links: Option<&Links>) -> Reply {
        let query = self.brief.queries.get(id);
        let projection = shown::of_shows(self.forms, (id, query), seen.shows, self.found);
        let parts: Vec<PartForm> = seen.parts.iter().map(|part| self.part(part, 0)).collect();
        let mut row = composed(&projection, parts.iter());
        if query.one {
            add_links(&mut row, links);
        }
        let component = self.forms.name(&query.name.text, &seen.suffix);
        self.forms.add(&component, Schema::Object(row));
        match query.of {
            QuerySource::Parts => Reply::Parts(PartsReply { parts, component }),
            _ if query.one => Reply::Row(RowReply {
                aggregate: match query.of {
                    QuerySource::Aggregate(id) => Some(id),
                    _ => None,
                },
                projection,
                parts,
                queries: vec![id],
                links: links.cloned().unwrap_or_default(),
                component,
            }),
            _ => {
                let (max, default) = parameters::page_sizes(seen.page);
                Reply::Page(PageReply {
                    key: shown_key(self.brief, query, seen.shows),
                    projection,
                    parts,
                    max,
                    default,
                    component,
                })
            }
        }
    }

    fn part(&self, part: &Part, depth: u32) -> PartForm {
        let wanted =
            |name: &str| part.shows.is_empty() || part.shows.iter().any(|show| &*show.text == name);
        let content = match part.source {
            PartSource::External(external, operation) => {
                let external = self.brief.externals.get(external);
                let output = &external.operations.get(operation).output;
                let mut object: Object = self.forms.declared(output, Side::Out);
                object.fields.retain(|field| wanted(&field.name));
                PartContent::Answer(object)
            }
            PartSource::Query(id) => {
                let query = self.brief.queries.get(id);
                let mut projection: Projection =
                    shown::of_shows(self.forms, (id, query), &query.shows, &mut Vec::new());
                projection.members.retain(|(name, _)| wanted(name));
                let own = query.parts.iter().enumerate();
                let own = own.filter(|(_, part)| depth < DEEPEST && wanted(&part.name.text));
                PartContent::Shown(ShownPart {
                    query: id,
                    one: query.one || query.of == QuerySource::Parts,
                    projection,
                    parts: own
                        .map(|(at, part)| (at, self.part(part, depth + 1)))
                        .collect(),
                })
            }
        };
        PartForm {
            name: part.name.text.clone(),
            content,
            each: part.each.is_some(),
            optional: part.optional && part.fallback.is_empty(),
        }
    }
}

/// What a shape makes of a query: parts of the same name are replaced, others added.
fn shaped<'a>(query: &'a Query, shape: &'a ClientShape) -> Seen<'a> {
    Seen {
        suffix: format!("{}Row", pascal(&shape.channel.text)),
        shows: match shape.shows.is_empty() {
            true => &query.shows,
            false => &shape.shows,
        },
        parts: query.parts_for(Some(shape)),
        page: shape.page.or(query.page),
    }
}

/// The shown property that is the key of the row.
fn shown_key(brief: &Brief, query: &Query, shows: &[Show]) -> Option<KeyProperty> {
    let QuerySource::Aggregate(aggregate) = query.of else {
        return None;
    };
    shows
        .iter()
        .find_map(|show| match (&show.expr, show.output.as_slice()) {
            (ShowExpr::Value(expr), [name])
                if is_key(brief, aggregate, expr, Root::SelfRow.slot()) =>
            {
                Some(KeyProperty {
                    aggregate,
                    name: Arc::clone(name),
                })
            }
            _ => None,
        })
}
