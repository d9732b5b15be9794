//! Faults of simulated externals, as a person sets them.

use super::changed;
use crate::admin::{By, Fault, FaultLine, Refused, Told};
use crate::engine::drive::Inner;
use std::time::Duration as Length;
use underpin_brief::model::*;
use underpin_brief::suggest;

impl Inner {
    /// The external of a name `external` or `external.operation`.
    fn simulated(&self, of: &str) -> Result<Id<External>, Refused> {
        let externals = &self.core.brief.externals;
        let (name, operation) = match of.split_once('.') {
            Some((name, operation)) => (name, Some(operation)),
            None => (of, None),
        };
        let unknown = |kind: &str, name: &str, known: Vec<&str>| {
            let help = match suggest::closest(name, known.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("the brief has: {}", known.join(", ")),
            };
            Refused::new("unknown", format!("no {kind} is called `{name}`"), help)
        };
        let all = || externals.rows().iter().map(Named::name).collect();
        let id = externals.find(name);
        let id = id.ok_or_else(|| unknown("external", name, all()))?;
        let operations = &externals.get(id).operations;
        if let Some(operation) = operation.filter(|name| operations.find(name).is_none()) {
            let all = operations.rows().iter().map(Named::name).collect();
            return Err(unknown("operation", operation, all));
        }
        match self.externals.faults(id) {
            Some(_) => Ok(id),
            None => {
                let why = format!("`{name}` is not simulated");
                let help = "only what has no URL can be made to fail";
                Err(Refused::new("not-now", why, help))
            }
        }
    }

    pub(super) fn faults(&self) -> Vec<FaultLine> {
        let now = self.core.world.now();
        let mut ids = self.core.brief.externals.iter();
        // All simulated externals share one list.
        let first = ids.find_map(|(id, _)| self.externals.faults(id));
        first.map_or_else(Vec::new, |faults| faults.lines(now))
    }

    pub(super) async fn fault(
        &self,
        of: &str,
        fault: Fault,
        millis: Option<u64>,
        by: By,
    ) -> Result<Told, Refused> {
        let id = self.simulated(of)?;
        let told = self.noted(&by, &format!("fault {fault:?}"), of).await?;
        let now = self.core.world.now();
        let until = millis.map(|millis| now.plus(Length::from_millis(millis)));
        if let Some(faults) = self.externals.faults(id) {
            faults.set(of, fault, now, until);
        }
        Ok(told)
    }

    pub(super) async fn heal(&self, of: Option<String>, by: By) -> Result<Told, Refused> {
        let now = self.core.world.now();
        let all = of.as_deref().unwrap_or("all").to_owned();
        if let Some(of) = &of {
            self.simulated(of)?;
        }
        for (id, _) in self.core.brief.externals.iter() {
            if let Some(faults) = self.externals.faults(id) {
                faults.heal(of.as_deref(), now);
            }
        }
        let noted = self.noted(&by, "heal", &all).await?;
        drop(noted);
        Ok(changed(format!("heal: {all}")))
    }
}
