//! A brief from texts that were kept: the same check, without the disk that they once came from.

use super::load::{Loader, Text};
use super::{Checked, check};
use crate::model::Texts;
use std::path::Path;

struct Kept<'a>(&'a Texts);

impl Loader for Kept<'_> {
    fn load(&self, from: Option<&str>, name: &str) -> Result<Text, String> {
        let beside = match from.and_then(|from| Path::new(from).parent()) {
            Some(folder) => folder.join(name).display().to_string(),
            None => name.to_owned(),
        };
        let found = self.0.iter().find(|(known, _)| **known == *beside);
        let (name, text) = found.ok_or_else(|| "it was not kept".to_owned())?;
        Ok(Text {
            name: name.to_string(),
            text: text.to_string(),
        })
    }
}

/// Checks texts that were kept with a brief.
#[must_use]
pub fn check_again(texts: &Texts) -> Checked {
    let first = texts.iter().next().map_or("", |(name, _)| name);
    check(&Kept(texts), first)
}
