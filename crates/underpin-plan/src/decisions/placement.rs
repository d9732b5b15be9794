//! Where tenants and their data stand.

use super::Draft;
use crate::Planning;
use underpin_brief::model::Isolation;

/// One decision where there are tenants, or several regions.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    let brief = planning.brief;
    let Some(tenancy) = &brief.tenancy else {
        return Vec::new();
    };
    let aggregate = brief.aggregates.get(tenancy.aggregate);
    let tiers: Vec<String> = brief
        .tiers
        .rows()
        .iter()
        .map(|tier| format!("tier {}", tier.name))
        .collect();
    let silo = brief
        .tiers
        .rows()
        .iter()
        .any(|tier| tier.isolation != Isolation::Pool);
    let draft = Draft::new("placement", brief.system.name.to_string())
        .because([aggregate.path.to_string()])
        .because(tiers.clone());
    let draft = if silo {
        draft
            .choose("pool-and-silo", "tiers ask for both")
            .breaking(
                "pool",
                "a tier asks for more than a filter between tenants",
                tiers,
            )
    } else {
        draft
            .choose(
                "pool",
                "rows of all tenants in one store, every access filtered by tenant",
            )
            .against("silo", "one deployment per tenant; no tier asks for it")
    };
    vec![draft]
}
