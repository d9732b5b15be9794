//! Flows from segment to segment: whoever asked waits as long as the deadline allows, the flow
//! goes on until it is over. After a restart the journal says where.

use super::calls::{Budgets, Paces, Wanted};
use super::core::Core;
use super::gates::Gates;
use super::limits::{Buckets, Standings};
use super::program::Act;
use super::remote::Links;
use super::segment::{Resume, Went, segment};
use super::state::{Answer, Calling, KeptRefusal, State, Status};
use super::walk::Walk;
use crate::backend::{Refusal, refusal};
use crate::externals::Externals;
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration as Length;
use tokio::sync::{Notify, Semaphore, watch};
use underpin_brief::flow::FlowId;
use underpin_brief::model::*;

/// How long a flow waits for a row that another one holds.
const PATIENCE: i64 = 1_000_000;
/// How often it looks.
const LOOK: Length = Length::from_millis(15);

/// Where a flow stands, for those who wait for it.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// Before its pivot.
    Before,
    /// The pivot may have happened, or has.
    Bound,
    /// Being taken back, for this reason.
    Undoing(Refusal),
    /// Over.
    Over(Box<Answer>),
    /// The engine has stopped; the flow goes on after a restart.
    Stopped,
}

/// A flow in this process.
pub(super) struct Handle {
    pub(super) phase: watch::Sender<Phase>,
    pub(super) cancelled: AtomicBool,
    pub(super) progress: Mutex<Option<(u64, u64)>>,
}

/// Figures that can be read at once.
#[derive(Default)]
pub(super) struct Gauges {
    pub(super) running: AtomicU64,
    pub(super) undoing: AtomicU64,
    pub(super) in_doubt: AtomicU64,
    pub(super) parked: AtomicU64,
    pub(super) recovered: AtomicU64,
    pub(super) outbox: AtomicU64,
}

/// The engine behind its door.
pub(super) struct Inner {
    pub(super) core: Arc<Core>,
    pub(super) store: Store,
    pub(super) externals: Arc<dyn Externals>,
    pub(super) budgets: Budgets,
    /// Shared by all services: clients see one backend.
    pub(super) buckets: Arc<Buckets>,
    /// The other services of this process, by number.
    pub(super) peers: OnceLock<Vec<Weak<Inner>>>,
    /// The way to them.
    pub(super) links: Arc<dyn Links>,
    pub(super) standings: Standings,
    /// How often externals are called, by all services together.
    pub(super) paces: Arc<Paces>,
    pub(super) gates: Arc<Gates>,
    pub(super) flows: Mutex<BTreeMap<String, Arc<Handle>>>,
    pub(super) gauges: Gauges,
    pub(super) wake: Notify,
    pub(super) feeds: super::feeds::Room,
    /// Shared by all services: they stop together.
    pub(super) stop: Arc<watch::Sender<bool>>,
    pub(super) draining: Arc<AtomicBool>,
    /// Whether nothing new is taken on until a person says so.
    pub(super) quiescent: Arc<AtomicBool>,
    pub(super) exports: Arc<Semaphore>,
}

