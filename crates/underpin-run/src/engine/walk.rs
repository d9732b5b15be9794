//! The walk through the statements of a flow within one transaction: from where it stands to its
//! end, to a call, to the end of a chunk, or to a refusal. It must not know transactions, time or
//! how calls are made.

use super::core::Core;
use super::program::{Act, Op, Program};
use super::scope::View;
use super::state::{Bound, BoundAs, Kept, Level, State, UndoEntry};
use crate::backend::{Refusal, refusal};
use crate::store::StoreError;
use underpin_brief::expr::{Compiled, Fault, Frame};
use underpin_brief::model::*;

/// Where a walk ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// All statements are done.
    Finished,
    /// A call stands in `state.calling`.
    Call,
    /// A chunk is full.
    Chunk,
    /// A statement refuses.
    Refused(Refusal),
    /// A row is held by another flow.
    Busy(String),
    /// What comes next belongs to another service.
    Elsewhere(usize),
    /// After the pivot something happened that the analysis excludes.
    Fault(String),
}

/// Why a statement does not go on.
#[derive(Clone, Debug)]
pub(super) enum Halt {
    Stop(Stop),
    Store(StoreError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A refusal with nothing but its code.
pub(super) fn refuse<T>(code: &str) -> Result<T, Halt> {
    Err(Halt::Stop(Stop::Refused(Refusal::new(code))))
}

/// The refusal that a fault of an evaluation is.
pub(super) fn fault_refusal(fault: &Fault) -> Result<Refusal, StoreError> {
    let arithmetic = |why: &str| Ok(Refusal::because(refusal::ARITHMETIC, why));
    match fault {
        Fault::NotFound => Ok(Refusal::new(refusal::NOT_FOUND)),
        Fault::Overflow => arithmetic("a number does not fit"),
        Fault::DivisionByZero => arithmetic("division by zero"),
        Fault::CurrencyMismatch => arithmetic("amounts of two currencies meet"),
        Fault::Absent => arithmetic("a value that must be present is absent"),
        Fault::Invalid(what) => arithmetic(what),
        Fault::Unavailable(why) => Err(StoreError::Database(why.to_string())),
    }
}

/// One flow within one transaction.
pub(super) struct Walk<'a> {
    pub(super) core: &'a Core,
    pub(super) program: &'a Program,
    pub(super) view: View<'a>,
    pub(super) state: &'a mut State,
    pub(super) frame: Frame,
    /// The unit of the finest cut that runs.
    unit: Option<usize>,
    /// The flow at the beginning of that unit, where others came before it in this transaction:
    /// they stay, whatever becomes of it.
    pub(super) mark: Option<Box<State>>,
    /// Whether the pivot was behind, and something done, before that unit began.
    settled: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        core: &'a Core,
        program: &'a Program,
        view: View<'a>,
        state: &'a mut State,
    ) -> Self {
        let frame = state.take_frame();
        let settled = state.passed && state.committed;
        Self {
            core,
            program,
            view,
            state,
            frame,
            unit: None,
            mark: None,
            settled,
        }
    }

    /// Puts the frame back into the state.
    pub(super) fn end(self) {
        self.state.set_frame(self.frame);
    }

    /// Evaluates; a fault is a refusal.
    pub(super) fn eval(&mut self, expr: &Compiled) -> Result<Value, Halt> {
        expr.eval(&mut self.frame, &self.view)
            .map_err(|fault| match fault_refusal(&fault) {
                Ok(refusal) => Halt::Stop(Stop::Refused(refusal)),
                Err(store) => Halt::Store(self.view.failed.take().unwrap_or(store)),
            })
    }

