//! What a simulated system remembers: the effects that it had, durably, so that after a crash of
//! ours it still tells the truth, as a real one would. Must not know how answers are made.

use crate::store::{StoreError, Writer, codec, no_hook};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use underpin_brief::model::Value;

/// An effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) input: Value,
    pub(super) output: Value,
    /// Whether it was taken back since.
    pub(super) undone: bool,
    /// How often it was had under this key before and taken back.
    pub(super) generation: u32,
}

/// All effects, in one SQLite file whose writes share their commits.
pub(super) struct Record {
    path: PathBuf,
    writer: Mutex<Option<Arc<Writer>>>,
}

/// Calls that may wait for the record.
const QUEUE: usize = 4096;

const LAYOUT: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS effect (
        external TEXT NOT NULL, operation TEXT NOT NULL, key TEXT NOT NULL,
        generation INTEGER NOT NULL, input TEXT NOT NULL, output TEXT NOT NULL,
        undone INTEGER NOT NULL, PRIMARY KEY (external, operation, key)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE IF NOT EXISTS mention (
        external TEXT NOT NULL, operation TEXT NOT NULL, value TEXT NOT NULL, key TEXT NOT NULL,
        PRIMARY KEY (external, operation, value, key)
    ) WITHOUT ROWID, STRICT;
";

impl Record {
    /// The record in that file. It is made when the first effect is had: a start that is refused
    /// leaves no trace.
    pub(super) fn at(path: PathBuf) -> Self {
        Self {
            path,
            writer: Mutex::new(None),
        }
    }

    fn writer(&self) -> Result<Arc<Writer>, StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = &*writer {
            return Ok(Arc::clone(writer));
        }
        let file = Connection::open(&self.path)?;
        file.execute_batch(LAYOUT)?;
        let started = Writer::start(file, QUEUE, no_hook())
            .map_err(|error| StoreError::Database(error.to_string()))?;
        Ok(Arc::clone(writer.insert(Arc::new(started))))
    }

    /// Runs `work` on the file; ready when all that it did is durable.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let writer = self.writer()?;
        writer.write(move |file| Ok(work(file)?)).await
    }
}

/// The effect under that key; where there is none, or it was taken back, it is had now.
pub(super) fn have(
    file: &Connection,
    of: (&str, &str),
    key: &str,
    input: &Value,
    make: impl FnOnce(u32) -> Value,
) -> rusqlite::Result<Effect> {
    let generation = match find(file, of, key)? {
        Some(effect) if !effect.undone => return Ok(effect),
        Some(effect) => effect.generation.saturating_add(1),
        None => 0,
    };
    let effect = Effect {
        input: input.clone(),
        output: make(generation),
        undone: false,
        generation,
    };
    let (input, output) = (
        codec::to_text(&effect.input),
        codec::to_text(&effect.output),
    );
    file.prepare_cached(
        "INSERT INTO effect VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)
         ON CONFLICT DO UPDATE SET generation = ?4, input = ?5, output = ?6, undone = 0",
    )?
    .execute(params![of.0, of.1, key, generation, input, output])?;
    for value in slots(&effect.input).chain(slots(&effect.output)) {
        file.prepare_cached("INSERT OR IGNORE INTO mention VALUES (?1, ?2, ?3, ?4)")?
            .execute([of.0, of.1, &codec::to_text(value), key])?;
    }
    Ok(effect)
}

/// The effects of an operation that mention `value` in their input or output and are not taken
/// back, with their keys, in the order of keys.
pub(super) fn mentioning(
    file: &Connection,
    of: (&str, &str),
    value: &Value,
) -> rusqlite::Result<Vec<(String, Effect)>> {
    let mut select = file.prepare_cached(
        "SELECT key, generation, input, output, undone
         FROM mention JOIN effect USING (external, operation, key)
         WHERE external = ?1 AND operation = ?2 AND value = ?3 AND undone = 0 ORDER BY key",
    )?;
    let rows = select.query_map([of.0, of.1, &codec::to_text(value)], |row| {
        Ok((row.get(0)?, effect(row, 1)?))
    })?;
    rows.collect()
}

/// Marks an effect as taken back.
pub(super) fn take_back(file: &Connection, of: (&str, &str), key: &str) -> rusqlite::Result<()> {
    file.prepare_cached(
        "UPDATE effect SET undone = 1 WHERE external = ?1 AND operation = ?2 AND key = ?3",
    )?
    .execute([of.0, of.1, key])?;
    Ok(())
}

/// The values that an effect may be asked for by.
fn slots(value: &Value) -> impl Iterator<Item = &Value> {
    let all: &[Value] = match value {
        Value::Struct(slots) => slots,
        _ => &[],
    };
    let plain = |value: &&Value| {
        !matches!(
            value,
            Value::Null | Value::List(_) | Value::Struct(_) | Value::Json(_)
        )
    };
    all.iter().filter(plain)
}

fn find(file: &Connection, of: (&str, &str), key: &str) -> rusqlite::Result<Option<Effect>> {
    file.prepare_cached(
        "SELECT generation, input, output, undone FROM effect
         WHERE external = ?1 AND operation = ?2 AND key = ?3",
    )?
    .query_row([of.0, of.1, key], |row| effect(row, 0))
    .optional()
}

fn effect(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Effect> {
    let value = |at: usize| -> rusqlite::Result<Value> {
        let text: String = row.get(at)?;
        let unreadable =
            || rusqlite::Error::InvalidColumnType(at, text.clone(), rusqlite::types::Type::Text);
        codec::from_text(&text).ok_or_else(unreadable)
    };
    Ok(Effect {
        generation: row.get(at)?,
        input: value(at + 1)?,
        output: value(at + 2)?,
        undone: row.get(at + 3)?,
    })
}
