//! What a person decides about a flow that cannot go on: the decision, its line in the audit log
//! and what follows from it are one transaction, so that a crash leaves all of it or nothing.

use super::{audit, broken, look, unknown, words};
use crate::admin::{By, Change, Refused, Told, Verdict};
use crate::backend::{Refusal, refusal};
use crate::engine::core::Core;
use crate::engine::drive::{Inner, wait_over};
use crate::engine::journal::journal;
use crate::engine::segment::{Resume, Went, end_by_hand, segment};
use crate::engine::state::{State, Status};
use crate::engine::{holds, recover};
use crate::forms::Form;
use crate::store::{Rows, StoreError};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration as Length;
use underpin_brief::model::Value;

/// How long an answer waits for the flow to come to its end.
const SOON: Length = Length::from_secs(2);

/// What is decided.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Resolve(Verdict),
    Retry,
    Skip(Option<Json>),
    End,
}

impl Deed {
    fn word(&self) -> &'static str {
        match self {
            Self::Resolve(Verdict::Happened { .. }) => "resolve: it happened",
            Self::Resolve(Verdict::DidNotHappen) => "resolve: it did not happen",
            Self::Retry => "retry",
            Self::Skip(_) => "skip: done by hand",
            Self::End => "end as it stands",
        }
    }
}

/// How a flow goes on.
enum Next {
    Segment(Resume),
    Call,
    End,
}

type Decided = Result<(Status, Went), Refused>;

impl Inner {
    /// Decides about a flow and lets it go on.
    pub(super) async fn decide(
        self: &Arc<Self>,
        id: String,
        deed: Deed,
        by: By,
    ) -> Result<Told, Refused> {
        if self.draining.load(Ordering::Relaxed) {
            let help = "decide when it runs again";
            return Err(Refused::new("unavailable", "the backend is ending", help));
        }
        let (core, key, word) = (Arc::clone(&self.core), id.clone(), deed.word());
        let written = self.store.write(move |rows| {
            let decided = decide(&core, rows, &key, deed)?;
            if decided.is_ok() {
                audit::note(rows, core.world.now().0, &by, word, &key)?;
            }
            Ok(decided)
        });
        let (before, went) = written.await.map_err(|error| broken(&error))??;
        let gauge = match before {
            Status::InDoubt => &self.gauges.in_doubt,
            _ => &self.gauges.parked,
        };
        gauge.fetch_sub(1, Ordering::Relaxed);
        match went {
            Went::Ended(state, _) => self.over(&state),
            went => {
                let handle = self.spawn(went, true);
                let _ = tokio::time::timeout(SOON, wait_over(&handle)).await;
            }
        }
        self.wake.notify_one();
        let core = Arc::clone(&self.core);
        let read = self.store.read(move |rows| {
            let found = recover::one(rows, &id)?;
            Ok(found.map(|(state, _)| look::line(&core, &state)))
        });
        Ok(Told::Changed(Box::new(Change {
            done: word.to_owned(),
            flow: read.await.map_err(|error| broken(&error))?,
        })))
    }
}

fn decide(core: &Core, rows: Rows<'_>, id: &str, deed: Deed) -> Result<Decided, StoreError> {
    let Some((state, _)) = recover::one(rows, id)? else {
        return Ok(Err(unknown(id)));
    };
    let core = core.of(&state);
    let before = state.status;
    let (mut state, next) = match prepare(core, state, deed) {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let went = match next {
        Next::End => end_by_hand(core, rows, state)?,
        Next::Call => {
            holds::tell(rows, &state)?;
            journal(rows, &mut state, None)?;
            Went::Call(Box::new(state))
        }
        Next::Segment(resume) => {
            holds::tell(rows, &state)?;
            segment(core, rows, state, resume)?
        }
    };
    Ok(Ok((before, went)))
}

fn prepare(core: &Core, mut state: State, deed: Deed) -> Result<(State, Next), Refused> {
    let wanted = match deed {
        Deed::Resolve(_) => state.status == Status::InDoubt,
        Deed::Retry | Deed::Skip(_) => state.status == Status::Parked,
        Deed::End => matches!(state.status, Status::Parked | Status::InDoubt),
    };
    if !wanted {
        let now = words::stage(state.status);
        let why = format!("the flow `{}` is {now}", state.id);
        let help = "look at it with `underpin admin flow`: it says what can be done";
        return Err(Refused::new("not-now", why, help));
    }
    let next = match deed {
        Deed::End => return Ok((state, Next::End)),
        Deed::Resolve(Verdict::Happened { output }) => {
            Next::Segment(Resume::Answered(answer(core, &state, output)?))
        }
        Deed::Resolve(Verdict::DidNotHappen) => Next::Segment(Resume::Refused(Refusal::because(
            refusal::UNAVAILABLE,
            "a person found that the call did not happen",
        ))),
        Deed::Retry if state.calling.is_some() => Next::Call,
        Deed::Retry => Next::Segment(Resume::Go),
        Deed::Skip(output) => Next::Segment(skip(core, &mut state, output)?),
    };
    let waits = state.waits.take().unwrap_or_default();
    state.refusal = waits.refusal;
    state.status = match waits.undoing {
        true => Status::Compensating,
        false => Status::Running,
    };
    Ok((state, next))
}

/// Passes over what a person has done by hand.
fn skip(core: &Core, state: &mut State, output: Option<Json>) -> Result<Resume, Refused> {
    let waits = state.waits.clone().unwrap_or_default();
    if let Some(calling) = &state.calling {
        return match calling.undo {
            true => Ok(Resume::TakenBack),
            false => answer(core, state, output).map(Resume::Answered),
        };
    }
    if waits.undoing {
        let entry = waits.entry.filter(|entry| *entry < state.undo.len());
        match entry {
            Some(entry) => drop(state.undo.remove(entry)),
            None => drop(state.undo.pop()),
        }
        return Ok(Resume::TakenBack);
    }
    if waits.place.is_empty() {
        let why = format!("`{}` does not stand at a statement", state.id);
        return Err(Refused::new(
            "not-now",
            why,
            "end it, and do by hand what is left",
        ));
    }
    state.by_hand.push(waits.place);
    Ok(Resume::Go)
}

/// What a person says that a call answered, as its declaration says.
fn answer(core: &Core, state: &State, said: Option<Json>) -> Result<Value, Refused> {
    let core = core.of(state);
    let program = core.programs.find(&state.kind, &state.name);
    let called = program
        .zip(state.calling.as_ref())
        .and_then(|(program, calling)| words::called(core, program, calling));
    let Some(called) = called else {
        let why = "the brief no longer has this call";
        return Err(Refused::new("not-now", why, "end the flow"));
    };
    let said = said.unwrap_or_else(|| json!({}));
    let read = Form::of(&core.brief, called.output).read(&said);
    read.map_err(|wrong| {
        let wrong: Vec<String> = wrong
            .iter()
            .map(|one| format!("{} {}", one.pointer, one.message).trim().to_owned())
            .collect();
        let message = format!("`{}` does not answer so: {}", called.what, wrong.join("; "));
        Refused::new(
            "bad-output",
            message,
            "say what it answered, as JSON in one argument",
        )
    })
}
