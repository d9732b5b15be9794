//! Holds: rows that a flow will change again after its pivot are kept from other writers until it
//! ends. Additions and their inverses neither take nor wait.

use super::mutation::Mutation;
use super::program::{Act, HoldPlan, Op, Row};
use super::state::{Kept, RowName, State, Status};
use super::walk::{Halt, Stop, Walk};
use crate::store::{Rows, StoreError, codec};
use rusqlite::OptionalExtension;
use underpin_brief::model::*;

/// What others are told who find a row held.
fn reason(name: &str, status: Status) -> String {
    match status {
        Status::InDoubt => format!(
            "`{name}` is in doubt: the answer of a call was lost, and a person must look \
             (`underpin admin flows`)"
        ),
        Status::Parked => {
            format!("`{name}` cannot go on, and a person must look (`underpin admin flows`)")
        }
        _ => format!("`{name}` is in progress"),
    }
}

/// Says at every row that a flow holds how the flow is.
pub(super) fn tell(rows: Rows<'_>, state: &State) -> Result<(), StoreError> {
    rows.execute(
        "UPDATE holds SET reason = ?2 WHERE flow = ?1",
        (&state.id, reason(&state.name, state.status)),
    )?;
    Ok(())
}

impl Walk<'_> {
    /// Refuses to go on where another flow holds the row.
    pub(super) fn check_held(
        &self,
        of: Id<Aggregate>,
        key: &Value,
        tenant: Option<&str>,
    ) -> Result<(), Halt> {
        let aggregate = &*self.core.brief.aggregates.get(of).name.text;
        let mut find = self.view.rows.prepare(
            "SELECT reason FROM holds WHERE aggregate = ?1 AND tenant = ?2 AND key = ?3 AND flow <> ?4",
        )?;
        let values = (
            aggregate,
            tenant.unwrap_or(""),
            codec::key_text(key),
            &self.state.id,
        );
        let found: Option<String> = find
            .query_row(values, |row| row.get(0))
            .optional()
            .map_err(crate::store::StoreError::from)?;
        match found {
            Some(reason) => Err(Halt::Stop(Stop::Busy(reason))),
            None => Ok(()),
        }
    }

    /// Plans the holds that begin at a statement; [`Walk::hold_pending`] takes them.
    pub(super) fn take_holds(&mut self, op: &Op) -> Result<(), Halt> {
        let Some(leaf) = op.leaf.filter(|_| self.program.saga) else {
            return Ok(());
        };
        let program = self.program;
        for plan in program.holds.iter().filter(|plan| plan.from == leaf) {
            self.plan_hold(op, plan)?;
        }
        Ok(())
    }

    fn plan_hold(&mut self, op: &Op, plan: &HoldPlan) -> Result<(), Halt> {
        let touched = match &op.act {
            Act::Read { aggregate, .. }
            | Act::Create { aggregate, .. }
            | Act::Change { aggregate, .. }
                if *aggregate == plan.aggregate =>
            {
                op.binding.and_then(|slot| {
                    let bound = self.state.bound.iter().find(|bound| bound.slot == slot.0)?;
                    Some((bound.keys.clone(), bound.tenant.clone()))
                })
            }
            _ => None,
        };
        let (keys, tenant) = match touched {
            Some(found) => found,
            None => (self.keys_of(&plan.until, 0)?, None),
        };
        let layout = self.view.rows.layout(plan.aggregate);
        let tenant = tenant.or_else(|| layout.tenant.and(self.state.scope.tenant.clone()));
        let mut keys: Vec<Value> = keys.into_iter().map(|kept| kept.0).collect();
        keys.sort();
        keys.dedup();
        let aggregate = self
            .core
            .brief
            .aggregates
            .get(plan.aggregate)
            .name
            .text
            .to_string();
        let names = keys.into_iter().map(|key| RowName {
            aggregate: aggregate.clone(),
            key: Kept(key),
            tenant: tenant.clone(),
        });
        self.state.journey.holding.extend(names);
        Ok(())
    }

    /// Takes the holds that are due; those of other services are taken there.
    pub(super) fn hold_pending(&mut self) -> Result<(), Halt> {
        while let Some(name) = self.state.journey.holding.first().cloned() {
            let Some(of) = self.core.brief.aggregates.find(&name.aggregate) else {
                self.state.journey.holding.remove(0);
                continue;
            };
            let owner = self.core.place.all.owner(of);
            if owner != self.core.place.here {
                return Err(Halt::Stop(Stop::Elsewhere(owner)));
            }
            self.hold(of, &name.key.0, name.tenant.as_deref())?;
            self.state.journey.holding.remove(0);
        }
        Ok(())
    }

    /// Before a call every hold stands, and what happened before the pivot is on its way.
    pub(super) fn before_call(&mut self, op: &Op) -> Result<(), Halt> {
        let at = self.state.at();
        if self.state.journey.ready.as_ref() != Some(&at) {
            self.take_holds(op)?;
            self.state.journey.ready = Some(at);
        }
        match self.hold_pending() {
            Err(Halt::Stop(Stop::Elsewhere(service))) => return self.elsewhere(service),
            other => other?,
        }
        let here = self.core.place.here;
        let owed = self.state.events.iter().find(|event| event.service != here);
        if let (true, Some(event)) = (self.state.passed, owed) {
            let service = event.service;
            return self.elsewhere(service);
        }
        self.state.journey.ready = None;
        Ok(())
    }

    fn hold(&mut self, of: Id<Aggregate>, key: &Value, tenant: Option<&str>) -> Result<(), Halt> {
        let here = self.core.place.here;
        let journey = &mut self.state.journey;
        if here != journey.home && !journey.holders.contains(&here) {
            journey.holders.push(here);
        }
        self.check_held(of, key, tenant)?;
        if Mutation::DropHold.planted() {
            return Ok(());
        }
        let aggregate = &*self.core.brief.aggregates.get(of).name.text;
        let reason = reason(&self.program.name, Status::Running);
        self.view.rows.execute(
            "INSERT OR IGNORE INTO holds VALUES (?1, ?2, ?3, ?4, ?5)",
            (
                aggregate,
                tenant.unwrap_or(""),
                codec::key_text(key),
                &self.state.id,
                &reason,
            ),
        )?;
        Ok(())
    }

    /// Keys of the rows that the statement at `path` will change, as far as they are known now.
    fn keys_of(&mut self, path: &[usize], depth: usize) -> Result<Vec<Kept>, Halt> {
        let program = self.program;
        let Some(op) = path.get(..=depth).and_then(|at| Self::op_at(program, at)) else {
            return Ok(Vec::new());
        };
        match &op.act {
            Act::Each { variable, list, .. } if depth + 1 < path.len() => {
                let list = self.eval(list)?;
                let mut found = Vec::new();
                if let Value::List(items) = &list {
                    for item in items.iter() {
                        self.frame.set(*variable, item.clone());
                        found.extend(self.keys_of(path, depth + 1)?);
                    }
                }
                Ok(found)
            }
            Act::Change { row, .. } | Act::Delete { row, .. } => match row {
                Row::Key(expr) => Ok(vec![Kept(self.eval(expr)?)]),
                Row::Bound(slot) => Ok(self
                    .state
                    .bound_row(*slot)
                    .map(|name| name.key)
                    .into_iter()
                    .collect()),
            },
            _ => Ok(Vec::new()),
        }
    }
}
