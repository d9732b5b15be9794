//! Flows of an earlier brief end under it: its programs run beside those of the brief that is
//! served, on the same tables. What leaves such a flow (events, answers, calls) is in the form of the
//! brief that is served, so that nobody else must know of it.

use super::core::Core;
use super::events::Listeners;
use super::placement::Place;
use super::state::{Happened, Kept, State};
use crate::migrate::{Between, Former, Places, Standing, Succession, moved, operation_of, places};
use crate::store::{Rows, Schema, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::model::*;

/// What a core of an earlier brief needs besides its own plans.
pub(super) struct Turn {
    schema: Schema,
    succession: Succession,
    places: Places,
}

impl Core {
    /// The same with what a folder says about briefs before.
    pub(super) fn under(mut self, standing: &Standing) -> Self {
        let one = |former: &Former| (former.generation, Arc::new(self.former(former)));
        let formers: BTreeMap<u32, Arc<Core>> = standing.former.iter().map(one).collect();
        self.generation = standing.generation;
        self.formers = formers;
        self
    }

    fn former(&self, former: &Former) -> Self {
        let between = Between {
            old: &former.brief,
            new: &self.brief,
        };
        let schema = Schema::beside(&former.brief, &self.brief);
        let hook = Arc::clone(&self.hook);
        // Folders of several services are not migrated: an earlier brief has one.
        let place = Place::only(&former.brief);
        let mut core = Self::new(&former.brief, &schema, self.world.clone(), hook, place);
        let succession = Succession::new(&former.brief, &self.brief);
        core.listeners = Listeners::beside(&self.listeners, &succession);
        core.generation = former.generation;
        core.turn = Some(Box::new(Turn {
            schema,
            succession,
            places: places(between.old, between.new),
        }));
        core
    }

    /// The core under which a flow goes on.
    pub(super) fn of(&self, state: &State) -> &Self {
        match state.generation == self.generation {
            true => self,
            false => self
                .formers
                .get(&state.generation)
                .map_or(self, |former| former),
        }
    }

    /// Rows in the form that this core's programs know.
    pub(super) fn rows<'r>(&'r self, rows: Rows<'r>) -> Rows<'r> {
        match &self.turn {
            Some(turn) => rows.under(&turn.schema),
            None => rows,
        }
    }

    /// An operation as the brief that is served knows it.
    pub(super) fn operation_now(
        &self,
        external: Id<External>,
        operation: Id<ExternalOperation>,
    ) -> Option<(Id<External>, Id<ExternalOperation>)> {
        match &self.turn {
            Some(turn) => operation_of(turn.succession.between(), external, operation),
            None => Some((external, operation)),
        }
    }

    /// What a flow answers, in the form of the brief that is served; a flow that called it knows
    /// its own.
    pub(super) fn returned(&self, state: &State) -> Vec<Kept> {
        let places = self.turn.as_ref().filter(|_| !state.origin.child);
        let places = places.and_then(|turn| turn.places.get(&state.name));
        let Some(places) = places else {
            return state.returned.clone();
        };
        let values: Vec<Value> = state.returned.iter().map(|kept| kept.0.clone()).collect();
        moved(&values, places).into_iter().map(Kept).collect()
    }

    /// Events in the form of the brief that is served; those that it has no use for are left out.
    pub(super) fn events_now(&self, events: Vec<Happened>) -> Result<Vec<Happened>, StoreError> {
        let Some(turn) = &self.turn else {
            return Ok(events);
        };
        let mut now = Vec::with_capacity(events.len());
        for event in events {
            let turned = turn.succession.event(&event.source, &event.event.0);
            if let Some(value) = turned.map_err(StoreError::Defect)? {
                now.push(Happened {
                    event: Kept(value),
                    ..event
                });
            }
        }
        Ok(now)
    }
}
