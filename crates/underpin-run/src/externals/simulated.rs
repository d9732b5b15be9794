//! A system that nobody gave a URL for, played from its declaration. Without a seed it never
//! refuses and is never down; with one, refusals, outages and delays are a function of seed,
//! operation, key and attempt, never of the order of calls. What it has done it remembers durably.
//! Must not know flows.

use super::draw::{Draw, millionths};
use super::record::{self, Effect, Record};
use super::shape;
use super::values::Making;
use super::{ExternalCall, ExternalOutcome, Externals, Faults};
use crate::backend::Pending;
use crate::folder::Folder;
use crate::store::codec;
use crate::world::World;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use underpin_brief::model::{
    Brief, External, ExternalOperation, Fails, Field, Id, Latency, Named, Type, Value,
};

/// How simulated systems behave.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// Refusals and outages are drawn from it; `None`: there are none.
    pub seed: Option<u64>,
    /// Fixed delays by name: `external` or `external.operation`.
    pub slow: BTreeMap<String, Duration>,
    /// No delay but those in `slow`, for tests.
    pub instant: bool,
}

/// All externals of a brief, simulated. Cheap to clone.
#[derive(Clone)]
pub struct Simulated {
    inner: Arc<Inner>,
}

struct Inner {
    brief: Arc<Brief>,
    world: World,
    behaviour: Behaviour,
    record: Record,
    hurried: AtomicBool,
    faults: Faults,
}

/// The share of refusals with a code whose share is not declared.
const UNDECLARED: u64 = 10_000;
const FILE: &str = "externals.sqlite";

impl Simulated {
    /// The externals of `brief`; what they have done they remember in the data folder, from the
    /// first effect on.
    #[must_use]
    pub fn new(brief: Arc<Brief>, world: World, data: &Folder, behaviour: Behaviour) -> Self {
        let record = Record::at(data.path(FILE));
        Self {
            inner: Arc::new(Inner {
                brief,
                world,
                behaviour,
                record,
                hurried: AtomicBool::new(false),
                faults: Faults::default(),
            }),
        }
    }
}

impl Externals for Simulated {
    fn call(&self, call: ExternalCall) -> Pending<'_, ExternalOutcome> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            let clock = Arc::clone(&inner.world.clock);
            let end = clock.now().plus(call.timeout);
            // A task of its own: the other side goes on when nobody waits for it any more.
            let mut work = tokio::spawn(async move { inner.work(&call).await });
            let late = || ExternalOutcome::Unknown("no answer in time".to_owned());
            let lost = || ExternalOutcome::Unknown("the answer was lost".to_owned());
            tokio::select! {
                biased;
                done = &mut work => done.unwrap_or_else(|_| lost()),
                () = clock.until(end) => late(),
            }
        })
    }

    fn hurry(&self, on: bool) {
        self.inner.hurried.store(on, Ordering::Relaxed);
    }

    fn faults(&self, _of: Id<External>) -> Option<&Faults> {
        Some(&self.inner.faults)
    }
}

impl Inner {
    async fn work(self: &Arc<Self>, call: &ExternalCall) -> ExternalOutcome {
        let external = self.brief.externals.get(call.external);
        let operation = external.operations.get(call.operation);
        let seed = self.behaviour.seed.unwrap_or(0);
        let draw = Draw::of(
            seed,
            &[
                external.name(),
                operation.name(),
                &identity(operation, call),
            ],
        );
        let attempt = draw.under(&call.attempt.to_string());
        let now = self.world.now();
        let hit = self
            .faults
            .hit(external.name(), operation.name(), &attempt, now);
        let whole = hit
            .slow
            .unwrap_or_else(|| self.delay(external, operation, &attempt));
        let half = whole / 2;
        self.pause(half).await;
        let outage = match self.outage(external, operation, &attempt) {
            _ if hit.before => Some(Outage::Before),
            None if hit.after => Some(Outage::After),
            drawn => drawn,
        };
        if outage == Some(Outage::Before) {
            return ExternalOutcome::Failed("simulated outage".to_owned());
        }
        // A repetition of one call is refused as the call was; other calls are drawn anew.
        let refusing = if operation.idempotent.is_some() {
            &draw
        } else {
            &attempt
        };
        let outcome = match self.refusal(operation, refusing) {
            Some(code) => ExternalOutcome::Refused(code),
            None => self.effect(call, draw).await,
        };
        self.pause(half).await;
        match outage {
            Some(_) => ExternalOutcome::Unknown("simulated outage: the answer was lost".to_owned()),
            None => outcome,
        }
    }

