//! Steps at other services: a flow's state goes to the service that owns what comes next, which
//! does its part in one transaction with a note of what became of it; the same step sent again
//! gets that note. It must not know statements.

use super::core::Core;
use super::drive::Inner;
use super::segment::{Resume, Went, segment};
use super::state::{State, Waits};
use crate::store::{Rows, StoreError};
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration as Length;

/// How long a service waits before it sends a step again that was not answered: services of one
/// process answer at once or not at all.
const AGAIN: Length = Length::from_millis(20);

/// What becomes of a message between two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It arrives, and so does its answer.
    Whole,
    /// It does not arrive.
    Lost,
    /// It arrives; its answer does not.
    Unanswered,
}

/// The way between services. Within one process nothing is lost, unless a test says so.
pub trait Links: Send + Sync {
    /// What becomes of a step that service `from` sends to service `to`.
    fn pass(&self, from: usize, to: usize, flow: &str, step: u64) -> Passage;
}

/// Links that lose nothing.
pub(super) struct Whole;

impl Links for Whole {
    fn pass(&self, _: usize, _: usize, _: &str, _: u64) -> Passage {
        Passage::Whole
    }
}

/// What became of a step, as the inbox keeps it.
#[derive(Serialize, Deserialize)]
enum Note {
    More(Box<State>),
    Away(Box<State>),
    Stuck(Box<State>, Waits),
}

impl Note {
    fn of(went: &Went) -> Option<Self> {
        Some(match went {
            Went::More(state) => Self::More(state.clone()),
            Went::Away(state) => Self::Away(state.clone()),
            Went::Stuck(state, why) => Self::Stuck(state.clone(), why.clone()),
            _ => return None,
        })
    }

    fn went(self) -> Went {
        match self {
            Self::More(state) => Went::More(state),
            Self::Away(state) => Went::Away(state),
            Self::Stuck(state, why) => Went::Stuck(state, why),
        }
    }
}

/// One step of a flow that is at home elsewhere.
fn visit(core: &Core, rows: Rows<'_>, state: State, resume: Resume) -> Result<Went, StoreError> {
    let (flow, step) = (state.id.clone(), state.journey.step);
    let number = i64::try_from(step).unwrap_or(i64::MAX);
    let defect = |error: serde_json::Error| StoreError::Defect(error.to_string());
    let known: Option<String> = rows
        .prepare("SELECT outcome FROM inbox WHERE flow = ?1 AND step = ?2")?
        .query_row((&flow, number), |row| row.get(0))
        .optional()?;
    if let Some(text) = known {
        let note: Note = serde_json::from_str(&text).map_err(defect)?;
        return Ok(note.went());
    }
    let went = segment(core, rows, state, resume)?;
    // A row that is held leaves nothing behind: the step is sent again.
    if let Some(note) = Note::of(&went) {
        let text = serde_json::to_string(&note).map_err(defect)?;
        let now = core.world.now().0;
        rows.execute(
            "INSERT INTO inbox VALUES (?1, ?2, ?3, ?4)",
            (&flow, number, text, now),
        )?;
    }
    Ok(went)
}

impl Inner {
    /// The service of that number.
    pub(super) fn peer(self: &Arc<Self>, service: usize) -> Option<Arc<Self>> {
        if service == self.core.place.here {
            return Some(Arc::clone(self));
        }
        self.peers.get()?.get(service)?.upgrade()
    }

    /// Sends a step to another service until it is answered; none where the engine stops first.
    pub(super) async fn send(
        self: &Arc<Self>,
        service: usize,
        state: &State,
        resume: &Resume,
    ) -> Option<Result<Went, StoreError>> {
        loop {
            if !(self.core.hook)("send") {
                self.halt();
                return None;
            }
            let here = self.core.place.here;
            let passage = self
                .links
                .pass(here, service, &state.id, state.journey.step);
            let peer = self.peer(service)?;
            let (core, away, go) = (Arc::clone(&peer.core), state.clone(), resume.clone());
            let answered = match passage {
                Passage::Lost => None,
                Passage::Whole | Passage::Unanswered => {
                    let work = move |rows: Rows<'_>| visit(&core, rows, away, go);
                    let went = peer.store.write(work).await;
                    peer.wake.notify_one();
                    (passage == Passage::Whole).then_some(went)
                }
            };
            if !(self.core.hook)("received") {
                self.halt();
                return None;
            }
            if let Some(went) = answered {
                return Some(went);
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = self.stopped() => return None,
            }
        }
    }
}
