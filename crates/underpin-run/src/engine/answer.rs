//! The door's side of flows: a command waits for its end or its deadline, a flow reports where it
//! stands, a message is taken in.

use super::access::mark_named;
use super::drive::{Handle, Inner, Phase};
use super::events::{inbound_event, publish_one, source_text};
use super::program::Act;
use super::scope::{View, settle};
use super::segment::{Resume, Went, segment};
use super::start;
use super::state::{Answer, Happened, Kept, RowName, State, Status};
use crate::backend::{
    CommandAnswer, CommandRequest, Done, FlowAnswer, FlowReport, FlowRequest, FlowState, Inbound,
    InboundAnswer, Refusal, RowMark, refusal,
};
use crate::identity::Caller;
use crate::store::{Rows, StoreError};
use crate::world::Moment;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration as Length;
use underpin_brief::expr::eval::NoRows;
use underpin_brief::model::*;

/// What a client hears where the store did not do what it was asked.
pub(super) fn failed(error: &StoreError) -> Refusal {
    match error {
        StoreError::Full | StoreError::Stopped => Refusal {
            retry_after: Some(Length::from_secs(1)),
            ..Refusal::new(refusal::UNAVAILABLE)
        },
        StoreError::Database(_) | StoreError::Defect(_) => Refusal::new(refusal::INTERNAL),
    }
}

/// How long a deadline waits for the answer of an attempt that ends with it.
const CERTAIN: Length = Length::from_millis(50);
/// How long after a deadline a flow may still say that it is being taken back.
const GRACE: i64 = 50_000;

