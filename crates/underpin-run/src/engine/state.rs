//! Where a flow stands, as the journal keeps it: everything that a restart needs to go on. Names
//! stand for declarations, so that a brief with more of them still finds its own.

use super::scope::Scope;
use crate::backend::{Expected, Refusal};
use crate::store::codec;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use underpin_brief::expr::Frame;
use underpin_brief::model::{Slot, Value};

/// A value in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept(pub(super) Value);

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        codec::Written(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        codec::Read::deserialize(deserializer).map(|codec::Read(value)| Self(value))
    }
}

/// How far a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    Running,
    Compensating,
    Done,
    Refused,
    Parked,
    InDoubt,
}

impl Status {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Parked => "parked",
            Self::InDoubt => "in_doubt",
        }
    }

    pub(super) fn open(self) -> bool {
        matches!(self, Self::Running | Self::Compensating)
    }
}

/// A level of the walk through statements: the body of the flow, or of an `each`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Level {
    /// The next statement.
    pub(super) next: usize,
    /// The elements of an `each`, and which one it is at.
    pub(super) items: Vec<Kept>,
    pub(super) item: usize,
    /// Elements done since the last commit, for chunks.
    pub(super) chunk: u32,
}

/// A row of an aggregate, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RowName {
    pub(super) aggregate: String,
    pub(super) key: Kept,
    pub(super) tenant: Option<String>,
}

/// What a slot is bound to, so that it can be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum BoundAs {
    Row,
    Map,
    List,
}

/// A binding of rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Bound {
    pub(super) slot: u32,
    pub(super) form: BoundAs,
    pub(super) aggregate: String,
    pub(super) tenant: Option<String>,
    pub(super) keys: Vec<Kept>,
}

/// A completed statement that can be taken back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct UndoEntry {
    /// The statement: one index per level.
    pub(super) at: Vec<usize>,
    /// What it changed.
    pub(super) row: Option<RowName>,
    /// Input and output of a call.
    pub(super) call: Option<(Kept, Kept)>,
    /// The key of the call.
    pub(super) key: String,
    /// Slots that its undo sees.
    pub(super) slots: Vec<(u32, Kept)>,
}

/// A call that is to be made, or has been.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Calling {
    /// The statement.
    pub(super) at: Vec<usize>,
    pub(super) input: Kept,
    /// The same key means the same call.
    pub(super) key: String,
    /// Whether it takes a completed call back.
    pub(super) undo: bool,
}

/// Something that happened, before it is published.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Happened {
    /// The source as text, see `events::source_text`.
    pub(super) source: String,
    pub(super) key: String,
    pub(super) row_key: String,
    pub(super) id: String,
    /// The value of `event`.
    pub(super) event: Kept,
    /// The service in whose outbox it belongs.
    #[serde(default)]
    pub(super) service: usize,
}

/// Why a flow was started.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The place of its stored answer: scope, key, and the digest of its input.
    pub(super) replay: Option<(String, String, String)>,
    /// The work of a policy: its name and the number of the event.
    pub(super) work: Option<(String, i64)>,
    /// Whether another flow called it: its answer must be found again after a crash.
    #[serde(default)]
    pub(super) child: bool,
    /// The timer of a policy.
    pub(super) clock: Option<(String, String, i64)>,
}

/// The generation of flows from before there were others.
fn first() -> u32 {
    1
}

/// A flow in progress.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// The generation of the brief under which it began, and ends.
    #[serde(default = "first")]
    pub(super) generation: u32,
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) shape: u64,
    pub(super) now: i64,
    pub(super) deadline: Option<i64>,
    pub(super) scope: Scope,
    pub(super) origin: Origin,
    pub(super) expected: Option<KeptExpected>,
    pub(super) frame: Vec<Kept>,
    pub(super) levels: Vec<Level>,
    pub(super) bound: Vec<Bound>,
    pub(super) ids: BTreeMap<String, String>,
    pub(super) undo: Vec<UndoEntry>,
    pub(super) calling: Option<Calling>,
    pub(super) calls: u32,
    /// Whether a segment of its statements has ended, or a call was made.
    #[serde(default)]
    pub(super) committed: bool,
    pub(super) passed: bool,
    pub(super) events: Vec<Happened>,
    pub(super) row: Option<RowName>,
    /// Whether `row` was created by this flow.
    pub(super) created: bool,
    pub(super) returned: Vec<Kept>,
    pub(super) refusal: Option<KeptRefusal>,
    pub(super) status: Status,
    /// Whether a segment of it is committed.
    pub(super) journalled: bool,
    pub(super) progress: Option<(u64, u64)>,
    /// What a person must know of it, where one must look.
    #[serde(default)]
    pub(super) waits: Option<Waits>,
    /// Places of statements that a person did by hand: they are passed over.
    #[serde(default)]
    pub(super) by_hand: Vec<Vec<usize>>,
    /// What it does at several services.
    #[serde(default)]
    pub(super) journey: Journey,
    /// The version of `row` that this flow left.
    #[serde(default)]
    pub(super) version: Option<i64>,
    /// Who asked, until the first segment is committed.
    #[serde(skip)]
    pub(super) asked: Option<Option<crate::identity::Caller>>,
    /// Who asked, settled against the store.
    #[serde(skip)]
    pub(super) settled: Option<super::scope::Settled>,
}

