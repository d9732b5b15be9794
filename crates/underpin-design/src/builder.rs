//! The only way to make a [`Design`]: sorted, complete, and without names that nothing declares.

use crate::types::{Design, DesignForm, FlowKind, StepRole};
use std::collections::BTreeSet;
use std::fmt;

/// A design being made. All lists may be given in any order; flows, calls and steps keep theirs.
pub struct Builder {
    form: DesignForm,
}

/// A name that nothing declares, or a form that contradicts itself: a defect of the planner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inconsistency {
    /// Where it stands in the design.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl Builder {
    /// From everything that was planned.
    #[must_use]
    pub fn new(form: DesignForm) -> Self {
        Self { form }
    }

    /// The design.
    ///
    /// # Errors
    /// All inconsistencies, where there is one.
    pub fn finish(self) -> Result<Design, Vec<Inconsistency>> {
        let mut form = self.form;
        form.contexts.sort_by(|a, b| a.name.cmp(&b.name));
        form.services.sort_by(|a, b| a.name.cmp(&b.name));
        form.decisions
            .sort_by(|a, b| (&a.kind, &a.subject).cmp(&(&b.kind, &b.subject)));
        form.assumptions.sort_by(|a, b| a.id.cmp(&b.id));
        form.questions
            .sort_by(|a, b| (&a.text, &a.about).cmp(&(&b.text, &b.about)));
        let mut check = Check {
            form: &form,
            found: Vec::new(),
        };
        check.contexts();
        check.services();
        check.flows();
        check.calls();
        check.decisions();
        let found = check.found;
        if found.is_empty() {
            Ok(Design { form })
        } else {
            Err(found)
        }
    }
}

struct Check<'a> {
    form: &'a DesignForm,
    found: Vec<Inconsistency>,
}

impl<'a> Check<'a> {
    fn report(&mut self, place: &str, what: impl Into<String>) {
        self.found.push(Inconsistency {
            place: place.to_owned(),
            what: what.into(),
        });
    }

    fn names(&mut self, place: &str, names: impl Iterator<Item = &'a String>) -> BTreeSet<&'a str> {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name.as_str()) {
                self.report(place, format!("`{name}` stands twice"));
            }
        }
        seen
    }

    fn contexts(&mut self) {
        let form = self.form;
        self.names(
            "contexts",
            form.contexts.iter().map(|context| &context.name),
        );
        let aggregates = form.contexts.iter().flat_map(|context| &context.aggregates);
        self.names("aggregates of contexts", aggregates);
    }

    fn services(&mut self) {
        let form = self.form;
        self.names(
            "services",
            form.services.iter().map(|service| &service.name),
        );
        let deployed = form.services.iter().flat_map(|service| &service.contexts);
        let deployed = self.names("contexts of services", deployed);
        for context in &form.contexts {
            if !deployed.contains(context.name.as_str()) {
                self.report(
                    "services",
                    format!("context `{}` is deployed nowhere", context.name),
                );
            }
        }
        let declared: BTreeSet<&str> = form.contexts.iter().map(|c| c.name.as_str()).collect();
        for name in deployed.difference(&declared) {
            self.report("services", format!("there is no context `{name}`"));
        }
        let ports: BTreeSet<u16> = form.services.iter().map(|service| service.port).collect();
        if ports.len() != form.services.len() {
            self.report("services", "two services listen on one port");
        }
    }

    fn externals(&self) -> BTreeSet<&'a str> {
        let contexts = self.form.contexts.iter();
        contexts
            .flat_map(|context| &context.externals)
            .map(String::as_str)
            .collect()
    }

    fn flows(&mut self) {
        let form = self.form;
        self.names("flows", form.flows.iter().map(|flow| &flow.operation));
        let services: BTreeSet<&str> = form.services.iter().map(|s| s.name.as_str()).collect();
        let externals = self.externals();
        for flow in &form.flows {
            let place = format!("flow {}", flow.operation);
            self.names(&place, flow.steps.iter().map(|step| &step.name));
            for service in flow.services.iter().chain([&flow.home]) {
                if !services.contains(service.as_str()) {
                    self.report(&place, format!("there is no service `{service}`"));
                }
            }
            for step in &flow.steps {
                let by = step.service.as_str();
                if !services.contains(by) && !externals.contains(by) {
                    self.report(&place, format!("step `{}` is done by nobody", step.name));
                }
            }
            self.shape(&place, flow);
        }
    }

    fn shape(&mut self, place: &str, flow: &'a crate::types::Flow) {
        let named = |name: &str| flow.steps.iter().any(|step| step.name == name);
        let pivots = flow
            .steps
            .iter()
            .filter(|step| step.role == StepRole::Pivot);
        let pivots: Vec<&str> = pivots.map(|step| step.name.as_str()).collect();
        if flow.kind == FlowKind::Saga && pivots.as_slice() != flow.pivot.as_deref().as_slice() {
            self.report(place, "the pivot is not the one step of that role");
        }
        if flow.kind != FlowKind::Saga && (flow.pivot.is_some() || !pivots.is_empty()) {
            self.report(place, "only a saga has a pivot");
        }
        for hold in &flow.holds {
            if !named(&hold.from) || !named(&hold.until) {
                self.report(place, format!("hold of `{}` names no step", hold.aggregate));
            }
        }
        let mut last = 1;
        for step in &flow.steps {
            if step.segment < last || step.segment > last + 1 {
                self.report(place, format!("segment of `{}` is out of order", step.name));
            }
            last = step.segment;
        }
    }

    fn calls(&mut self) {
        let form = self.form;
        let services: BTreeSet<&str> = form.services.iter().map(|s| s.name.as_str()).collect();
        let externals = self.externals();
        for call in &form.calls {
            let place = format!("call {}/{}", call.flow, call.step);
            let flow = form.flows.iter().find(|flow| flow.operation == call.flow);
            if !flow.is_some_and(|flow| flow.steps.iter().any(|step| step.name == call.step)) {
                self.report(&place, "no such step");
            }
            if !services.contains(call.from.as_str()) {
                self.report(&place, format!("there is no service `{}`", call.from));
            }
            let to = call.to.as_str();
            if !services.contains(to) && !externals.contains(to) {
                self.report(&place, format!("there is no `{to}`"));
            }
            let deadline = flow.and_then(|flow| flow.deadline_ms);
            if deadline.is_some_and(|deadline| call.timeout_ms > deadline) {
                self.report(&place, "one attempt may take longer than the flow");
            }
            if call.retries > 0 && !call.idempotent && call.status.is_none() {
                self.report(&place, "is repeated although it is not idempotent");
            }
        }
    }

    fn decisions(&mut self) {
        let form = self.form;
        let numbers: BTreeSet<u32> = form.decisions.iter().map(|d| d.number).collect();
        if numbers.len() != form.decisions.len() {
            self.report("decisions", "two decisions share a number");
        }
        let assumptions = form.assumptions.iter().map(|assumption| &assumption.id);
        let assumptions = self.names("assumptions", assumptions);
        let mut seen = BTreeSet::new();
        for decision in &form.decisions {
            let place = format!("decision {} {}", decision.kind, decision.subject);
            if !seen.insert((&decision.kind, &decision.subject)) {
                self.report(&place, "is taken twice");
            }
            for id in &decision.assumptions {
                if !assumptions.contains(id.as_str()) {
                    self.report(&place, format!("there is no assumption `{id}`"));
                }
            }
            if decision
                .alternatives
                .iter()
                .any(|other| other.option == decision.chosen)
            {
                self.report(&place, "the chosen option is among the others");
            }
        }
    }
}
