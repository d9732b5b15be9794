//! Compares nodes with their rules and says what does not fit, where it would fit, and what was
//! probably meant.

use super::kinds::{Case, Kind, both, list};
use super::{Rule, TOP, Times};
use crate::codes::{declarations as codes, notation};
use crate::diagnostic::{Diagnostic, Edit};
use crate::kdl::{Entry, Name, Node, Style, Value};
use crate::source::Span;
use crate::suggest::closest;
use std::collections::{BTreeMap, BTreeSet};

/// Names that expressions reserve.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "null",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// Names that the position of an expression gives.
const ROOTS: &[&str] = &[
    "self", "input", "output", "caller", "event", "now", "flags", "limits", "item",
];

/// Compares the nodes of one file with the grammar.
pub(crate) fn validate(nodes: &[Node], out: &mut Vec<Diagnostic>) {
    for node in nodes {
        match TOP.child(&node.name.text) {
            Some(child) => check(child.rule, node, out),
            None => unknown_node((&TOP, None), node, out),
        }
    }
}

fn check(rule: &'static Rule, node: &Node, out: &mut Vec<Diagnostic>) {
    for ty in node
        .ty
        .iter()
        .chain(node.entries.iter().filter_map(|entry| entry.ty.as_ref()))
    {
        let message = format!("`({})` has no meaning in a brief", ty.text);
        out.push(
            Diagnostic::error(codes::U0203, ty.span, message).help("leave the annotation out"),
        );
    }
    arguments(rule, node, out);
    properties(rule, node, out);
    children(rule, node, out);
}

fn arguments(rule: &'static Rule, node: &Node, out: &mut Vec<Diagnostic>) {
    let mut seen_marks = BTreeSet::new();
    let mut count = 0;
    for entry in node.args() {
        let mark = entry
            .value
            .as_str()
            .filter(|word| rule.marks.contains(word));
        if let Some(mark) = mark.filter(|_| count >= rule.required) {
            if !seen_marks.insert(mark) {
                let message = format!("`{mark}` stands twice");
                out.push(Diagnostic::error(codes::U0205, entry.span, message));
            }
            continue;
        }
        let place = rule.args.get(count).copied().or(rule.rest);
        count += 1;
        match place {
            Some(place) => value(rule, place.name, place.kind, entry, out),
            None if lone_property(rule, node).is_some() => {}
            None => too_many(rule, entry, out),
        }
    }
    if let (Some(missing), true) = (rule.args.get(count), count < rule.required) {
        let message = format!("`{}` lacks its {}", rule.name, missing.name);
        let expected = format!("expected {}", missing.kind.expected());
        out.push(
            Diagnostic::error(codes::U0204, node.head, message)
                .label(expected)
                .help(format!("write `{}`", usage(rule))),
        );
    }
}

/// The one property that a node needs, where a value stands without its name: `page 50`.
fn lone_property<'n>(
    rule: &'static Rule,
    node: &'n Node,
) -> Option<(&'static super::Prop, &'n Entry)> {
    let mut needed = rule.props.iter().filter(|prop| prop.required);
    let (Some(prop), None) = (needed.next(), needed.next()) else {
        return None;
    };
    let entry = node.arg(0)?;
    let lone = rule.args.is_empty() && rule.rest.is_none() && node.prop(prop.name).is_none();
    (lone && node.arg(1).is_none() && prop.kind.admits(entry)).then_some((prop, entry))
}

fn too_many(rule: &'static Rule, entry: &Entry, out: &mut Vec<Diagnostic>) {
    let shown = shown(entry);
    let message = format!("`{}` takes no {shown} here", rule.name);
    let mut found = Diagnostic::error(codes::U0203, entry.span, message);
    let word = entry.value.as_str().unwrap_or("");
    if let Some(meant) = closest(word, rule.marks.iter().copied()) {
        found = found.fix(format!("did you mean `{meant}`?"), entry.span, meant);
    } else if rule.child(word).is_some() {
        found = found.help(format!(
            "`{word}` is a node of its own: write it in the block"
        ));
    } else if rule.props.iter().any(|prop| prop.name == word) {
        found = found.help(format!("`{word}` is a property: write `{word}=…`"));
    } else if rule.marks.is_empty() {
        found = found.help(format!("write `{}`", usage(rule)));
    } else {
        found = found.help(format!("its marks are {}", both(rule.marks)));
    }
    out.push(found);
}

