//! The planner: a brief becomes a design.
//!
//! First form: boundaries come from pins, else everything is one service; everything else follows
//! by rules that name their drivers. The same brief gives the same bytes: nothing here looks at a
//! span, at the order of declarations, at a clock or at chance. Knows no deliverable.

mod assumptions;
mod boundaries;
mod calls;
mod decisions;
mod feasibility;
mod flows;
mod questions;
mod words;

use boundaries::Boundaries;
use underpin_brief::diagnostic::{Diagnostic, Outcome};
use underpin_brief::flow::Survey;
use underpin_brief::model::Brief;
use underpin_design::{
    Assumption, Builder, Call, Design, DesignForm, FORM_VERSION, Flow, Lock, System,
};

pub use assumptions::{DEFAULT_DEADLINE_MS, DEFAULT_LATENCY_P99_MS, DEFAULT_STALE_MS};

/// Which boundaries to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cutting {
    /// As the brief pins them, else one service.
    #[default]
    Pins,
    /// One service, whatever is pinned.
    One,
    /// As many services as the brief's hard constraints allow.
    Finest,
}

/// What may be chosen from outside the brief.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which boundaries to take.
    pub cutting: Cutting,
}

/// What every part of the planner sees.
pub(crate) struct Planning<'a> {
    pub brief: &'a Brief,
    pub survey: &'a Survey,
    pub options: Options,
    pub boundaries: Boundaries,
    pub flows: Vec<Flow>,
    pub calls: Vec<Call>,
    pub assumptions: Vec<Assumption>,
}

/// Plans `brief`. Numbers and ports that `lock` holds are kept. The findings say where the brief
/// asks for what cannot be had; an error among them means that the design breaks a requirement.
#[must_use]
pub fn plan(brief: &Brief, lock: &Lock, options: Options) -> Outcome<Design> {
    let survey = &Survey::of(brief);
    let boundaries = boundaries::draw(brief, survey, options.cutting);
    let mut planning = Planning {
        brief,
        survey,
        options,
        boundaries,
        flows: Vec::new(),
        calls: Vec::new(),
        assumptions: Vec::new(),
    };
    planning.flows = flows::flows(&planning);
    planning.calls = calls::calls(&planning);
    planning.assumptions = assumptions::assumptions(&planning);
    let diagnostics = feasibility::check(&planning);
    let drafts = decisions::all(&planning);
    let keys: Vec<String> = drafts.iter().map(decisions::Draft::key).collect();
    let lock = lock.merge(&keys, &planning.boundaries.names());
    let decisions = drafts
        .into_iter()
        .map(|draft| draft.number(&lock))
        .collect();
    let form = DesignForm {
        form: FORM_VERSION,
        system: system(brief),
        contexts: planning.boundaries.contexts(),
        services: planning.boundaries.services(brief, &lock),
        questions: questions::questions(&planning),
        flows: planning.flows,
        calls: planning.calls,
        decisions,
        assumptions: planning.assumptions,
    };
    built(form, diagnostics)
}

/// What the lock file holds after `design` was planned with `lock`.
#[must_use]
pub fn lock_of(design: &Design, lock: &Lock) -> Lock {
    let mut merged = lock.clone();
    merged.form = 1;
    for decision in design.decisions() {
        let key = format!("{} {}", decision.kind, decision.subject);
        merged.decisions.insert(key, decision.number);
    }
    for service in design.services() {
        merged.ports.insert(service.name.clone(), service.port);
    }
    merged
}

/// The design of that form; where it contradicts itself, a finding instead.
#[must_use]
pub fn built(form: DesignForm, mut diagnostics: Vec<Diagnostic>) -> Outcome<Design> {
    match Builder::new(form).finish() {
        Ok(design) => Outcome {
            value: Some(design),
            diagnostics,
        },
        Err(inconsistencies) => {
            let mut defect = Diagnostic::error(
                underpin_brief::codes::design::U0500,
                underpin_brief::source::Span::default(),
                "the planner made an inconsistent design: a defect of this tool",
            );
            for inconsistency in inconsistencies {
                defect = defect.fact(inconsistency.to_string());
            }
            diagnostics.push(defect);
            Outcome {
                value: None,
                diagnostics,
            }
        }
    }
}

fn system(brief: &Brief) -> System {
    let system = &brief.system;
    let name = system.name.to_string();
    System {
        title: system
            .title
            .as_ref()
            .map_or_else(|| name.clone(), ToString::to_string),
        name,
        purpose: system.purpose.as_ref().map(ToString::to_string),
        version: system.version.number,
        currencies: system
            .currencies
            .iter()
            .map(|c| c.as_str().to_owned())
            .collect(),
        regions: system.regions.iter().map(ToString::to_string).collect(),
    }
}
