//! What each kind of statement does, within one transaction.

use crate::flow::End;
use crate::meaning::system;
use crate::row::{Writing, put};
use crate::state::*;
use std::collections::BTreeMap;
use underpin_brief::flow::{FlowId, StepUndo, is_delta};
use underpin_brief::model::*;

/// Why a statement does not go on.
pub(crate) enum Halt {
    /// Refused, with the code.
    Refused(Text),
    /// Another flow holds the row.
    Held,
    /// A call is to be made.
    Call,
}

fn refused<T>(code: &str) -> Result<T, Halt> {
    Err(Halt::Refused(code.into()))
}

impl Writing<'_> {
    /// Statements until the end of the segment.
    pub(crate) fn forward(&mut self) -> Result<End, Halt> {
        let body = self.flow.id.body(&self.meaning.brief).clone();
        let mut segment = None;
        while let Some(todo) = self.flow.todo.pop() {
            let at = match todo {
                Todo::Bind(slot, value) => {
                    self.flow.set(slot, value);
                    continue;
                }
                Todo::Chunk => {
                    self.flow.committed = true;
                    return Ok(End::Chunk);
                }
                Todo::Do(at) => at,
            };
            let Some(statement) = self.plan.statement(&body, &at) else {
                continue;
            };
            if let StatementKind::Each {
                variable,
                list,
                chunk,
                body,
            } = &statement.kind
            {
                if self.wanted(statement)? {
                    let list = self.eval(list)?;
                    self.enter(&at, *variable, &list, *chunk, body.len());
                }
                continue;
            }
            let Some(&leaf) = self.plan.leaves.get(&at) else {
                continue;
            };
            let call = matches!(statement.kind, StatementKind::Call { .. });
            if segment.is_some_and(|known| call || Some(known) != self.plan.segment(leaf)) {
                self.flow.todo.push(Todo::Do(at));
                self.flow.committed = true;
                return Ok(End::Segment);
            }
            segment = self.plan.segment(leaf);
            self.one(statement, &at, leaf)?;
        }
        Ok(End::Finished)
    }

    fn enter(
        &mut self,
        at: &[usize],
        variable: Slot,
        list: &Value,
        chunk: Option<u32>,
        statements: usize,
    ) {
        let Value::List(items) = list else { return };
        for (number, item) in items.iter().enumerate().rev() {
            let size = chunk.unwrap_or(u32::MAX) as usize;
            if chunk.is_some() && ((number + 1) % size == 0 || number + 1 == items.len()) {
                self.flow.todo.push(Todo::Chunk);
            }
            for next in (0..statements).rev() {
                self.flow.todo.push(Todo::Do([at, &[next]].concat()));
            }
            self.flow.todo.push(Todo::Bind(variable, item.clone()));
        }
    }

    fn wanted(&mut self, statement: &Statement) -> Result<bool, Halt> {
        match &statement.when {
            Some(when) => Ok(self.eval(when)?.is_true()),
            None => Ok(true),
        }
    }

    fn one(&mut self, statement: &Statement, at: &[usize], leaf: usize) -> Result<(), Halt> {
        // What follows the last pivot is behind it, also where the pivot was not reached.
        self.flow.passed |= self.plan.behind(leaf) && !self.plan.pivot_ahead(&self.flow.todo);
        let wanted = self.wanted(statement)?;
        if !wanted {
            self.looked_at(statement)?;
        }
        if wanted {
            self.act(statement, at, leaf)?;
        } else if let Some(slot) = statement.binding.filter(|_| !goes_on(statement)) {
            self.flow.set(slot, Value::Null);
            self.flow.bound.remove(&slot);
        }
        self.flow.passed |=
            self.plan.flow.pivot == Some(leaf) && !self.plan.pivot_ahead(&self.flow.todo);
        Ok(())
    }

    fn act(&mut self, statement: &Statement, at: &[usize], leaf: usize) -> Result<(), Halt> {
        match &statement.kind {
            StatementKind::Let(expr) => {
                let value = self.eval(expr)?;
                self.bind(statement, value, None);
            }
            StatementKind::Read {
                aggregate, access, ..
            } => {
                self.read(statement, *aggregate, access)?;
                self.hold(leaf, statement)?;
            }
            StatementKind::Create {
                aggregate,
                tenant,
                sets,
                ..
            } => {
                self.create(statement, at, *aggregate, tenant.as_ref(), sets)?;
                self.hold(leaf, statement)?;
            }
            StatementKind::Change {
                aggregate,
                target,
                create,
                steps,
                ..
            } => {
                self.change(statement, at, (*aggregate, target, *create), steps)?;
                self.hold(leaf, statement)?;
            }
            StatementKind::Delete {
                aggregate, target, ..
            } => self.delete(at, *aggregate, target)?,
            StatementKind::Call { target, sets, .. } => {
                self.hold(leaf, statement)?;
                return self.call(at, *target, sets);
            }
            StatementKind::Emit { event, sets } => self.emit(*event, sets)?,
            StatementKind::Require { condition, code } => {
                if !self.eval(condition)?.is_true() {
                    return refused(&code.text);
                }
            }
            StatementKind::Return(values) => {
                let mut returned = Vec::new();
                for (_, expr) in values {
                    returned.push(self.eval(expr)?);
                }
                self.flow.returned = returned;
            }
            StatementKind::Each { .. } => {}
        }
        Ok(())
    }

    fn bind(&mut self, statement: &Statement, value: Value, bound: Option<Bound>) {
        let Some(slot) = statement.binding else {
            return;
        };
        self.flow.set(slot, value);
        match bound {
            Some(bound) => self.flow.bound.insert(slot, bound),
            None => self.flow.bound.remove(&slot),
        };
    }

    fn find(&self, of: Id<Aggregate>, key: &Value) -> Option<Place> {
        self.meaning
            .find(self.state, &self.flow.scope, None, of, key)
    }

    fn read(
        &mut self,
        statement: &Statement,
        of: Id<Aggregate>,
        access: &Access,
    ) -> Result<(), Halt> {
        let row =
            |state: &State, place: &Place| state.rows.get(place).cloned().unwrap_or(Value::Null);
        match access {
            Access::One(key) => {
                let key = self.eval(key)?;
                let Some(place) = self.find(of, &key) else {
                    return refused("not-found");
                };
                self.touched(&place);
                self.bind(statement, row(self.state, &place), Some(Bound::Row(place)));
            }
            Access::Keys(keys) => {
                let Value::List(keys) = self.eval(keys)? else {
                    return refused("not-found");
                };
                let places: Vec<Place> = keys.iter().filter_map(|key| self.find(of, key)).collect();
                let rows: BTreeMap<Value, Value> = places
                    .iter()
                    .map(|place| (place.key.clone(), row(self.state, place)))
                    .collect();
                self.bind(statement, Value::Map(rows.into()), Some(Bound::Map(places)));
            }
            Access::Where { filter, limit } => {
                let mut places = Vec::new();
                for place in self.meaning.visible(self.state, &self.flow.scope, of) {
                    if limit.is_some_and(|limit| places.len() >= limit as usize) {
                        break;
                    }
                    self.flow.set(Root::SelfRow.slot(), row(self.state, &place));
                    if filter.as_ref().map_or(Ok(true), |filter| {
                        self.eval(filter).map(|value| value.is_true())
                    })? {
                        places.push(place);
                    }
                }
                let rows = places.iter().map(|place| row(self.state, place)).collect();
                self.bind(statement, Value::list(rows), Some(Bound::List(places)));
            }
        }
        Ok(())
    }

    /// The answer points to the row that the client named.
    fn touched(&mut self, place: &Place) {
        if self.names(place) {
            self.flow.row = Some(place.clone());
        }
    }

    fn named(&self) -> Option<(Id<Aggregate>, usize)> {
        match &self.flow.origin {
            Cause::Client(request) => request.names,
            _ => None,
        }
    }

    fn names(&self, place: &Place) -> bool {
        self.named().is_some_and(|(of, slot)| {
            of == place.of && *self.flow.slot(Root::Input.slot()).slot(slot) == place.key
        })
    }

    /// Remembers how to take a statement back.
    fn remember(&mut self, at: &[usize], place: &Place) {
        let leaf = self.plan.leaves.get(at).copied().unwrap_or(usize::MAX);
        let undo = self.plan.flow.steps.get(leaf).map(|step| &step.undo);
        let undone = matches!(
            undo,
            Some(StepUndo::Delete | StepUndo::Inverse(_) | StepUndo::Written)
        );
        if undone && !self.flow.passed {
            let (row, frame) = (Some(place.clone()), self.flow.frame.clone());
            self.flow.done.push(Done {
                at: at.to_vec(),
                row,
                call: None,
                frame,
            });
        }
    }

    fn create(
        &mut self,
        statement: &Statement,
        at: &[usize],
        of: Id<Aggregate>,
        tenant: Option<&Expr>,
        sets: &[Assign],
    ) -> Result<(), Halt> {
        let generated = self.meaning.brief.aggregates.get(of).generated_key;
        let known = self
            .flow
            .ids
            .get(&statement.path)
            .filter(|_| at.len() == 1)
            .cloned();
        let id =
            generated.then(|| known.unwrap_or_else(|| format!("!{:08}", self.state.draw()).into()));
        let (place, row) = self.fresh(of, id, tenant, sets)?;
        let row = self.write(&place, None, row)?;
        self.bind(statement, row, Some(Bound::Row(place.clone())));
        if self.named().is_none() && !self.flow.created {
            self.flow.row = Some(place.clone());
            self.flow.created = true;
        }
        self.remember(at, &place);
        Ok(())
    }

    fn target(
        &mut self,
        of: Id<Aggregate>,
        target: &Target,
    ) -> Result<(Value, Option<Place>), Halt> {
        match target {
            Target::Key(expr) => {
                let key = self.eval(expr)?;
                let place = self.find(of, &key);
                Ok((key, place))
            }
            Target::Bound(slot) => match self.flow.bound.get(slot) {
                Some(Bound::Row(place)) => {
                    let here = self.state.rows.contains_key(place);
                    Ok((place.key.clone(), Some(place.clone()).filter(|_| here)))
                }
                _ => refused("not-found"),
            },
        }
    }

    fn change(
        &mut self,
        statement: &Statement,
        at: &[usize],
        (of, target, create): (Id<Aggregate>, &Target, bool),
        steps: &[ChangeStep],
    ) -> Result<(), Halt> {
        let (key, found) = self.target(of, target)?;
        let (place, old, blank) = match found {
            Some(place) => {
                let row = self.state.rows.get(&place).cloned().unwrap_or(Value::Null);
                (place, Some(row.clone()), row)
            }
            None if create => {
                let (place, row) = self.zero(of, &key)?;
                (place, None, row)
            }
            None => return refused("not-found"),
        };
        self.expected(&place, old.as_ref())?;
        if old.is_some() && !is_delta(steps) {
            self.free(&place)?;
        }
        let new = self.changed(&place, blank, steps)?;
        let written = self.write(&place, old.as_ref(), new)?;
        let wrote = old.as_ref() != Some(&written);
        self.bind(statement, written, Some(Bound::Row(place.clone())));
        self.touched(&place);
        if wrote {
            if self.flow.row.is_none() && self.named().is_none() {
                self.flow.row = Some(place.clone());
            }
            self.remember(at, &place);
        }
        Ok(())
    }

    /// A client that says what it saw is told that it is no longer so, also where a condition leaves
    /// the row alone.
    fn looked_at(&mut self, statement: &Statement) -> Result<(), Halt> {
        let (StatementKind::Change {
            aggregate, target, ..
        }
        | StatementKind::Delete {
            aggregate, target, ..
        }) = &statement.kind
        else {
            return Ok(());
        };
        if self.flow.expected.is_none() || self.named().is_none_or(|(of, _)| of != *aggregate) {
            return Ok(());
        }
        let Ok((key, found)) = self.target(*aggregate, target) else {
            return Ok(());
        };
        let row = found.as_ref().and_then(|place| self.state.rows.get(place));
        let row = row.cloned();
        let place = found.unwrap_or(Place {
            of: *aggregate,
            tenant: None,
            key,
        });
        self.expected(&place, row.as_ref())
    }

    /// The client changes the version that it saw, or nothing.
    fn expected(&mut self, place: &Place, row: Option<&Value>) -> Result<(), Halt> {
        if !self.names(place) {
            return Ok(());
        }
        let Some(expected) = self.flow.expected.take() else {
            return Ok(());
        };
        let at = system(self.meaning.brief.aggregates.get(place.of), "version");
        let version = row.zip(at).map(|(row, at)| row.slot(at));
        match version {
            Some(Value::Int(version)) if expected.contains(version) => Ok(()),
            _ => refused("precondition-failed"),
        }
    }

    fn delete(&mut self, at: &[usize], of: Id<Aggregate>, target: &Target) -> Result<(), Halt> {
        let (_, Some(place)) = self.target(of, target)? else {
            return refused("not-found");
        };
        let row = self.state.rows.get(&place).cloned();
        self.expected(&place, row.as_ref())?;
        self.free(&place)?;
        self.state.rows.remove(&place);
        self.show(&place, None);
        self.remember(at, &place);
        Ok(())
    }

    fn filled(&mut self, size: usize, sets: &[Assign]) -> Result<Vec<Value>, Halt> {
        let mut slots = vec![Value::Null; size];
        for set in sets {
            let value = self.eval(&set.value)?;
            put(&mut slots, Some(set.slot), value);
        }
        Ok(slots)
    }

    fn call(&mut self, at: &[usize], target: CallTarget, sets: &[Assign]) -> Result<(), Halt> {
        let meaning = self.meaning;
        match target {
            CallTarget::External(external, operation) => {
                let shape = &meaning
                    .brief
                    .externals
                    .get(external)
                    .operations
                    .get(operation)
                    .input_shape;
                let input = Value::record(self.filled(shape.slots.len(), sets)?);
                let at = at.to_vec();
                self.flow.stage = Stage::Calling(Calling {
                    at,
                    external,
                    operation,
                    input,
                    undo: false,
                });
            }
            CallTarget::Command(command) => {
                let size = meaning.brief.commands.get(command).input_shape.slots.len();
                let input = Value::record(self.filled(size, sets)?);
                let caller = self.flow.slot(Root::Caller.slot()).clone();
                let scope = (self.flow.scope.clone(), caller);
                let number = meaning.begin(
                    self.state,
                    FlowId::Command(command),
                    Cause::Child(self.flow.number),
                    scope,
                );
                if let Some(child) = self.state.flows.get_mut(&number) {
                    child.set(Root::Input.slot(), input);
                    child.now = self.flow.now;
                }
                self.flow.calling_at = at.to_vec();
                self.flow.stage = Stage::Waiting(number);
            }
        }
        Err(Halt::Call)
    }

    fn emit(&mut self, id: Id<Event>, sets: &[Assign]) -> Result<(), Halt> {
        let declared = self.meaning.brief.events.get(id).clone();
        let mut slots = self.filled(declared.shape.slots.len(), sets)?;
        let about = |field: &Field| field.ty.required() == &Type::Ref(declared.about);
        let about = declared.fields.iter().position(about);
        let row = about
            .and_then(|at| slots.get(at))
            .cloned()
            .unwrap_or(Value::Null);
        let part = |at: &usize| slots.get(*at).cloned().unwrap_or(Value::Null);
        let key = match declared.key.as_slice() {
            [] => row.clone(),
            keys => Value::list(keys.iter().map(part).collect()),
        };
        self.common(&declared.shape, declared.fields.len(), &mut slots);
        let event = Value::record(slots);
        self.flow.events.push(Happened {
            source: EventSource::Event(id),
            key,
            row,
            event,
        });
        Ok(())
    }

    /// Takes the holds that begin at a statement: rows that are changed again after the pivot.
    fn hold(&mut self, leaf: usize, statement: &Statement) -> Result<(), Halt> {
        let meaning = self.meaning;
        let body = self.flow.id.body(&meaning.brief);
        let plans: Vec<_> = self
            .plan
            .flow
            .holds
            .iter()
            .filter(|hold| hold.from == leaf)
            .cloned()
            .collect();
        for plan in plans {
            let bound = statement
                .binding
                .and_then(|slot| self.flow.bound.get(&slot));
            let mut places = match bound {
                Some(Bound::Row(place)) if place.of == plan.aggregate => vec![place.clone()],
                _ => {
                    let until = self
                        .plan
                        .flow
                        .steps
                        .get(plan.until)
                        .map(|step| step.at.clone());
                    self.ahead(body, plan.aggregate, &until.unwrap_or_default(), 1)?
                }
            };
            places.sort();
            places.dedup();
            for place in places {
                self.free(&place)?;
                self.state.holds.insert(place, self.flow.number);
            }
        }
        Ok(())
    }

    /// The rows that the statement at a position will change, as far as they are known now.
    fn ahead(
        &mut self,
        body: &Body,
        of: Id<Aggregate>,
        at: &[usize],
        depth: usize,
    ) -> Result<Vec<Place>, Halt> {
        let here = at
            .get(..depth)
            .and_then(|here| self.plan.statement(body, here));
        let mut found = Vec::new();
        match here.map(|statement| &statement.kind) {
            Some(StatementKind::Each { variable, list, .. }) if depth < at.len() => {
                if let Value::List(items) = self.eval(list)? {
                    for item in items.iter() {
                        self.flow.set(*variable, item.clone());
                        found.extend(self.ahead(body, of, at, depth + 1)?);
                    }
                }
            }
            Some(StatementKind::Change { target, .. } | StatementKind::Delete { target, .. }) => {
                found.extend(self.target(of, target).ok().and_then(|(_, place)| place));
            }
            _ => {}
        }
        Ok(found)
    }
}

/// Whether a statement goes on with a row that an earlier one bound.
fn goes_on(statement: &Statement) -> bool {
    matches!(
        statement.kind,
        StatementKind::Change {
            target: Target::Bound(_),
            ..
        } | StatementKind::Delete {
            target: Target::Bound(_),
            ..
        }
    )
}
