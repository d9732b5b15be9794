//! One segment of a flow in one transaction: what stands in the journal afterwards and what
//! stands in the rows say the same, whatever crashes when.

use super::admit;
use super::core::Core;
use super::events::publish;
use super::holds;
use super::journal::{journal, refuse_work, settle_work};
use super::mutation::Mutation;
use super::program::Program;
use super::scope::{Scope, View};
use super::state::{Answer, KeptRefusal, Level, State, Status, Waits};
use super::walk::{Stop, Walk};
use crate::backend::{Refusal, refusal};
use crate::store::{Rows, StoreError};
use std::sync::Arc;
use underpin_brief::model::*;

/// What a flow goes on with.
#[derive(Clone, Debug)]
pub(super) enum Resume {
    /// Where it stands.
    Go,
    /// Only its admission: its statements come in segments of their own.
    Admit,
    /// A call was answered.
    Answered(Value),
    /// A call was not made; this stands in for its answer.
    Instead(Value),
    /// A call was refused, or the flow must end for a reason from outside.
    Refused(Refusal),
    /// A call that takes something back is done.
    TakenBack,
    /// The answer of a call is lost for good.
    Lost,
    /// It cannot go on; a person must look.
    Park(String),
    /// The same, as another service says.
    ParkAt(Waits),
}

/// Where a flow stands after a segment.
#[derive(Clone, Debug)]
pub(super) enum Went {
    /// A call is to be made.
    Call(Box<State>),
    /// There is more to do at once.
    More(Box<State>),
    /// A row is held by another flow; nothing was done.
    Busy(Box<State>, String),
    /// What comes next belongs to the service at which `journey.away` points.
    Away(Box<State>),
    /// At another service than its own it cannot go on; nothing was done.
    Stuck(Box<State>, Waits),
    /// It is over.
    Ended(Box<State>, Box<Answer>),
    /// An earlier request with the same key was answered so.
    Replayed(Box<Answer>),
    /// It does not begin.
    Turned(Refusal),
    /// Somebody else has done, or does, the same work.
    Skipped,
}

impl Went {
    /// Where an unfinished flow of the journal stands.
    pub(super) fn unfinished(state: State) -> Self {
        let state = Box::new(state);
        match (&state.calling, state.journey.away) {
            (_, Some(_)) => Self::Away(state),
            (Some(_), None) => Self::Call(state),
            (None, None) => Self::More(state),
        }
    }
}

/// Codes that are not final: a retry with the same key starts or continues the same flow.
pub(super) fn technical(code: &str) -> bool {
    if Mutation::ReplayBusy.planted() && code == refusal::BUSY {
        return false;
    }
    [
        refusal::BUSY,
        refusal::CONFLICT,
        refusal::PRECONDITION_FAILED,
        refusal::TOO_MANY_REQUESTS,
        refusal::UNAVAILABLE,
        refusal::DEADLINE,
        refusal::INTERNAL,
        refusal::CANCELLED,
        refusal::UNAUTHENTICATED,
        refusal::IN_PROGRESS,
    ]
    .contains(&code)
}

/// Runs one segment within the writer's savepoint.
pub(super) fn segment(
    core: &Core,
    rows: Rows<'_>,
    mut state: State,
    resume: Resume,
) -> Result<Went, StoreError> {
    let core = core.of(&state);
    let rows = core.rows(rows);
    let Some(program) = core.programs.find(&state.kind, &state.name).map(Arc::clone) else {
        return park(rows, state, "the brief no longer has this flow");
    };
    let segment = Segment {
        core,
        rows,
        program: &program,
        home: state.journey.home == core.place.here,
    };
    if state.journalled && state.shape != admit::spread_of(&program.shape) {
        return segment.park(
            state,
            Waits::because("the brief has changed its statements"),
        );
    }
    if state.journalled {
        return segment.run(state, resume);
    }
    rows.savepoint("SAVEPOINT admission")?;
    let went = match admit::begin(core, rows, &program, &mut state)? {
        Some(turned) => turned,
        None => segment.run(state, resume)?,
    };
    // A flow that waits before its first commit has not begun: nothing of it may stand.
    rows.savepoint(match &went {
        Went::Busy(state, _) if !state.journalled => "ROLLBACK TO admission; RELEASE admission",
        Went::Ended(..) if Mutation::AnswerBeforeCommit.planted() => {
            "ROLLBACK TO admission; RELEASE admission"
        }
        _ => "RELEASE admission",
    })?;
    Ok(went)
}

