//! Positions of pages as clients see them: opaque, signed, and good only for the question that
//! they were an answer to. Must not know rows.

use crate::folder::Folder;
use crate::store::codec;
use crate::world::Randomness;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::fmt::Write;
use std::io;
use underpin_brief::model::Value;
use underpin_contract::{Arguments, Operation};

/// Bytes of the signature that are kept.
const KEPT: usize = 12;

/// Makes and opens positions.
#[derive(Clone)]
pub struct Cursors {
    key: Key,
}

impl Cursors {
    /// With the key of the data folder, born where there is none: positions outlive a restart.
    ///
    /// # Errors
    /// What the disk says.
    pub fn of(data: &Folder, random: &dyn Randomness) -> io::Result<Self> {
        let born = || {
            let mut bytes = [0; 32];
            random.fill(&mut bytes);
            STANDARD.encode(bytes)
        };
        let text = data.inner("secrets")?.read_or_born("pages", born)?;
        Ok(Self {
            key: Key::new(HMAC_SHA256, text.trim().as_bytes()),
        })
    }

    /// The text of a position.
    pub(super) fn seal(&self, scope: &str, position: &[Value]) -> String {
        let text = codec::to_text(&Value::list(position.to_vec()));
        let mut bytes = self.signature(scope, &text);
        bytes.extend_from_slice(text.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What stands for a row towards clients: the same each time, and nothing can be learned of it.
    pub(super) fn tag(&self, of: &str, row: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.signature(of, row))
    }

    /// The position of a text; `None` where it was not sealed here for that scope.
    pub(super) fn open(&self, scope: &str, text: &str) -> Option<Vec<Value>> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signature, text) = bytes.split_at_checked(KEPT)?;
        let text = std::str::from_utf8(text).ok()?;
        verify_slices_are_equal(&self.signature(scope, text), signature).ok()?;
        match codec::from_text(text)? {
            Value::List(values) => Some(values.to_vec()),
            _ => None,
        }
    }

    fn signature(&self, scope: &str, text: &str) -> Vec<u8> {
        let whole = format!("{}:{scope}{text}", scope.len());
        let tag = sign(&self.key, whole.as_bytes());
        tag.as_ref().get(..KEPT).unwrap_or_default().to_vec()
    }
}

/// The question that a position belongs to: operation, input, filters, order and search; the size
/// of the page may change on the way.
pub(super) fn scope(operation: &Operation, arguments: &Arguments) -> String {
    let mut scope = format!("{}|{}", operation.id, codec::to_text(&arguments.input));
    // Writing to a string does not fail.
    for filter in &arguments.filters {
        let values = codec::to_text(&Value::list(filter.values.clone()));
        let _ = write!(scope, "|f{}{:?}{values}", filter.slot, filter.op);
    }
    for sort in &arguments.sorts {
        let _ = write!(scope, "|s{}{}", sort.slot, sort.descending);
    }
    if let Some((words, _)) = &arguments.search {
        let _ = write!(scope, "|q{words}");
    }
    scope
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempFolder;
    use crate::world::SeededRandom;

    #[test]
    fn a_position_opens_for_its_question_only_and_survives_a_restart() {
        let temp = TempFolder::new();
        let cursors = |seed| Cursors::of(&temp.folder, &SeededRandom::new(seed)).unwrap();
        let position = vec![Value::Int(3), Value::text("a"), Value::Null];
        let sealed = cursors(1).seal("q|1", &position);
        assert!(
            sealed
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
        assert_eq!(cursors(2).open("q|1", &sealed), Some(position));
        assert_eq!(cursors(1).open("q|2", &sealed), None);
        let shorter = sealed.get(1..).unwrap();
        let mut changed = sealed.clone();
        changed.replace_range(..1, if sealed.starts_with('A') { "B" } else { "A" });
        for bad in [changed.as_str(), "", "AAAA", "ö", shorter] {
            assert_eq!(cursors(1).open("q|1", bad), None, "{bad}");
        }
    }
}
