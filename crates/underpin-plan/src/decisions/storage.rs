//! What each service keeps its rows in.

use super::Draft;
use crate::Planning;

/// One decision per service.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    let brief = planning.brief;
    let contexts = planning.boundaries.contexts();
    contexts
        .iter()
        .map(|context| {
            let drivers = context.aggregates.iter().map(|name| format!("aggregate {name}"));
            let joins = brief.queries.rows().iter().filter(|query| !query.filters.is_empty());
            Draft::new("storage", context.name.clone())
                .choose("relational", "a segment is one serializable transaction over rows with keys, filters and sorts")
                .against("document", "rows of several aggregates change in one transaction, lists are filtered by their fields")
                .against("shared-database", "another service could read and write past the rules of this one")
                .because(drivers)
                .because(joins.map(|query| query.path.to_string()))
        })
        .collect()
}
