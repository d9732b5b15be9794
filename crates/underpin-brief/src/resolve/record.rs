//! `record` and `enum`: shapes without identity.

use super::context::Cx;
use super::read::EntryExt;
use super::types::{self, add_field, shape_of};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::kdl::Node;
use crate::model::*;
use std::sync::Arc;

pub(super) fn enums(cx: &Cx<'_>) -> Table<Enum> {
    let one = |(_, name, node): (_, &Name, &Node)| {
        let values: Vec<Name> = node.args().skip(1).filter_map(EntryExt::name).collect();
        super::actor::distinct(cx, values.iter());
        Enum {
            name: name.clone(),
            values,
        }
    };
    Table::new(cx.names.enums.iter().map(one).collect())
}

pub(super) fn records(cx: &Cx<'_>) -> Table<Record> {
    Table::new(
        cx.names
            .records
            .iter()
            .map(|(id, name, node)| record(cx, id, name, node))
            .collect(),
    )
}

fn record(cx: &Cx<'_>, id: Id<Record>, name: &Name, node: &Node) -> Record {
    let mut fields = types::fields(cx, node, "key");
    let keys = fields.len();
    for field in types::fields(cx, node, "field") {
        add_field(cx, &mut fields, field);
    }
    for field in &fields {
        if matches!(field.ty.required(), Type::Record(inner) if *inner == id) {
            let message = format!("`{name}` holds itself");
            let help = format!("hold a list of them: `{name}*`");
            cx.push(Diagnostic::error(codes::U0212, field.name.span, message).help(help));
        }
    }
    if fields.is_empty() {
        let message = format!("`{name}` has no field");
        let help = "add `field <name> <type>` to its block";
        cx.push(Diagnostic::error(codes::U0204, name.span, message).help(help));
    }
    let shape = Arc::new(shape_of(name.text.to_string(), &fields, keys));
    Record {
        name: name.clone(),
        fields,
        keys,
        shape,
    }
}
