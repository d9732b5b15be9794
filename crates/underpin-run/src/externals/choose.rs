//! Which external is real and which is simulated. Must not know either.

use super::{ExternalCall, ExternalOutcome, Externals, Faults};
use crate::backend::Pending;
use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::model::{External, Id};

/// Real externals by id, and one door for all others.
pub struct Chosen {
    /// Those with a URL.
    pub real: BTreeMap<Id<External>, Arc<dyn Externals>>,
    /// All others.
    pub others: Arc<dyn Externals>,
}

impl Externals for Chosen {
    fn call(&self, call: ExternalCall) -> Pending<'_, ExternalOutcome> {
        self.real
            .get(&call.external)
            .unwrap_or(&self.others)
            .call(call)
    }

    fn hurry(&self, on: bool) {
        self.others.hurry(on);
    }

    fn faults(&self, of: Id<External>) -> Option<&Faults> {
        match self.real.contains_key(&of) {
            true => None,
            false => self.others.faults(of),
        }
    }
}
