//! Where it is decided who may do what.

use super::Draft;
use crate::Planning;
use underpin_brief::model::Allow;

/// One decision for the whole.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    let brief = planning.brief;
    let conditional = |allows: &[Allow]| allows.iter().any(|allow| allow.when.is_some());
    let commands = brief
        .commands
        .rows()
        .iter()
        .filter(|of| conditional(&of.allows));
    let queries = brief
        .queries
        .rows()
        .iter()
        .filter(|of| conditional(&of.allows));
    let mut drivers: Vec<String> = commands.map(|of| of.path.to_string()).collect();
    drivers.extend(queries.map(|of| of.path.to_string()));
    let rows = !drivers.is_empty();
    let draft = Draft::new("authorization", brief.system.name.to_string())
        .choose(
            "in-service",
            if rows {
                "conditions look at rows, so they are evaluated with them, in one transaction"
            } else {
                "roles of the token decide; nothing else has to be asked"
            },
        )
        .against(
            "policy-engine",
            "it would need a copy of the rows, and be as old as that copy",
        )
        .against("gateway-only", "a gateway sees no rows")
        .because(drivers)
        .so("lists are filtered by the same conditions that guard single rows");
    vec![draft]
}
