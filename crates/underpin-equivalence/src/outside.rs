//! The systems that others run, for both sides: what they answer follows from what they were asked
//! and from what happened there before. Faults are scripted for the first call of a step.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use underpin_brief::model::*;
use underpin_reference::{Call, Effect, Outcome, Outside};
use underpin_run::backend::Pending;
use underpin_run::externals::{ExternalCall, ExternalOutcome, Externals};

/// What happens to the first call of a step that changes something there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    #[default]
    Answered,
    /// It is refused with one of its codes.
    Refused(usize),
    /// So many attempts fail before one is answered.
    Fails(u32),
    /// It happens, the answer is lost.
    Loses,
    /// It does not happen, and nobody knows.
    Swallows,
}

/// The answer of an operation, as both sides get it.
fn answer(
    brief: &Brief,
    (external, operation): (Id<External>, Id<ExternalOperation>),
    input: &Value,
    before: &[Effect],
) -> Value {
    let operations = &brief.externals.get(external).operations;
    let asked = operations.get(operation);
    if asked.read {
        let found = before.iter().rev().find(|effect| {
            let of = operations.get(effect.operation);
            effect.external == external && fits(of, effect, asked, input)
        });
        let slot = |field: &Field| {
            let effect = found.map(|effect| (operations.get(effect.operation), effect));
            let named = effect.and_then(|(of, effect)| {
                named(&of.output, &effect.output, field.name())
                    .or_else(|| named(&of.input, &effect.input, field.name()))
            });
            match (named, found) {
                (Some(value), _) => value.clone(),
                (None, None) => absent(field),
                (None, Some(_)) => made(brief, &field.ty, &asked.name.text, 1),
            }
        };
        return Value::record(asked.output.iter().map(slot).collect());
    }
    let same = |effect: &&Effect| (effect.external, effect.operation) == (external, operation);
    let number = before.iter().filter(same).count() + 1;
    let slot = |field: &Field| {
        let echoed = asked
            .input
            .iter()
            .position(|of| of.name() == field.name() && of.ty == field.ty);
        echoed.map_or_else(
            || made(brief, &field.ty, &asked.name.text, number),
            |at| input.slot(at).clone(),
        )
    };
    Value::record(asked.output.iter().map(slot).collect())
}

fn named<'v>(fields: &[Field], value: &'v Value, name: &str) -> Option<&'v Value> {
    fields
        .iter()
        .position(|field| field.name() == name)
        .map(|at| value.slot(at))
}

/// Whether an effect is what a question is about: fields of the same name agree, a lone field takes
/// what identifies a repetition.
fn fits(of: &ExternalOperation, effect: &Effect, asked: &ExternalOperation, input: &Value) -> bool {
    let mut shared = 0;
    let agrees = asked.input.iter().enumerate().all(|(at, field)| {
        let lone = of
            .idempotent
            .filter(|_| asked.input.len() == 1)
            .map(|slot| effect.input.slot(slot));
        match named(&of.input, &effect.input, field.name()).or(lone) {
            Some(value) => {
                shared += 1;
                value == input.slot(at)
            }
            None => true,
        }
    });
    agrees && shared > 0
}

fn absent(field: &Field) -> Value {
    match &field.ty {
        Type::Bool => Value::Bool(false),
        Type::List(_) => Value::list(Vec::new()),
        Type::Int => Value::Int(0),
        _ => Value::Null,
    }
}

/// A value of a type that follows from a number.
fn made(brief: &Brief, ty: &Type, name: &str, number: usize) -> Value {
    let small = i64::try_from(number).unwrap_or(0);
    match ty.required() {
        Type::Int => Value::Int(small),
        Type::Decimal => Value::Decimal(Decimal::from_int(small).unwrap_or_default()),
        Type::Money => brief
            .system
            .currencies
            .first()
            .map_or(Value::Null, |currency| Value::Money(small * 100, *currency)),
        Type::Bool => Value::Bool(true),
        Type::Date => Value::Date(20_000),
        Type::Time => Value::Time(1_790_000_000_000_000),
        Type::Duration => Value::Duration(Duration::from_micros(60_000_000)),
        Type::Json => Value::Json("{}".into()),
        Type::Enum(id) => brief
            .enums
            .get(*id)
            .values
            .first()
            .map_or(Value::Null, |value| Value::text(&value.text)),
        Type::Record(id) => {
            let fields = brief.records.get(*id).fields.iter();
            Value::record(
                fields
                    .map(|field| made(brief, &field.ty, name, number))
                    .collect(),
            )
        }
        Type::List(_) => Value::list(Vec::new()),
        Type::Email => Value::text("someone@example.com"),
        Type::Url => Value::text("https://example.com/"),
        _ => Value::text(&format!("{name}-{number}")),
    }
}

/// The externals as the reference sees them.
#[derive(Debug)]
pub struct Known {
    /// The brief.
    pub brief: Arc<Brief>,
    /// The fate of the next call that changes something.
    pub fate: Mutex<Fate>,
}