/// Leaves a flow that cannot go on to a person.
pub(super) fn park(rows: Rows<'_>, state: State, why: &str) -> Result<Went, StoreError> {
    let waits = Waits {
        why: why.to_owned(),
        ..Waits::default()
    };
    park_at(rows, state, waits)
}

fn park_at(rows: Rows<'_>, mut state: State, waits: Waits) -> Result<Went, StoreError> {
    let why = waits.why.clone();
    state.waits = Some(Waits {
        undoing: state.status == Status::Compensating,
        refusal: state.refusal.take(),
        ..waits
    });
    state.status = Status::Parked;
    state.refusal = Some(KeptRefusal {
        code: refusal::INTERNAL.to_owned(),
        detail: Some(why.clone()),
    });
    let answer = refused(&state);
    journal(rows, &mut state, Some(&answer))?;
    holds::tell(rows, &state)?;
    settle_work(rows, &state, Some(&why))?;
    Ok(Went::Ended(Box::new(state), Box::new(answer)))
}

/// Ends a flow as it stands because a person says so: nothing more is done or taken back, its rows
/// are let go, its answer is final.
pub(super) fn end_by_hand(
    core: &Core,
    rows: Rows<'_>,
    mut state: State,
) -> Result<Went, StoreError> {
    state.waits = None;
    state.events.clear();
    state.refusal = Some(KeptRefusal {
        code: refusal::INTERNAL.to_owned(),
        detail: Some("a person has ended it; what was done stays".to_owned()),
    });
    if !state.journey.holders.is_empty() {
        // Other services let go first; the flow ends when it is home again.
        state.status = Status::Compensating;
        state.journey.closing = true;
        state.journey.ended = true;
        return segment(core, rows, state, Resume::Go);
    }
    state.status = Status::Refused;
    let answer = refused(&state);
    rows.execute("DELETE FROM holds WHERE flow = ?1", [&state.id])?;
    journal(rows, &mut state, Some(&answer))?;
    admit::store_answer(core, rows, &state, &answer)?;
    settle_work(rows, &state, None)?;
    Ok(Went::Ended(Box::new(state), Box::new(answer)))
}

fn refused(state: &State) -> Answer {
    let refusal = state.refusal.clone().unwrap_or_else(|| KeptRefusal {
        code: refusal::INTERNAL.to_owned(),
        detail: None,
    });
    Answer::Refused {
        flow: state.id.clone(),
        refusal,
    }
}

struct Segment<'a> {
    core: &'a Core,
    rows: Rows<'a>,
    program: &'a Program,
    /// Whether the flow is journalled here; elsewhere the inbox keeps what became of it.
    home: bool,
}

