//! Which id of the engine is which id of the reference. Ids are drawn, not prescribed: the first time
//! that two of them stand at the same place they are the same from then on.

use std::collections::BTreeMap;
use underpin_brief::model::{Text, Value};

/// A renaming that only grows.
#[derive(Clone, Debug, Default)]
pub struct Rename {
    engine: BTreeMap<Text, Text>,
    taken: BTreeMap<Text, Text>,
}

/// Texts that the reference draws: `!` and eight digits for an id, `?` and eight for a secret.
fn drawn(text: &str) -> Option<(usize, &str)> {
    let at = text.find(['!', '?'])?;
    let part = text.get(at..at + 9)?;
    let digits = part.get(1..)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some((at, part))
}

fn alike(reference: &str, engine: &str) -> bool {
    let id = engine.len() == 26 && engine.bytes().all(|byte| byte.is_ascii_alphanumeric());
    reference.starts_with('?') && !engine.is_empty() || id
}

impl Rename {
    /// Whether two texts stand for the same; ids that meet for the first time do from now on.
    fn meet_text(&mut self, reference: &str, engine: &str) -> bool {
        let Some((at, part)) = drawn(reference) else {
            return reference == engine;
        };
        if at == 0 && part.len() == reference.len() && !self.engine.contains_key(part) {
            let free = alike(reference, engine) && !self.taken.contains_key(engine);
            if free {
                self.engine.insert(part.into(), engine.into());
                self.taken.insert(engine.into(), part.into());
            }
            return free;
        }
        self.text(reference) == engine
    }

    /// Whether two values stand for the same.
    pub fn meet(&mut self, reference: &Value, engine: &Value) -> bool {
        match (reference, engine) {
            (Value::Text(a), Value::Text(b)) | (Value::Json(a), Value::Json(b)) => {
                self.meet_text(a, b)
            }
            (Value::List(a), Value::List(b)) | (Value::Struct(a), Value::Struct(b)) => {
                a.len() == b.len() && a.iter().zip(&**b).all(|(a, b)| self.meet(a, b))
            }
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(&**b)
                        .all(|(a, b)| self.meet(a.0, b.0) && self.meet(a.1, b.1))
            }
            (a, b) => a == b,
        }
    }

    /// The text as the engine knows it.
    #[must_use]
    pub fn text(&self, reference: &str) -> String {
        let Some((at, part)) = drawn(reference) else {
            return reference.to_owned();
        };
        let (before, rest) = reference.split_at(at);
        let (_, after) = rest.split_at(part.len());
        let known = self.engine.get(part).map_or(part, |known| &**known);
        format!("{before}{known}{}", self.text(after))
    }

    /// Whether every id of a text has met its counterpart.
    #[must_use]
    pub fn knows(&self, value: &Value) -> bool {
        match value {
            Value::Text(text) => drawn(text).is_none_or(|(_, part)| self.engine.contains_key(part)),
            Value::List(items) | Value::Struct(items) => items.iter().all(|item| self.knows(item)),
            _ => true,
        }
    }

    /// The value as the engine knows it.
    #[must_use]
    pub fn value(&self, reference: &Value) -> Value {
        match reference {
            Value::Text(text) => Value::text(&self.text(text)),
            Value::Json(text) => Value::Json(self.text(text).into()),
            Value::List(items) => Value::list(items.iter().map(|item| self.value(item)).collect()),
            Value::Struct(items) => {
                Value::record(items.iter().map(|item| self.value(item)).collect())
            }
            Value::Map(map) => {
                let pairs = map
                    .iter()
                    .map(|(key, value)| (self.value(key), self.value(value)));
                Value::Map(pairs.collect::<BTreeMap<_, _>>().into())
            }
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stands_for_one_other_wherever_it_stands() {
        let mut rename = Rename::default();
        let (one, other) = ("01M3252NK049FC0YMSA1KP2TE3", "01M3252NK049FC0YMSA1KP2TE4");
        let meet = |rename: &mut Rename, mine: &str, theirs: &str| {
            rename.meet(&Value::text(mine), &Value::text(theirs))
        };
        assert!(meet(&mut rename, "!00000001", one));
        assert!(!meet(&mut rename, "!00000001", other));
        assert!(!meet(&mut rename, "!00000002", one));
        assert!(meet(&mut rename, "!00000002", other));
        assert!(meet(
            &mut rename,
            "about !00000001",
            &format!("about {one}")
        ));
        assert!(!meet(
            &mut rename,
            "about !00000001",
            &format!("about {other}")
        ));
        assert!(!meet(&mut rename, "!00000003", "no id"));
        assert!(meet(&mut rename, "?00000004", "whatever"));
        assert!(!meet(&mut rename, "plain", "other"));
    }
}
