//! All rows of a query at one instant: a snapshot that stays open while rows are taken from it, a
//! few rows in memory at a time. It must not know how rows are written.

use super::answer::failed;
use super::drive::Inner;
use super::query;
use crate::backend::{ExportAnswer, QueryRequest, Refusal, ShownRow, refusal};
use crate::store::StoreError;
use crate::world::World;
use std::sync::Arc;
use std::time::Duration as Length;
use tokio::sync::{mpsc, oneshot};
use underpin_brief::model::LimitedOperation;

/// Exports at once: each keeps a snapshot, and the log behind it, from being folded away.
pub(super) const TOGETHER: usize = 4;
/// Rows that travel together.
const ROWS: usize = 32;
/// Batches that wait to be taken.
const AHEAD: usize = 2;
/// How long a snapshot stays open at most, µs.
const LONGEST: i64 = 15 * 60 * 1_000_000;

/// Where rows go. The first sign of life tells whether there will be any.
pub(super) struct Outlet {
    begun: Option<oneshot::Sender<Result<(), Refusal>>>,
    rows: mpsc::Sender<Result<Vec<ShownRow>, Refusal>>,
    batch: Vec<ShownRow>,
    clock: World,
    until: i64,
}

impl Outlet {
    /// From here on the caller is answered with rows.
    pub(super) fn begin(&mut self) {
        if let Some(begun) = self.begun.take() {
            // Whoever asked may have left.
            let _ = begun.send(Ok(()));
        }
    }

    /// One more row; false where nobody takes them any more.
    pub(super) fn put(&mut self, row: ShownRow) -> bool {
        self.batch.push(row);
        self.batch.len() < ROWS || self.flush()
    }

    fn flush(&mut self) -> bool {
        if self.clock.now().0 >= self.until {
            self.fail(Refusal::new(refusal::DEADLINE));
            return false;
        }
        let batch = std::mem::take(&mut self.batch);
        batch.is_empty() || self.rows.blocking_send(Ok(batch)).is_ok()
    }

    /// Ends it before all rows are out.
    pub(super) fn fail(&mut self, why: Refusal) {
        match self.begun.take() {
            Some(begun) => drop(begun.send(Err(why))),
            None => drop(self.rows.blocking_send(Err(why))),
        }
    }
}

impl Inner {
    pub(super) async fn export(self: &Arc<Self>, request: QueryRequest) -> ExportAnswer {
        let operation = LimitedOperation::Query(request.query);
        if let Some(refusal) = self.admission(operation, &request.asked).await {
            return ExportAnswer::Refused(refusal);
        }
        let Ok(place) = Arc::clone(&self.exports).try_acquire_owned() else {
            return ExportAnswer::Refused(Refusal {
                retry_after: Some(Length::from_secs(10)),
                ..Refusal::because(refusal::UNAVAILABLE, "too many exports are under way")
            });
        };
        let (told, begun) = oneshot::channel();
        let (sender, rows) = mpsc::channel(AHEAD);
        let mut outlet = Outlet {
            begun: Some(told),
            rows: sender,
            batch: Vec::with_capacity(ROWS),
            clock: self.core.world.clone(),
            until: self.core.world.now().0.saturating_add(LONGEST),
        };
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            let core = Arc::clone(&inner.core);
            let made = inner.store.read(move |rows| {
                if let Err(error) = query::export(&core, rows, &request, &mut outlet) {
                    outlet.fail(failed(&error));
                }
                outlet.begin();
                outlet.flush();
                Ok(())
            });
            // What went wrong was told on the way; without a connection nobody is left to tell.
            let _: Result<(), StoreError> = made.await;
            drop(place);
        });
        match begun.await {
            Ok(Ok(())) => ExportAnswer::Rows(rows),
            Ok(Err(refusal)) => ExportAnswer::Refused(refusal),
            Err(_) => ExportAnswer::Refused(failed(&StoreError::Stopped)),
        }
    }
}
