//! Applying the changes that helps propose.

use crate::diagnostic::Edit;
use crate::source::FileId;

/// `text`, which is the file `file`, with those of `edits` applied that concern it; `None` where
/// two of them overlap or one does not fit the text. Insertions at one place keep their order.
#[must_use]
pub fn apply(file: FileId, text: &str, edits: &[Edit]) -> Option<String> {
    let mut ours: Vec<&Edit> = edits.iter().filter(|edit| edit.span.file == file).collect();
    ours.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in ours {
        out.push_str(text.get(at..edit.span.start as usize)?);
        out.push_str(&edit.text);
        at = edit.span.end as usize;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}
