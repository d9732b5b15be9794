//! The canonical form in which the conformance suite states what an input means.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use underpin_brief::kdl::{Document, Entry, Node, Value};

/// `document` as the suite writes it: four spaces, arguments before properties, properties by
/// name and once, numbers in base ten, quotes only where needed.
pub fn canonical(document: &Document) -> String {
    let mut out = String::new();
    for node in &document.nodes {
        write_node(node, 0, &mut out);
    }
    if out.is_empty() {
        out.push('\n');
    }
    out
}

fn write_node(node: &Node, depth: usize, out: &mut String) {
    out.push_str(&"    ".repeat(depth));
    write_type(node.ty.as_ref().map(|ty| &*ty.text), out);
    write_string(&node.name.text, out);
    for entry in node.args() {
        out.push(' ');
        write_value(entry, out);
    }
    let props: BTreeMap<&str, &Entry> = node
        .props()
        .map(|(key, entry)| (&*key.text, entry))
        .collect();
    for (key, entry) in props {
        out.push(' ');
        write_string(key, out);
        out.push('=');
        write_value(entry, out);
    }
    if !node.nodes().is_empty() {
        out.push_str(" {\n");
        for child in node.nodes() {
            write_node(child, depth + 1, out);
        }
        out.push_str(&"    ".repeat(depth));
        out.push('}');
    }
    out.push('\n');
}

fn write_type(ty: Option<&str>, out: &mut String) {
    if let Some(ty) = ty {
        out.push('(');
        write_string(ty, out);
        out.push(')');
    }
}

fn write_value(entry: &Entry, out: &mut String) {
    write_type(entry.ty.as_ref().map(|ty| &*ty.text), out);
    match &entry.value {
        Value::String { text, .. } => write_string(text, out),
        Value::Integer(number) => write!(out, "{number}").expect("a string takes all"),
        Value::Large(text) => out.push_str(text),
        Value::Decimal(text) => out.push_str(&decimal(text)),
        Value::Bool(true) => out.push_str("#true"),
        Value::Bool(false) => out.push_str("#false"),
        Value::Null => out.push_str("#null"),
        Value::Infinity => out.push_str("#inf"),
        Value::NegativeInfinity => out.push_str("#-inf"),
        Value::NotANumber => out.push_str("#nan"),
    }
}

fn decimal(text: &str) -> String {
    let text = text.trim_start_matches('+').to_uppercase();
    match text.split_once('E') {
        Some((mantissa, exponent)) if !exponent.starts_with(['+', '-']) => {
            format!("{mantissa}E+{exponent}")
        }
        _ => text,
    }
}

fn write_string(text: &str, out: &mut String) {
    if is_bare(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn is_bare(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let number = unsigned.strip_prefix('.').unwrap_or(unsigned);
    !text.is_empty()
        && !number.starts_with(|c: char| c.is_ascii_digit())
        && !matches!(text, "true" | "false" | "null" | "inf" | "-inf" | "nan")
        && !text.contains(|c: char| c.is_whitespace() || c < ' ' || "\\/(){};[]\"#=".contains(c))
}