impl Inner {
    /// Ready when the engine has stopped.
    pub(super) async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        // The sender lives as long as this.
        let _ = stop.wait_for(|stopped| *stopped).await;
    }

    /// Stops everything between two transactions.
    pub(super) fn halt(&self) {
        self.stop.send_replace(true);
    }

    /// Runs one segment and waits until it is durable.
    pub(super) async fn segment(&self, state: State, resume: Resume) -> Result<Went, StoreError> {
        let core = Arc::clone(&self.core);
        let went = self
            .store
            .write(move |rows| segment(&core, rows, state, resume))
            .await;
        match &went {
            Ok(Went::Ended(state, _)) if !state.events.is_empty() => {}
            Err(StoreError::Stopped) => self.halt(),
            _ => {}
        }
        self.wake.notify_one();
        went
    }

    /// Goes on with a flow in the background.
    pub(super) fn spawn(self: &Arc<Self>, went: Went, resumed: bool) -> Arc<Handle> {
        let handle = Arc::new(Handle {
            phase: watch::Sender::new(Phase::Before),
            cancelled: AtomicBool::new(false),
            progress: Mutex::default(),
        });
        let id = match &went {
            Went::Call(state)
            | Went::More(state)
            | Went::Away(state)
            | Went::Busy(state, _)
            | Went::Stuck(state, _) => state.id.clone(),
            _ => String::new(),
        };
        self.flows_mut(|flows| flows.insert(id.clone(), Arc::clone(&handle)));
        let (inner, shared) = (Arc::clone(self), Arc::clone(&handle));
        tokio::spawn(async move {
            inner.gauges.running.fetch_add(1, Ordering::Relaxed);
            inner.drive(&shared, went, resumed).await;
            inner.gauges.running.fetch_sub(1, Ordering::Relaxed);
            inner.flows_mut(|flows| flows.remove(&id));
            inner.wake.notify_one();
        });
        handle
    }

    pub(super) fn flows_mut<T>(
        &self,
        with: impl FnOnce(&mut BTreeMap<String, Arc<Handle>>) -> T,
    ) -> T {
        with(&mut self.flows.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn drive(self: &Arc<Self>, handle: &Handle, first: Went, resumed: bool) {
        let (mut went, mut resumed) = (first, resumed);
        let mut waiting_since = None;
        loop {
            let step = match went {
                Went::Call(state) => {
                    self.show(handle, &state);
                    waiting_since = None;
                    let resume = self.answer_to(handle, &state, resumed).await;
                    resumed = false;
                    resume.map(|resume| (state, resume))
                }
                Went::More(state) | Went::Away(state) => {
                    self.show(handle, &state);
                    let resume = self.ended_outside(handle, &state).unwrap_or(Resume::Go);
                    Some((state, resume))
                }
                Went::Stuck(state, waits) => Some((state, Resume::ParkAt(waits))),
                Went::Busy(state, reason) => {
                    let now = self.core.world.now().0;
                    let since = *waiting_since.get_or_insert(now);
                    self.patience(&state, now.saturating_sub(since), &reason)
                        .await
                        .map(|resume| (state, resume))
                }
                Went::Ended(state, answer) => {
                    self.over(&state);
                    handle.phase.send_replace(Phase::Over(answer));
                    return;
                }
                // A flow that waited before its admission, or that another one calls.
                Went::Replayed(answer) => {
                    handle.phase.send_replace(Phase::Over(answer));
                    return;
                }
                Went::Turned(refusal) => {
                    let answer = Answer::Refused {
                        flow: String::new(),
                        refusal: KeptRefusal::from(&refusal),
                    };
                    handle.phase.send_replace(Phase::Over(Box::new(answer)));
                    return;
                }
                Went::Skipped => {
                    handle.phase.send_replace(Phase::Stopped);
                    return;
                }
            };
            let Some((state, resume)) = step else {
                handle.phase.send_replace(Phase::Stopped);
                return;
            };
            went = match self.again(*state, resume).await {
                Some(next) => next,
                None => {
                    handle.phase.send_replace(Phase::Stopped);
                    return;
                }
            };
        }
    }

    /// A segment, here or at the service whose turn it is, repeated while the store is full.
    async fn again(self: &Arc<Self>, state: State, resume: Resume) -> Option<Went> {
        loop {
            let went = match state.journey.away {
                Some(service) => self.send(service, &state, &resume).await?,
                None => self.segment(state.clone(), resume.clone()).await,
            };
            match went {
                Ok(went) => return Some(went),
                Err(StoreError::Full) => tokio::time::sleep(LOOK).await,
                Err(StoreError::Stopped) => {
                    self.halt();
                    return None;
                }
                // The journal still says where the flow stands; a restart goes on from there.
                Err(StoreError::Database(_) | StoreError::Defect(_)) => return None,
            }
        }
    }

    fn show(&self, handle: &Handle, state: &State) {
        let phase = match (&state.refusal, state.status) {
            (Some(refusal), Status::Compensating) => Phase::Undoing(Refusal::from(refusal)),
            _ if state.passed || self.at_pivot(state) => Phase::Bound,
            _ => Phase::Before,
        };
        *handle
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = state.progress;
        handle.phase.send_replace(phase);
    }

    fn at_pivot(&self, state: &State) -> bool {
        let Some(calling) = &state.calling else {
            return false;
        };
        let core = self.core.of(state);
        let Some(program) = core.programs.find(&state.kind, &state.name) else {
            return false;
        };
        let op = Walk::op_at(program, &calling.at);
        op.is_some_and(|op| op.leaf.is_some() && op.leaf == program.pivot)
    }

    pub(super) fn over(&self, state: &State) {
        match state.status {
            Status::Parked => self.gauges.parked.fetch_add(1, Ordering::Relaxed),
            Status::InDoubt => self.gauges.in_doubt.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    /// What ends a flow from outside before its pivot: its caller, or its deadline.
    fn ended_outside(&self, handle: &Handle, state: &State) -> Option<Resume> {
        if state.passed || state.status != Status::Running {
            return None;
        }
        if handle.cancelled.load(Ordering::Relaxed) {
            return Some(Resume::Refused(Refusal::new(refusal::CANCELLED)));
        }
        let late = state
            .deadline
            .is_some_and(|deadline| self.core.world.now().0 >= deadline);
        late.then(|| Resume::Refused(Refusal::new(refusal::DEADLINE)))
    }

    /// Waits a little for a held row; what follows after that.
    async fn patience(&self, state: &State, waited: i64, reason: &str) -> Option<Resume> {
        let must = state.passed || state.status == Status::Compensating;
        if waited >= PATIENCE && !must {
            return Some(Resume::Refused(Refusal::because(refusal::BUSY, reason)));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => Some(Resume::Go),
            () = self.stopped() => None,
        }
    }

    /// Makes the call at which a flow stands.
    async fn answer_to(
        self: &Arc<Self>,
        handle: &Handle,
        state: &State,
        resumed: bool,
    ) -> Option<Resume> {
        let Some(calling) = state.calling.clone() else {
            return Some(Resume::Go);
        };
        if let Some(resume) = self.ended_outside(handle, state).filter(|_| !resumed) {
            return Some(resume);
        }
        let core = self.core.of(state);
        let program = Arc::clone(core.programs.find(&state.kind, &state.name)?);
        let Some(op) = Walk::op_at(&program, &calling.at) else {
            return Some(Resume::Park(
                "the brief no longer has this statement".to_owned(),
            ));
        };
        let Act::Call {
            target,
            fallback,
            once,
            ..
        } = &op.act
        else {
            return Some(Resume::Park("the brief no longer calls here".to_owned()));
        };
        match *target {
            CallTarget::External(external, operation) => {
                let operation = match &op.back {
                    super::program::Back::Operation { operation, .. } if calling.undo => *operation,
                    _ => operation,
                };
                let Some((external, operation)) = core.operation_now(external, operation) else {
                    return Some(Resume::Park(
                        "the brief no longer has this operation".to_owned(),
                    ));
                };
                let wanted = Wanted {
                    external,
                    operation,
                    fallback: self.fallback(state, external, operation, fallback),
                    once: *once && !calling.undo,
                };
                self.call(state, &calling, &wanted, resumed).await
            }
            CallTarget::Command(command) => self.child(state, &calling, command).await,
        }
    }

    fn fallback(
        &self,
        state: &State,
        external: Id<External>,
        operation: Id<ExternalOperation>,
        puts: &[super::program::Put],
    ) -> Option<Value> {
        if puts.is_empty() {
            return None;
        }
        let shape = &self
            .core
            .brief
            .externals
            .get(external)
            .operations
            .get(operation)
            .output_shape;
        let mut slots = vec![Value::Null; shape.slots.len()];
        let mut frame = state.clone().take_frame();
        for put in puts {
            let value = put
                .value
                .eval(&mut frame, &underpin_brief::expr::eval::NoRows)
                .ok()?;
            super::acts::set_slot(&mut slots, Some(put.slot), value);
        }
        Some(Value::record(slots))
    }

    /// A command called by a flow: a flow of its own under the key of the call.
    async fn child(
        self: &Arc<Self>,
        parent: &State,
        calling: &Calling,
        command: Id<Command>,
    ) -> Option<Resume> {
        let home = self.core.place.all.home(FlowId::Command(command));
        let node = self.peer(home)?;
        let found = node.journalled(&calling.key).await.ok()?;
        let answer = match found {
            Some((_, Some(answer))) => Some(answer),
            Some((state, None)) => {
                let running = node.flows_mut(|flows| flows.get(&state.id).cloned());
                let handle = running.unwrap_or_else(|| node.spawn(Went::unfinished(state), true));
                wait_over(&handle).await
            }
            None => {
                let state = super::start::child(node.core.of(parent), parent, calling, command);
                let handle = node.spawn(Went::More(Box::new(state)), false);
                wait_over(&handle).await
            }
        };
        let answer = answer?;
        let left = node.journalled(&calling.key).await.ok()?;
        let waits =
            left.is_some_and(|(state, _)| matches!(state.status, Status::Parked | Status::InDoubt));
        if waits {
            // Nobody knows yet what became of it: neither on nor back is right.
            let name = &self.core.brief.commands.get(command).name;
            let why = format!(
                "`{name}`, which it calls, waits for a person as flow `{}`",
                calling.key
            );
            return Some(Resume::Park(why));
        }
        Some(match answer {
            Answer::Done { returned, .. } => Resume::Answered(Value::record(
                returned.into_iter().map(|kept| kept.0).collect(),
            )),
            Answer::Refused { refusal, .. } if parent.passed => {
                Resume::Park(format!("`{}` after the pivot", refusal.code))
            }
            Answer::Refused { refusal, .. } => Resume::Refused(Refusal::from(&refusal)),
        })
    }

    /// A flow of the journal, with its answer where it is over.
    pub(super) async fn journalled(
        &self,
        id: &str,
    ) -> Result<Option<(State, Option<Answer>)>, StoreError> {
        let id = id.to_owned();
        self.store
            .read(move |rows| super::recover::one(rows, &id))
            .await
    }
}

/// Waits until a flow is over; none where the engine stops first.
pub(super) async fn wait_over(handle: &Handle) -> Option<Answer> {
    let mut phase = handle.phase.subscribe();
    let found = phase
        .wait_for(|phase| matches!(phase, Phase::Over(..) | Phase::Stopped))
        .await
        .ok()?;
    match &*found {
        Phase::Over(answer) => Some((**answer).clone()),
        _ => None,
    }
}
