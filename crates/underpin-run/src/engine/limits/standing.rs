//! Of which tenant a request is, and of which tier that tenant: what limits and flags of tiers go
//! by. Must not know what is limited.

use crate::backend::Asked;
use crate::engine::core::Core;
use crate::engine::drive::Inner;
use crate::engine::scope::{Scope, View, settle};
use crate::store::{Rows, StoreError};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use underpin_brief::expr::Frame;
use underpin_brief::model::*;

/// A request's tenant and tier.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Standing {
    pub(super) tenant: Option<String>,
    pub(super) tier: Option<Id<Tier>>,
}

impl Standing {
    /// A limit as the tier has it.
    pub(super) fn kind<'b>(&self, brief: &'b Brief, at: usize, limit: &'b Limit) -> &'b LimitKind {
        kind(brief, self.tier, at, limit)
    }
}

/// A limit as a tier has it, or as it is declared.
pub(super) fn kind<'b>(
    brief: &'b Brief,
    tier: Option<Id<Tier>>,
    at: usize,
    limit: &'b Limit,
) -> &'b LimitKind {
    let own = tier.map(|tier| &brief.tiers.get(tier).limits);
    let own = own.into_iter().flatten().find(|(id, _)| id.index() == at);
    own.map_or(&limit.kind, |(_, kind)| kind)
}

/// How long a standing is believed, µs: a change of tier counts after five seconds at the latest,
/// as one of who may.
const BELIEVED: i64 = 5_000_000;
/// Standings that are remembered.
const KEPT: usize = 10_000;

/// Standings of callers who asked lately.
#[derive(Default)]
pub(in crate::engine) struct Standings {
    known: Mutex<BTreeMap<String, (Standing, i64)>>,
}

/// The tier of a tenant; none where the brief has none, or the tenant's row is not there.
pub(in crate::engine) fn tier_of(
    core: &Core,
    rows: Rows<'_>,
    tenant: Option<&str>,
) -> Result<Option<Id<Tier>>, StoreError> {
    let (Some(tenancy), Some(expr), Some(tenant)) = (&core.brief.tenancy, &core.tier, tenant)
    else {
        return Ok(None);
    };
    let key = Value::text(tenant);
    let Some(row) = rows.get(tenancy.aggregate, &key, Some(tenant))? else {
        return Ok(None);
    };
    let scope = Scope::service(Some(tenant.to_owned()));
    let mut frame = Frame::new(Root::COUNT);
    frame.set(Root::SelfRow.slot(), row);
    let value = expr.eval(&mut frame, &View::new(rows, &scope, core));
    let name = value.ok();
    Ok(name.and_then(|name| core.brief.tiers.find(name.as_text()?)))
}

impl Inner {
    /// Whose admissions a request counts among.
    pub(super) async fn standing(&self, asked: &Asked) -> Result<Standing, StoreError> {
        let core = &self.core;
        let Some(caller) = asked
            .caller
            .clone()
            .filter(|_| core.brief.tenancy.is_some())
        else {
            return Ok(Standing::default());
        };
        let key = format!(
            "{}\u{1f}{}\u{1f}{}\u{1f}{}",
            caller.actor,
            caller.id,
            caller.tenant.as_deref().unwrap_or(""),
            serde_json::Value::Object(caller.claims.clone()),
        );
        let now = core.world.now().0;
        {
            let known = self
                .standings
                .known
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some((standing, at)) = known.get(&key)
                && now.saturating_sub(*at) < BELIEVED
            {
                return Ok(standing.clone());
            }
        }
        let shared = std::sync::Arc::clone(core);
        let read = self.store.read(move |rows| {
            let tenant = settle(&shared.brief, rows, Some(&caller))?.scope.tenant;
            let tier = tier_of(&shared, rows, tenant.as_deref())?;
            Ok(Standing { tenant, tier })
        });
        let standing = read.await?;
        let mut known = self
            .standings
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, (standing.clone(), now));
        Ok(standing)
    }
}
