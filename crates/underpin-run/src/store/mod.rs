//! The store: one SQLite database per data folder, one writer with group commit, a pool of
//! readers on snapshots. It knows rows and tables of a brief; it must not know statements,
//! flows or who asks.

pub mod codec;
mod error;
mod layout;
mod log;
mod owners;
mod pinned;
mod presence;
mod rows;
mod schema;
mod writer;

pub use error::StoreError;
pub(crate) use layout::write as write_value;
pub use layout::{Column, Kind, Layout, quoted};
pub use log::Change;
pub use pinned::Pinned;
pub use presence::{Contents, Presence};
pub(crate) use rows::sql_values;
pub use rows::{Rows, Written};
pub use schema::{FORMAT, Schema};

use crate::migrate::{self, Found, Standing};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use underpin_brief::model::Brief;
pub(crate) use writer::Writer;

/// Where a test may stop the engine: called with the name of the place, false stops it there.
pub type Hook = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A hook that stops nowhere.
#[must_use]
pub fn no_hook() -> Hook {
    Arc::new(|_| true)
}

/// Writes that may wait before new ones are turned away.
const QUEUE: usize = 4096;
/// Prepared statements kept per connection.
const STATEMENTS: usize = 512;
/// Reads under way at once; more wait, as many as there are requests.
const READING: usize = 64;
/// Readers kept open.
const READERS: usize = 8;

/// Why a data folder was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// Another process uses it.
    InUse(PathBuf),
    /// Another brief made it; nothing in it was touched.
    OtherBrief {
        /// The folder.
        folder: PathBuf,
        /// What differs, one line each.
        differences: Vec<String>,
    },
    /// It cannot be read or written.
    Unusable(PathBuf, String),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InUse(folder) => {
                write!(
                    f,
                    "another process is using the data folder `{}`",
                    folder.display()
                )
            }
            Self::OtherBrief {
                folder,
                differences,
            } => {
                write!(
                    f,
                    "the data folder `{}` was made by another brief",
                    folder.display()
                )?;
                differences
                    .iter()
                    .try_for_each(|line| write!(f, "\n  {line}"))
            }
            Self::Unusable(folder, why) => {
                write!(
                    f,
                    "the data folder `{}` cannot be used: {why}",
                    folder.display()
                )
            }
        }
    }
}

impl std::error::Error for OpenError {}

/// An open store. Dropping it ends the writer after what it has begun.
pub struct Store {
    file: PathBuf,
    schema: Arc<Schema>,
    standing: Standing,
    writer: Writer,
    readers: Arc<Mutex<Vec<Connection>>>,
    reading: tokio::sync::Semaphore,
    _lock: File,
}

/// Figures of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// Writes that wait.
    pub waiting: u64,
    /// Commits so far: fsyncs of writes.
    pub commits: u64,
    /// Writes so far.
    pub writes: u64,
}

impl Store {
    /// Opens the store in `folder` (which exists), making it where there is none.
    ///
    /// # Errors
    /// [`OpenError`]; the folder is then as it was.
    pub fn open(
        folder: &Path,
        brief: &Brief,
        contents: Contents,
        hook: Hook,
    ) -> Result<Self, OpenError> {
        let unusable = |why: String| OpenError::Unusable(folder.to_owned(), why);
        let lock = lock(folder)?;
        let schema = Arc::new(Schema::new(brief, contents));
        let file = folder.join("store.sqlite");
        let (connection, standing) = open_writer(&file, folder, brief, &schema, &hook)?;
        let writer = Writer::start(connection, QUEUE, hook).map_err(|e| unusable(e.to_string()))?;
        Ok(Self {
            file,
            schema,
            standing,
            writer,
            readers: Arc::default(),
            reading: tokio::sync::Semaphore::new(READING),
            _lock: lock,
        })
    }

    /// What opening the store in `folder` under a brief would migrate, for people, in a line each;
    /// nothing where it would change nothing. No file is touched.
    ///
    /// # Errors
    /// [`OpenError`], as [`Store::open`] would say it.
    pub fn ahead(
        folder: &Path,
        brief: &Brief,
        contents: Contents,
    ) -> Result<Vec<String>, OpenError> {
        let file = folder.join("store.sqlite");
        if !file.exists() {
            return Ok(Vec::new());
        }
        let _lock = lock(folder)?;
        let schema = Schema::new(brief, contents);
        match looked(&file, brief, &schema) {
            Ok(Found::Own(_)) => Ok(Vec::new()),
            Ok(Found::Migrate(migration)) => Ok(migration.standing().migrated),
            Ok(Found::Refused(differences)) => Err(OpenError::OtherBrief {
                folder: folder.to_owned(),
                differences,
            }),
            Err(error) => Err(OpenError::Unusable(folder.to_owned(), error.to_string())),
        }
    }

