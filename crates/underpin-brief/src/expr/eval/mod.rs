//! Evaluation: a typed expression compiled once to closures over slots, run many times.
//!
//! Absence (`Value::Null`) follows one rule: an operation on an absent operand is absent, `&&`,
//! `||` and `!` are three-valued as in SQL, `has` and `orValue` always give a value. Nothing here
//! reads a clock or draws randomness; rows and secrets come from [`Rows`].

mod arithmetic;
mod compile;
mod functions;
pub mod json;
mod schema;

use std::fmt;
use std::sync::Arc;

use crate::model::{Actor, Aggregate, Brief, Define, Expr, Id, Root, Slot, Table, Type, Value};

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
#[derive(Default)]
pub struct Library {
    defines: Vec<Vec<CompiledDefine>>,
}

struct CompiledDefine {
    code: Code,
    frame: u32,
    depth: Option<u32>,
    truth: bool,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").finish_non_exhaustive()
    }
}

impl Library {
    /// Compiles every define.
    #[must_use]
    pub fn new(defines: &dyn Defines) -> Arc<Self> {
        let one = |define: &Define| CompiledDefine {
            code: compile::compile(&define.expr),
            frame: define.frame,
            depth: define.depth,
            truth: define.expr.ty == Type::Bool,
        };
        let table = |table: &Table<Define>| table.rows().iter().map(one).collect();
        Arc::new(Self {
            defines: defines.tables().into_iter().map(table).collect(),
        })
    }

    /// Compiles one expression.
    #[must_use]
    pub fn compile(self: &Arc<Self>, expr: &Expr) -> Compiled {
        Compiled {
            code: compile::compile(expr).into(),
            library: Arc::clone(self),
        }
    }
}

/// An expression ready to run, any number of times, on any thread.
#[derive(Clone)]
pub struct Compiled {
    code: Arc<Evaluate>,
    library: Arc<Library>,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").finish_non_exhaustive()
    }
}

impl Compiled {
    /// The value over `frame`; the slots of comprehension variables are overwritten.
    ///
    /// # Errors
    /// What keeps it from having a value.
    pub fn eval(&self, frame: &mut Frame, rows: &dyn Rows) -> Result<Value, Fault> {
        let mut run = Run {
            frame,
            rows,
            library: &self.library,
            active: Vec::new(),
            group: Vec::new(),
        };
        (self.code)(&mut run)
    }

    /// The value over a group of rows of a view: functions over the group see every frame,
    /// everything else the first one.
    ///
    /// # Errors
    /// What keeps it from having a value.
    pub fn eval_group(&self, group: Vec<Frame>, rows: &dyn Rows) -> Result<Value, Fault> {
        let mut first = group.first().cloned().unwrap_or_default();
        let library = &self.library;
        let mut run = Run {
            frame: &mut first,
            rows,
            library,
            active: Vec::new(),
            group,
        };
        (self.code)(&mut run)
    }
}

/// One evaluation.
struct Run<'r> {
    frame: &'r mut Frame,
    rows: &'r dyn Rows,
    library: &'r Library,
    /// Recursive defines that are being evaluated, outermost first.
    active: Vec<(usize, usize)>,
    group: Vec<Frame>,
}

type Evaluate = dyn Fn(&mut Run<'_>) -> Result<Value, Fault> + Send + Sync;
type Code = Box<Evaluate>;

impl Run<'_> {
    /// A define with `row` as its `self`.
    fn define(&mut self, aggregate: usize, define: usize, row: Value) -> Result<Value, Fault> {
        let library = self.library;
        let Some(found) = library
            .defines
            .get(aggregate)
            .and_then(|table| table.get(define))
        else {
            return Err(Fault::Unavailable("a define is missing".into()));
        };
        if row.is_null() {
            return Ok(Value::Null);
        }
        let this = (aggregate, define);
        if let Some(depth) = found.depth {
            let entered = self.active.iter().filter(|active| **active == this).count();
            if entered > depth as usize {
                return Ok(if found.truth {
                    Value::Bool(false)
                } else {
                    Value::Null
                });
            }
            self.active.push(this);
        }
        let mut frame = Frame::new(found.frame.max(Root::COUNT));
        frame.set(Root::SelfRow.slot(), row);
        frame.set(
            Root::Caller.slot(),
            self.frame.get(Root::Caller.slot()).clone(),
        );
        let mut inner = Run {
            frame: &mut frame,
            rows: self.rows,
            library,
            active: std::mem::take(&mut self.active),
            group: Vec::new(),
        };
        let result = (found.code)(&mut inner);
        self.active = std::mem::take(&mut inner.active);
        if found.depth.is_some() {
            self.active.pop();
        }
        result
    }
}