impl Outside for Known {
    fn calendar(&self, expression: &str, zone: &str, now: i64) -> Option<i64> {
        crate::calendar::next(expression, zone, now)
    }

    fn call(&self, call: &Call<'_>) -> Outcome {
        let operation = self
            .brief
            .externals
            .get(call.external)
            .operations
            .get(call.operation);
        let fate = match operation.read {
            true => Fate::Answered,
            false => std::mem::take(&mut *self.fate.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        let output = || {
            answer(
                &self.brief,
                (call.external, call.operation),
                call.input,
                call.before,
            )
        };
        let sure = operation.idempotent.is_some() || operation.status.is_some();
        match fate {
            Fate::Refused(code) => match operation.fails.get(code) {
                Some(fails) => Outcome::Refused(Text::clone(&fails.code.text)),
                None => Outcome::Answered(output()),
            },
            Fate::Loses if !sure => Outcome::Lost(Some(output())),
            Fate::Swallows if !sure => Outcome::Lost(None),
            _ => Outcome::Answered(output()),
        }
    }
}

/// The externals as the engine sees them.
pub struct Door {
    brief: Arc<Brief>,
    /// What happened, in order.
    pub effects: Mutex<Vec<Effect>>,
    script: Mutex<Script>,
    /// Closed as long as somebody holds it.
    gate: Arc<tokio::sync::Mutex<()>>,
    /// Whether an attempt has just failed, so that a short wait is one for a repetition.
    pub retrying: Arc<AtomicBool>,
}

#[derive(Default)]
struct Script {
    fate: Fate,
    /// The call that has the fate, and its attempts.
    hit: Option<(String, u32)>,
    /// Outputs by identity of a call.
    known: BTreeMap<String, Value>,
}

impl Door {
    /// Externals where nothing has happened.
    #[must_use]
    pub fn new(brief: &Arc<Brief>) -> Self {
        Self {
            brief: Arc::clone(brief),
            effects: Mutex::default(),
            script: Mutex::default(),
            gate: Arc::default(),
            retrying: Arc::default(),
        }
    }

    /// Keeps calls waiting as long as what is returned lives.
    pub async fn close(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.gate).lock_owned().await
    }

    /// The fate of the next call that changes something.
    pub fn prepare(&self, fate: Fate) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.fate = fate;
        script.hit = None;
    }

    fn answer(&self, call: &ExternalCall) -> ExternalOutcome {
        let operation = self
            .brief
            .externals
            .get(call.external)
            .operations
            .get(call.operation);
        let mut effects = self.effects.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (call.external, call.operation);
        if operation.read {
            return ExternalOutcome::Answered(answer(&self.brief, of, &call.input, &effects));
        }
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let identity = match operation.idempotent {
            Some(slot) => format!(
                "{} {} {:?}",
                call.external.index(),
                operation.name,
                call.input.slot(slot)
            ),
            None => format!("{} {} {}", call.external.index(), operation.name, call.key),
        };
        if let Some(output) = script
            .known
            .get(&identity)
            .filter(|_| operation.idempotent.is_some())
        {
            return ExternalOutcome::Answered(output.clone());
        }
        let attempt = match &mut script.hit {
            None => {
                script.hit = Some((identity.clone(), 1));
                1
            }
            Some((hit, attempts)) if *hit == identity => {
                *attempts += 1;
                *attempts
            }
            Some(_) => 0,
        };
        let fate = if attempt == 0 {
            Fate::Answered
        } else {
            script.fate
        };
        match fate {
            Fate::Refused(code) if operation.fails.len() > code => {
                let code = operation
                    .fails
                    .get(code)
                    .map(|fails| fails.code.text.to_string());
                return ExternalOutcome::Refused(code.unwrap_or_default());
            }
            Fate::Fails(times) if attempt <= times => {
                return ExternalOutcome::Failed("down".to_owned());
            }
            Fate::Swallows if attempt == 1 => return ExternalOutcome::Unknown("lost".to_owned()),
            _ => {}
        }
        let output = answer(&self.brief, of, &call.input, &effects);
        effects.push(Effect {
            external: call.external,
            operation: call.operation,
            input: call.input.clone(),
            output: output.clone(),
        });
        script.known.insert(identity, output.clone());
        if fate == Fate::Loses && attempt == 1 {
            return ExternalOutcome::Unknown("lost".to_owned());
        }
        ExternalOutcome::Answered(output)
    }
}

/// The door as the engine holds it.
pub struct Handle(pub Arc<Door>);

impl Externals for Handle {
    fn call(&self, call: ExternalCall) -> Pending<'_, ExternalOutcome> {
        Box::pin(async move {
            let _open = self.0.gate.lock().await;
            let outcome = self.0.answer(&call);
            let bad = matches!(
                outcome,
                ExternalOutcome::Failed(_) | ExternalOutcome::Unknown(_)
            );
            self.0.retrying.store(bad, Ordering::SeqCst);
            outcome
        })
    }
}