fn shown(entry: &Entry) -> String {
    match &entry.value {
        Value::String { text, .. } => format!("`{text}`"),
        Value::Integer(number) => format!("`{number}`"),
        Value::Decimal(text) | Value::Large(text) => format!("`{text}`"),
        Value::Bool(truth) => format!("`#{truth}`"),
        _ => "such value".to_owned(),
    }
}

/// How a node is written.
fn usage(rule: &Rule) -> String {
    let mut text = rule.name.to_owned();
    for (at, arg) in rule.args.iter().enumerate() {
        let (open, close) = if at < rule.required {
            ("<", ">")
        } else {
            ("[", "]")
        };
        text.push_str(&format!(" {open}{}{close}", arg.name));
    }
    if let Some(rest) = rule.rest {
        text.push_str(&format!(" <{}>…", rest.name));
    }
    for prop in rule.props.iter().filter(|prop| prop.required) {
        text.push_str(&format!(" {}=…", prop.name));
    }
    if rule.open.is_some() {
        text.push_str(" name=\"…\"");
    }
    text
}

fn properties(rule: &'static Rule, node: &Node, out: &mut Vec<Diagnostic>) {
    for (key, entry) in node.props() {
        let prop = rule.props.iter().find(|prop| prop.name == &*key.text);
        match (prop, rule.open) {
            (Some(prop), _) => value(rule, prop.name, prop.kind, entry, out),
            (None, Some(kind)) => {
                name(Case::Snake, &key.text, key.span, rule, out);
                value(rule, &key.text, kind, entry, out);
            }
            (None, None) => unknown_property(rule, key, entry, out),
        }
    }
    for prop in rule.props.iter().filter(|prop| prop.required) {
        if let Some((_, entry)) = lone_property(rule, node) {
            let message = format!("the value of `{}` is named", rule.name);
            let help = format!("write `{}=`", prop.name);
            let insert = crate::source::Span {
                end: entry.span.start,
                ..entry.span
            };
            out.push(Diagnostic::error(codes::U0203, entry.span, message).fix(
                help,
                insert,
                format!("{}=", prop.name),
            ));
        } else if node.prop(prop.name).is_none() {
            let message = format!("`{}` lacks `{}=`", rule.name, prop.name);
            let expected = format!("`{}=` is {}", prop.name, prop.kind.expected());
            out.push(Diagnostic::error(codes::U0204, node.head, message).help(expected));
        }
    }
    if rule.open.is_some() && node.entries.is_empty() && rule.name != "cost" {
        let message = format!("`{}` says nothing", rule.name);
        let help = format!("write `{}`", usage(rule));
        out.push(Diagnostic::error(codes::U0204, node.head, message).help(help));
    }
}

fn unknown_property(rule: &'static Rule, key: &Name, entry: &Entry, out: &mut Vec<Diagnostic>) {
    if key.text.starts_with(char::is_alphanumeric) && key.text.ends_with(['<', '>', '!']) {
        let message = format!("`{}=` stands outside quotes", key.text);
        out.push(
            Diagnostic::error(notation::U0113, entry.span, message)
                .help("an expression with operators is quoted as a whole: `\"a >= b\"`"),
        );
        return;
    }
    let message = format!("`{}` has no property `{}`", rule.name, key.text);
    let mut found = Diagnostic::error(codes::U0202, key.span, message);
    let known: Vec<&str> = rule.props.iter().map(|prop| prop.name).collect();
    if let Some(meant) = closest(&key.text, known.iter().copied()) {
        found = found.fix(format!("did you mean `{meant}`?"), key.span, meant);
    } else if rule.child(&key.text).is_some() {
        let help = format!("`{}` is a node of its own: write it in the block", key.text);
        found = found.help(help);
    } else if rule.marks.contains(&&*key.text) {
        found = found.help(format!(
            "`{}` is a mark: write it without a value",
            key.text
        ));
    } else if rule.name == "move" && &*key.text == "when" {
        found = found.help(
            "let a statement of its own make the move: `change <row> when=… { move <move> }`",
        );
    } else if rule.name == "change" && &*key.text == "precondition" {
        found = found.help("it is said of the command: `command <name> precondition=version`");
    } else if rule.child("set").is_some() {
        let help = format!(
            "names of yours stand in the block: `{{ set {}=… }}`",
            key.text
        );
        found = found.help(help);
    } else if known.is_empty() {
        found = found.help(format!("write `{}`", usage(rule)));
    } else {
        found = found.help(format!("it has {}", both(&known)));
    }
    out.push(found);
}

