//! One mistake, one finding: where the notation of a node is broken, what follows from it is not
//! told as well. Knows places only.

use crate::diagnostic::Diagnostic;
use crate::kdl::{Document, Node};
use crate::source::Span;

/// Notation mistakes that spoil one value only: the rest of the node is read as it was meant.
const OF_ONE_VALUE: &[&str] = &["U0102", "U0103", "U0114", "U0122"];

/// Leaves out findings on values of nodes in whose head the notation is broken.
pub(super) fn below_notation(documents: &[Document], found: &mut Vec<Diagnostic>) {
    let is_notation = |finding: &Diagnostic| finding.code.id.starts_with("U01");
    let misplaced: Vec<Span> = found
        .iter()
        .filter(|finding| finding.code.id == "U0201")
        .filter(|finding| finding.helps.iter().any(|help| help.edits.len() > 1))
        .map(|finding| finding.primary.span)
        .collect();
    // Of `name=value` as a line of its own more is known than that the `=` is one too many.
    found.retain(|finding| {
        let place = finding.primary.span;
        let follows = |name: &Span| name.file == place.file && name.end == place.start;
        finding.code.id != "U0101" || !misplaced.iter().any(follows)
    });
    let broken: Vec<Span> = found
        .iter()
        .filter(|finding| is_notation(finding))
        .filter_map(|finding| {
            let place = finding.primary.span;
            if OF_ONE_VALUE.contains(&finding.code.id) {
                return Some(place);
            }
            documents
                .iter()
                .find_map(|document| head(&document.nodes, place))
        })
        .collect();
    found.retain(|finding| {
        let place = finding.primary.span;
        is_notation(finding) || !broken.iter().any(|head| within(place, *head))
    });
}

fn within(place: Span, whole: Span) -> bool {
    place.file == whole.file && whole.start <= place.start && place.end <= whole.end
}

/// The head of the innermost node that holds a place, where the place is in its head.
fn head(nodes: &[Node], place: Span) -> Option<Span> {
    let mut level = nodes;
    loop {
        let next = level
            .partition_point(|node| node.span.start <= place.start)
            .checked_sub(1)?;
        let node = level.get(next).filter(|node| within(place, node.span))?;
        if within(place, node.head) {
            return Some(node.head);
        }
        level = node.nodes();
    }
}