/// Where and why a flow waits for a person, and how it goes on when it is let.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Waits {
    pub(super) why: String,
    /// Whether it was being taken back.
    pub(super) undoing: bool,
    /// What it was refused for before.
    pub(super) refusal: Option<KeptRefusal>,
    /// The statement that failed: a place as [`State::place`] tells it; empty where none did.
    pub(super) place: Vec<usize>,
    /// Which of the undos failed.
    pub(super) entry: Option<usize>,
}

impl Waits {
    /// With nothing known but why.
    pub(super) fn because(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            ..Self::default()
        }
    }
}

/// How a flow goes from service to service: which step it is at, where it is, what it still owes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journey {
    /// The service that journals it.
    pub(super) home: usize,
    /// The number of the last step that was sent elsewhere: the same number means the same step.
    pub(super) step: u64,
    /// The service to which that step goes, until it comes home.
    pub(super) away: Option<usize>,
    /// Rows that are to be held before anything else: aggregate, key, tenant, in this order.
    pub(super) holding: Vec<RowName>,
    /// The call for which they are held.
    pub(super) ready: Option<Vec<usize>>,
    /// Services that hold rows for it.
    pub(super) holders: Vec<usize>,
    /// Whether all statements, or all undos, are done: what is left is to let go.
    pub(super) closing: bool,
    /// Whether a person has ended it: its answer is final.
    #[serde(default)]
    pub(super) ended: bool,
}

/// What the client saw of the row that is changed first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum KeptExpected {
    Any,
    Versions(Vec<i64>),
}

impl From<Expected> for KeptExpected {
    fn from(expected: Expected) -> Self {
        match expected {
            Expected::Any => Self::Any,
            Expected::Versions(versions) => Self::Versions(versions),
        }
    }
}

/// A refusal in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptRefusal {
    pub(super) code: String,
    pub(super) detail: Option<String>,
}

impl From<&Refusal> for KeptRefusal {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code.clone(),
            detail: refusal.detail.clone(),
        }
    }
}

impl From<&KeptRefusal> for Refusal {
    fn from(kept: &KeptRefusal) -> Self {
        Self {
            code: kept.code.clone(),
            detail: kept.detail.clone(),
            retry_after: None,
        }
    }
}

impl State {
    /// The frame for evaluation; put back with [`State::set_frame`].
    pub(super) fn take_frame(&mut self) -> Frame {
        Frame {
            slots: std::mem::take(&mut self.frame)
                .into_iter()
                .map(|kept| kept.0)
                .collect(),
        }
    }

    pub(super) fn set_frame(&mut self, frame: Frame) {
        self.frame = frame.slots.into_iter().map(Kept).collect();
    }

    /// The position of the statement that runs: one index per level.
    pub(super) fn at(&self) -> Vec<usize> {
        self.levels
            .iter()
            .map(|level| level.next.saturating_sub(1))
            .collect()
    }

    /// The statement that runs with the elements that it runs for: two numbers per level.
    pub(super) fn place(&self) -> Vec<usize> {
        let level = |level: &Level| [level.next.saturating_sub(1), level.item];
        self.levels.iter().flat_map(level).collect()
    }

    /// A key for the next call: the same whenever the flow comes here again.
    pub(super) fn call_key(&mut self) -> String {
        self.calls = self.calls.saturating_add(1);
        format!("{}.{}", self.id, self.calls)
    }

    /// Remembers what a slot is bound to, instead of what it was bound to before.
    pub(super) fn bind(&mut self, bound: Bound) {
        self.bound.retain(|old| old.slot != bound.slot);
        self.bound.push(bound);
    }

    /// The row that a slot is bound to.
    pub(super) fn bound_row(&self, slot: Slot) -> Option<RowName> {
        let found = self.bound.iter().rev().find(|bound| bound.slot == slot.0)?;
        match (found.form, found.keys.as_slice()) {
            (BoundAs::Row, [key]) => Some(RowName {
                aggregate: found.aggregate.clone(),
                key: key.clone(),
                tenant: found.tenant.clone(),
            }),
            _ => None,
        }
    }
}

/// How a flow ended, as it is stored for its caller.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Done {
        flow: String,
        returned: Vec<Kept>,
        row: Option<(RowName, i64)>,
    },
    Refused {
        flow: String,
        refusal: KeptRefusal,
    },
}
