//! Answers that were given: kept under their keys, so that a repetition gets them again in the
//! form that the new brief's commands have.

use crate::store::{StoreError, codec};
use rusqlite::Connection;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use underpin_brief::model::*;

/// For each command whose answer has another form: where each of its values comes from.
pub(crate) type Places = BTreeMap<String, Vec<Option<usize>>>;

fn returned(body: &Body) -> Vec<Text> {
    let mut names = Vec::new();
    for statement in &body.statements {
        if let StatementKind::Return(values) = &statement.kind {
            names = values
                .iter()
                .map(|(name, _)| Text::clone(&name.text))
                .collect();
        }
    }
    names
}

/// Where the values of each answer come from, for the commands where that has changed.
pub(crate) fn places(old: &Brief, new: &Brief) -> Places {
    let mut found = Places::new();
    for command in new.commands.rows() {
        let Some(before) = old.commands.find(&command.name.text) else {
            continue;
        };
        let (before, now) = (
            returned(&old.commands.get(before).body),
            returned(&command.body),
        );
        if before != now {
            let place = |name: &Text| before.iter().position(|other| other == name);
            found.insert(
                command.name.text.to_string(),
                now.iter().map(place).collect(),
            );
        }
    }
    found
}

/// The values of an answer in the form that the new brief gives it.
pub(crate) fn moved(values: &[Value], places: &[Option<usize>]) -> Vec<Value> {
    let place = |place: &Option<usize>| place.and_then(|at| values.get(at)).cloned();
    places
        .iter()
        .map(|at| place(at).unwrap_or(Value::Null))
        .collect()
}

fn text(answer: &str, places: &[Option<usize>]) -> Option<String> {
    let mut answer: Json = serde_json::from_str(answer).ok()?;
    let values = answer.get_mut("Done")?.get_mut("returned")?;
    let old: Vec<Value> = values
        .as_array()?
        .iter()
        .map(codec::decode)
        .collect::<Option<_>>()?;
    *values = moved(&old, places).iter().map(codec::encode).collect();
    Some(answer.to_string())
}

/// Writes kept answers in their new form.
pub(super) fn rewrite(connection: &Connection, places: &Places) -> Result<(), StoreError> {
    for (command, places) in places {
        let suffix = format!("%\u{1f}{}", command.replace('_', "\\_"));
        let sql = "SELECT scope, key, answer FROM replays
                   WHERE status = 'final' AND answer IS NOT NULL AND scope LIKE ?1 ESCAPE '\\'";
        let mut statement = connection.prepare(sql)?;
        let found: Vec<(String, String, String)> = statement
            .query_map([suffix], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        for (scope, key, answer) in found {
            if let Some(answer) = text(&answer, places) {
                connection.execute(
                    "UPDATE replays SET answer = ?3 WHERE scope = ?1 AND key = ?2",
                    (scope, key, answer),
                )?;
            }
        }
        let sql = "SELECT id, answer FROM flows
                   WHERE kind = 'command' AND name = ?1 AND answer IS NOT NULL";
        let mut statement = connection.prepare(sql)?;
        let found: Vec<(String, String)> = statement
            .query_map([command], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (id, answer) in found {
            if let Some(answer) = text(&answer, places) {
                connection.execute("UPDATE flows SET answer = ?2 WHERE id = ?1", (id, answer))?;
            }
        }
    }
    Ok(())
}
