//! SQLite as a service uses it that must not lose what it has acknowledged: one writer whose
//! transactions are shared by those who wait (`synchronous=FULL`), and readers on snapshots.

use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::sync::oneshot;

/// Why something was not done.
#[derive(Debug)]
pub enum Refused {
    /// A status and the code of a problem.
    With(u16, &'static str),
    /// A defect, or a disk that does not do what it should.
    Internal(String),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<serde_json::Error> for Refused {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;
type Answer = Box<dyn FnOnce(bool) + Send>;

/// Jobs that share a commit at most.
const BATCH: usize = 256;
const READERS: usize = 8;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS category (slug TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS product (
    sku TEXT PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL REFERENCES category,
    price INTEGER NOT NULL, stock INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS product_name ON product (name, sku);
CREATE INDEX IF NOT EXISTS product_price ON product (price, sku);
CREATE INDEX IF NOT EXISTS product_category ON product (category, sku);
CREATE TABLE IF NOT EXISTS cart (owner TEXT PRIMARY KEY, lines TEXT NOT NULL, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, customer TEXT NOT NULL, lines TEXT NOT NULL, total INTEGER NOT NULL,
    email TEXT NOT NULL, state TEXT NOT NULL, created INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS order_customer ON orders (customer, id);
CREATE INDEX IF NOT EXISTS order_state ON orders (state, id);
CREATE TABLE IF NOT EXISTS idempotency (
    caller TEXT NOT NULL, operation TEXT NOT NULL, key TEXT NOT NULL, input BLOB NOT NULL,
    status INTEGER, body TEXT, tag TEXT, location TEXT, until INTEGER NOT NULL,
    PRIMARY KEY (caller, operation, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_until ON idempotency (until);
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, key TEXT NOT NULL,
    at INTEGER NOT NULL, due INTEGER NOT NULL, done INTEGER NOT NULL, payload TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due) WHERE done = 0;
";

/// The open store.
pub struct Store {
    file: PathBuf,
    jobs: SyncSender<Job>,
    readers: Arc<Mutex<Vec<Connection>>>,
}

impl Store {
    /// Opens it, making tables that are missing.
    pub fn open(file: &Path) -> Result<Self, rusqlite::Error> {
        let connection = Connection::open(file)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -16_000)?;
        connection.set_prepared_statement_cache_capacity(128);
        connection.execute_batch(TABLES)?;
        let (jobs, queue) = sync_channel(4096);
        std::thread::spawn(move || write(&connection, &queue));
        Ok(Self {
            file: file.to_owned(),
            jobs,
            readers: Arc::default(),
        })
    }

    /// Runs `work` in the next transaction of the writer; ready when it is durable.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = savepoint(connection, work);
            Box::new(move |committed| {
                let lost = || Err(Refused::Internal("not committed".to_owned()));
                let _ = sender.send(if committed { result } else { lost() });
            })
        });
        self.jobs
            .try_send(job)
            .map_err(|_| Refused::With(503, "unavailable"))?;
        receiver
            .await
            .unwrap_or_else(|error| Err(Refused::Internal(error.to_string())))
    }

    /// Runs `work` on a snapshot.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let (file, readers) = (self.file.clone(), Arc::clone(&self.readers));
        let task = tokio::task::spawn_blocking(move || {
            let pooled = readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = pooled.map_or_else(|| reader(&file), Ok)?;
            connection.execute_batch("BEGIN")?;
            let result = work(&connection);
            connection.execute_batch("COMMIT")?;
            let mut pool = readers.lock().unwrap_or_else(PoisonError::into_inner);
            if pool.len() < READERS {
                pool.push(connection);
            }
            result
        });
        task.await
            .unwrap_or_else(|error| Err(Refused::Internal(error.to_string())))
    }
}

fn reader(file: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -4_000)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

fn savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Refused>,
) -> Result<T, Refused> {
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    let result = work(connection);
    if result.is_err() {
        connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    connection.prepare_cached("RELEASE job")?.execute([])?;
    result
}

fn write(connection: &Connection, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let begun = connection.execute_batch("BEGIN IMMEDIATE").is_ok();
        let mut answers = vec![first(connection)];
        while answers.len() < BATCH {
            match queue.try_recv() {
                Ok(job) => answers.push(job(connection)),
                Err(_) => break,
            }
        }
        let committed = begun && connection.execute_batch("COMMIT").is_ok();
        if !committed {
            let _ = connection.execute_batch("ROLLBACK");
        }
        answers.into_iter().for_each(|answer| answer(committed));
    }
}

/// Microseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}

/// Puts an event into the outbox; it is due at `due`.
pub fn publish(
    connection: &Connection,
    (event, key): (&str, &str),
    (at, due): (i64, i64),
    payload: &str,
) -> Result<(), Refused> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO outbox (event, key, at, due, done, payload) VALUES (?1, ?2, ?3, ?4, 0, ?5)",
    )?;
    insert.execute((event, key, at, due, payload))?;
    Ok(())
}
