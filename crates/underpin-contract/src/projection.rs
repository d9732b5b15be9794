//! What is shown of a row: columns, computed one value each, put together as nested JSON.

use crate::schema::{Components, Schema};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use underpin_brief::model::{Id, Query, Value};

/// One `show` of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// The query.
    pub query: Id<Query>,
    /// The position in its `shows`.
    pub show: usize,
}

/// What is shown of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    /// Properties in the order in which they are shown.
    pub members: Vec<(Arc<str>, Node)>,
}

/// What stands at one place of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A value; of several columns the first that is there.
    Leaf {
        /// Where it comes from.
        columns: Vec<Column>,
        /// Its form.
        schema: Schema,
    },
    /// An object.
    Object(Vec<(Arc<str>, Node)>),
    /// An array: each column below yields a list, and these are zipped.
    Each(Box<Node>),
}

impl Projection {
    /// The row as JSON. `value` yields the value of a column, or nothing where the caller does not
    /// see it: such properties are left out.
    pub fn render<'v>(
        &self,
        components: &Components,
        value: &dyn Fn(Column) -> Option<&'v Value>,
    ) -> Map<String, Json> {
        // Names of members are texts, so nothing here can fail.
        match serde_json::to_value(self.shown(components, value)) {
            Ok(Json::Object(shown)) => shown,
            _ => Map::new(),
        }
    }

    /// The same, to be written without being built in memory first.
    pub fn shown<'a, 'v>(
        &'a self,
        components: &'a Components,
        value: &'a dyn Fn(Column) -> Option<&'v Value>,
    ) -> ShownProjection<'a, 'v> {
        ShownProjection {
            members: &self.members,
            rendering: Rendering { components, value },
        }
    }

    /// All columns that are needed.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        let mut found = Vec::new();
        for (_, node) in &self.members {
            node.columns(&mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Node {
    fn columns(&self, found: &mut Vec<Column>) {
        match self {
            Self::Leaf { columns, .. } => found.extend(columns),
            Self::Object(members) => members.iter().for_each(|(_, node)| node.columns(found)),
            Self::Each(node) => node.columns(found),
        }
    }
}

/// A row as a projection shows it.
pub struct ShownProjection<'a, 'v> {
    members: &'a [(Arc<str>, Node)],
    rendering: Rendering<'a, 'v>,
}

impl Serialize for ShownProjection<'_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.rendering.members(to, self.members, None)
    }
}

#[derive(Clone, Copy)]
struct Rendering<'a, 'v> {
    components: &'a Components,
    value: &'a dyn Fn(Column) -> Option<&'v Value>,
}

/// A place within lists: the index in the innermost, and the place of that list.
type Path<'p> = Option<&'p Place<'p>>;

struct Place<'p> {
    index: usize,
    outer: Path<'p>,
}

/// What stands at a node, at a place where it is there.
struct At<'a, 'v, 'p> {
    rendering: Rendering<'a, 'v>,
    node: &'a Node,
    path: Path<'p>,
}

impl<'v> Rendering<'_, 'v> {
    /// The value of a column inside the elements at `path` of the lists around it.
    fn inside(&self, column: Column, path: Path<'_>) -> Option<&'v Value> {
        let Some(place) = path else {
            return (self.value)(column);
        };
        match self.inside(column, place.outer)? {
            Value::List(elements) => elements.get(place.index),
            _ => Some(&Value::Null),
        }
    }

    /// Whether the caller sees anything there.
    fn is_there(&self, node: &Node, path: Path<'_>) -> bool {
        match node {
            Node::Leaf { columns, .. } => columns
                .iter()
                .any(|column| self.inside(*column, path).is_some()),
            Node::Object(members) => members.iter().any(|(_, inner)| self.is_there(inner, path)),
            Node::Each(inner) => self.length(inner, path).is_some(),
        }
    }

    fn members<S: Serializer>(
        self,
        to: S,
        members: &[(Arc<str>, Node)],
        path: Path<'_>,
    ) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (name, node) in members {
            if self.is_there(node, path) {
                let rendering = self;
                let at = At {
                    rendering,
                    node,
                    path,
                };
                map.serialize_entry(&**name, &at)?;
            }
        }
        map.end()
    }

    fn elements<S: Serializer>(
        self,
        to: S,
        node: &Node,
        path: Path<'_>,
    ) -> Result<S::Ok, S::Error> {
        let count = self.length(node, path).unwrap_or(0);
        let mut seq = to.serialize_seq(None)?;
        for index in 0..count {
            let place = Place { index, outer: path };
            let path = Some(&place);
            if self.is_there(node, path) {
                let rendering = self;
                seq.serialize_element(&At {
                    rendering,
                    node,
                    path,
                })?;
            }
        }
        seq.end()
    }

    /// How many elements the longest list below has.
    fn length(&self, node: &Node, path: Path<'_>) -> Option<usize> {
        match node {
            Node::Leaf { columns, .. } => {
                let length = |column: &Column| match self.inside(*column, path)? {
                    Value::List(elements) => Some(elements.len()),
                    _ => Some(0),
                };
                columns.iter().filter_map(length).max()
            }
            Node::Object(members) => members
                .iter()
                .filter_map(|(_, inner)| self.length(inner, path))
                .max(),
            Node::Each(inner) => self.length(inner, path),
        }
    }
}

impl Serialize for At<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.node {
            Node::Leaf { columns, schema } => {
                let mut values = columns
                    .iter()
                    .filter_map(|column| self.rendering.inside(*column, self.path));
                let value = values.next().unwrap_or(&Value::Null);
                let components = self.rendering.components;
                components.shown(schema, value).serialize(to)
            }
            Node::Object(members) => self.rendering.members(to, members, self.path),
            Node::Each(inner) => self.rendering.elements(to, inner, self.path),
        }
    }
}