    /// Goes on until something stops it.
    pub(super) fn run(&mut self) -> Result<Stop, StoreError> {
        loop {
            let next = self.hold_pending().and_then(|()| self.next());
            let outcome = match next {
                Ok(None) => return Ok(Stop::Finished),
                Ok(Some(op)) => self.step(op),
                Err(halt) => Err(halt),
            };
            match outcome {
                Ok(()) => {}
                Err(Halt::Store(error)) => return Err(error),
                Err(Halt::Stop(Stop::Refused(refusal))) if self.settled && !self.in_chunk() => {
                    return Ok(Stop::Fault(format!("`{}` after the pivot", refusal.code)));
                }
                Err(Halt::Stop(stop)) => return Ok(stop),
            }
        }
    }

    /// The statements of the innermost level.
    fn body(&self) -> &'a [Op] {
        let mut body: &'a [Op] = &self.program.ops;
        let outer = self.state.levels.len().saturating_sub(1);
        for level in self.state.levels.iter().take(outer) {
            body = match body.get(level.next.saturating_sub(1)).map(|op| &op.act) {
                Some(Act::Each { body, .. }) => body,
                _ => &[],
            };
        }
        body
    }

    /// The `each` around the innermost level.
    fn around(&self) -> Option<(Slot, Option<u32>)> {
        let mut body: &[Op] = &self.program.ops;
        let mut found = None;
        let outer = self.state.levels.len().saturating_sub(1);
        for level in self.state.levels.iter().take(outer) {
            let Act::Each {
                variable,
                chunk,
                body: inner,
                ..
            } = &body.get(level.next.saturating_sub(1))?.act
            else {
                return None;
            };
            found = Some((*variable, *chunk));
            body = inner;
        }
        found
    }

    /// The next statement; none at the end of the flow.
    fn next(&mut self) -> Result<Option<&'a Op>, Halt> {
        loop {
            let body = self.body();
            let around = self.around();
            let depth = self.state.levels.len();
            let Some(level) = self.state.levels.last_mut() else {
                return Ok(None);
            };
            if let Some(op) = body.get(level.next) {
                level.next += 1;
                return Ok(Some(op));
            }
            if depth == 1 {
                return Ok(None);
            }
            level.item += 1;
            level.chunk += 1;
            let Some(item) = level.items.get(level.item).cloned() else {
                self.state.levels.pop();
                continue;
            };
            level.next = 0;
            let (full, chunk) = (level.chunk, around.and_then(|(_, chunk)| chunk));
            let progress = (level.item as u64, level.items.len() as u64);
            if chunk.is_some_and(|chunk| full >= chunk) {
                level.chunk = 0;
            }
            if let Some((variable, _)) = around {
                self.frame.set(variable, item.0);
            }
            if let Some(chunk) = chunk {
                self.state.progress = Some(progress);
                if full >= chunk {
                    return Err(Halt::Stop(Stop::Chunk));
                }
            }
        }
    }

    /// The service that a statement belongs to; none where it runs anywhere.
    fn owner(&self, op: &Op) -> Option<usize> {
        match &op.act {
            Act::Read { aggregate, .. }
            | Act::Create { aggregate, .. }
            | Act::Change { aggregate, .. }
            | Act::Delete { aggregate, .. } => Some(self.core.place.all.owner(*aggregate)),
            Act::Call { .. } => Some(self.state.journey.home),
            Act::Let(_)
            | Act::Emit { .. }
            | Act::Each { .. }
            | Act::Require { .. }
            | Act::Return(_) => None,
        }
    }

    /// The statement that was to be next is next again.
    pub(super) fn elsewhere<T>(&mut self, service: usize) -> Result<T, Halt> {
        if let Some(level) = self.state.levels.last_mut() {
            level.next = level.next.saturating_sub(1);
        }
        Err(Halt::Stop(Stop::Elsewhere(service)))
    }

    /// Where a cut could part what comes from what was, a refusal takes back only what comes: what
    /// was is then undone as it is written.
    fn begin_unit(&mut self, op: &Op) -> Result<(), StoreError> {
        let Some(unit) = op.unit else {
            return Ok(());
        };
        if self.unit.is_some_and(|known| known != unit) {
            self.view.rows.savepoint(match self.mark {
                Some(_) => "RELEASE unit; SAVEPOINT unit",
                None => "SAVEPOINT unit",
            })?;
            self.state.committed = true;
            self.settled = self.state.passed;
            let mut mark = Box::new(self.state.clone());
            mark.set_frame(self.frame.clone());
            if let Some(level) = mark.levels.last_mut() {
                level.next = level.next.saturating_sub(1);
            }
            self.mark = Some(mark);
        }
        self.unit = Some(unit);
        Ok(())
    }

    /// Whether a chunk runs, which stands or falls for itself.
    fn in_chunk(&self) -> bool {
        let mut body: &[Op] = &self.program.ops;
        let outer = self.state.levels.len().saturating_sub(1);
        self.state.levels.iter().take(outer).any(|level| {
            match body.get(level.next.saturating_sub(1)).map(|op| &op.act) {
                Some(Act::Each {
                    chunk, body: inner, ..
                }) => {
                    body = inner;
                    chunk.is_some()
                }
                _ => false,
            }
        })
    }

    fn step(&mut self, op: &'a Op) -> Result<(), Halt> {
        self.begin_unit(op)?;
        self.approach(op);
        let by_hand = !self.state.by_hand.is_empty() && {
            let place = self.state.place();
            self.state.by_hand.contains(&place)
        };
        let wanted = match &op.when {
            _ if by_hand => false,
            Some(when) => self.eval(when)?.is_true(),
            None => true,
        };
        if (wanted || self.owes_a_check(op))
            && let Some(owner) = self.owner(op)
            && owner != self.core.place.here
        {
            return self.elsewhere(owner);
        }
        if !(self.core.hook)(&op.path) {
            return Err(Halt::Store(StoreError::Stopped));
        }
        if !wanted {
            self.skipped(op)?;
            // A row that was bound before stays bound: only what this statement would have made is absent.
            if let Some(slot) = op.binding.filter(|_| !op.goes_on()) {
                self.frame.set(slot, Value::Null);
                self.state.bound.retain(|bound| bound.slot != slot.0);
            }
            self.leave(op);
            return Ok(());
        }
        self.act(op)?;
        self.take_holds(op)?;
        if !matches!(op.act, Act::Each { .. }) {
            self.leave(op);
        }
        Ok(())
    }

    /// A statement behind the pivot means that the pivot is behind, also where it was not reached.
    fn approach(&mut self, op: &Op) {
        if let (Some(leaf), Some(pivot)) = (op.leaf, self.program.pivot)
            && leaf > pivot
            && !self.pivot_ahead()
        {
            self.state.passed = true;
        }
    }

    /// Whether the pivot comes again for a further element of a loop that runs.
    fn pivot_ahead(&self) -> bool {
        let at = self.state.at();
        let mut levels = self.state.levels.iter().enumerate().skip(1);
        levels.any(|(depth, level)| {
            let around = at.get(..depth);
            around.is_some_and(|around| self.program.pivot_at.starts_with(around))
                && level.item + 1 < level.items.len()
        })
    }

    /// The pivot is behind when it is done for the last element of every loop around it.
    pub(super) fn leave(&mut self, op: &Op) {
        if op.leaf.is_some() && op.leaf == self.program.pivot && !self.pivot_ahead() {
            self.state.passed = true;
        }
    }

    pub(super) fn enter(&mut self, variable: Slot, items: &[Value], chunked: bool) {
        let Some(first) = items.first() else { return };
        self.frame.set(variable, first.clone());
        if chunked {
            self.state.progress = Some((0, items.len() as u64));
        }
        let items = items.iter().cloned().map(Kept).collect();
        self.state.levels.push(Level {
            items,
            ..Level::default()
        });
    }

    /// Remembers how to take the statement back, as long as that can be asked for.
    pub(super) fn remember(&mut self, op: &Op, entry: UndoEntry) {
        if self.state.passed {
            return;
        }
        let slot = |slot: &Slot| (slot.0, Kept(self.frame.get(*slot).clone()));
        let slots = op.remembered.iter().map(slot).collect();
        self.state.undo.push(UndoEntry { slots, ..entry });
    }

    /// Reads again what slots are bound to: what others wrote since the last segment is seen.
    pub(super) fn refresh(&mut self) -> Result<(), Halt> {
        let bounds: Vec<Bound> = self.state.bound.clone();
        for bound in bounds {
            let Some(aggregate) = self.core.brief.aggregates.find(&bound.aggregate) else {
                continue;
            };
            if !self.core.place.owns(aggregate) {
                // Of other services' rows the flow knows what it saw when it was there.
                continue;
            }
            let mut rows = Vec::new();
            for key in &bound.keys {
                if let Some(row) = self.row_of(aggregate, &key.0, bound.tenant.as_deref())? {
                    rows.push((key.0.clone(), row));
                }
            }
            let value = match bound.form {
                BoundAs::Row => rows.pop().map_or(Value::Null, |(_, row)| row),
                BoundAs::List => Value::list(rows.into_iter().map(|(_, row)| row).collect()),
                BoundAs::Map => Value::Map(std::sync::Arc::new(rows.into_iter().collect())),
            };
            self.frame.set(Slot(bound.slot), value);
        }
        Ok(())
    }

    /// A row that this flow knows: of its own tenant, or of the one that it was made in.
    pub(super) fn row_of(
        &self,
        of: Id<Aggregate>,
        key: &Value,
        tenant: Option<&str>,
    ) -> Result<Option<Value>, Halt> {
        Ok(match tenant {
            Some(tenant) => self.view.rows.get(of, key, Some(tenant))?,
            None => self.view.get(of, key)?,
        })
    }

    /// After a row was written: every binding that shows it shows the new one.
    pub(super) fn show_written(&mut self, of: Id<Aggregate>, key: &Value, row: &Value) {
        let name = self.core.brief.aggregates.get(of).name.text.clone();
        let bounds = self
            .state
            .bound
            .iter()
            .filter(|bound| *bound.aggregate == *name);
        let mut changed: Vec<(Slot, Value)> = Vec::new();
        for bound in bounds {
            let Some(at) = bound.keys.iter().position(|known| known.0 == *key) else {
                continue;
            };
            let slot = Slot(bound.slot);
            let value = match (bound.form, self.frame.get(slot)) {
                (BoundAs::Row, _) => row.clone(),
                (BoundAs::List, Value::List(items)) => {
                    let mut items = items.to_vec();
                    if let Some(place) = items.get_mut(at) {
                        *place = row.clone();
                    }
                    Value::list(items)
                }
                (BoundAs::Map, Value::Map(entries)) => {
                    let mut entries = (**entries).clone();
                    entries.insert(key.clone(), row.clone());
                    Value::Map(std::sync::Arc::new(entries))
                }
                _ => continue,
            };
            changed.push((slot, value));
        }
        for (slot, value) in changed {
            self.frame.set(slot, value);
        }
    }

    /// The statement at a position.
    pub(super) fn op_at(program: &'a Program, at: &[usize]) -> Option<&'a Op> {
        let (last, outer) = at.split_last()?;
        let mut body: &'a [Op] = &program.ops;
        for index in outer {
            body = match &body.get(*index)?.act {
                Act::Each { body, .. } => body,
                _ => return None,
            };
        }
        body.get(*last)
    }

    /// Goes on after a call: its output is bound and can be taken back.
    pub(super) fn answered(&mut self, output: &Value, happened: bool) {
        let Some(calling) = self.state.calling.take() else {
            return;
        };
        let Some(op) = Self::op_at(self.program, &calling.at) else {
            return;
        };
        if let Some(slot) = op.binding {
            self.frame.set(slot, output.clone());
        }
        self.state.committed = true;
        if happened {
            let entry = UndoEntry {
                at: calling.at,
                row: None,
                call: Some((calling.input, Kept(output.clone()))),
                key: calling.key,
                slots: Vec::new(),
            };
            if !matches!(op.back, super::program::Back::Nothing) {
                self.remember(op, entry);
            }
        }
        self.leave(op);
    }
}