    async fn pause(&self, length: Duration) {
        if !length.is_zero() {
            self.world.clock.until(self.world.now().plus(length)).await;
        }
    }

    fn delay(&self, external: &External, operation: &ExternalOperation, draw: &Draw) -> Duration {
        if self.hurried.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let narrow = format!("{}.{}", external.name(), operation.name());
        let slow = &self.behaviour.slow;
        let fixed = slow
            .get(&narrow)
            .or_else(|| slow.get(external.name()))
            .copied();
        let none = Latency {
            p50: None,
            p99: None,
        };
        let declared = operation.latency.or(external.latency).unwrap_or(none);
        fixed.unwrap_or_else(|| match self.behaviour.instant {
            true => Duration::ZERO,
            false => draw.latency(declared),
        })
    }

    fn outage(
        &self,
        external: &External,
        operation: &ExternalOperation,
        draw: &Draw,
    ) -> Option<Outage> {
        self.behaviour.seed?;
        let up = millionths(operation.availability.or(external.availability)?);
        let down = draw.millionth("availability") >= up;
        let before = draw.below("outage", 2) == 0;
        down.then_some(if before {
            Outage::Before
        } else {
            Outage::After
        })
    }

    fn refusal(&self, operation: &ExternalOperation, draw: &Draw) -> Option<String> {
        self.behaviour.seed?;
        let mut drawn = draw.millionth("refusal");
        let hit = |fails: &&Fails| {
            let share = fails.share.map_or(UNDECLARED, millionths);
            let hit = drawn < share;
            drawn = drawn.saturating_sub(share);
            hit
        };
        operation
            .fails
            .iter()
            .find(hit)
            .map(|fails| fails.code.text.to_string())
    }

    async fn effect(self: &Arc<Self>, call: &ExternalCall, draw: Draw) -> ExternalOutcome {
        let (inner, call) = (Arc::clone(self), call.clone());
        let answer = move |file: &Connection| inner.answer(file, &call, &draw);
        match self.record.with(answer).await {
            Ok(output) => ExternalOutcome::Answered(output),
            Err(error) => ExternalOutcome::Unknown(format!("the simulated system broke: {error}")),
        }
    }

    fn answer(
        &self,
        file: &Connection,
        call: &ExternalCall,
        draw: &Draw,
    ) -> rusqlite::Result<Value> {
        let external = self.brief.externals.get(call.external);
        let operation = external.operations.get(call.operation);
        if operation.read {
            let about = self.about(file, external, operation, call)?;
            return Ok(match about {
                Some(found) => self.found(operation, &found, draw),
                None if shape::asked_by(external, call.operation).next().is_some() => {
                    self.not_found(operation, draw)
                }
                None => self.made(operation, &call.input, draw),
            });
        }
        let of = (external.name(), operation.name());
        let make = |generation: u32| {
            self.made(operation, &call.input, &draw.under(&generation.to_string()))
        };
        let effect = record::have(file, of, &identity(operation, call), &call.input, make)?;
        self.take_back(file, external, call)?;
        Ok(effect.output)
    }