impl Inner {
    pub(super) async fn command(self: &Arc<Self>, request: CommandRequest) -> CommandAnswer {
        if self.draining.load(Ordering::Relaxed) || self.quiescent.load(Ordering::Relaxed) {
            return CommandAnswer::Refused(failed(&StoreError::Stopped));
        }
        let priority = self.core.brief.commands.get(request.command).priority;
        if let Some(refusal) = self.shed(&self.gates.writes, priority) {
            return CommandAnswer::Refused(refusal);
        }
        let operation = LimitedOperation::Command(request.command);
        if let Some(refusal) = self.admission(operation, &request.asked).await {
            return CommandAnswer::Refused(refusal);
        }
        let caller = request.asked.caller.clone();
        let accepted = self.core.command(request.command).chunked;
        let state = start::command(&self.core, request);
        let deadline = state.deadline;
        let resume = if accepted { Resume::Admit } else { Resume::Go };
        let core = Arc::clone(&self.core);
        let (gates, since) = (Arc::clone(&self.gates), core.world.now().0);
        let work = move |rows: Rows<'_>| {
            let now = core.world.now().0;
            gates.writes.begun(now, since);
            if deadline.is_some_and(|deadline| now >= deadline) {
                // Nobody waits for it any more: nothing is begun.
                return Ok((Went::Turned(Refusal::new(refusal::DEADLINE)), None));
            }
            let went = segment(&core, rows, state, resume)?;
            let mark = mark_here(&core, rows, &went)?;
            Ok((went, mark))
        };
        let (went, mark) = match self.store.write(work).await {
            Ok(found) => found,
            Err(error) => {
                if error == StoreError::Stopped {
                    self.halt();
                }
                return CommandAnswer::Refused(failed(&error));
            }
        };
        self.wake.notify_one();
        match went {
            Went::Ended(_, answer) => {
                let mark = match mark {
                    Some(mark) => Some(mark),
                    None => self.mark_of(row_of(&answer), caller).await,
                };
                ended(*answer, mark, false)
            }
            Went::Replayed(answer) => {
                let mark = self.mark_of(row_of(&answer), caller).await;
                ended(*answer, mark, true)
            }
            Went::Turned(refusal) => CommandAnswer::Refused(refusal),
            Went::Skipped => CommandAnswer::Refused(Refusal::new(refusal::IN_PROGRESS)),
            Went::Call(_) | Went::Away(_) | Went::Busy(..) | Went::Stuck(..) => {
                let handle = self.spawn(went, false);
                self.wait(&handle, deadline, caller).await
            }
            Went::More(state) => {
                let flow = state.id.clone();
                let returned = self.known(&state);
                let handle = self.spawn(Went::More(state), false);
                match accepted {
                    true => CommandAnswer::Accepted { flow, returned },
                    false => self.wait(&handle, deadline, caller).await,
                }
            }
        }
    }

    /// Waits for the end of a flow, as long as its deadline allows.
    async fn wait(
        self: &Arc<Self>,
        handle: &Handle,
        deadline: Option<i64>,
        caller: Option<Caller>,
    ) -> CommandAnswer {
        let mut phase = handle.phase.subscribe();
        let clock = &self.core.world.clock;
        let late = deadline.map_or(i64::MAX, |deadline| deadline.saturating_add(GRACE));
        {
            let over = phase.wait_for(|phase| matches!(phase, Phase::Over(..) | Phase::Stopped));
            tokio::select! {
                _ = over => {}
                () = clock.until(Moment(late)) => {}
            }
        }
        // Before its pivot a flow sees its deadline itself; it only has to say so.
        let known = phase
            .wait_for(|phase| !matches!(phase, Phase::Before))
            .await;
        let mut known = known.map(|phase| phase.clone()).unwrap_or(Phase::Stopped);
        if matches!(known, Phase::Bound) {
            // The last attempt at the pivot may just have ended for certain.
            let _ = tokio::time::timeout(CERTAIN, phase.changed()).await;
            known = phase.borrow().clone();
        }
        match known {
            Phase::Over(answer) => {
                let mark = self.mark_of(row_of(&answer), caller).await;
                ended(*answer, mark, false)
            }
            Phase::Undoing(refusal) => CommandAnswer::Refused(refusal),
            Phase::Bound => self.bound(handle),
            Phase::Before | Phase::Stopped => CommandAnswer::Refused(failed(&StoreError::Stopped)),
        }
    }

    fn bound(&self, handle: &Handle) -> CommandAnswer {
        let flow = self.flows_mut(|flows| {
            let same = |found: &&Arc<Handle>| std::ptr::eq(&***found, handle);
            flows
                .iter()
                .find(|(_, found)| same(found))
                .map(|(id, _)| id.clone())
        });
        match flow {
            Some(flow) => CommandAnswer::Accepted {
                flow,
                returned: Value::Null,
            },
            None => CommandAnswer::Refused(failed(&StoreError::Stopped)),
        }
    }

    /// What a command returns as far as it is known before it has done anything: keys drawn at
    /// admission.
    fn known(&self, state: &State) -> Value {
        let core = self.core.of(state);
        let Some(program) = core.programs.find(&state.kind, &state.name) else {
            return Value::Null;
        };
        let mut frame = state.clone().take_frame();
        let mut values = Vec::new();
        for op in &program.ops {
            match &op.act {
                Act::Create { aggregate, .. } => {
                    let id = state.ids.get(&*op.path).map(|id| Value::text(id));
                    let width = core.brief.aggregates.get(*aggregate).row.slots.len();
                    let mut row = vec![Value::Null; width];
                    super::acts::set_slot(&mut row, Some(0), id.unwrap_or(Value::Null));
                    if let Some(slot) = op.binding {
                        frame.set(slot, Value::record(row));
                    }
                }
                Act::Return(returned) => {
                    let value = |expr: &underpin_brief::expr::Compiled| {
                        expr.eval(&mut frame.clone(), &NoRows)
                            .unwrap_or(Value::Null)
                    };
                    values = returned.iter().map(value).collect();
                }
                _ => {}
            }
        }
        Value::record(values)
    }

    /// What its owner knows of a row.
    async fn mark_of(
        self: &Arc<Self>,
        name: Option<&RowName>,
        caller: Option<Caller>,
    ) -> Option<RowMark> {
        let name = name?.clone();
        let of = self.core.brief.aggregates.find(&name.aggregate)?;
        let owner = self.peer(self.core.place.all.owner(of))?;
        let core = Arc::clone(&owner.core);
        let read = owner.store.read(move |rows| {
            let settled = settle(&core.brief, rows, caller.as_ref())?;
            let view = View::frozen(rows, &settled.scope, &core);
            mark_named(&core, &name, &settled, &view)
        });
        read.await.ok().flatten()
    }

    /// The flow of a caller; `not-found` for anybody else.
    async fn own(&self, request: &FlowRequest) -> Result<(State, Option<Answer>), Refusal> {
        let core = Arc::clone(&self.core);
        let (id, caller) = (request.flow.clone(), request.asked.caller.clone());
        let found = self.store.read(move |rows| {
            let settled = settle(&core.brief, rows, caller.as_ref())?;
            let found = super::recover::one(rows, &id)?;
            Ok(found.filter(|(state, _)| {
                let (mine, own) = (&settled.scope, &state.scope);
                state.kind == "command" && mine.actor == own.actor && mine.subject == own.subject
            }))
        });
        match found.await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(Refusal::new(refusal::NOT_FOUND)),
            Err(error) => Err(failed(&error)),
        }
    }

    pub(super) async fn report(self: &Arc<Self>, request: FlowRequest) -> FlowAnswer {
        let (state, answer) = match self.own(&request).await {
            Ok(found) => found,
            Err(refusal) => return FlowAnswer::Refused(refusal),
        };
        let Some(command) = self.core.brief.commands.find(&state.name) else {
            return FlowAnswer::Refused(Refusal::new(refusal::NOT_FOUND));
        };
        let stage = match (state.status, answer) {
            (Status::Running, _) => FlowState::Running,
            (Status::Compensating, _) => FlowState::Undoing,
            (Status::Parked, _) => FlowState::Parked,
            (Status::InDoubt, _) => FlowState::InDoubt,
            (_, Some(answer)) => {
                let mark = self
                    .mark_of(row_of(&answer), request.asked.caller.clone())
                    .await;
                match ended(answer, mark, false) {
                    CommandAnswer::Done(done) => FlowState::Done(done),
                    CommandAnswer::Refused(refusal) => FlowState::Refused(refusal),
                    CommandAnswer::Accepted { .. } => FlowState::Running,
                }
            }
            (Status::Done | Status::Refused, None) => FlowState::Running,
        };
        let live = self.flows_mut(|flows| flows.get(&state.id).cloned());
        let progress = live
            .and_then(|handle| {
                *handle
                    .progress
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
            })
            .or(state.progress);
        // The last chunk ends with the flow, so nobody counted it.
        let progress = match &stage {
            FlowState::Done(_) => progress.map(|(_, total)| (total, total)),
            _ => progress,
        };
        FlowAnswer::Known(FlowReport {
            flow: state.id,
            command,
            state: stage,
            progress,
            started: Moment(state.now),
        })
    }

    pub(super) async fn cancel(self: &Arc<Self>, request: FlowRequest) -> FlowAnswer {
        let (state, _) = match self.own(&request).await {
            Ok(found) => found,
            Err(refusal) => return FlowAnswer::Refused(refusal),
        };
        let live = self.flows_mut(|flows| flows.get(&state.id).cloned());
        let open = live.filter(|_| !state.passed && state.status == Status::Running);
        let Some(handle) = open else {
            return FlowAnswer::Refused(Refusal::new(refusal::NOT_CANCELLABLE));
        };
        handle.cancelled.store(true, Ordering::Relaxed);
        self.report(request).await
    }

    pub(super) async fn inbound(&self, message: Inbound) -> InboundAnswer {
        let core = Arc::clone(&self.core);
        let stored = self
            .store
            .write(move |rows| take_in(&core, rows, &message))
            .await;
        self.wake.notify_one();
        match stored {
            Ok(()) => InboundAnswer::Stored,
            Err(error) => InboundAnswer::Refused(failed(&error)),
        }
    }

    pub(super) async fn quiet(&self) -> bool {
        // What waits behind a parked event of its key waits for a person.
        let now = self.core.world.now().0;
        let idle = self.flows_mut(|flows| flows.is_empty());
        let due = self.store.read(move |rows| {
            let sql = "SELECT (SELECT COUNT(*) FROM work AS mine WHERE due <= ?1 AND
                    (status = 'running' OR status = 'waiting' AND NOT EXISTS (
                        SELECT 1 FROM work AS earlier WHERE earlier.policy = mine.policy
                        AND earlier.key = mine.key AND earlier.tenant IS mine.tenant
                        AND earlier.seq < mine.seq AND earlier.status <> 'done')))
                + (SELECT COUNT(*) FROM clocks WHERE due <= ?1)";
            Ok(rows
                .prepare(sql)?
                .query_row([now], |row| row.get::<_, i64>(0))?)
        });
        idle && due.await == Ok(0) && self.store.figures().waiting == 0
    }

    /// Takes no more commands and waits until what is under way is over, at most so long.
    pub(super) async fn rest(&self, limit: Length) {
        self.draining.store(true, Ordering::Relaxed);
        self.feeds.live.close(crate::feeds::Closed::Draining);
        self.wake.notify_one();
        let idle = async {
            while !self.flows_mut(|flows| flows.is_empty()) || self.store.figures().waiting > 0 {
                tokio::time::sleep(Length::from_millis(10)).await;
            }
        };
        // What is not over by then goes on after the next start.
        let _ = tokio::time::timeout(limit, idle).await;
    }
}

