//! Where each query gets its answer.

use super::Draft;
use crate::Planning;
use crate::words::{list, millis, part, time};
use underpin_brief::flow::aggregates_of;
use underpin_brief::model::{Brief, Query, QuerySource};

/// One decision per query.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    planning
        .brief
        .queries
        .rows()
        .iter()
        .map(|query| one(planning, query))
        .collect()
}

fn one(planning: &Planning<'_>, query: &Query) -> Draft {
    let brief = planning.brief;
    let cut = &planning.boundaries.cut;
    let read = aggregates_of(brief, query);
    let names: Vec<String> = read
        .iter()
        .map(|id| brief.aggregates.get(*id).name.to_string())
        .collect();
    let mut services: Vec<usize> = read.iter().map(|id| cut.service(*id)).collect();
    services.sort_unstable();
    services.dedup();
    let mut draft = Draft::new("read-path", query.name.to_string())
        .because([query.path.to_string()])
        .because(
            read.iter()
                .map(|id| brief.aggregates.get(*id).path.to_string()),
        );
    draft = match (query.of, read.len(), services.len()) {
        (QuerySource::Parts, ..) => draft
            .choose("composition", "it is put together of what others answer")
            .against(
                "replica",
                "a copy of what externals hold would be ours to keep right",
            ),
        (_, 0 | 1, _) => draft
            .choose("own-rows", "everything that it shows stands in one table")
            .against(
                "cache",
                "no measurement asks for one; rows are read by index",
            ),
        (_, _, 0 | 1) => draft
            .choose("join", format!("{} stand in one database", list(&names)))
            .against(
                "materialised",
                "written on every change, for what a join reads as fast at this size",
            )
            .against("cache", "no measurement asks for one"),
        _ => apart(query, draft, &names),
    };
    draft.assumptions = vec!["stale".to_owned()];
    if query.stale.max.is_some() || query.of == QuerySource::Parts {
        draft.assumptions.clear();
    }
    skewed(brief, query, draft)
}

/// The rows stand in several services.
fn apart(query: &Query, draft: Draft, names: &[String]) -> Draft {
    let allowed = query.stale.max.map_or(crate::DEFAULT_STALE_MS, millis);
    let stale = part(&query.path, "stale");
    draft
        .choose(
            "replica",
            format!(
                "{} stand apart, and an answer may be {} old",
                list(names),
                time(allowed)
            ),
        )
        .against(
            "call",
            "every page would wait for every service that it shows",
        )
        .because(query.stale.max.map(|_| stale))
}

fn skewed(brief: &Brief, query: &Query, draft: Draft) -> Draft {
    let _ = brief;
    let loaded = query.loads.iter().any(|load| load.skew.is_some());
    if loaded {
        draft.because([part(&query.path, "load")]).flips(
            "reads at peak take more than one replica can serve: then a cache of the hot rows",
        )
    } else {
        draft
    }
}
