//! The state of a system as a value, and what goes in and out of it.

use crate::caller::{Caller, Scope};
use std::collections::BTreeMap;
use underpin_brief::flow::FlowId;
use underpin_brief::model::*;

/// Which row: its aggregate, its tenant where rows are kept per tenant, its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Of which aggregate.
    pub of: Id<Aggregate>,
    /// In which tenant.
    pub tenant: Option<Text>,
    /// Its key: a value, or a list where the key has several fields.
    pub key: Value,
}

/// Everything that there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The clock, µs since 1970.
    pub now: i64,
    /// Rows at rest.
    pub rows: BTreeMap<Place, Value>,
    /// Flows, also those that are over, by number.
    pub flows: BTreeMap<u64, Flow>,
    /// Rows that flows keep from others, with the number of the flow.
    pub holds: BTreeMap<Place, u64>,
    /// Events that policies have not dealt with, in the order of their publication.
    pub work: Vec<Work>,
    /// When policies of the calendar act next.
    pub clocks: BTreeMap<(Id<Policy>, Option<Text>), i64>,
    /// Stored answers, by scope and key.
    pub answers: BTreeMap<(String, Value), Kept>,
    /// What happened at externals, in order.
    pub effects: Vec<Effect>,
    /// Messages of externals that were taken in, by message and sender's id.
    pub messages: Vec<(Id<External>, Id<Sends>, Text)>,
    /// How many ids, events and secrets were drawn.
    pub drawn: u64,
}

/// A request for a command, as it comes from a client: valid against the fields of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which.
    pub command: Id<Command>,
    /// Who asks; `None` without a token.
    pub caller: Option<Caller>,
    /// Laid out by the command's `input_shape`.
    pub input: Value,
    /// The client's idempotency key.
    pub key: Option<Text>,
    /// The versions that the client accepts of the row that it names.
    pub expected: Option<Vec<i64>>,
    /// The row that the address of the command names: its aggregate and the input slot of its key.
    pub names: Option<(Id<Aggregate>, usize)>,
}

/// How a request ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Done {
        /// One value per `return` field.
        returned: Vec<Value>,
        /// The row that was named, else created, else changed first.
        row: Option<Place>,
    },
    /// Not done, with the code.
    Refused(Text),
}

/// What is kept for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The input that came with it.
    pub input: Value,
    /// A final answer with the time until which it is kept; `None` while in progress, and after a
    /// technical refusal.
    pub answer: Option<(Answer, i64)>,
    /// The flow, while it is in progress.
    pub flow: Option<u64>,
    /// Ids drawn at admission.
    pub ids: BTreeMap<NodePath, Text>,
}

/// Why a flow was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// By a client.
    Client(Request),
    /// By another flow.
    Child(u64),
    /// By an event: the number of the work.
    Work(u64),
    /// By the calendar.
    Clock,
}

/// How far a flow is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not admitted yet.
    Asked,
    /// Between two segments.
    Running,
    /// At a call of an external: operation and input, and whether it takes another call back.
    Calling(Calling),
    /// At a call of a command: the flow of that number goes on.
    Waiting(u64),
    /// Being taken back.
    Undoing,
    /// Over.
    Over(Answer),
    /// A person must look, for this reason.
    Parked(Text),
    /// The answer of a call was lost.
    InDoubt,
}

/// A call that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calling {
    /// The statement.
    pub at: Vec<usize>,
    /// Whom.
    pub external: Id<External>,
    /// What.
    pub operation: Id<ExternalOperation>,
    /// Laid out by the operation's `input_shape`.
    pub input: Value,
    /// Whether it takes another call back.
    pub undo: bool,
}

/// What is to be done next in a flow; the last of the list first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Todo {
    /// The statement at this position.
    Do(Vec<usize>),
    /// The next element of an `each`.
    Bind(Slot, Value),
    /// The end of a chunk.
    Chunk,
}

/// A completed statement that can be taken back, with the frame that it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The statement.
    pub at: Vec<usize>,
    /// What it wrote.
    pub row: Option<Place>,
    /// Input and output of a call.
    pub call: Option<(Value, Value)>,
    /// The slots as they were.
    pub frame: Vec<Value>,
}

/// What a slot is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// One row.
    Row(Place),
    /// Rows by key.
    Map(Vec<Place>),
    /// Rows in order.
    List(Vec<Place>),
}