fn children(rule: &'static Rule, node: &Node, out: &mut Vec<Diagnostic>) {
    if rule.children.is_empty() {
        if !node.nodes().is_empty() {
            let message = format!("`{}` has no block", rule.name);
            let help = format!("write `{}`", usage(rule));
            out.push(Diagnostic::error(codes::U0201, node.children_span, message).help(help));
        }
        return;
    }
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    for inner in node.nodes() {
        let Some(child) = rule.child(&inner.name.text) else {
            unknown_node((rule, Some(node)), inner, out);
            continue;
        };
        let single = matches!(child.times, Times::Once | Times::Needed);
        match first.get(child.rule.name) {
            Some(before) if single => out.push(
                Diagnostic::error(
                    codes::U0205,
                    inner.name.span,
                    format!("`{}` stands twice in this `{}`", child.rule.name, rule.name),
                )
                .also(*before, "the first one")
                .help("leave one of them out"),
            ),
            Some(_) => {}
            None => {
                first.insert(child.rule.name, inner.name.span);
            }
        }
        check(child.rule, inner, out);
    }
    for child in rule.children {
        let needed = matches!(child.times, Times::Needed | Times::Some);
        if needed && !first.contains_key(child.rule.name) {
            let message = format!("`{}` lacks `{}`", rule.name, child.rule.name);
            let help = format!("add `{}` to its block", usage(child.rule));
            out.push(Diagnostic::error(codes::U0204, node.head, message).help(help));
        }
    }
}

fn unknown_node(
    (parent, around): (&'static Rule, Option<&Node>),
    node: &Node,
    out: &mut Vec<Diagnostic>,
) {
    let word = &*node.name.text;
    if let Some(around) = around
        && parent.props.iter().any(|prop| prop.name == word)
    {
        out.push(property_as_node(around, node));
        return;
    }
    let message = match parent.name {
        "file" => format!("`{word}` is not a declaration"),
        inside => format!("`{word}` has no place in `{inside}`"),
    };
    let mut found = Diagnostic::error(codes::U0201, node.name.span, message);
    let known: Vec<&str> = parent
        .children
        .iter()
        .map(|child| child.rule.name)
        .collect();
    let places = places_of(word);
    if let Some(meant) = closest(word, known.iter().copied()) {
        found = found.fix(format!("did you mean `{meant}`?"), node.name.span, meant);
    } else if parent.marks.contains(&word) {
        let head = parent.name;
        found = found.help(format!("`{word}` is a mark: write `{head} … {word}`"));
    } else if !places.is_empty() {
        found = found.help(format!("`{word}` stands in {}", list(&places)));
    } else if parent.name == "file" {
        found = found.help(format!("declarations are {}", both(&known)));
    } else {
        found = found.help(format!("`{}` may hold {}", parent.name, list(&known)));
    }
    out.push(found);
}

/// A property that is written as a line of the block, and its way to the line of the node.
fn property_as_node(around: &Node, node: &Node) -> Diagnostic {
    let (head, word) = (&around.name.text, &node.name.text);
    let message = format!("`{word}` is a property of the line of `{head}`, no line of its block");
    let found = Diagnostic::error(codes::U0201, node.name.span, message);
    let written = node.arg(0).and_then(|entry| match &entry.value {
        Value::String {
            text,
            style: Style::Bare,
        } => Some(text.to_string()),
        Value::String { text, .. } if !text.contains(['"', '\\', '\n']) => {
            Some(format!("\"{text}\""))
        }
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    });
    let Some(value) = written.filter(|_| node.entries.len() == 1 && node.children.is_none()) else {
        return found.help(format!("write `{head} … {word}=…`"));
    };
    let after = Span {
        start: around.head.end,
        ..around.head
    };
    let next = around
        .nodes()
        .iter()
        .find(|other| other.span.start >= node.span.end);
    let gone = Span {
        end: next.map_or(node.span.end, |next| next.span.start),
        ..node.span
    };
    let mut found = found.fix(
        format!("write `{head} … {word}={value}`"),
        after,
        format!(" {word}={value}"),
    );
    if let Some(help) = found.helps.last_mut() {
        help.edits.push(Edit {
            span: gone,
            text: String::new(),
        });
    }
    found
}

/// Which nodes may hold one of that name.
fn places_of(word: &str) -> Vec<&'static str> {
    let mut places = BTreeSet::new();
    let mut seen: BTreeSet<*const Rule> = BTreeSet::new();
    let mut open = vec![&TOP];
    while let Some(rule) = open.pop() {
        if !seen.insert(std::ptr::from_ref(rule)) {
            continue;
        }
        for child in rule.children {
            if child.rule.name == word {
                places.insert(if rule.name == "file" {
                    "the file itself"
                } else {
                    rule.name
                });
            }
            open.push(child.rule);
        }
    }
    places.into_iter().collect()
}

