//! The engine: executes a brief behind [`Backend`] on the store. Flows are walked segment by
//! segment, each in one transaction with its journal; calls stand between transactions; events
//! leave through the outbox. It must not know HTTP.

mod access;
mod acts;
mod admin;
mod admit;
mod answer;
mod bulk;
mod calls;
mod compose;
mod core;
mod cron;
mod drive;
mod events;
mod export;
mod former;
mod holds;
mod inspect;
mod journal;
mod limits;
mod open;
mod policy;
mod program;
mod query;
mod recover;
mod sample;
mod scope;
mod segment;
mod select;
mod shows;
mod start;
mod state;
mod undo;
mod unserved;
mod views;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use acts::slots_of;
pub(crate) use events::source_text;
pub use inspect::Rest;
pub use open::{Begun, begin, migration};
pub use unserved::{one_process, unserved};

use self::core::Core;
use crate::admin::Admin;
use crate::backend::{
    Backend, BulkAnswer, BulkRequest, CommandAnswer, CommandRequest, ExportAnswer, Figures,
    FlowAnswer, FlowRequest, Inbound, InboundAnswer, Pending, QueryAnswer, QueryRequest, RowAnswer,
    RowRequest,
};
use crate::externals::Externals;
use crate::identity::Names;
use crate::store::{Hook, OpenError, Store, StoreError, no_hook};
use crate::world::World;
use calls::Budgets;
use drive::{Gauges, Inner};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration as Length;
use tokio::sync::{Notify, Semaphore, watch};
use underpin_brief::model::{Brief, LimitedOperation};

/// A running engine. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

impl Engine {
    /// Opens the data folder for a brief. Nothing runs before [`Engine::start`].
    ///
    /// # Errors
    /// [`OpenError`]; the folder is then as it was.
    pub fn open(
        brief: &Arc<Brief>,
        folder: &Path,
        world: World,
        externals: Arc<dyn Externals>,
    ) -> Result<Self, OpenError> {
        Self::open_with(brief, folder, world, externals, no_hook())
    }

    /// As [`Engine::open`], with a hook that may stop the engine at any step: for tests of what a
    /// crash leaves behind.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_with(
        brief: &Arc<Brief>,
        folder: &Path,
        world: World,
        externals: Arc<dyn Externals>,
        hook: Hook,
    ) -> Result<Self, OpenError> {
        let store = Store::open(folder, brief, Arc::clone(&hook))?;
        let now = world.now().0;
        let inner = Inner {
            budgets: Budgets::new(brief, now),
            core: Arc::new(Core::new(brief, store.schema(), world, hook).under(store.standing())),
            store,
            externals,
            buckets: limits::Buckets::default(),
            flows: Mutex::new(BTreeMap::new()),
            gauges: Gauges::default(),
            wake: Notify::new(),
            stop: watch::Sender::new(false),
            draining: AtomicBool::new(false),
            exports: Arc::new(Semaphore::new(export::TOGETHER)),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Where display names of subjects are found (`name` of an actor); without it there are none.
    pub fn know(&self, names: Arc<Names>) {
        // A second directory would be a defect of the caller; the first one stays.
        for former in self.inner.core.formers.values() {
            let _ = former.names.set(Arc::clone(&names));
        }
        let _ = self.inner.core.names.set(names);
    }

    /// Goes on with unfinished flows and begins to watch for what policies have to do. Returns
    /// name and id of each unfinished flow.
    ///
    /// # Errors
    /// Where the journal does not read back.
    pub async fn start(&self) -> Result<Vec<String>, StoreError> {
        let names = self.inner.recover().await?;
        tokio::spawn(Arc::clone(&self.inner).dispatch());
        Ok(names)
    }

    /// Whether nothing is under way: no flow runs, no work is due, nothing waits to be written.
    pub async fn quiet(&self) -> bool {
        self.inner.quiet().await
    }

    /// Stops at once, between two transactions, as a crash would. What was under way goes on when
    /// the folder is opened again.
    pub fn abort(&self) {
        self.inner.halt();
    }
}

impl Backend for Engine {
    fn command(&self, request: CommandRequest) -> Pending<'_, CommandAnswer> {
        Box::pin(self.inner.command(request))
    }

    fn bulk(&self, request: BulkRequest) -> Pending<'_, BulkAnswer> {
        Box::pin(self.inner.bulk(request))
    }

    fn query(&self, request: QueryRequest) -> Pending<'_, QueryAnswer> {
        Box::pin(async move {
            let operation = LimitedOperation::Query(request.query);
            let brief = &self.inner.core.brief;
            if let Some(refusal) = self.inner.buckets.take(brief, operation, &request.asked) {
                return QueryAnswer::Refused(refusal);
            }
            let channel = request.asked.channel().to_owned();
            self.inner.query(request, Some(&channel)).await
        })
    }

    fn export(&self, request: QueryRequest) -> Pending<'_, ExportAnswer> {
        Box::pin(self.inner.export(request))
    }

    fn row(&self, request: RowRequest) -> Pending<'_, RowAnswer> {
        Box::pin(async move {
            let core = Arc::clone(&self.inner.core);
            let answered = self
                .inner
                .store
                .read(move |rows| query::row(&core, rows, &request))
                .await;
            answered.unwrap_or_else(|error| RowAnswer::Refused(answer::failed(&error)))
        })
    }

    fn flow(&self, request: FlowRequest) -> Pending<'_, FlowAnswer> {
        Box::pin(self.inner.report(request))
    }

    fn cancel(&self, request: FlowRequest) -> Pending<'_, FlowAnswer> {
        Box::pin(self.inner.cancel(request))
    }

    fn inbound(&self, message: Inbound) -> Pending<'_, InboundAnswer> {
        Box::pin(self.inner.inbound(message))
    }

    fn figures(&self) -> Figures {
        let gauges = &self.inner.gauges;
        let stopped = *self.inner.stop.borrow();
        let flows = [
            ("running", &gauges.running),
            ("undoing", &gauges.undoing),
            ("in-doubt", &gauges.in_doubt),
            ("parked", &gauges.parked),
        ];
        let flow = |(name, gauge): (&str, &std::sync::atomic::AtomicU64)| {
            (name.to_owned(), gauge.load(Ordering::Relaxed))
        };
        Figures {
            unready: stopped.then(|| "the engine has stopped".to_owned()),
            flows: flows.into_iter().map(flow).collect(),
            store_queue: self.inner.store.figures().waiting,
            outbox: gauges.outbox.load(Ordering::Relaxed),
            recovered: gauges.recovered.load(Ordering::Relaxed),
        }
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(Arc::new(self.clone()))
    }

    fn drain(&self, limit: Length) -> Pending<'_, ()> {
        Box::pin(self.inner.drain(limit))
    }
}
