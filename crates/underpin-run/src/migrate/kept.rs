//! What a store keeps of the briefs that made it: their texts, by generation. The latest one says
//! what the tables mean; earlier ones stay as long as a flow of theirs is not over.

use crate::store::StoreError;
use rusqlite::{Connection, OptionalExtension};
use std::sync::Arc;
use underpin_brief::model::{Brief, Texts};
use underpin_brief::resolve::check_again;

/// A value of the store about itself.
pub(super) fn meta(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let found = connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(found)
}

/// Sets a value of the store about itself.
pub(super) fn set_meta(connection: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", [name, value])?;
    Ok(())
}

/// The generation of the brief that last made the tables; 0 where none was kept.
pub(super) fn generation(connection: &Connection) -> Result<u32, StoreError> {
    let text = meta(connection, "generation")?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

fn place(generation: u32) -> String {
    format!("brief {generation}")
}

/// The texts of a generation.
pub(super) fn texts(connection: &Connection, generation: u32) -> Result<Option<Texts>, StoreError> {
    let Some(text) = meta(connection, &place(generation))? else {
        return Ok(None);
    };
    let pairs: Vec<(String, String)> = serde_json::from_str(&text)
        .map_err(|error| StoreError::Defect(format!("the kept brief: {error}")))?;
    let pairs = pairs
        .into_iter()
        .map(|(name, text)| (Arc::from(name), Arc::from(text)));
    Ok(Some(Texts::new(pairs.collect())))
}

/// Keeps the texts of a brief as a generation, the latest one.
pub(super) fn keep(
    connection: &Connection,
    generation: u32,
    texts: &Texts,
) -> Result<(), StoreError> {
    let pairs: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (&**name, &**text))
        .collect();
    let text = serde_json::to_string(&pairs).map_err(|e| StoreError::Defect(e.to_string()))?;
    set_meta(connection, &place(generation), &text)?;
    set_meta(connection, "generation", &generation.to_string())
}

/// Lets go of generations before `generation` that no flow needs.
pub(super) fn forget(
    connection: &Connection,
    generation: u32,
    needed: &[u32],
) -> Result<(), StoreError> {
    let gone = (1..generation).filter(|former| !needed.contains(former));
    for former in gone {
        connection.execute("DELETE FROM meta WHERE name = ?1", [place(former)])?;
    }
    Ok(())
}

/// The brief of texts that were kept.
///
/// # Errors
/// Why they no longer check, in a line.
pub(super) fn read(texts: &Texts) -> Result<Arc<Brief>, String> {
    let checked = check_again(texts);
    checked.brief.map(Arc::new).ok_or_else(|| {
        let found = checked
            .diagnostics
            .iter()
            .find(|found| found.severity == underpin_brief::diagnostic::Severity::Error);
        found.map_or_else(
            || "it does not check".to_owned(),
            |found| format!("{}: {}", found.code, found.message),
        )
    })
}
