//! Rows as a table for programs that know no JSON: columns that follow from what is shown, cells
//! as RFC 4180 wants them. Must not know where rows come from.

use crate::projection::{Node, Projection};
use crate::schema::{Components, Schema};
use serde_json::Value as Json;
use std::sync::Arc;

/// How deep objects are spread over columns; deeper ones are JSON in a cell.
const DEEPEST: u32 = 8;

/// The columns of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<TableColumn>,
}

/// A column: a member of the row, or of an object within it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TableColumn {
    path: Vec<Arc<str>>,
    /// Whether its cells are free text, which a spreadsheet could take for a formula.
    free: bool,
}

impl Table {
    /// The columns of a shown row: objects take a column per member, with a dot between the names;
    /// lists are JSON in one cell.
    pub(crate) fn of(projection: &Projection, components: &Components) -> Self {
        let mut table = Self::default();
        let mut path = Vec::new();
        for (name, node) in &projection.members {
            table.node(name, node, components, &mut path);
        }
        table
    }

    fn node(
        &mut self,
        name: &Arc<str>,
        node: &Node,
        components: &Components,
        path: &mut Vec<Arc<str>>,
    ) {
        path.push(name.clone());
        match node {
            Node::Leaf { schema, .. } => self.leaf(schema, components, path, 0),
            Node::Object(members) => {
                for (name, inner) in members {
                    self.node(name, inner, components, path);
                }
            }
            Node::Each(_) => self.column(path, false),
        }
        path.pop();
    }

    fn leaf(
        &mut self,
        schema: &Schema,
        components: &Components,
        path: &mut Vec<Arc<str>>,
        depth: u32,
    ) {
        let schema = components.follow(schema.present());
        let members: Vec<(Arc<str>, Schema)> = match schema.present() {
            Schema::Money(_) => ["amount", "currency"]
                .map(|name| (name.into(), Schema::Bool))
                .into(),
            Schema::Object(object) => object
                .fields
                .iter()
                .filter(|field| !field.secret)
                .map(|field| (field.name.clone(), field.schema.clone()))
                .collect(),
            Schema::Key(fields) => fields.clone(),
            _ => Vec::new(),
        };
        if members.is_empty() || depth >= DEEPEST {
            let free = matches!(schema, Schema::Text { .. } | Schema::Any { .. });
            self.column(path, free);
        }
        for (name, inner) in members.iter().filter(|_| depth < DEEPEST) {
            path.push(name.clone());
            self.leaf(inner, components, path, depth + 1);
            path.pop();
        }
    }

    fn column(&mut self, path: &[Arc<str>], free: bool) {
        self.columns.push(TableColumn {
            path: path.to_vec(),
            free,
        });
    }

    /// The first line.
    #[must_use]
    pub fn head(&self) -> String {
        let names = self.columns.iter().map(|column| column.path.join("."));
        line(names.map(|name| cell(&name)))
    }

    /// The line of a shown row.
    #[must_use]
    pub fn row(&self, row: &Json) -> String {
        line(self.columns.iter().map(|column| {
            let member = |at: &Json, name: &Arc<str>| at.get(&**name).cloned();
            let found = column
                .path
                .iter()
                .try_fold(row.clone(), |at, name| member(&at, name));
            match found {
                None | Some(Json::Null) => String::new(),
                // Two quotes tell an empty text from none.
                Some(Json::String(text)) if text.is_empty() => "\"\"".to_owned(),
                Some(Json::String(text)) if column.free => cell(&guarded(&text)),
                Some(Json::String(text)) => cell(&text),
                Some(other) => cell(&other.to_string()),
            }
        }))
    }
}

/// A text that no spreadsheet takes for a formula: an apostrophe stands before what could be one.
fn guarded(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

fn cell(text: &str) -> String {
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let mut line = cells.collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{MoneyForm, TextFormat};
    use serde_json::json;

    fn table() -> Table {
        let text = Schema::Text {
            min: None,
            max: None,
            format: TextFormat::Plain,
        };
        let leaf = |schema| Node::Leaf {
            columns: Vec::new(),
            schema,
        };
        let price = Schema::Money(MoneyForm {
            currencies: Vec::new(),
            min: None,
            max: None,
            shown: true,
        });
        let number = Schema::Integer {
            min: None,
            max: None,
        };
        let members = vec![
            ("name".into(), leaf(text.clone())),
            ("price".into(), leaf(price.nullable())),
            (
                "of".into(),
                Node::Object(vec![("size".into(), leaf(number))]),
            ),
            ("tags".into(), Node::Each(Box::new(leaf(text)))),
        ];
        Table::of(&Projection { members }, &Components::default())
    }

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(
            table().head(),
            "name,price.amount,price.currency,of.size,tags\r\n"
        );
        let price = json!({"amount": "-1.50", "currency": "EUR"});
        let cases = [
            (
                json!({"name": "a", "price": price, "of": {"size": -3}, "tags": ["x", "y"]}),
                "a,-1.50,EUR,-3,\"[\"\"x\"\",\"\"y\"\"]\"",
            ),
            (json!({"name": "=1+1", "price": null}), "'=1+1,,,,"),
            (json!({"name": "-1"}), "'-1,,,,"),
            (json!({"name": "@a"}), "'@a,,,,"),
            (json!({"name": "\tx"}), "'\tx,,,,"),
            (json!({"name": "a\r\n\"b\""}), "\"a\r\n\"\"b\"\"\",,,,"),
            (json!({"name": ""}), "\"\",,,,"),
            (json!({"name": null}), ",,,,"),
            (json!({"name": "a,b"}), "\"a,b\",,,,"),
        ];
        for (row, expected) in cases {
            assert_eq!(table().row(&row), format!("{expected}\r\n"), "{row}");
        }
    }
}
