//! One command with many inputs: each as if it were asked alone, in their order, or all in one
//! transaction of which one refusal takes everything back. It must not know how items travel.

use super::access::mark_named;
use super::answer::{ended, failed, row_of};
use super::core::Core;
use super::drive::Inner;
use super::scope::View;
use super::segment::{Resume, Went, segment};
use super::start;
use super::state::State;
use crate::backend::{BulkAnswer, BulkRequest, CommandAnswer, CommandRequest, Refusal, refusal};
use crate::store::{Rows, StoreError};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration as Length;
use underpin_brief::flow::FlowId;
use underpin_brief::model::LimitedOperation;

/// Items of local commands that share a commit: the writer takes them in their order.
const TOGETHER: usize = 64;
/// How long all items wait for a row that another flow holds, µs.
const PATIENCE: i64 = 1_000_000;
/// How often they look.
const LOOK: Length = Length::from_millis(15);

/// How a transaction of all items went.
enum Whole {
    Done(Vec<CommandAnswer>),
    Refused(usize, Refusal),
    Busy(usize, String),
}

impl Inner {
    pub(super) async fn bulk(self: &Arc<Self>, request: BulkRequest) -> BulkAnswer {
        if request.whole {
            return self.whole(&request).await;
        }
        let program = self.core.programs.get(FlowId::Command(request.command));
        // A saga waits between its segments: the next item must not overtake it.
        let together = if program.saga { 1 } else { TOGETHER };
        let deadline = start::deadline(&self.core, request.command, request.asked.at.0);
        let requests: Vec<CommandRequest> = request.requests().collect();
        let mut answers = Vec::with_capacity(requests.len());
        for window in requests.chunks(together) {
            let late = deadline.is_some_and(|deadline| self.core.world.now().0 >= deadline);
            if late {
                let refused = || CommandAnswer::Refused(Refusal::new(refusal::DEADLINE));
                answers.extend(window.iter().map(|_| refused()));
                continue;
            }
            let asked = window
                .iter()
                .map(|one| -> Asking<'_> { Box::pin(self.command(one.clone())) });
            answers.extend(in_order(asked.collect()).await);
        }
        BulkAnswer::Each(answers)
    }

    async fn whole(self: &Arc<Self>, request: &BulkRequest) -> BulkAnswer {
        if self.draining.load(Ordering::Relaxed) || self.quiescent.load(Ordering::Relaxed) {
            return BulkAnswer::Refused(0, failed(&StoreError::Stopped));
        }
        let operation = LimitedOperation::Command(request.command);
        for at in 0..request.items.len() {
            if let Some(refusal) = self.admission(operation, &request.asked).await {
                return BulkAnswer::Refused(at, refusal);
            }
        }
        let begun = self.core.world.now().0;
        loop {
            let states: Vec<State> = request
                .requests()
                .map(|one| start::command(&self.core, one))
                .collect();
            let core = Arc::clone(&self.core);
            let went = self
                .store
                .write(move |rows| transaction(&core, rows, states))
                .await;
            match went {
                Ok(Whole::Done(answers)) => {
                    self.wake.notify_one();
                    return BulkAnswer::Each(answers);
                }
                Ok(Whole::Refused(at, refusal)) => return BulkAnswer::Refused(at, refusal),
                Ok(Whole::Busy(at, reason)) => {
                    let waited = self.core.world.now().0.saturating_sub(begun);
                    if waited >= PATIENCE {
                        let busy = Refusal::because(refusal::BUSY, reason);
                        return BulkAnswer::Refused(at, busy);
                    }
                    tokio::time::sleep(LOOK).await;
                }
                Err(error) => {
                    if error == StoreError::Stopped {
                        self.halt();
                    }
                    return BulkAnswer::Refused(0, failed(&error));
                }
            }
        }
    }
}

/// All items, one after the other, so that later ones see what earlier ones did.
fn transaction(core: &Core, rows: Rows<'_>, states: Vec<State>) -> Result<Whole, StoreError> {
    rows.savepoint("SAVEPOINT bulk")?;
    let mut answers = Vec::with_capacity(states.len());
    for (at, state) in states.into_iter().enumerate() {
        let ended = match segment(core, rows, state, Resume::Go)? {
            Went::Ended(state, answer) => {
                let mark = match (row_of(&answer), &state.settled) {
                    (Some(name), Some(settled)) => {
                        let view = View::new(rows, &settled.scope, core);
                        mark_named(core, name, settled, &view)?
                    }
                    _ => None,
                };
                ended(*answer, mark, false)
            }
            Went::Replayed(answer) => ended(*answer, None, true),
            Went::Turned(refusal) => CommandAnswer::Refused(refusal),
            Went::Skipped => CommandAnswer::Refused(Refusal::new(refusal::IN_PROGRESS)),
            Went::Busy(_, reason) => {
                rows.savepoint("ROLLBACK TO bulk; RELEASE bulk")?;
                return Ok(Whole::Busy(at, reason));
            }
            // The contract offers this only for commands of one segment.
            Went::Call(_) | Went::More(_) | Went::Away(_) | Went::Stuck(..) => {
                CommandAnswer::Refused(Refusal::new(refusal::INTERNAL))
            }
        };
        if let CommandAnswer::Refused(refusal) = ended {
            rows.savepoint("ROLLBACK TO bulk; RELEASE bulk")?;
            return Ok(Whole::Refused(at, refusal));
        }
        answers.push(ended);
    }
    rows.savepoint("RELEASE bulk")?;
    Ok(Whole::Done(answers))
}

type Asking<'a> = Pin<Box<dyn Future<Output = CommandAnswer> + Send + 'a>>;

/// All answers in order. The futures are first polled in their order, so they reach the writer in
/// it.
async fn in_order(mut asked: Vec<Asking<'_>>) -> Vec<CommandAnswer> {
    let mut answers: Vec<Option<CommandAnswer>> = asked.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, answer) in asked.iter_mut().zip(&mut answers) {
            if answer.is_none()
                && let Poll::Ready(found) = future.as_mut().poll(cx)
            {
                *answer = Some(found);
            }
        }
        match answers.iter().all(Option::is_some) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    answers.into_iter().flatten().collect()
}
