//! What is at rest on both sides, compared.

use crate::settled::{Run, text};
use std::sync::PoisonError;
use underpin_brief::model::*;
use underpin_reference::{Place, Stage};
use underpin_run::engine::Rest;

impl Run<'_> {
    /// Rows, effects at externals and what waits for a person.
    pub(crate) async fn at_rest(&mut self) -> Result<(), String> {
        let rest = self.house.rest().await?;
        for (of, declared) in self.brief.aggregates.iter() {
            self.same_rows(of, declared, &rest.rows)?;
        }
        let effects = self
            .house
            .door
            .effects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let same = effects.len() == self.state.effects.len()
            && self
                .state
                .effects
                .iter()
                .zip(&effects)
                .all(|(mine, theirs)| {
                    (mine.external, mine.operation) == (theirs.external, theirs.operation)
                        && self.rename.meet(&mine.input, &theirs.input)
                });
        if !same {
            return Err(format!(
                "the effects at externals differ\n  reference: {}\n  engine:    {}",
                text(&self.state.effects),
                text(&effects)
            ));
        }
        self.same_waiting(&rest)?;
        if self.state.holds.len() != rest.held.len() {
            return Err(format!(
                "holds differ\n  reference: {:?}\n  engine:    {:?}",
                self.state.holds, rest.held
            ));
        }
        Ok(())
    }

    /// Flows and events that wait for a person, and events that wait for their time.
    fn same_waiting(&self, rest: &Rest) -> Result<(), String> {
        let mut flows: Vec<(String, String)> = self
            .state
            .flows
            .values()
            .filter_map(|flow| match flow.stage {
                Stage::Parked(_) => Some((flow.id.name(self.brief), "parked".to_owned())),
                Stage::InDoubt => Some((flow.id.name(self.brief), "in_doubt".to_owned())),
                _ => None,
            })
            .collect();
        flows.sort();
        let policy = |id: Id<Policy>| self.brief.policies.get(id).name.to_string();
        let mut parked: Vec<String> = self
            .state
            .work
            .iter()
            .filter(|work| work.parked.is_some())
            .map(|work| policy(work.policy))
            .collect();
        parked.sort();
        let mut waiting: Vec<String> = self
            .state
            .work
            .iter()
            .filter(|work| work.parked.is_none())
            .map(|work| policy(work.policy))
            .collect();
        waiting.sort();
        for (what, mine, theirs) in [
            (
                "flows that wait for a person",
                text(&flows),
                text(&rest.flows),
            ),
            ("parked events", text(&parked), text(&rest.parked)),
            ("waiting events", text(&waiting), text(&rest.waiting)),
        ] {
            if mine != theirs {
                return Err(format!(
                    "{what} differ\n  reference: {mine}\n  engine:    {theirs}\n  at rest:   {rest:?}"
                ));
            }
        }
        Ok(())
    }

    fn same_rows(
        &mut self,
        of: Id<Aggregate>,
        declared: &Aggregate,
        rows: &[(Id<Aggregate>, Value)],
    ) -> Result<(), String> {
        let mut theirs: Vec<&Value> = rows
            .iter()
            .filter(|(other, _)| *other == of)
            .map(|(_, row)| row)
            .collect();
        theirs.sort_by_key(|row| (key_of(declared, row), tenant_of(declared, row)));
        let mine: Vec<(Place, Value)> = self
            .state
            .rows
            .iter()
            .filter(|(place, _)| place.of == of)
            .map(|(place, row)| (place.clone(), row.clone()))
            .collect();
        let differ = |mine: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
            Err(format!(
                "rows of {} differ\n  reference: {}\n  engine:    {}",
                declared.name,
                format_args!("{mine:?}"),
                format_args!("{theirs:?}")
            ))
        };
        if mine.len() != theirs.len() {
            return differ(&mine, &theirs);
        }
        // Rows whose key is known are found by it, the others in the order of their birth.
        let (old, new): (Vec<_>, Vec<_>) = mine.iter().partition(|(place, _)| {
            self.rename.knows(&place.key)
                && place
                    .tenant
                    .as_ref()
                    .is_none_or(|tenant| self.rename.knows(&Value::Text(Text::clone(tenant))))
        });
        for (place, row) in old {
            let key = self.rename.value(&place.key);
            let tenant = place.tenant.as_ref().map(|tenant| self.rename.text(tenant));
            let at = theirs
                .iter()
                .position(|row| key_of(declared, row) == key && tenant_of(declared, row) == tenant);
            let Some(at) = at else {
                return differ(&(place, row), &theirs);
            };
            let found = theirs.remove(at);
            if !self.same_values(declared, row, found) {
                return differ(row, found);
            }
        }
        for ((_, row), found) in new.into_iter().zip(theirs) {
            if !self.same_values(declared, row, found) {
                return differ(row, found);
            }
        }
        Ok(())
    }

    /// Whether two rows are the same but for their version.
    fn same_values(&mut self, declared: &Aggregate, mine: &Value, theirs: &Value) -> bool {
        let slots = declared.row.slots.iter().enumerate();
        let mut seen =
            slots.filter(|(_, slot)| !(slot.origin == Origin::System && &*slot.name == "version"));
        seen.all(|(at, _)| self.rename.meet(mine.slot(at), theirs.slot(at)))
    }
}

pub(crate) fn key_of(declared: &Aggregate, row: &Value) -> Value {
    match declared.keys {
        1 => row.slot(0).clone(),
        keys => Value::list((0..keys).map(|at| row.slot(at).clone()).collect()),
    }
}

pub(crate) fn tenant_of(declared: &Aggregate, row: &Value) -> Option<String> {
    let at = declared
        .row
        .slots
        .iter()
        .position(|slot| slot.origin == Origin::System && &*slot.name == "tenant");
    at.and_then(|at| row.slot(at).as_text().map(str::to_owned))
}
