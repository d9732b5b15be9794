//! Rules of ours about notation alone: what KDL permits and a brief does not, because it is
//! nearly always a slip. Knows no node by name.

use std::collections::BTreeMap;

use super::ast::{Document, Entry, Name, Node, Style};
use super::report::QUOTE_WHOLE;
use crate::codes::notation;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// What is wrong with `document` beyond KDL.
pub(super) fn lint(document: &Document) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Node> = document.nodes.iter().collect();
    while let Some(node) = waiting.pop() {
        duplicates(node, &mut found);
        slips(node, &mut found);
        waiting.extend(node.nodes());
    }
    found
}

fn duplicates(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, &Entry> = BTreeMap::new();
    for (key, entry) in node.props() {
        if let Some(first) = seen.get(&*key.text) {
            let message = format!("the property `{}` stands twice on one node", key.text);
            let mut diagnostic = Diagnostic::error(notation::U0122, entry.span, message)
                .label("only this one would count")
                .also(first.span, "the first one");
            if first.value == entry.value {
                diagnostic = diagnostic.fix("remove one", entry.span, "");
            } else {
                diagnostic = diagnostic.help("a list is written as arguments: `name a b`");
            }
            found.push(diagnostic);
        } else {
            seen.insert(&key.text, entry);
        }
    }
}

fn slips(node: &Node, found: &mut Vec<Diagnostic>) {
    if is_bare(&node.name) {
        punctuation(&node.name.text, node.name.span, &[',', ':'], found);
    }
    for entry in &node.entries {
        let bare = entry.value.style() == Some(Style::Bare);
        let text = entry.value.as_str().unwrap_or("");
        if bare && !text.is_empty() && text.chars().all(is_operator) {
            operator(text, entry.value_span, found);
        } else if bare {
            punctuation(text, entry.value_span, &[','], found);
        }
        if let Some(key) = entry.key.as_ref().filter(|key| is_bare(key))
            && key.text.chars().all(is_operator)
        {
            operator(&format!("{}=", key.text), key.span, found);
        }
    }
}

/// A name written with quotes is longer in the text than the name itself.
fn is_bare(name: &Name) -> bool {
    name.span.end - name.span.start == u32::try_from(name.text.len()).unwrap_or(u32::MAX)
}

pub(super) fn is_operator(c: char) -> bool {
    matches!(c, '+' | '-' | '<' | '>' | '&' | '|' | '!' | '?' | ':' | '%')
}

fn punctuation(text: &str, span: Span, marks: &[char], found: &mut Vec<Diagnostic>) {
    let Some(mark) = text.chars().last().filter(|last| marks.contains(last)) else {
        return;
    };
    let last = span.slice(span.end - span.start - 1, span.end - span.start);
    let message = format!("`{mark}` at the end of a word belongs to the word");
    let mut diagnostic = Diagnostic::error(notation::U0110, last, message);
    diagnostic = if mark == ',' {
        diagnostic
            .fix("remove it, words are separated by spaces", last, "")
            .fix("nodes are separated by", last, ";")
    } else {
        diagnostic.fix("remove it, a node's value follows after a space", last, "")
    };
    found.push(diagnostic);
}

fn operator(text: &str, span: Span, found: &mut Vec<Diagnostic>) {
    let message = format!("`{text}` stands outside quotes");
    found.push(Diagnostic::error(notation::U0113, span, message).help(QUOTE_WHOLE));
}