impl Segment<'_> {
    fn run(&self, mut state: State, resume: Resume) -> Result<Went, StoreError> {
        let scope = state.scope.clone();
        match resume {
            Resume::Park(why) => return self.park(state, Waits::because(why)),
            Resume::ParkAt(waits) => return self.park(state, waits),
            Resume::Lost => return self.lost(state),
            Resume::Refused(refusal) => {
                state.calling = None;
                state.refusal = Some(KeptRefusal::from(&refusal));
                return self.undo(state, &scope);
            }
            Resume::TakenBack => {
                state.calling = None;
                return self.undo(state, &scope);
            }
            Resume::Admit => {
                journal(self.rows, &mut state, None)?;
                admit::store_open(self.rows, &state)?;
                return Ok(Went::More(Box::new(state)));
            }
            Resume::Go | Resume::Answered(_) | Resume::Instead(_) => {}
        }
        if state.journey.closing {
            return self.let_go(state);
        }
        if state.status == Status::Compensating {
            return self.undo(state, &scope);
        }
        if state.levels.is_empty() {
            state.levels.push(Level::default());
        }
        self.forward(state, &resume, &scope)
    }

    fn forward(
        &self,
        mut state: State,
        resume: &Resume,
        scope: &Scope,
    ) -> Result<Went, StoreError> {
        let journalled = state.journalled;
        let mut walk = self.walk(&mut state, scope);
        if journalled {
            refreshed(&mut walk)?;
        }
        match resume {
            Resume::Answered(output) => walk.answered(output, true),
            Resume::Instead(output) => walk.answered(output, false),
            _ => {}
        }
        walk.end();
        let before = state.clone();
        self.rows.savepoint("SAVEPOINT segment")?;
        let mut walk = self.walk(&mut state, scope);
        let stop = walk.run()?;
        let mark = walk.mark.take();
        walk.end();
        if let Stop::Busy(reason) = stop {
            self.rows
                .savepoint("ROLLBACK TO segment; RELEASE segment")?;
            return Ok(Went::Busy(Box::new(before), reason));
        }
        if let Stop::Fault(why) = &stop {
            let waits = Waits {
                why: why.clone(),
                place: state.place(),
                ..Waits::default()
            };
            let mut state = self.unit_back(before, mark)?;
            if state.passed {
                self.publish(&mut state)?;
            }
            return self.park(state, waits);
        }
        if let Stop::Refused(refusal) = stop {
            let mut state = self.unit_back(before, mark)?;
            state.refusal = Some(KeptRefusal::from(&refusal));
            return self.undo(state, scope);
        }
        self.rows.savepoint("RELEASE segment")?;
        state.committed = true;
        if stop == Stop::Chunk {
            // What a chunk has done stays, whatever becomes of the next.
            state.undo.clear();
        }
        let early = Mutation::EarlyLifecycle.planted();
        if early || state.passed || matches!(stop, Stop::Finished | Stop::Chunk) {
            self.publish(&mut state)?;
        }
        match stop {
            Stop::Finished => self.let_go(state),
            Stop::Call => {
                journal(self.rows, &mut state, None)?;
                Ok(Went::Call(Box::new(state)))
            }
            Stop::Elsewhere(service) => self.leave(state, service),
            _ => self.go_on(state),
        }
    }

    fn publish(&self, state: &mut State) -> Result<(), StoreError> {
        state.events = self.core.events_now(std::mem::take(&mut state.events))?;
        let here = self.core.place.here;
        publish(self.rows, &self.core.listeners, here, state)
    }

    /// There is more to do at home.
    fn go_on(&self, mut state: State) -> Result<Went, StoreError> {
        state.journey.away = None;
        if self.home {
            journal(self.rows, &mut state, None)?;
        }
        Ok(Went::More(Box::new(state)))
    }

    /// What comes next belongs to another service.
    fn leave(&self, mut state: State, service: usize) -> Result<Went, StoreError> {
        if service == state.journey.home {
            return self.go_on(state);
        }
        state.journey.away = Some(service);
        state.journey.step = state.journey.step.saturating_add(1);
        if self.home {
            journal(self.rows, &mut state, None)?;
        }
        Ok(Went::Away(Box::new(state)))
    }

    /// All statements, or all undos, are done: other services publish what is theirs and end
    /// their holds, then the flow ends at home.
    fn let_go(&self, mut state: State) -> Result<Went, StoreError> {
        let here = self.core.place.here;
        if state.status == Status::Running {
            self.publish(&mut state)?;
        }
        if !self.home {
            self.rows
                .execute("DELETE FROM holds WHERE flow = ?1", [&state.id])?;
            state.journey.holders.retain(|holder| *holder != here);
        }
        let owed = state.events.iter().map(|event| event.service);
        let mut others = state.journey.holders.iter().copied().chain(owed);
        match (others.find(|service| *service != here), self.home) {
            (Some(service), _) => {
                state.journey.closing = true;
                self.leave(state, service)
            }
            (None, false) => self.go_on(state),
            (None, true) if state.status == Status::Compensating => self.finish_refused(state),
            (None, true) => self.finish(state),
        }
    }

    fn park(&self, mut state: State, waits: Waits) -> Result<Went, StoreError> {
        if self.home {
            return park_at(self.rows, state, waits);
        }
        state.journey.away = None;
        Ok(Went::Stuck(Box::new(state), waits))
    }

    fn walk<'w>(&'w self, state: &'w mut State, scope: &'w Scope) -> Walk<'w> {
        let view = View::new(self.rows, scope, self.core);
        Walk::new(self.core, self.program, view, state)
    }

    /// Takes the last unit of the finest cut back; the flow as it stood before that.
    fn unit_back(&self, before: State, mark: Option<Box<State>>) -> Result<State, StoreError> {
        self.rows.savepoint(match mark {
            Some(_) => "ROLLBACK TO unit; RELEASE segment",
            None => "ROLLBACK TO segment; RELEASE segment",
        })?;
        Ok(mark.map_or(before, |mark| *mark))
    }

    fn undo(&self, mut state: State, scope: &Scope) -> Result<Went, StoreError> {
        state.status = Status::Compensating;
        let before = state.clone();
        self.rows.savepoint("SAVEPOINT undo")?;
        let mut walk = self.walk(&mut state, scope);
        let stop = walk.unwind()?;
        walk.end();
        match stop {
            Stop::Finished => {
                self.rows.savepoint("RELEASE undo")?;
                self.let_go(state)
            }
            Stop::Elsewhere(service) => {
                self.rows.savepoint("RELEASE undo")?;
                self.leave(state, service)
            }
            Stop::Call => {
                self.rows.savepoint("RELEASE undo")?;
                journal(self.rows, &mut state, None)?;
                Ok(Went::Call(Box::new(state)))
            }
            Stop::Busy(reason) => {
                self.rows.savepoint("ROLLBACK TO undo; RELEASE undo")?;
                let mut before = before;
                if self.home {
                    journal(self.rows, &mut before, None)?;
                }
                Ok(Went::Busy(Box::new(before), reason))
            }
            Stop::Fault(why) => {
                self.rows.savepoint("ROLLBACK TO undo; RELEASE undo")?;
                let waits = Waits {
                    why,
                    entry: state.undo.len().checked_sub(1),
                    ..Waits::default()
                };
                self.park(before, waits)
            }
            Stop::Chunk | Stop::Refused(_) => Err(StoreError::Defect(
                "an undo ended as only statements do".to_owned(),
            )),
        }
    }

    fn finish(&self, mut state: State) -> Result<Went, StoreError> {
        state.status = Status::Done;
        let answer = Answer::Done {
            flow: state.id.clone(),
            returned: self.core.returned(&state),
            row: state.row.clone().zip(state.version),
        };
        self.close(&mut state, &answer)?;
        settle_work(self.rows, &state, None)?;
        Ok(Went::Ended(Box::new(state), Box::new(answer)))
    }

    fn finish_refused(&self, mut state: State) -> Result<Went, StoreError> {
        state.status = Status::Refused;
        state.events.clear();
        let answer = refused(&state);
        self.close(&mut state, &answer)?;
        match state.journey.ended {
            true => settle_work(self.rows, &state, None)?,
            false => refuse_work(self.core, self.rows, &state)?,
        }
        Ok(Went::Ended(Box::new(state), Box::new(answer)))
    }

    fn lost(&self, mut state: State) -> Result<Went, StoreError> {
        state.status = Status::InDoubt;
        state.refusal = Some(KeptRefusal {
            code: refusal::IN_DOUBT.to_owned(),
            detail: Some("the answer of a call was lost".to_owned()),
        });
        let answer = refused(&state);
        journal(self.rows, &mut state, Some(&answer))?;
        holds::tell(self.rows, &state)?;
        admit::store_answer(self.core, self.rows, &state, &answer)?;
        settle_work(self.rows, &state, Some("in doubt"))?;
        Ok(Went::Ended(Box::new(state), Box::new(answer)))
    }

    fn close(&self, state: &mut State, answer: &Answer) -> Result<(), StoreError> {
        if self.program.saga {
            self.rows
                .execute("DELETE FROM holds WHERE flow = ?1", [&state.id])?;
        }
        if state.journalled || state.origin.child {
            journal(self.rows, state, Some(answer))?;
        }
        let code = match answer {
            Answer::Refused { refusal, .. } => Some(refusal.code.as_str()),
            Answer::Done { .. } => None,
        };
        match code {
            Some(code) if technical(code) && !state.journey.ended => {
                admit::store_retry(self.core, self.rows, state)
            }
            _ => admit::store_answer(self.core, self.rows, state, answer),
        }
    }
}

fn refreshed(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    match walk.refresh() {
        Ok(()) => Ok(()),
        Err(super::walk::Halt::Store(error)) => Err(error),
        Err(super::walk::Halt::Stop(_)) => Ok(()),
    }
}
