//! What is shown of a row: columns, computed one value each, put together as nested JSON.

use crate::schema::{Components, Schema};
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
        let rendering = Rendering { components, value };
        let member = |(name, node): &(Arc<str>, Node)| {
            Some((name.to_string(), rendering.node(node, &mut Vec::new())?))
        };
        self.members.iter().filter_map(member).collect()
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

struct Rendering<'a, 'v> {
    components: &'a Components,
    value: &'a dyn Fn(Column) -> Option<&'v Value>,
}

impl<'v> Rendering<'_, 'v> {
    /// The value of a column inside the elements at `path` of the lists around it.
    fn inside(&self, column: Column, path: &[usize]) -> Option<&'v Value> {
        let mut value = (self.value)(column)?;
        for index in path {
            value = match value {
                Value::List(elements) => elements.get(*index)?,
                _ => return Some(&Value::Null),
            };
        }
        Some(value)
    }

    fn node(&self, node: &Node, path: &mut Vec<usize>) -> Option<Json> {
        match node {
            Node::Leaf { columns, schema } => {
                let value = columns
                    .iter()
                    .find_map(|column| self.inside(*column, path))?;
                Some(self.components.write(schema, value))
            }
            Node::Object(members) => {
                let mut shown = Map::new();
                for (name, inner) in members {
                    if let Some(json) = self.node(inner, path) {
                        shown.insert(name.to_string(), json);
                    }
                }
                (!shown.is_empty()).then_some(Json::Object(shown))
            }
            Node::Each(inner) => {
                let count = self.length(inner, path)?;
                let mut elements = Vec::with_capacity(count);
                for index in 0..count {
                    path.push(index);
                    elements.extend(self.node(inner, path));
                    path.pop();
                }
                Some(Json::Array(elements))
            }
        }
    }

    /// How many elements the longest list below has.
    fn length(&self, node: &Node, path: &[usize]) -> Option<usize> {
        let mut columns = Vec::new();
        node.columns(&mut columns);
        let length = |column| match self.inside(column, path)? {
            Value::List(elements) => Some(elements.len()),
            _ => Some(0),
        };
        columns.into_iter().filter_map(length).max()
    }
}
