//! A snapshot of a database that stays as it is while others write, and its copy into a new file.

use super::{StoreError, open_reader};
use rusqlite::Connection;
use rusqlite::backup::Backup;
use std::path::{Path, PathBuf};

/// A snapshot: nothing that is committed later is in it.
pub struct Pinned {
    connection: Connection,
    file: PathBuf,
}

impl Pinned {
    /// What is committed now.
    ///
    /// # Errors
    /// What the database says.
    pub fn of(file: &Path) -> Result<Self, StoreError> {
        let connection = open_reader(file)?;
        connection.execute_batch("BEGIN")?;
        // A transaction takes its snapshot when it first reads.
        let _: i64 =
            connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok(Self {
            connection,
            file: file.to_owned(),
        })
    }

    /// Where it was taken.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Writes it into a file that does not exist yet.
    ///
    /// # Errors
    /// What the database says.
    pub fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let mut copy = Connection::open(file)?;
        Backup::new(&self.connection, &mut copy)?.step(-1)?;
        Ok(())
    }
}
