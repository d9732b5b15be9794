//! The engine: executes a brief behind [`Backend`] on the store. Flows are walked segment by
//! segment, each in one transaction with its journal; calls stand between transactions; events
//! leave through the outbox. It must not know HTTP.

mod access;
mod acts;
mod admin;
mod admit;
mod answer;
mod blob;
mod bounds;
mod bulk;
mod bus;
mod calls;
mod changes;
mod cluster;
mod compose;
mod core;
mod cron;
mod drive;
mod ephemeral;
mod events;
mod export;
mod feeds;
mod former;
mod gates;
mod holds;
mod inspect;
mod journal;
mod keep;
mod limits;
pub mod mutation;
mod open;
mod placement;
mod plant;
mod policy;
mod program;
mod query;
mod recover;
mod remote;
mod row;
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
pub use cluster::Ground;
pub(crate) use events::source_text;
pub(crate) use feeds::source_shape;
pub use inspect::Rest;
pub use open::{Begun, begin, migration};
pub use placement::Services;
pub use remote::{Links, Passage};
pub use unserved::unserved;

use crate::admin::Admin;
use crate::backend::{
    Asked, Backend, BlobAnswer, BlobRequest, BulkAnswer, BulkRequest, ChangesAnswer,
    ChangesRequest, CommandAnswer, CommandRequest, ExportAnswer, Figures, FlowAnswer, FlowRequest,
    Inbound, InboundAnswer, Pending, QueryAnswer, QueryRequest, Quota, RowAnswer, RowRequest,
};
use crate::feeds::{Courier, EndpointAnswer, EndpointRequest, FeedAnswer, FeedRequest};
use crate::identity::Names;
use crate::store::StoreError;
use drive::Inner;
use placement::Placement;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration as Length;
use underpin_brief::flow::FlowId;
use underpin_brief::model::*;

/// A running engine: one or more services of one brief in this process. Clones are the same
/// engine.
#[derive(Clone)]
pub struct Engine {
    nodes: Arc<[Arc<Inner>]>,
    /// The data folder.
    folder: Arc<std::path::Path>,
    placement: Arc<Placement>,
}

impl Engine {
    /// Where display names of subjects are found (`name` of an actor); without it there are none.
    pub fn know(&self, names: &Arc<Names>) {
        for node in &*self.nodes {
            // A second directory would be a defect of the caller; the first one stays.
            let _ = node.core.names.set(Arc::clone(names));
        }
    }

    /// Who brings messages to endpoints; without it none leaves.
    pub fn send_by(&self, courier: &Arc<dyn Courier>) {
        for node in &*self.nodes {
            node.feeds.send_by(Arc::clone(courier));
        }
    }

