//! What must hold between the parts of a design: nothing refers to what does not exist, every
//! aggregate has one owner, names are unique.

use crate::{Parts, Role};
use std::collections::BTreeSet;
use std::fmt;

/// Something that does not fit together: a defect of whoever made the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inconsistency {
    /// Where: a path into the JSON form.
    pub place: String,
    /// What.
    pub what: String,
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Collects findings.
#[derive(Default)]
struct Findings(Vec<Inconsistency>);

impl Findings {
    fn unless(&mut self, holds: bool, place: &str, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Inconsistency {
                place: place.to_owned(),
                what: what(),
            });
        }
    }

    /// Each name once; gives the set.
    fn unique<'a>(
        &mut self,
        place: &str,
        names: impl Iterator<Item = &'a str>,
    ) -> BTreeSet<&'a str> {
        let mut seen = BTreeSet::new();
        for name in names {
            self.unless(seen.insert(name), place, || {
                format!("`{name}` stands twice")
            });
        }
        seen
    }
}

pub(crate) fn check(parts: &Parts) -> Vec<Inconsistency> {
    let mut found = Findings::default();
    let contexts = found.unique("contexts", parts.contexts.iter().map(|c| c.name.as_str()));
    let services = found.unique("services", parts.services.iter().map(|s| s.name.as_str()));
    let owned = parts
        .contexts
        .iter()
        .flat_map(|c| c.aggregates.iter().map(String::as_str));
    found.unique("contexts/aggregates", owned);
    let deployed = parts
        .services
        .iter()
        .flat_map(|s| s.contexts.iter().map(String::as_str));
    let deployed = found.unique("services/contexts", deployed);
    found.unless(deployed == contexts, "services/contexts", || {
        "every context stands in exactly one service".to_owned()
    });
    flows(parts, &services, &mut found);
    calls(parts, &services, &mut found);
    decisions(parts, &mut found);
    found.0
}

fn flows(parts: &Parts, services: &BTreeSet<&str>, found: &mut Findings) {
    found.unique(
        "flows",
        parts.flows.iter().map(|flow| flow.operation.as_str()),
    );
    for flow in &parts.flows {
        let place = format!("flows/{}", flow.operation);
        let steps = found.unique(&place, flow.steps.iter().map(|step| step.name.as_str()));
        for name in flow
            .services
            .iter()
            .chain(flow.steps.iter().map(|step| &step.service))
        {
            found.unless(services.contains(name.as_str()), &place, || {
                format!("no service `{name}`")
            });
        }
        let pivots: Vec<_> = flow
            .steps
            .iter()
            .filter(|step| step.role == Role::Pivot)
            .collect();
        let marked = pivots
            .iter()
            .map(|step| step.name.as_str())
            .eq(flow.pivot.as_deref());
        found.unless(marked, &place, || {
            "the pivot is the one step in that role".to_owned()
        });
        if let Some(pivot) = &flow.pivot {
            found.unless(steps.contains(pivot.as_str()), &place, || {
                format!("no step `{pivot}`")
            });
        }
        let ordered = flow.steps.is_sorted_by_key(|step| step.segment);
        found.unless(ordered, &place, || {
            "segments follow the written order".to_owned()
        });
    }
}

fn calls(parts: &Parts, services: &BTreeSet<&str>, found: &mut Findings) {
    for call in &parts.calls {
        let place = format!("calls/{}/{}", call.flow, call.step);
        found.unless(services.contains(call.from.as_str()), &place, || {
            format!("no service `{}`", call.from)
        });
        let flow = parts.flows.iter().find(|flow| flow.operation == call.flow);
        found.unless(flow.is_some(), &place, || {
            format!("no flow `{}`", call.flow)
        });
        found.unless(call.attempts > 0, &place, || {
            "it is tried at least once".to_owned()
        });
        let deadline = flow.and_then(|flow| flow.deadline_ms);
        if let (Some(budget), Some(deadline)) = (call.budget_ms, deadline) {
            found.unless(budget <= deadline, &place, || {
                format!("its budget of {budget} ms exceeds the deadline of {deadline} ms")
            });
        }
        if let Some(budget) = call.budget_ms {
            found.unless(call.timeout_ms <= budget, &place, || {
                format!(
                    "its timeout of {} ms exceeds its budget of {budget} ms",
                    call.timeout_ms
                )
            });
        }
    }
}

fn decisions(parts: &Parts, found: &mut Findings) {
    let names: Vec<String> = parts
        .decisions
        .iter()
        .map(|d| format!("{} of {}", d.kind, d.subject))
        .collect();
    found.unique("decisions", names.iter().map(String::as_str));
    let numbers: Vec<String> = parts
        .decisions
        .iter()
        .map(|d| d.number.to_string())
        .collect();
    found.unique("decisions/number", numbers.iter().map(String::as_str));
    let assumptions = found.unique(
        "assumptions",
        parts.assumptions.iter().map(|a| a.name.as_str()),
    );
    for decision in &parts.decisions {
        let place = format!("decisions/{} of {}", decision.kind, decision.subject);
        for name in &decision.assumptions {
            found.unless(assumptions.contains(name.as_str()), &place, || {
                format!("no assumption `{name}`")
            });
        }
        let again = decision
            .alternatives
            .iter()
            .any(|other| other.option == decision.chosen);
        found.unless(!again, &place, || {
            "the chosen option is not an alternative".to_owned()
        });
    }
}
