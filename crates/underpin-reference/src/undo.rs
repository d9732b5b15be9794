//! Taking back: completed statements in reverse, each in a transaction of its own.

use crate::act::Halt;
use crate::look::{Look, code};
use crate::meaning::Meaning;
use crate::row::Writing;
use crate::state::*;
use underpin_brief::expr::Frame;
use underpin_brief::flow::StepUndo;
use underpin_brief::model::*;

impl Meaning {
    /// Takes the last completed statement back; after the first one the flow is refused.
    pub(crate) fn undo(&self, state: &mut State, flow: &mut Flow) -> Result<(), Halt> {
        let Some(done) = flow.done.last().cloned() else {
            flow.events.clear();
            let code = flow.refusal.clone().unwrap_or_else(|| "internal".into());
            self.end(state, flow, Answer::Refused(code));
            return Ok(());
        };
        match self.take_back(state, flow, &done) {
            Err(Halt::Held) => return Err(Halt::Held),
            Err(Halt::Refused(code)) => flow.stage = Stage::Parked(code),
            Ok(()) | Err(Halt::Call) => {
                flow.done.pop();
            }
        }
        if flow.stage == Stage::Undoing && flow.done.is_empty() {
            return self.undo(state, flow);
        }
        Ok(())
    }

    fn take_back(&self, state: &mut State, flow: &mut Flow, done: &Done) -> Result<(), Halt> {
        let plan = self.plan(flow.id);
        let (Some(statement), Some(step)) = (
            plan.statement(flow.id.body(&self.brief), &done.at),
            plan.leaves
                .get(&done.at)
                .and_then(|leaf| plan.flow.steps.get(*leaf)),
        ) else {
            return Ok(());
        };
        if let Some((input, output)) = &done.call {
            return self.call_back(state, flow, done, (statement, input, output));
        }
        let Some(place) = &done.row else {
            return Ok(());
        };
        let inverse;
        let steps: &[ChangeStep] = match (&step.undo, &statement.kind) {
            (StepUndo::Delete, _) => {
                state.rows.remove(place);
                return Ok(());
            }
            (StepUndo::Inverse(assigns), _) => {
                inverse = [ChangeStep::Set(assigns.clone())];
                &inverse
            }
            (
                StepUndo::Written,
                StatementKind::Create {
                    undo: Undo::Steps { steps, .. },
                    ..
                }
                | StatementKind::Change {
                    undo: Undo::Steps { steps, .. },
                    ..
                }
                | StatementKind::Delete {
                    undo: Undo::Steps { steps, .. },
                    ..
                },
            ) => steps,
            _ => return Ok(()),
        };
        let Some(old) = state.rows.get(place).cloned() else {
            return Ok(());
        };
        let frame = std::mem::replace(&mut flow.frame, done.frame.clone());
        let mut writing = Writing {
            meaning: self,
            state,
            flow,
            plan,
        };
        let addition = steps.iter().all(|step| matches!(step, ChangeStep::Set(_)));
        let outcome = (|| {
            if !addition {
                writing.free(place)?;
            }
            let new = writing.changed(place, old.clone(), steps)?;
            writing.write(place, Some(&old), new).map(|_| ())
        })();
        flow.frame = frame;
        outcome
    }

    fn call_back(
        &self,
        state: &State,
        flow: &mut Flow,
        done: &Done,
        (statement, input, output): (&Statement, &Value, &Value),
    ) -> Result<(), Halt> {
        let StatementKind::Call {
            target: CallTarget::External(external, operation),
            undo,
            ..
        } = &statement.kind
        else {
            return Ok(());
        };
        let operations = &self.brief.externals.get(*external).operations;
        let Some(back) = &operations.get(*operation).undo else {
            return Ok(());
        };
        let sets = match undo {
            Undo::Call { sets, .. } => sets,
            _ => &back.sets,
        };
        let mut frame = Frame {
            slots: done.frame.clone(),
        };
        frame.set(Root::Input.slot(), input.clone());
        frame.set(Root::Output.slot(), output.clone());
        let look = Look::new(self, state, &flow.scope);
        let mut slots = vec![Value::Null; operations.get(back.operation).input_shape.slots.len()];
        for set in sets {
            let value = self
                .eval(&set.value, &look, &frame)
                .map_err(|fault| Halt::Refused(code(&fault)))?;
            if let Some(slot) = slots.get_mut(set.slot) {
                *slot = value;
            }
        }
        flow.stage = Stage::Calling(Calling {
            at: done.at.clone(),
            external: *external,
            operation: back.operation,
            input: Value::record(slots),
            undo: true,
        });
        Err(Halt::Call)
    }
}