/// An event before it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// What.
    pub source: EventSource,
    /// Its ordering key.
    pub key: Value,
    /// The key of the row that it is about.
    pub row: Value,
    /// The value of `event`.
    pub event: Value,
}

/// A flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// What it executes.
    pub id: FlowId,
    /// Its number.
    pub number: u64,
    /// Why it was started.
    pub origin: Cause,
    /// When it was admitted: `now` of its expressions.
    pub now: i64,
    /// How far it is.
    pub stage: Stage,
    pub(crate) scope: Scope,
    pub(crate) frame: Vec<Value>,
    pub(crate) todo: Vec<Todo>,
    pub(crate) done: Vec<Done>,
    pub(crate) bound: BTreeMap<Slot, Bound>,
    pub(crate) events: Vec<Happened>,
    pub(crate) ids: BTreeMap<NodePath, Text>,
    /// Whether the pivot is behind.
    pub(crate) passed: bool,
    /// Whether a segment of it is committed, or a call was made.
    pub(crate) committed: bool,
    /// The statement that calls a command, while its flow goes on.
    pub(crate) calling_at: Vec<usize>,
    pub(crate) returned: Vec<Value>,
    pub(crate) row: Option<Place>,
    pub(crate) created: bool,
    pub(crate) expected: Option<Vec<i64>>,
    pub(crate) refusal: Option<Text>,
    pub(crate) kept: Option<(String, Value)>,
}

/// An event that a policy has not dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Its number: later events have greater ones.
    pub number: u64,
    /// The policy.
    pub policy: Id<Policy>,
    /// Events of one policy, key and tenant are dealt with in order.
    pub key: Value,
    /// The row that it is about.
    pub row: Value,
    /// Whose event.
    pub tenant: Option<Text>,
    /// Not before.
    pub due: i64,
    /// The value of `event`.
    pub event: Value,
    /// The refusal whose `else` comes next.
    pub otherwise: Option<Text>,
    /// How often it was tried again.
    pub attempts: usize,
    /// The flow that deals with it.
    pub flow: Option<u64>,
    /// A person must look, for this reason.
    pub parked: Option<Text>,
}

/// Something that happened at an external.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Whose.
    pub external: Id<External>,
    /// What.
    pub operation: Id<ExternalOperation>,
    /// Laid out by the operation's `input_shape`.
    pub input: Value,
    /// Laid out by its `output_shape`.
    pub output: Value,
}

/// One call, as an external sees it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Whom.
    pub external: Id<External>,
    /// What.
    pub operation: Id<ExternalOperation>,
    /// Laid out by the operation's `input_shape`.
    pub input: &'a Value,
    /// What happened there before, by any caller.
    pub before: &'a [Effect],
}

/// What became of a call, after all repetitions that the language asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened; laid out by the operation's `output_shape`.
    Answered(Value),
    /// One of the codes under `fails`.
    Refused(Text),
    /// It did not happen, and cannot be reached before the deadline.
    Unreachable,
    /// Nobody knows; it happened with this output, or not.
    Lost(Option<Value>),
}

/// What the language leaves to the surroundings, as functions of what is asked.
pub trait Outside {
    /// What becomes of a call.
    fn call(&self, call: &Call<'_>) -> Outcome;

    /// Whether a flag is on for a caller (`tenant`, `actor`, `subject`).
    fn flag(&self, flag: &Flag, scope: &Scope) -> bool {
        let _ = (flag, scope);
        false
    }

    /// The next moment of a calendar expression in a zone.
    fn calendar(&self, expression: &str, zone: &str, now: i64) -> Option<i64> {
        let _ = (expression, zone, now);
        None
    }
}

impl Flow {
    pub(crate) fn slot(&self, slot: Slot) -> &Value {
        self.frame.get(slot.0 as usize).unwrap_or(&Value::Null)
    }

    pub(crate) fn set(&mut self, slot: Slot, value: Value) {
        let at = slot.0 as usize;
        if self.frame.len() <= at {
            self.frame.resize(at + 1, Value::Null);
        }
        if let Some(place) = self.frame.get_mut(at) {
            *place = value;
        }
    }
}

impl State {
    /// A state without rows at that time.
    #[must_use]
    pub fn new(now: i64) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// The next number: ids are texts that sort in the order of their birth.
    pub(crate) fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }
}