fn take_in(core: &super::core::Core, rows: Rows<'_>, message: &Inbound) -> Result<(), StoreError> {
    let external = core.brief.externals.get(message.external);
    let sends = external.sends.get(message.message);
    let source = source_text(
        &core.brief,
        EventSource::Sent(message.external, message.message),
    );
    let until = message.at.0.saturating_add(30 * 24 * 3_600 * 1_000_000);
    let new = rows.execute(
        "INSERT OR IGNORE INTO replays VALUES (?1, ?2, '', '', 'final', NULL, NULL, ?3)",
        (format!("in\u{1f}{source}"), &message.id, until),
    )?;
    if new == 0 {
        return Ok(());
    }
    let event = inbound_event(
        &core.brief,
        &sends.shape,
        &message.content,
        &message.id,
        message.at.0,
    );
    let keys: Vec<Value> = sends
        .key
        .iter()
        .map(|slot| message.content.slot(*slot).clone())
        .collect();
    let key = match keys.as_slice() {
        // Without a key each message is on its own.
        [] => message.id.clone(),
        _ => crate::store::codec::to_text(&Value::list(keys)),
    };
    let happened = Happened {
        source,
        row_key: key.clone(),
        key,
        id: message.id.clone(),
        event: Kept(event),
        service: core.place.here,
    };
    publish_one(rows, &core.listeners, &happened, None, message.at.0, None)
}

