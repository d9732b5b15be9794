//! Taking back: completed statements in reverse, local ones in this transaction, calls one by one
//! between transactions. An undo that is refused cannot be mended here: the flow parks.

use super::mutation::Mutation;
use super::program::{Back, RowStep};
use super::state::{Calling, Kept, UndoEntry};
use super::walk::{Halt, Stop, Walk};
use crate::store::{StoreError, Written};
use underpin_brief::model::*;

impl Walk<'_> {
    /// Takes back until a call has to be made or nothing is left.
    pub(super) fn unwind(&mut self) -> Result<Stop, StoreError> {
        while let Some(entry) = self.state.undo.last() {
            let owner = self.undone_by(entry);
            if owner != self.core.place.here {
                return Ok(Stop::Elsewhere(owner));
            }
            let Some(entry) = self.state.undo.pop() else {
                break;
            };
            if !(self.core.hook)("undo") {
                return Err(StoreError::Stopped);
            }
            match self.take_back(&entry) {
                Ok(()) => {}
                Err(Halt::Store(error)) => return Err(error),
                Err(Halt::Stop(Stop::Call)) => return Ok(Stop::Call),
                Err(Halt::Stop(Stop::Busy(reason))) => {
                    self.state.undo.push(entry);
                    return Ok(Stop::Busy(reason));
                }
                Err(Halt::Stop(Stop::Refused(refusal))) => {
                    self.state.undo.push(entry);
                    return Ok(Stop::Fault(format!(
                        "an undo was refused: `{}`",
                        refusal.code
                    )));
                }
                Err(Halt::Stop(other)) => return Ok(other),
            }
        }
        self.state.events.clear();
        Ok(Stop::Finished)
    }

    /// The service that takes a statement back: the owner of its row, or where the flow is at home.
    fn undone_by(&self, entry: &UndoEntry) -> usize {
        let of = entry
            .row
            .as_ref()
            .and_then(|row| self.core.brief.aggregates.find(&row.aggregate));
        of.map_or(self.state.journey.home, |of| self.core.place.all.owner(of))
    }

    fn take_back(&mut self, entry: &UndoEntry) -> Result<(), Halt> {
        let Some(op) =
            Self::op_at(self.program, &entry.at).filter(|_| !Mutation::SkipUndo.planted())
        else {
            return Ok(());
        };
        for (slot, value) in &entry.slots {
            self.frame.set(Slot(*slot), value.0.clone());
        }
        match &op.back {
            Back::Nothing => Ok(()),
            Back::Delete => self.delete_created(entry),
            Back::Steps(steps) => self.steps_back(entry, steps),
            Back::Operation { puts, .. } => {
                let Some((input, output)) = &entry.call else {
                    return Ok(());
                };
                let own = self.frame.get(Root::Input.slot()).clone();
                self.frame.set(Root::Input.slot(), input.0.clone());
                self.frame.set(Root::Output.slot(), output.0.clone());
                let size = self.undo_input_size(&entry.at);
                let made = self.struct_of(size, puts);
                self.frame.set(Root::Input.slot(), own);
                self.frame.set(Root::Output.slot(), Value::Null);
                self.state.calling = Some(Calling {
                    at: entry.at.clone(),
                    input: Kept(made?),
                    key: format!("{}.undo", entry.key),
                    undo: true,
                });
                Err(Halt::Stop(Stop::Call))
            }
        }
    }

    fn undo_input_size(&self, at: &[usize]) -> usize {
        let Some(op) = Self::op_at(self.program, at) else {
            return 0;
        };
        let (
            super::program::Act::Call {
                target: CallTarget::External(external, _),
                ..
            },
            Back::Operation { operation, .. },
        ) = (&op.act, &op.back)
        else {
            return 0;
        };
        let external = self.core.brief.externals.get(*external);
        external.operations.get(*operation).input_shape.slots.len()
    }

    fn delete_created(&mut self, entry: &UndoEntry) -> Result<(), Halt> {
        let Some(name) = &entry.row else {
            return Ok(());
        };
        let Some(of) = self.core.brief.aggregates.find(&name.aggregate) else {
            return Ok(());
        };
        let _: Written = self
            .view
            .rows
            .delete(of, &name.key.0, name.tenant.as_deref())?;
        Ok(())
    }

    fn steps_back(&mut self, entry: &UndoEntry, steps: &[RowStep]) -> Result<(), Halt> {
        let Some(name) = &entry.row else {
            return Ok(());
        };
        let Some(of) = self.core.brief.aggregates.find(&name.aggregate) else {
            return Ok(());
        };
        // Of a row that somebody has deleted since, nothing is left to take back.
        let Some(old) = self.row_of(of, &name.key.0, name.tenant.as_deref())? else {
            return Ok(());
        };
        let addition = steps.iter().all(|step| matches!(step, RowStep::Set(_)));
        if !addition {
            self.check_held(of, &name.key.0, name.tenant.as_deref())?;
        }
        let new = self.apply(of, old.clone(), steps)?;
        if new != old {
            self.write(of, Some(&old), &new)?;
        }
        Ok(())
    }
}
