//! Answers that are composed: parts that others answer, and what one channel sees instead.

use crate::contract::Reply;
use crate::projection::Projection;
use crate::schema::{Field, Object, Schema};
use std::sync::Arc;
use underpin_brief::model::{Id, Query};

/// A part of an answer: it stands below its name, after what is shown of the row.
#[derive(Clone, Debug)]
pub struct PartForm {
    /// Its name.
    pub name: Arc<str>,
    /// What one answer looks like.
    pub content: PartContent,
    /// Whether it is asked once per element of a list.
    pub each: bool,
    /// Whether it may be missing: it is `null` then.
    pub optional: bool,
}

/// What one answer to a part looks like.
#[derive(Clone, Debug)]
pub enum PartContent {
    /// The output of an external operation; slots are those of the output.
    Answer(Object),
    /// What a query shows.
    Shown(ShownPart),
}

/// What a query shows as a part.
#[derive(Clone, Debug)]
pub struct ShownPart {
    /// The query.
    pub query: Id<Query>,
    /// Whether it answers one row instead of a list.
    pub one: bool,
    /// What is shown of a row.
    pub projection: Projection,
    /// Its own parts, and which of them they are.
    pub parts: Vec<(usize, PartForm)>,
}

/// What clients of one channel are answered instead.
#[derive(Clone, Debug)]
pub struct ClientReply {
    /// The channel.
    pub channel: Arc<str>,
    /// The answer.
    pub reply: Reply,
}

impl PartForm {
    /// The form of the part.
    #[must_use]
    pub fn schema(&self) -> Schema {
        let list = |items| Schema::List {
            items: Box::new(items),
            min: 0,
            max: None,
        };
        let one = match &self.content {
            PartContent::Answer(object) => Schema::Object(object.clone()),
            PartContent::Shown(shown) => {
                let parts = shown.parts.iter().map(|(_, part)| part);
                let row = Schema::Object(composed(&shown.projection, parts));
                if shown.one { row } else { list(row) }
            }
        };
        let all = if self.each { list(one) } else { one };
        match self.optional {
            true => all.nullable(),
            false => all,
        }
    }
}

/// The form of what is shown, and below it of the parts.
pub(crate) fn composed<'p>(
    projection: &Projection,
    parts: impl Iterator<Item = &'p PartForm>,
) -> Object {
    let mut row = crate::derive::shown_form(projection);
    for part in parts {
        row.fields.push(Field {
            name: part.name.clone(),
            slot: row.width,
            schema: part.schema(),
            required: true,
            default: None,
            secret: false,
        });
        row.width += 1;
    }
    row
}
