//! Flags that a person has decided: kept in the store, so that a switch that was turned off in an
//! emergency is still off after a restart; read from memory, since every flow asks.

use super::{audit, broken, changed};
use crate::admin::{By, FlagLine, Override, Refused, Told};
use crate::engine::core::Core;
use crate::engine::drive::Inner;
use crate::engine::scope::Scope;
use crate::store::{Rows, StoreError};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use underpin_brief::model::*;
use underpin_brief::suggest;

/// Decisions by flag and subject; the empty subject is everybody.
#[derive(Default)]
pub(in crate::engine) struct Overrides {
    all: RwLock<BTreeMap<(String, String), bool>>,
}

impl Overrides {
    /// What was decided for whoever asks: for the caller, for its tenant, for all, in this order.
    pub(in crate::engine) fn of(&self, flag: &str, scope: &Scope) -> Option<bool> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return None;
        }
        let subjects = [scope.subject.as_deref(), scope.tenant.as_deref(), Some("")];
        let mut subjects = subjects.into_iter().flatten();
        subjects.find_map(|subject| all.get(&(flag.to_owned(), subject.to_owned())).copied())
    }

    /// Reads what the store has.
    pub(in crate::engine) fn read(rows: Rows<'_>) -> Result<Self, StoreError> {
        let mut find = rows.prepare("SELECT flag, subject, value FROM overrides")?;
        let lines = find.query_map([], |row| {
            Ok(((row.get(0)?, row.get(1)?), row.get::<_, bool>(2)?))
        })?;
        let all = lines.collect::<Result<_, _>>()?;
        Ok(Self {
            all: RwLock::new(all),
        })
    }

    /// Takes over what another one says.
    pub(in crate::engine) fn take(&self, other: Self) {
        let all = other
            .all
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        *self.all.write().unwrap_or_else(PoisonError::into_inner) = all;
    }

    fn lines(&self, flag: &str) -> Vec<Override> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        let of = all.iter().filter(|((name, _), _)| name == flag);
        of.map(|((_, subject), on)| Override {
            subject: Some(subject.clone()).filter(|subject| !subject.is_empty()),
            on: *on,
        })
        .collect()
    }
}

/// All flags.
pub(super) fn list(core: &Core) -> Vec<FlagLine> {
    let line = |flag: &Flag| FlagLine {
        name: flag.name.to_string(),
        rollout: flag
            .rollout
            .as_ref()
            .map(|(share, by)| format!("{share} by {by}")),
        overrides: core.overrides.lines(flag.name()),
    };
    core.brief.flags.rows().iter().map(line).collect()
}

impl Inner {
    pub(super) async fn set_flag(
        &self,
        flag: String,
        subject: Option<String>,
        on: Option<bool>,
        by: By,
    ) -> Result<Told, Refused> {
        if self.core.brief.flags.find(&flag).is_none() {
            let names: Vec<&str> = self
                .core
                .brief
                .flags
                .rows()
                .iter()
                .map(Named::name)
                .collect();
            let help = match suggest::closest(&flag, names.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("the brief has: {}", names.join(", ")),
            };
            return Err(Refused::new(
                "unknown",
                format!("no flag is called `{flag}`"),
                help,
            ));
        }
        let now = self.core.world.now().0;
        let word = match on {
            Some(true) => "flag on",
            Some(false) => "flag off",
            None => "flag as its rollout says",
        };
        let target = match &subject {
            Some(subject) => format!("{flag} for {subject}"),
            None => flag.clone(),
        };
        let done = format!("{word}: {target}");
        let written = self.store.write(move |rows| {
            let subject = subject.unwrap_or_default();
            match on {
                Some(on) => rows.execute(
                    "INSERT OR REPLACE INTO overrides VALUES (?1, ?2, ?3)",
                    (&flag, &subject, on),
                )?,
                None => rows.execute(
                    "DELETE FROM overrides WHERE flag = ?1 AND subject = ?2",
                    (&flag, &subject),
                )?,
            };
            audit::note(rows, now, &by, word, &target)?;
            Overrides::read(rows)
        });
        let overrides = written.await.map_err(|error| broken(&error))?;
        self.core.overrides.take(overrides);
        Ok(changed(done))
    }
}