/// What is known of the row that an answer points to. Of a row of another service, that service
/// tells what may be done with it next.
fn mark_here(
    core: &super::core::Core,
    rows: Rows<'_>,
    went: &Went,
) -> Result<Option<RowMark>, StoreError> {
    let Went::Ended(state, answer) = went else {
        return Ok(None);
    };
    let (Some(name), Some(settled)) = (row_of(answer), state.settled.as_ref()) else {
        return Ok(None);
    };
    let of = core.brief.aggregates.find(&name.aggregate);
    if !of.is_some_and(|of| core.place.owns(of)) {
        return Ok(None);
    }
    let view = View::new(rows, &settled.scope, core);
    mark_named(core, name, settled, &view)
}

pub(super) fn row_of(answer: &Answer) -> Option<&RowName> {
    match answer {
        Answer::Done { row, .. } => row.as_ref().map(|(name, _)| name),
        Answer::Refused { .. } => None,
    }
}

pub(super) fn ended(answer: Answer, mark: Option<RowMark>, replayed: bool) -> CommandAnswer {
    match answer {
        Answer::Done {
            flow,
            returned,
            row,
        } => {
            let returned = Value::record(returned.into_iter().map(|kept| kept.0).collect());
            // The version is the one that this flow left, not what others made of it since.
            let row = mark
                .zip(row)
                .map(|(mark, (_, version))| RowMark { version, ..mark });
            CommandAnswer::Done(Done {
                flow,
                returned,
                row,
                replayed,
            })
        }
        Answer::Refused { refusal, .. } => CommandAnswer::Refused(Refusal::from(&refusal)),
    }
}
