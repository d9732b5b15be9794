//! The one writer: closures that arrive while a commit is under way wait for the next one, share
//! its transaction and its fsync, and are answered only after it. Each runs in a savepoint of its
//! own, so one that fails takes nothing else back.

use super::{Hook, StoreError};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tokio::sync::{oneshot, watch};

/// Closures that share one commit at most.
const BATCH: usize = 256;

type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(&Connection) -> (Result<(), StoreError>, Answer) + Send>;

/// The queue before the writer thread.
pub(crate) struct Writer {
    queue: SyncSender<Job>,
    counts: Arc<Counts>,
    committed: Arc<watch::Sender<u64>>,
}

/// What the writer has done so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) waiting: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) jobs: AtomicU64,
}

impl Writer {
    pub(crate) fn start(connection: Connection, bound: usize, hook: Hook) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(bound);
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        let committed = Arc::new(watch::Sender::new(0));
        let told = Arc::clone(&committed);
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || serve(&connection, &jobs, (&shared, &told), &hook))?;
        Ok(Self {
            queue,
            counts,
            committed,
        })
    }

    pub(super) fn commits(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = work(connection);
            let kept = result.as_ref().map(|_| ()).map_err(Clone::clone);
            let answer: Answer = Box::new(move |committed| {
                // Whoever asked may have stopped waiting.
                let _ = sender.send(committed.and(result));
            });
            (kept, answer)
        });
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        match self.queue.try_send(job) {
            Ok(()) => receiver.await.unwrap_or(Err(StoreError::Stopped)),
            Err(error) => {
                self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
                Err(match error {
                    TrySendError::Full(_) => StoreError::Full,
                    TrySendError::Disconnected(_) => StoreError::Stopped,
                })
            }
        }
    }
}

fn serve(
    connection: &Connection,
    jobs: &Receiver<Job>,
    (counts, committed): (&Counts, &watch::Sender<u64>),
    hook: &Hook,
) {
    while let Ok(first) = jobs.recv() {
        if !batch(connection, first, jobs, (counts, committed), hook) {
            // A crash was asked for by a test: nothing more is committed or answered.
            return;
        }
    }
}

/// Runs and commits one batch; false where the hook stopped it.
fn batch(
    connection: &Connection,
    first: Job,
    jobs: &Receiver<Job>,
    (counts, told): (&Counts, &watch::Sender<u64>),
    hook: &Hook,
) -> bool {
    let mut answers: Vec<Answer> = Vec::new();
    let begun = connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(StoreError::from);
    let mut next = Some(first);
    while let Some(job) = next.take() {
        counts.waiting.fetch_sub(1, Ordering::Relaxed);
        counts.jobs.fetch_add(1, Ordering::Relaxed);
        match run(connection, job) {
            Ok(answer) => answers.push(answer),
            Err(Stopped) => return false,
        }
        if answers.len() < BATCH {
            next = jobs.try_recv().ok();
        }
    }
    if !hook("commit") {
        return false;
    }
    let committed = begun.and_then(|()| Ok(connection.execute_batch("COMMIT")?));
    if committed.is_err() {
        // Where even this fails no transaction is open, and the next batch begins anew.
        let _ = connection.execute_batch("ROLLBACK");
    }
    counts.commits.fetch_add(1, Ordering::Relaxed);
    if !hook("committed") {
        return false;
    }
    for answer in answers {
        answer(committed.clone());
    }
    told.send_modify(|commits| *commits = commits.wrapping_add(1));
    true
}

struct Stopped;

fn run(connection: &Connection, job: Job) -> Result<Answer, Stopped> {
    let begun = connection.execute_batch("SAVEPOINT job");
    let outcome = catch_unwind(AssertUnwindSafe(|| job(connection)));
    let (kept, answer) = match outcome {
        Ok((kept, answer)) => (kept, answer),
        Err(_) => {
            let defect = Err(StoreError::Defect("a closure panicked".to_owned()));
            // The sender went down with the closure; the receiver sees that as `Stopped`.
            (defect, Box::new(|_: Result<(), StoreError>| ()) as Answer)
        }
    };
    if kept == Err(StoreError::Stopped) {
        return Err(Stopped);
    }
    let ended = begun.and_then(|()| match kept {
        Ok(()) => connection.execute_batch("RELEASE job"),
        Err(_) => connection.execute_batch("ROLLBACK TO job; RELEASE job"),
    });
    Ok(match ended {
        Ok(()) => answer,
        Err(error) => {
            let failed = StoreError::from(error);
            Box::new(move |committed| answer(committed.and(Err(failed))))
        }
    })
}