    /// Goes on with unfinished flows and begins to watch for what policies have to do. Returns
    /// name and id of each unfinished flow.
    ///
    /// # Errors
    /// Where the journal does not read back.
    pub async fn start(&self) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        for node in &*self.nodes {
            names.extend(node.recover().await?);
            node.begin_ephemeral().await?;
        }
        self.listen();
        for node in &*self.nodes {
            tokio::spawn(Arc::clone(node).fade());
            node.start_feeds().await?;
            tokio::spawn(Arc::clone(node).dispatch());
        }
        Ok(names)
    }

    /// Begins to read on, at every service, in what the others write.
    fn listen(&self) {
        for (node, peer) in self.readers() {
            tokio::spawn(Arc::clone(node).follow(Arc::clone(peer)));
        }
    }

    /// Every service with each that it reads of.
    fn readers(&self) -> impl Iterator<Item = (&Arc<Inner>, &Arc<Inner>)> {
        let pairs = self
            .nodes
            .iter()
            .flat_map(|node| self.nodes.iter().map(move |peer| (node, peer)));
        pairs.filter(|(node, peer)| node.reads_of(peer.core.place.here) != (false, false))
    }

    /// Whether nothing waits to be read by another service.
    async fn caught_up(&self) -> bool {
        for (node, peer) in self.readers() {
            if node.caught_up(peer).await != Ok(true) {
                return false;
            }
        }
        true
    }

    /// Whether nothing is under way: no flow runs, no work is due, nothing waits to be written or
    /// to be read by another service.
    pub async fn quiet(&self) -> bool {
        if !self.caught_up().await {
            return false;
        }
        for node in &*self.nodes {
            if !node.quiet().await {
                return false;
            }
        }
        true
    }

    /// Stops at once, between two transactions, as a crash would. What was under way goes on when
    /// the folder is opened again.
    pub fn abort(&self) {
        self.first().halt();
    }

    #[expect(clippy::indexing_slicing, reason = "a cut has at least one service")]
    fn first(&self) -> &Arc<Inner> {
        &self.nodes[0]
    }

    fn node(&self, service: usize) -> &Arc<Inner> {
        self.nodes.get(service).unwrap_or_else(|| self.first())
    }

    /// The service that owns an aggregate.
    fn owner(&self, of: Id<Aggregate>) -> &Arc<Inner> {
        self.node(self.placement.owner(of))
    }

    async fn answered(&self, request: QueryRequest) -> QueryAnswer {
        let brief = &self.first().core.brief;
        let operation = LimitedOperation::Query(request.query);
        let node = self.node(self.placement.answers(brief, request.query));
        let declared = brief.queries.get(request.query);
        if let Some(refusal) = node.shed(&node.gates.reads, declared.priority) {
            return QueryAnswer::Refused(refusal);
        }
        if let Some(refusal) = self.first().admission(operation, &request.asked).await {
            return QueryAnswer::Refused(refusal);
        }
        let fresh = declared.allows.iter().any(|allow| allow.fresh);
        if (declared.stale.own || fresh)
            && let Err(error) = node.catch_up(&self.nodes).await
        {
            return QueryAnswer::Refused(answer::failed(&error));
        }
        let channel = request.asked.channel().to_owned();
        node.query(request, Some(&channel)).await
    }

    async fn commanded(&self, request: CommandRequest) -> CommandAnswer {
        let declared = self.first().core.brief.commands.get(request.command);
        let flow = FlowId::Command(request.command);
        let node = self.node(self.placement.home(flow));
        let fresh = declared.allows.iter().any(|allow| allow.fresh);
        if fresh && let Err(error) = node.catch_up(&self.nodes).await {
            return CommandAnswer::Refused(answer::failed(&error));
        }
        node.command(request).await
    }

    /// Rows of any service may hold a handle.
    async fn blob_at_any(&self, request: BlobRequest) -> BlobAnswer {
        let mut found = BlobAnswer::Unused;
        for node in &*self.nodes {
            match node.blob(request.clone()).await {
                BlobAnswer::Unused => {}
                BlobAnswer::Hidden => found = BlobAnswer::Hidden,
                other => return other,
            }
        }
        found
    }

    /// The flow is asked for at every service: only its home knows it.
    async fn reported(&self, request: FlowRequest) -> FlowAnswer {
        self.at_home(request, |node, request| async move {
            node.report(request).await
        })
        .await
    }

    async fn cancelled(&self, request: FlowRequest) -> FlowAnswer {
        self.at_home(request, |node, request| async move {
            node.cancel(request).await
        })
        .await
    }

    async fn at_home<F>(
        &self,
        request: FlowRequest,
        ask: impl Fn(Arc<Inner>, FlowRequest) -> F,
    ) -> FlowAnswer
    where
        F: Future<Output = FlowAnswer>,
    {
        let mut said = None;
        for node in &*self.nodes {
            let answer = ask(Arc::clone(node), request.clone()).await;
            match &answer {
                FlowAnswer::Refused(refusal) if refusal.code == NOT_FOUND => {}
                _ => return answer,
            }
            said = Some(answer);
        }
        said.unwrap_or_else(|| FlowAnswer::Refused(crate::backend::Refusal::new(NOT_FOUND)))
    }

    /// Messages are taken in by one service, which knows those it has seen; others hear of them
    /// over the bus.
    async fn taken_in(&self, message: Inbound) -> InboundAnswer {
        self.first().inbound(message).await
    }

    fn sum(&self, gauge: impl Fn(&Inner) -> u64) -> u64 {
        self.nodes.iter().map(|node| gauge(node)).sum()
    }

    fn sums(&self) -> Figures {
        let stopped = *self.first().stop.borrow();
        let count = |of: fn(&drive::Gauges) -> &AtomicU64| {
            self.sum(|node| of(&node.gauges).load(Ordering::Relaxed))
        };
        let flows = [
            ("running", count(|gauges| &gauges.running)),
            ("undoing", count(|gauges| &gauges.undoing)),
            ("in-doubt", count(|gauges| &gauges.in_doubt)),
            ("parked", count(|gauges| &gauges.parked)),
        ];
        Figures {
            unready: stopped.then(|| "the engine has stopped".to_owned()),
            flows: flows
                .into_iter()
                .map(|(name, number)| (name.to_owned(), number))
                .collect(),
            store_queue: self.sum(|node| node.store.figures().waiting),
            turned_away: self.sum(|node| {
                let gates = &node.gates;
                gates.writes.turned_away() + gates.reads.turned_away()
            }),
            outbox: count(|gauges| &gauges.outbox),
            recovered: count(|gauges| &gauges.recovered),
            subscribers: self.sum(|node| node.feeds.figures().0),
            deliveries: self.sum(|node| node.feeds.figures().1),
        }
    }
}

