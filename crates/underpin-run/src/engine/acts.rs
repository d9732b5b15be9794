//! What each kind of statement does to rows, bindings and events.

use super::access::version_of;
use super::program::{Act, Back, Op, Put, Reads, Row, RowStep};
use super::select::{in_key_order, tenant_condition};
use super::state::{Bound, BoundAs, Calling, Kept, KeptExpected, RowName, UndoEntry};
use super::walk::{Halt, Stop, Walk, refuse};
use crate::backend::refusal;
use crate::sql::Filter;
use crate::store::Written;
use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::expr::Compiled;
use underpin_brief::model::*;

impl Walk<'_> {
    pub(super) fn act(&mut self, op: &Op) -> Result<(), Halt> {
        match &op.act {
            Act::Let(expr) => {
                let value = self.eval(expr)?;
                if let Some(slot) = op.binding {
                    self.frame.set(slot, value);
                }
                Ok(())
            }
            Act::Read { aggregate, reads } => self.read(op, *aggregate, reads),
            Act::Create {
                aggregate,
                tenant,
                puts,
            } => self.create(op, *aggregate, tenant.as_ref(), puts),
            Act::Change {
                aggregate,
                row,
                create,
                steps,
                delta,
            } => {
                let (key, tenant) = self.row_key(row)?;
                let change = Change {
                    key,
                    tenant,
                    create: *create,
                    delta: *delta,
                };
                self.change(op, *aggregate, &change, steps)
            }
            Act::Delete { aggregate, row } => self.delete(*aggregate, row),
            Act::Call { puts, target, .. } => {
                self.before_call(op)?;
                let input = self.struct_of(self.input_size(*target), puts)?;
                let key = self.state.call_key();
                let at = self.state.at();
                self.state.calling = Some(Calling {
                    at,
                    input: Kept(input),
                    key,
                    undo: false,
                });
                Err(Halt::Stop(Stop::Call))
            }
            Act::Emit { event, puts } => self.emit(*event, puts),
            Act::Each {
                variable,
                list,
                chunk,
                ..
            } => {
                let list = self.eval(list)?;
                if let Value::List(items) = &list {
                    self.enter(*variable, items, chunk.is_some());
                }
                Ok(())
            }
            Act::Require { condition, code } => match self.eval(condition)?.is_true() {
                true => Ok(()),
                false => refuse(code),
            },
            Act::Return(values) => {
                let mut returned = Vec::with_capacity(values.len());
                for value in values {
                    returned.push(Kept(self.eval(value)?));
                }
                self.state.returned = returned;
                Ok(())
            }
        }
    }

    fn input_size(&self, target: CallTarget) -> usize {
        match target {
            CallTarget::External(external, operation) => {
                let external = self.core.brief.externals.get(external);
                external.operations.get(operation).input_shape.slots.len()
            }
            CallTarget::Command(command) => self
                .core
                .brief
                .commands
                .get(command)
                .input_shape
                .slots
                .len(),
        }
    }

    pub(super) fn struct_of(&mut self, size: usize, puts: &[Put]) -> Result<Value, Halt> {
        let mut slots = vec![Value::Null; size];
        for put in puts {
            let value = self.eval(&put.value)?;
            if let Some(place) = slots.get_mut(put.slot) {
                *place = value;
            }
        }
        Ok(Value::record(slots))
    }

    fn name_of(&self, aggregate: Id<Aggregate>) -> String {
        self.core
            .brief
            .aggregates
            .get(aggregate)
            .name
            .text
            .to_string()
    }

    /// Whether it is the row that the client named in the path.
    fn is_named(&self, of: Id<Aggregate>, key: &Value) -> bool {
        let input = self.frame.get(Root::Input.slot());
        let named = self.program.named;
        named.is_some_and(|(aggregate, slot)| aggregate == of && input.slot(slot) == key)
    }

    /// The answer points to the row that the client named, whatever else is written.
    fn point_to(&mut self, of: Id<Aggregate>, name: &RowName) {
        if self.is_named(of, &name.key.0) {
            self.state.row = Some(name.clone());
        }
    }

    /// Remembers which version of the row that the answer points to this flow has left.
    fn note_version(&mut self, of: Id<Aggregate>, name: &RowName, row: &Value) {
        if self.state.row.as_ref() == Some(name) {
            self.state.version = Some(version_of(self.view.rows, of, row));
        }
    }

    fn bind_rows(&mut self, op: &Op, of: Id<Aggregate>, form: BoundAs, keys: Vec<Value>) {
        let Some(slot) = op.binding else { return };
        let keys = keys.into_iter().map(Kept).collect();
        let aggregate = self.name_of(of);
        self.state.bind(Bound {
            slot: slot.0,
            form,
            aggregate,
            tenant: None,
            keys,
        });
    }

    fn read(&mut self, op: &Op, of: Id<Aggregate>, reads: &Reads) -> Result<(), Halt> {
        let value = match reads {
            Reads::One(key) => {
                let key = self.eval(key)?;
                let Some(row) = self.view.get(of, &key)? else {
                    return refuse(refusal::NOT_FOUND);
                };
                #[cfg(feature = "mutations")]
                let row = super::mutation::first_read(of.index(), &key, row);
                let name = RowName {
                    aggregate: self.name_of(of),
                    key: Kept(key.clone()),
                    tenant: None,
                };
                self.point_to(of, &name);
                self.note_version(of, &name, &row);
                self.bind_rows(op, of, BoundAs::Row, vec![key]);
                row
            }
            Reads::Keys(keys) => {
                let wanted = self.eval(keys)?;
                let Value::List(wanted) = wanted else {
                    return refuse(refusal::NOT_FOUND);
                };
                let mut rows = BTreeMap::new();
                for key in wanted.iter() {
                    if let Some(row) = self.view.get(of, key)? {
                        rows.insert(key.clone(), row);
                    }
                }
                self.bind_rows(op, of, BoundAs::Map, rows.keys().cloned().collect());
                Value::Map(Arc::new(rows))
            }
            Reads::Where { filter, limit } => {
                let rows = self.rows_where(of, filter.as_ref(), *limit)?;
                let layout = self.view.rows.layout(of);
                let keys = rows.iter().map(|row| layout.key_of(row)).collect();
                self.bind_rows(op, of, BoundAs::List, keys);
                Value::list(rows)
            }
        };
        if let Some(slot) = op.binding {
            self.frame.set(slot, value);
        }
        Ok(())
    }

    fn rows_where(
        &mut self,
        of: Id<Aggregate>,
        filter: Option<&(Compiled, Filter)>,
        limit: Option<u32>,
    ) -> Result<Vec<Value>, Halt> {
        let mut values = Vec::new();
        let mut terms: Vec<String> = tenant_condition(&self.view, of, &mut values)
            .into_iter()
            .collect();
        if let Some((_, filter)) = filter {
            terms.extend(filter.bind(&mut self.frame, &self.view, &mut values).sql);
        }
        let candidates = in_key_order(&self.view, of, &terms, values)?;
        let limit = limit.map_or(usize::MAX, |limit| limit as usize);
        let mut found = Vec::new();
        for row in candidates {
            self.frame.set(Root::SelfRow.slot(), row.clone());
            let wanted = match filter {
                Some((filter, _)) => self.eval(filter)?.is_true(),
                None => true,
            };
            if wanted {
                found.push(row);
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    fn row_key(&mut self, row: &Row) -> Result<(Value, Option<String>), Halt> {
        match row {
            Row::Key(expr) => Ok((self.eval(expr)?, None)),
            Row::Bound(slot) => match self.state.bound_row(*slot) {
                Some(name) => Ok((name.key.0, name.tenant)),
                None => refuse(refusal::NOT_FOUND),
            },
        }
    }

    fn create(
        &mut self,
        op: &Op,
        of: Id<Aggregate>,
        tenant: Option<&Compiled>,
        puts: &[Put],
    ) -> Result<(), Halt> {
        let core = self.core;
        let plan = core.aggregate(of);
        let mut slots = plan.blank.clone();
        if plan.generated {
            let id = match self.state.ids.get(&*op.path) {
                Some(id) if self.state.levels.len() == 1 => id.clone(),
                _ => core.world.id().to_string(),
            };
            set_slot(&mut slots, Some(0), Value::text(&id));
        }
        for put in puts {
            let value = self.within_bounds(of, put)?;
            set_slot(&mut slots, Some(put.slot), value);
        }
        let layout = self.view.rows.layout(of);
        let given = tenant.map(|expr| self.eval(expr)).transpose()?;
        let own_key = core
            .is_tenant(of)
            .then(|| layout.key_of(&Value::record(slots.clone())));
        let tenant = given
            .or(own_key)
            .unwrap_or_else(|| self.view.tenant_of_new());
        if layout.tenant.is_some() && tenant.is_null() {
            return Err(Halt::Stop(Stop::Refused(self.view.scope.without_tenant())));
        }
        set_slot(&mut slots, layout.created, Value::Time(self.state.now));
        set_slot(&mut slots, layout.version, Value::Int(1));
        set_slot(&mut slots, layout.tenant, tenant.clone());
        let row = Value::record(slots);
        self.check_invariants(of, &row)?;
        self.check_counts(of, &row)?;
        if self.view.rows.insert(of, &row)? == Written::Taken {
            return refuse(refusal::EXISTS);
        }
        let key = layout.key_of(&row);
        let tenant = layout.tenant.and(tenant.as_text().map(str::to_owned));
        super::ephemeral::touch(core, self.view.rows, of, &key, tenant.as_deref())?;
        self.happened_to_row(of, None, &row);
        let name = RowName {
            aggregate: self.name_of(of),
            key: Kept(key.clone()),
            tenant,
        };
        self.bind_written(op, &name, &row);
        if self.program.named.is_none() && !self.state.created {
            // A created row is what the answer points to, before one that is only changed.
            self.state.row = Some(name.clone());
            self.state.created = true;
        }
        self.note_version(of, &name, &row);
        self.remember_row(op, name);
        Ok(())
    }

    fn bind_written(&mut self, op: &Op, name: &RowName, row: &Value) {
        if let Some(slot) = op.binding {
            self.state.bind(Bound {
                slot: slot.0,
                form: BoundAs::Row,
                aggregate: name.aggregate.clone(),
                tenant: name.tenant.clone(),
                keys: vec![name.key.clone()],
            });
            self.frame.set(slot, row.clone());
        }
    }

    fn remember_row(&mut self, op: &Op, name: RowName) {
        if matches!(op.back, Back::Nothing) && !op.written {
            return;
        }
        let at = self.state.at();
        let entry = UndoEntry {
            at,
            row: Some(name),
            call: None,
            key: String::new(),
            slots: Vec::new(),
        };
        self.remember(op, entry);
    }

    fn change(
        &mut self,
        op: &Op,
        of: Id<Aggregate>,
        change: &Change,
        steps: &[RowStep],
    ) -> Result<(), Halt> {
        let found = self.row_of(of, &change.key, change.tenant.as_deref())?;
        let (old, blank) = match found {
            Some(row) => (Some(row.clone()), row),
            None if change.create => (None, self.blank_row(of, &change.key)?),
            None => return refuse(refusal::NOT_FOUND),
        };
        if self.is_named(of, &change.key)
            && let Some(expected) = self.state.expected.take()
        {
            self.check_version(of, old.as_ref(), &expected)?;
        }
        let tenant = self.tenant_of(of, &blank);
        if old.is_some() && !change.delta {
            self.check_held(of, &change.key, tenant.as_deref())?;
        }
        let row = self.apply(of, blank, steps)?;
        super::ephemeral::touch(
            self.core,
            self.view.rows,
            of,
            &change.key,
            tenant.as_deref(),
        )?;
        let changed = old.as_ref() != Some(&row);
        let row = if changed {
            self.write(of, old.as_ref(), &row)?
        } else {
            row
        };
        let name = RowName {
            aggregate: self.name_of(of),
            key: Kept(change.key.clone()),
            tenant,
        };
        self.bind_written(op, &name, &row);
        self.point_to(of, &name);
        if changed {
            self.show_written(of, &change.key, &row);
            if self.state.row.is_none() && self.program.named.is_none() {
                self.state.row = Some(name.clone());
            }
            self.note_version(of, &name, &row);
            self.remember_row(op, name);
        } else {
            self.note_version(of, &name, &row);
        }
        Ok(())
    }

    /// Whether the version that the client saw is still to be compared, by the owner of that row.
    pub(super) fn owes_a_check(&self, op: &Op) -> bool {
        let (Act::Change { aggregate, .. } | Act::Delete { aggregate, .. }) = &op.act else {
            return false;
        };
        let named = self.program.named.is_some_and(|(of, _)| of == *aggregate);
        named && self.state.expected.is_some()
    }

    /// A change of the row that the client named is skipped: the version that the client saw
    /// counts all the same.
    pub(super) fn skipped(&mut self, op: &Op) -> Result<(), Halt> {
        let (Act::Change { aggregate, .. } | Act::Delete { aggregate, .. }) = &op.act else {
            return Ok(());
        };
        let Some((of, slot)) = self.program.named.filter(|(of, _)| of == aggregate) else {
            return Ok(());
        };
        let Some(expected) = self.state.expected.take() else {
            return Ok(());
        };
        let key = self.frame.get(Root::Input.slot()).slot(slot).clone();
        let row = self.row_of(of, &key, None)?;
        self.check_version(of, row.as_ref(), &expected)
    }

    fn check_version(
        &self,
        of: Id<Aggregate>,
        row: Option<&Value>,
        expected: &KeptExpected,
    ) -> Result<(), Halt> {
        let found = row.map(|row| version_of(self.view.rows, of, row));
        let admitted = found.is_some_and(|found| match expected {
            KeptExpected::Any => true,
            KeptExpected::Versions(versions) => versions.contains(&found),
        });
        match admitted {
            true => Ok(()),
            false => refuse(refusal::PRECONDITION_FAILED),
        }
    }

    fn tenant_of(&self, of: Id<Aggregate>, row: &Value) -> Option<String> {
        let slot = self.view.rows.layout(of).tenant?;
        row.slot(slot).as_text().map(str::to_owned)
    }

    /// A row that does not exist yet, from defaults and the key.
    fn blank_row(&self, of: Id<Aggregate>, key: &Value) -> Result<Value, Halt> {
        let layout = self.view.rows.layout(of);
        let mut slots = self.core.aggregate(of).zero.clone();
        match key {
            Value::List(parts) if layout.keys > 1 => {
                for (at, part) in parts.iter().enumerate() {
                    set_slot(&mut slots, Some(at), part.clone());
                }
            }
            single => set_slot(&mut slots, Some(0), single.clone()),
        }
        let tenant = self.view.tenant_of_new();
        if layout.tenant.is_some() && tenant.is_null() {
            return Err(Halt::Stop(Stop::Refused(self.view.scope.without_tenant())));
        }
        set_slot(&mut slots, layout.created, Value::Time(self.state.now));
        set_slot(&mut slots, layout.version, Value::Int(0));
        set_slot(&mut slots, layout.tenant, tenant);
        Ok(Value::record(slots))
    }

    /// The row after the steps.
    pub(super) fn apply(
        &mut self,
        of: Id<Aggregate>,
        mut row: Value,
        steps: &[RowStep],
    ) -> Result<Value, Halt> {
        let state = self.view.rows.layout(of).state;
        for step in steps {
            self.frame.set(Root::SelfRow.slot(), row.clone());
            match step {
                RowStep::Require { condition, code } => {
                    if !self.eval(condition)?.is_true() {
                        return refuse(code);
                    }
                }
                RowStep::Set(puts) => {
                    let mut slots = slots_of(&row);
                    for put in puts {
                        let value = self.within_bounds(of, put)?;
                        set_slot(&mut slots, Some(put.slot), value);
                    }
                    row = Value::record(slots);
                }
                RowStep::Move { from, to } => {
                    let now = state.and_then(|slot| row.slot(slot).as_text());
                    if !from.iter().any(|state| Some(&**state) == now) {
                        return refuse(refusal::ILLEGAL_MOVE);
                    }
                    let mut slots = slots_of(&row);
                    set_slot(&mut slots, state, Value::Text(Arc::clone(to)));
                    row = Value::record(slots);
                }
            }
        }
        Ok(row)
    }

    /// Writes a changed row with its next version; returns it.
    pub(super) fn write(
        &mut self,
        of: Id<Aggregate>,
        old: Option<&Value>,
        row: &Value,
    ) -> Result<Value, Halt> {
        let layout = self.view.rows.layout(of);
        let mut slots = slots_of(row);
        if let Some(version) = layout.version
            && let Value::Int(number) = row.slot(version)
        {
            set_slot(
                &mut slots,
                Some(version),
                Value::Int(number.saturating_add(1)),
            );
        }
        let row = Value::record(slots);
        self.check_invariants(of, &row)?;
        let written = match old {
            Some(old) => self.view.rows.update(of, old, &row)?,
            None => {
                self.check_counts(of, &row)?;
                self.view.rows.insert(of, &row)?
            }
        };
        if written == Written::Taken {
            return refuse(refusal::EXISTS);
        }
        if let Some(old) = old {
            self.age(of, old, false)?;
        }
        self.happened_to_row(of, old, &row);
        Ok(row)
    }

    fn delete(&mut self, of: Id<Aggregate>, row: &Row) -> Result<(), Halt> {
        let (key, tenant) = self.row_key(row)?;
        let Some(found) = self.row_of(of, &key, tenant.as_deref())? else {
            return refuse(refusal::NOT_FOUND);
        };
        if self.is_named(of, &key)
            && let Some(expected) = self.state.expected.take()
        {
            self.check_version(of, Some(&found), &expected)?;
        }
        let tenant = self.tenant_of(of, &found);
        self.check_held(of, &key, tenant.as_deref())?;
        self.view.rows.delete(of, &key, tenant.as_deref())?;
        self.age(of, &found, true)?;
        self.show_written(of, &key, &Value::Null);
        let aggregate = self.name_of(of);
        let pointed = self.state.row.take();
        self.state.row = pointed.filter(|row| row.aggregate != aggregate || row.key.0 != key);
        Ok(())
    }
}

/// Which row is changed, and how.
struct Change {
    key: Value,
    tenant: Option<String>,
    create: bool,
    delta: bool,
}

pub(crate) fn slots_of(row: &Value) -> Vec<Value> {
    match row {
        Value::Struct(slots) => slots.to_vec(),
        _ => Vec::new(),
    }
}

pub(super) fn set_slot(slots: &mut [Value], at: Option<usize>, value: Value) {
    if let Some(place) = at.and_then(|at| slots.get_mut(at)) {
        *place = value;
    }
}
