//! Evaluation: a typed expression compiled once to closures over slots, run many times.
//!
//! Absence (`Value::Null`) follows one rule: an operation on an absent operand is absent, `&&`,
//! `||` and `!` are three-valued as in SQL, `has` and `orValue` always give a value. Nothing here
//! reads a clock or draws randomness; rows and secrets come from [`Rows`].

use std::sync::Arc;

use crate::model::{Actor, Aggregate, Brief, Define, Expr, Id, Slot, Table, Value};

/// Why an evaluation gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A number does not fit.
    Overflow,
    /// Division by zero.
    DivisionByZero,
    /// Amounts of two currencies meet.
    CurrencyMismatch,
    /// An index or key that is not there.
    NotFound,
    /// A value that had to be present is absent.
    Absent,
    /// A text that is no value of the wanted type (zone, schema, number).
    Invalid(Arc<str>),
    /// The surroundings could not answer (a row could not be read …): not a refusal.
    Unavailable(Arc<str>),
}

impl Fault {
    /// The refusal code that a client sees; `None` for a technical failure.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Overflow => Some("overflow"),
            Self::DivisionByZero => Some("division-by-zero"),
            Self::CurrencyMismatch => Some("currency-mismatch"),
            Self::NotFound => Some("not-found"),
            Self::Absent => Some("absent"),
            Self::Invalid(_) => Some("invalid-value"),
            Self::Unavailable(_) => None,
        }
    }
}

/// The values of the slots of one flow.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// One per slot.
    pub slots: Vec<Value>,
}

impl Frame {
    /// A frame of `size` absent values.
    #[must_use]
    pub fn new(size: u32) -> Self {
        Self {
            slots: vec![Value::Null; size as usize],
        }
    }

    /// The value at `slot`; absent where the frame is too short.
    #[must_use]
    pub fn get(&self, slot: Slot) -> &Value {
        self.slots.get(slot.0 as usize).unwrap_or(&Value::Null)
    }

    /// Puts a value at `slot`, growing the frame where it is too short.
    pub fn set(&mut self, slot: Slot, value: Value) {
        let at = slot.0 as usize;
        if at >= self.slots.len() {
            self.slots.resize(at + 1, Value::Null);
        }
        if let Some(place) = self.slots.get_mut(at) {
            *place = value;
        }
    }
}

/// What an evaluation may ask of its surroundings.
pub trait Rows {
    /// The row of that key: a struct laid out by the aggregate's row shape. `Ok(None)` where there is
    /// none.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] where it cannot be asked.
    fn row(&self, aggregate: Id<Aggregate>, key: &Value) -> Result<Option<Value>, Fault>;

    /// The display name of an actor's identity, as last seen in a token.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] where it cannot be asked.
    fn actor_name(&self, actor: Id<Actor>, id: &str) -> Result<Option<Value>, Fault> {
        let _ = (actor, id);
        Ok(None)
    }

    /// A secret text of `bytes` random bytes, drawn once per flow and journalled.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] where none can be drawn.
    fn secret(&self, bytes: u32) -> Result<Value, Fault> {
        let _ = bytes;
        Err(Fault::Unavailable("no secrets are drawn here".into()))
    }
}

/// Surroundings without rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRows;

impl Rows for NoRows {
    fn row(&self, _: Id<Aggregate>, _: &Value) -> Result<Option<Value>, Fault> {
        Ok(None)
    }
}

/// Where compiled expressions find defines.
pub trait Defines {
    /// The defines of every aggregate, in the order of their ids.
    fn tables(&self) -> Vec<&Table<Define>>;
}

impl Defines for Brief {
    fn tables(&self) -> Vec<&Table<Define>> {
        self.aggregates
            .rows()
            .iter()
            .map(|aggregate| &aggregate.defines)
            .collect()
    }
}

/// The compiled defines of a brief, shared by all its expressions.
#[derive(Debug, Default)]
pub struct Library {}

impl Library {
    /// Compiles every define.
    #[must_use]
    pub fn new(defines: &dyn Defines) -> Arc<Self> {
        let _ = defines;
        Arc::new(Self {})
    }

    /// Compiles one expression.
    #[must_use]
    pub fn compile(self: &Arc<Self>, expr: &Expr) -> Compiled {
        let _ = expr;
        Compiled {
            library: Arc::clone(self),
        }
    }
}

/// An expression ready to run, any number of times, on any thread.
#[derive(Clone, Debug)]
pub struct Compiled {
    library: Arc<Library>,
}

impl Compiled {
    /// The value over `frame`; the slots of comprehension variables are overwritten.
    ///
    /// # Errors
    /// What keeps it from having a value.
    pub fn eval(&self, frame: &mut Frame, rows: &dyn Rows) -> Result<Value, Fault> {
        let _ = (frame, rows, &self.library);
        Ok(Value::Null)
    }
}