    /// The standing effect that a status is asked about, with the operation that had it.
    fn about<'b>(
        &self,
        file: &Connection,
        external: &'b External,
        status: &ExternalOperation,
        call: &ExternalCall,
    ) -> rusqlite::Result<Option<Known<'b>>> {
        let Value::Struct(asked) = &call.input else {
            return Ok(None);
        };
        let Some(identity) = asked.iter().find(|value| !value.is_null()) else {
            return Ok(None);
        };
        for operation in shape::asked_by(external, call.operation) {
            let of = (external.name(), operation.name());
            for (_, Effect { input, output, .. }) in record::mentioning(file, of, identity)? {
                if shape::question(operation, status, &input) == call.input {
                    return Ok(Some(Known {
                        operation,
                        input,
                        output,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// An undo takes back the effect whose fields it names.
    fn take_back(
        &self,
        file: &Connection,
        external: &External,
        call: &ExternalCall,
    ) -> rusqlite::Result<()> {
        let undo = external.operations.get(call.operation);
        for operation in shape::undone_by(external, call.operation) {
            let of = (external.name(), operation.name());
            let known = |field: &Field| {
                let by_name = |all: &[Field]| all.iter().any(|other| other.name() == field.name());
                by_name(&operation.output) || by_name(&operation.input)
            };
            let shared: Vec<(&Field, &Value)> = undo
                .input
                .iter()
                .enumerate()
                .map(|(at, field)| (field, call.input.slot(at)))
                .filter(|(field, _)| known(field))
                .collect();
            let Some((_, first)) = shared.first() else {
                continue;
            };
            for (key, effect) in record::mentioning(file, of, first)? {
                let same = |(field, value): &(&Field, &Value)| {
                    let output = shape::named(&operation.output, &effect.output, field.name());
                    let input = || shape::named(&operation.input, &effect.input, field.name());
                    output.or_else(input) == Some(value)
                };
                if shared.iter().all(same) {
                    record::take_back(file, of, &key)?;
                }
            }
        }
        Ok(())
    }

    fn made(&self, operation: &ExternalOperation, input: &Value, draw: &Draw) -> Value {
        let making = Making {
            brief: &self.brief,
            now: self.world.now(),
        };
        let slot = |field: &Field| {
            let same = operation
                .input
                .iter()
                .position(|of| of.name() == field.name() && of.ty == field.ty);
            same.map_or_else(|| making.field(field, draw), |at| input.slot(at).clone())
        };
        Value::record(operation.output.iter().map(slot).collect())
    }

    fn found(&self, status: &ExternalOperation, known: &Known<'_>, draw: &Draw) -> Value {
        let making = Making {
            brief: &self.brief,
            now: self.world.now(),
        };
        let slot = |field: &Field| {
            let output = shape::named(&known.operation.output, &known.output, field.name());
            let input = || shape::named(&known.operation.input, &known.input, field.name());
            output
                .or_else(input)
                .cloned()
                .unwrap_or_else(|| making.field(field, draw))
        };
        Value::record(status.output.iter().map(slot).collect())
    }

    fn not_found(&self, status: &ExternalOperation, draw: &Draw) -> Value {
        let making = Making {
            brief: &self.brief,
            now: self.world.now(),
        };
        let slot = |field: &Field| match field.ty {
            Type::Optional(_) => Value::Null,
            Type::Bool => Value::Bool(false),
            Type::List(_) => Value::list(Vec::new()),
            _ => making.field(field, draw),
        };
        Value::record(status.output.iter().map(slot).collect())
    }
}

/// An effect with its operation.
struct Known<'b> {
    operation: &'b ExternalOperation,
    input: Value,
    output: Value,
}

/// When an outage hits a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outage {
    /// Before it had an effect.
    Before,
    /// After.
    After,
}

/// What makes a repetition: the declared field; else the key for reads, and for writes key and
/// attempt, since such a system has the effect again.
fn identity(operation: &ExternalOperation, call: &ExternalCall) -> String {
    match operation.idempotent {
        Some(slot) => codec::key_text(call.input.slot(slot)),
        None if operation.read => call.key.clone(),
        None => format!("{}#{}", call.key, call.attempt),
    }
}