    /// The tables.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Which brief it stands under, and what was migrated for that.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Runs `work` in the next batch of the writer; ready when it is durable. Where `work` fails,
    /// all that it did is taken back.
    ///
    /// # Errors
    /// What `work` says; [`StoreError`] where it was not run or not committed.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(Rows<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let schema = Arc::clone(&self.schema);
        self.writer
            .write(move |connection| work(Rows::new(connection, &schema)))
            .await
    }

    /// Runs `work` on a snapshot, beside the writer.
    ///
    /// # Errors
    /// What `work` says; [`StoreError`] where there is no connection.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(Rows<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (schema, readers) = (Arc::clone(&self.schema), Arc::clone(&self.readers));
        let file = self.file.clone();
        let Ok(_place) = self.reading.acquire().await else {
            return Err(StoreError::Stopped);
        };
        let task = tokio::task::spawn_blocking(move || {
            let pooled = readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = pooled.map_or_else(|| open_reader(&file), Ok)?;
            connection.execute_batch("BEGIN")?;
            let result = work(Rows::new(&connection, &schema));
            connection.execute_batch("COMMIT")?;
            let mut pool = readers.lock().unwrap_or_else(PoisonError::into_inner);
            if pool.len() < READERS {
                pool.push(connection);
            }
            result
        });
        task.await
            .unwrap_or_else(|error| Err(StoreError::Defect(error.to_string())))
    }

    /// Changes its value after each commit.
    #[must_use]
    pub fn commits(&self) -> tokio::sync::watch::Receiver<u64> {
        self.writer.commits()
    }

    /// Folds the log into the database and empties it, so that what was deleted stands in no file.
    ///
    /// # Errors
    /// What the database says.
    pub async fn clean(&self) -> Result<(), StoreError> {
        let file = self.file.clone();
        let task = tokio::task::spawn_blocking(move || -> Result<(), StoreError> {
            let connection = open_plain(&file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            let fold = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], fold)?;
            Ok(())
        });
        task.await
            .unwrap_or_else(|error| Err(StoreError::Defect(error.to_string())))
    }

    /// A snapshot of what is committed now.
    ///
    /// # Errors
    /// Where there is no connection.
    pub fn pin(&self) -> Result<Pinned, StoreError> {
        Pinned::of(&self.file)
    }

    /// How it is doing.
    #[must_use]
    pub fn figures(&self) -> StoreFigures {
        let counts = self.writer.counts();
        StoreFigures {
            waiting: counts.waiting.load(Ordering::Relaxed),
            commits: counts.commits.load(Ordering::Relaxed),
            writes: counts.jobs.load(Ordering::Relaxed),
        }
    }
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let unusable = |why: std::io::Error| OpenError::Unusable(folder.to_owned(), why.to_string());
    let path = folder.join("store.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    let file = file.map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// What a folder holds of another brief, looked at without a change to any of its files.
fn looked(file: &Path, brief: &Brief, schema: &Schema) -> Result<Found, StoreError> {
    let logged = file.with_extension("sqlite-wal").exists();
    let connection = open_plain(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // What is refused stays as it is: closing must not fold a log into the rows, but take away one
    // that only this look has made.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, logged)?;
    migrate::look(&connection, brief, schema)
}

fn open_writer(
    file: &Path,
    folder: &Path,
    brief: &Brief,
    schema: &Schema,
    hook: &Hook,
) -> Result<(Connection, Standing), OpenError> {
    let unusable = |why: StoreError| OpenError::Unusable(folder.to_owned(), why.to_string());
    if file.exists() {
        let found = looked(file, brief, schema).map_err(unusable)?;
        if let Found::Refused(differences) = found {
            return Err(OpenError::OtherBrief {
                folder: folder.to_owned(),
                differences,
            });
        }
        let settle = |connection: &Connection| -> Result<Standing, StoreError> {
            let standing = match found {
                Found::Migrate(migration) => {
                    migrate::apply(connection, &migration, brief, &schema.text(), hook)?;
                    migration.standing()
                }
                Found::Own(standing) => {
                    migrate::adopt(connection, brief)?;
                    Standing {
                        generation: standing.generation.max(1),
                        ..standing
                    }
                }
                Found::Refused(_) => Standing::default(),
            };
            schema.index(connection)?;
            Ok(standing)
        };
        return open_writing(file)
            .and_then(|connection| settle(&connection).map(|standing| (connection, standing)))
            .map_err(unusable);
    }
    // The tables are made under another name, so that a crash leaves no half-made store.
    let begun = folder.join("store.begun");
    let _ = std::fs::remove_file(&begun);
    let made = open_plain(
        &begun,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )
    .and_then(|connection| {
        schema.create(&connection)?;
        migrate::begin(&connection, brief)
    });
    made.map_err(unusable)?;
    let named = std::fs::rename(&begun, file).and_then(|()| File::open(folder)?.sync_all());
    named.map_err(|error| unusable(StoreError::Database(error.to_string())))?;
    let standing = Standing {
        generation: 1,
        ..Standing::default()
    };
    open_writing(file)
        .map(|connection| (connection, standing))
        .map_err(unusable)
}

fn open_plain(file: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn open_writing(file: &Path) -> Result<Connection, StoreError> {
    let connection = open_plain(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -16_000)?;
    Ok(connection)
}

fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    let connection = open_plain(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -4_000)?;
    Ok(connection)
}