const NOT_FOUND: &str = crate::backend::refusal::NOT_FOUND;

impl Backend for Engine {
    fn command(&self, request: CommandRequest) -> Pending<'_, CommandAnswer> {
        Box::pin(self.commanded(request))
    }

    fn bulk(&self, request: BulkRequest) -> Pending<'_, BulkAnswer> {
        Box::pin(async move {
            let flow = FlowId::Command(request.command);
            self.node(self.placement.home(flow)).bulk(request).await
        })
    }

    fn query(&self, request: QueryRequest) -> Pending<'_, QueryAnswer> {
        Box::pin(self.answered(request))
    }

    fn export(&self, request: QueryRequest) -> Pending<'_, ExportAnswer> {
        let node = self.node(
            self.placement
                .answers(&self.first().core.brief, request.query),
        );
        Box::pin(node.export(request))
    }

    fn changes(&self, request: ChangesRequest) -> Pending<'_, ChangesAnswer> {
        let brief = &self.first().core.brief;
        let node = self.node(self.placement.answers(brief, request.query.query));
        Box::pin(node.changes(request))
    }

    fn blob(&self, request: BlobRequest) -> Pending<'_, BlobAnswer> {
        Box::pin(self.blob_at_any(request))
    }

    fn row(&self, request: RowRequest) -> Pending<'_, RowAnswer> {
        Box::pin(async move {
            let node = self.owner(request.aggregate);
            let core = Arc::clone(&node.core);
            let read = node.store.read(move |rows| row::row(&core, rows, &request));
            let answered = read.await;
            answered.unwrap_or_else(|error| RowAnswer::Refused(answer::failed(&error)))
        })
    }

    fn flow(&self, request: FlowRequest) -> Pending<'_, FlowAnswer> {
        Box::pin(self.reported(request))
    }

    fn cancel(&self, request: FlowRequest) -> Pending<'_, FlowAnswer> {
        Box::pin(self.cancelled(request))
    }

    fn inbound(&self, message: Inbound) -> Pending<'_, InboundAnswer> {
        Box::pin(self.taken_in(message))
    }

    fn subscribe(&self, request: FeedRequest) -> Pending<'_, FeedAnswer> {
        Box::pin(
            self.node(self.placement.tells(request.feed))
                .subscribe(request),
        )
    }

    fn endpoints(&self, request: EndpointRequest) -> Pending<'_, EndpointAnswer> {
        Box::pin(
            self.node(self.placement.tells(request.feed))
                .endpoints(request),
        )
    }

    fn quotas<'a>(
        &'a self,
        operation: LimitedOperation,
        asked: &'a Asked,
    ) -> Option<Pending<'a, Vec<Quota>>> {
        let first = self.first();
        let any = limits::limited(&first.core.brief, operation);
        any.then(|| -> Pending<'a, Vec<Quota>> { Box::pin(first.quotas(operation, asked)) })
    }

    fn figures(&self) -> Figures {
        self.sums()
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(Arc::new(self.clone()))
    }

    fn drain(&self, limit: Length) -> Pending<'_, ()> {
        Box::pin(async move {
            for node in &*self.nodes {
                node.rest(limit).await;
            }
            self.first().halt();
        })
    }
}
