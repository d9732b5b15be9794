//! Writing a text anew in its canonical form without changing what it says: the formatter.
//!
//! Spaces, line breaks and `;` are ours; names, values, their styles, comments and what is taken
//! out with `/-` are the writer's. `tree` reads the tokens, `write` lays them out.

mod tree;
mod write;

use super::parse;
use crate::diagnostic::Diagnostic;
use crate::source::FileId;

/// Lines that may be written on one line may have this many characters.
pub const WIDTH: usize = 110;

/// `text` in canonical form: four spaces per level, one node per line, at most one blank line in
/// a row, expressions quoted where they are more than a dotted path. What stood on one line,
/// joined by `;` or in a block, stays on one line if it fits [`WIDTH`]. Formatting twice changes
/// nothing.
///
/// # Errors
/// What is wrong with a text that is not KDL, with places in the file 0; it is not formatted then.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let (_, found) = parse(FileId(0), text);
    if !found.is_empty() {
        return Err(found);
    }
    Ok(write::document(&tree::document(text)))
}
