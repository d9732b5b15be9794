//! The layout: items to text.

use super::super::scan::is_newline;
use super::WIDTH;
use super::tree::{Block, Item, Piece};

/// The canonical text of a document.
pub(super) fn document(items: &[Item<'_>]) -> String {
    let mut out = Out::default();
    out.items(items, 0, false);
    out.text
}

/// What has been written, and how long its last line is.
#[derive(Default)]
struct Out {
    text: String,
    column: usize,
}

impl Out {
    fn push(&mut self, part: &str) {
        self.text.push_str(part);
        match part.rsplit_once('\n') {
            Some((_, last)) => self.column = last.chars().count(),
            None => self.column += part.chars().count(),
        }
    }

    fn indent(&mut self, depth: usize) {
        self.push(&"    ".repeat(depth));
    }

    /// One item per line; unless they are to be `spread`, those that were joined stay so.
    fn items(&mut self, items: &[Item<'_>], depth: usize, spread: bool) {
        let mut rest = items;
        while let Some((first, after)) = rest.split_first() {
            let joined = after
                .iter()
                .take_while(|item| item.joined && !spread)
                .count();
            let (group, others) = rest.split_at_checked(joined + 1).unwrap_or((rest, &[]));
            rest = others;
            if first.blank_before {
                self.push("\n");
            }
            if !self.joined(group, depth) {
                for item in group {
                    self.item(item, depth);
                }
            }
        }
    }

    /// Writes several nodes on one line, if there are several and they fit.
    fn joined(&mut self, group: &[Item<'_>], depth: usize) -> bool {
        if group.len() < 2 {
            return false;
        }
        let mut line = String::new();
        if flat_items(group, WIDTH.saturating_sub(4 * depth), &mut line).is_none() {
            return false;
        }
        self.indent(depth);
        self.push(&line);
        if let Some(comment) = group.last().and_then(|item| item.comment) {
            self.push(" ");
            self.push(comment);
        }
        self.push("\n");
        true
    }

    fn item(&mut self, item: &Item<'_>, depth: usize) {
        self.indent(depth);
        let mut separator = "";
        for piece in &item.pieces {
            match piece {
                Piece::Text(text) => {
                    self.push(separator);
                    self.push(text);
                    separator = " ";
                }
                Piece::Break(comment) => {
                    self.push(" \\");
                    if let Some(comment) = comment {
                        self.push(" ");
                        self.push(comment);
                    }
                    self.push("\n");
                    self.indent(depth + 1);
                    separator = "";
                }
                Piece::Block(block) => {
                    self.push(separator);
                    self.block(block, depth);
                    separator = " ";
                }
            }
        }
        if let Some(comment) = item.comment {
            self.push(separator);
            self.push(comment);
        }
        self.push("\n");
    }

    fn block(&mut self, block: &Block<'_>, depth: usize) {
        let mut line = String::new();
        let left = WIDTH.saturating_sub(self.column);
        if flat_block(block, left, &mut line).is_some() {
            return self.push(&line);
        }
        self.push(&block.prefix);
        self.push("{");
        if let Some(comment) = block.comment {
            self.push(" ");
            self.push(comment);
        }
        self.push("\n");
        self.items(&block.items, depth + 1, block.one_line);
        self.indent(depth);
        self.push("}");
    }
}

/// Appends nodes joined by `;`; `None` where they do not fit on one line of `width`.
fn flat_items(items: &[Item<'_>], width: usize, line: &mut String) -> Option<()> {
    for (index, item) in items.iter().enumerate() {
        let last = index + 1 == items.len();
        if !last && (item.comment.is_some() || !item.node) {
            return None;
        }
        if index > 0 {
            line.push_str("; ");
        }
        for (index, piece) in item.pieces.iter().enumerate() {
            if index > 0 {
                line.push(' ');
            }
            match piece {
                Piece::Text(text) if text.contains(is_newline) => return None,
                Piece::Text(text) => line.push_str(text),
                Piece::Break(_) => return None,
                Piece::Block(block) => flat_block(block, width, line)?,
            }
            if line.chars().nth(width).is_some() {
                return None;
            }
        }
    }
    Some(())
}

/// Appends a block that was written on one line or is empty; `None` where it does not fit.
fn flat_block(block: &Block<'_>, width: usize, line: &mut String) -> Option<()> {
    let empty = block.items.is_empty();
    let comments = block.comment.is_some()
        || block
            .items
            .last()
            .is_some_and(|item| item.comment.is_some())
        || block.prefix.contains(is_newline);
    if comments || !(block.one_line || empty) {
        return None;
    }
    line.push_str(&block.prefix);
    line.push('{');
    if !empty {
        line.push(' ');
        flat_items(&block.items, width, line)?;
        line.push(' ');
    }
    line.push('}');
    if line.chars().nth(width).is_some() {
        None
    } else {
        Some(())
    }
}