fn value(rule: &Rule, what: &str, kind: Kind, entry: &Entry, out: &mut Vec<Diagnostic>) {
    if !kind.admits(entry) {
        let message = format!("`{what}` of `{}` must be {}", rule.name, kind.expected());
        let mut found = Diagnostic::error(codes::U0206, entry.value_span, message);
        if let Some(guess) = kind.guess(entry) {
            found = found.fix(format!("write `{guess}`"), entry.value_span, guess);
        }
        out.push(found);
        return;
    }
    if let (Kind::Name(case), Some(text)) = (kind, entry.value.as_str()) {
        name(case, text, entry.value_span, rule, out);
    }
}

fn name(case: Case, text: &str, span: Span, rule: &Rule, out: &mut Vec<Diagnostic>) {
    let spelled = respell(case, text);
    if spelled != text {
        let (how, what) = match case {
            Case::Snake => ("snake_case", "fields, bindings, flags and values"),
            Case::Pascal => ("PascalCase", "types, events and views"),
            Case::Kebab | Case::Either => ("kebab-case", "such names"),
        };
        let message = format!("`{text}` is not written in {how}");
        let mut found =
            Diagnostic::error(codes::U0207, span, message).label(format!("{what} are {how}"));
        if !spelled.is_empty() {
            found = found.fix(format!("write `{spelled}`"), span, spelled);
        }
        out.push(found);
        return;
    }
    let binds = rule.name != "set" && rule.name != "return" && rule.name != "show";
    let root = ROOTS.contains(&text)
        && matches!(
            rule.name,
            "let" | "read" | "create" | "change" | "call" | "each" | "from" | "part"
        );
    if matches!(case, Case::Snake | Case::Either) && binds && (RESERVED.contains(&text) || root) {
        let message = format!("`{text}` is a word of expressions and cannot be a name");
        let help = format!("choose another name, for example `{text}_value`");
        out.push(Diagnostic::error(codes::U0208, span, message).help(help));
    }
}

/// The name in that spelling; equal to the name where it is well spelled, empty where nothing of
/// it can be kept.
pub(crate) fn respell(case: Case, text: &str) -> String {
    let well = match case {
        Case::Either => {
            return if respell(Case::Snake, text) == text {
                text.to_owned()
            } else {
                respell(Case::Kebab, text)
            };
        }
        Case::Snake => {
            text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
                && text
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        }
        Case::Pascal => {
            text.starts_with(|c: char| c.is_ascii_uppercase())
                && text.chars().all(|c| c.is_ascii_alphanumeric())
        }
        Case::Kebab => {
            text.starts_with(|c: char| c.is_ascii_lowercase())
                && !text.ends_with('-')
                && text
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        }
    };
    if well {
        return text.to_owned();
    }
    let words = words_of(text);
    match case {
        Case::Snake => words.join("_"),
        Case::Kebab | Case::Either => words.join("-"),
        Case::Pascal => words.iter().map(|word| capital(word)).collect(),
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_ascii_uppercase().to_string() + chars.as_str()
    })
}

fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut fresh = true;
    let mut lower = false;
    for c in text.chars().take(100) {
        if !c.is_ascii_alphanumeric() {
            fresh = true;
            continue;
        }
        if fresh || (c.is_ascii_uppercase() && lower) {
            words.push(String::new());
        }
        fresh = false;
        lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        if let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
    }
    match words.first_mut() {
        Some(first) if first.starts_with(|c: char| c.is_ascii_digit()) => {
            first.insert(0, 'n');
        }
        _ => {}
    }
    words
}
