//! Choices. One file per kind, one line here; each says what was chosen against what, because of
//! which places in the brief. Pins are applied here, for every kind alike.

mod api_style;
mod authentication;
mod authorization;
mod background_work;
mod boundary;
mod broker;
mod flow;
mod interaction;
mod placement;
mod read_path;
mod realtime;
mod resilience;
mod storage;
mod write_path;

use crate::Planning;
use std::collections::BTreeMap;
use underpin_brief::model::Pin;
use underpin_design::{Alternative, Decision, Lock};

/// Decides one kind, for all its subjects.
type Decide = fn(&Planning<'_>) -> Vec<Draft>;

const KINDS: &[Decide] = &[
    api_style::decide,
    authentication::decide,
    authorization::decide,
    background_work::decide,
    boundary::decide,
    broker::decide,
    flow::decide,
    interaction::decide,
    placement::decide,
    read_path::decide,
    realtime::decide,
    resilience::decide,
    storage::decide,
    write_path::decide,
];

/// A decision without its number.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub kind: &'static str,
    pub subject: String,
    pub chosen: String,
    pub why: String,
    pub alternatives: Vec<Alternative>,
    pub drivers: Vec<String>,
    pub assumptions: Vec<String>,
    pub flips: Vec<String>,
    pub pinned: Option<String>,
    pub consequences: Vec<String>,
    pub revisit: Option<String>,
}

impl Draft {
    /// Of that kind about that subject.
    pub(crate) fn new(kind: &'static str, subject: impl Into<String>) -> Self {
        Self {
            kind,
            subject: subject.into(),
            chosen: String::new(),
            why: String::new(),
            alternatives: Vec::new(),
            drivers: Vec::new(),
            assumptions: Vec::new(),
            flips: Vec::new(),
            pinned: None,
            consequences: Vec::new(),
            revisit: None,
        }
    }

    /// The option taken, and why.
    pub(crate) fn choose(mut self, option: impl Into<String>, why: impl Into<String>) -> Self {
        self.chosen = option.into();
        self.why = why.into();
        self
    }

    /// An option not taken, and why not.
    pub(crate) fn against(mut self, option: impl Into<String>, why: impl Into<String>) -> Self {
        self.alternatives.push(Alternative {
            option: option.into(),
            cost: None,
            violates: Vec::new(),
            why: why.into(),
        });
        self
    }

    /// An option not taken because it would break what stands at `places`.
    pub(crate) fn breaking(
        mut self,
        option: impl Into<String>,
        why: impl Into<String>,
        places: Vec<String>,
    ) -> Self {
        self = self.against(option, why);
        if let Some(last) = self.alternatives.last_mut() {
            last.violates = places;
        }
        self
    }

    /// Places in the brief that drove it.
    pub(crate) fn because(mut self, drivers: impl IntoIterator<Item = String>) -> Self {
        self.drivers.extend(drivers);
        self.drivers.sort();
        self.drivers.dedup();
        self
    }

    /// What would turn it.
    pub(crate) fn flips(mut self, when: impl Into<String>) -> Self {
        self.flips.push(when.into());
        self
    }

    /// What follows from it.
    pub(crate) fn so(mut self, consequence: impl Into<String>) -> Self {
        self.consequences.push(consequence.into());
        self
    }

    /// What the lock file calls it.
    pub(crate) fn key(&self) -> String {
        format!("{} {}", self.kind, self.subject)
    }

    /// With the number that the lock file gives.
    pub(crate) fn number(self, lock: &Lock) -> Decision {
        Decision {
            number: lock.decisions.get(&self.key()).copied().unwrap_or(0),
            kind: self.kind.to_owned(),
            subject: self.subject,
            chosen: self.chosen,
            why: self.why,
            alternatives: self.alternatives,
            drivers: self.drivers,
            assumptions: self.assumptions,
            flips: self.flips,
            pinned: self.pinned,
            consequences: self.consequences,
            revisit: self.revisit,
        }
    }
}

/// All decisions, pins applied; each kind and subject once.
pub(crate) fn all(planning: &Planning<'_>) -> Vec<Draft> {
    let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
    for decide in KINDS {
        for mut draft in decide(planning) {
            // An assumption that was not taken, or not for this flow, supports nothing.
            let flow = draft.kind == "flow";
            draft.assumptions.retain(|id| {
                let taken = planning.assumptions.iter().find(|known| known.id == *id);
                taken.is_some_and(|known| !flow || known.dependents.contains(&draft.subject))
            });
            drafts.insert(draft.key(), draft);
        }
    }
    let mut pins: Vec<&Pin> = planning.brief.pins.iter().collect();
    pins.sort_by(|a, b| (&a.path, &a.option.text).cmp(&(&b.path, &b.option.text)));
    for pin in pins.into_iter().filter(|pin| &*pin.kind.text != "boundary") {
        apply(planning, pin, &mut drafts);
    }
    drafts.into_values().collect()
}

/// A pin settles the decisions of its kind and subject; where the planner has none, it is one.
fn apply(planning: &Planning<'_>, pin: &Pin, drafts: &mut BTreeMap<String, Draft>) {
    let system = planning.brief.system.name.to_string();
    let subject = pin.of.as_ref().map(ToString::to_string);
    let hit = |draft: &&mut Draft| {
        let about = subject
            .as_ref()
            .is_none_or(|subject| *subject == draft.subject);
        *draft.kind == *pin.kind.text && about
    };
    let mut touched = false;
    for draft in drafts.values_mut().filter(hit) {
        pinned(draft, pin);
        touched = true;
    }
    let Some(kind) = kind_word(&pin.kind.text).filter(|_| !touched) else {
        return;
    };
    let mut draft = Draft::new(kind, subject.unwrap_or(system))
        .choose(pin.option.to_string(), "taken by hand")
        .because([pin.path.to_string()]);
    draft.pinned = Some(pin.path.to_string());
    drafts.insert(draft.key(), draft);
}

fn pinned(draft: &mut Draft, pin: &Pin) {
    let option = pin.option.to_string();
    if draft.chosen != option {
        draft.alternatives.retain(|other| other.option != option);
        let (chosen, why) = (draft.chosen.clone(), draft.why.clone());
        draft.alternatives.insert(
            0,
            Alternative {
                option: chosen,
                cost: None,
                violates: Vec::new(),
                why: format!("the planner's choice without the pin: {why}"),
            },
        );
        "taken by hand".clone_into(&mut draft.why);
        draft.chosen = option;
        draft.flips.clear();
        draft.consequences.clear();
    }
    draft.pinned = Some(pin.path.to_string());
    draft.drivers.push(pin.path.to_string());
    draft.drivers.sort();
    draft.drivers.dedup();
}

/// Kinds of decision that the language knows, also those that this form of the planner takes only
/// by hand.
fn kind_word(kind: &str) -> Option<&'static str> {
    const WORDS: &[&str] = &[
        "admission",
        "api-style",
        "authentication",
        "authorization",
        "background-work",
        "broker",
        "cache",
        "capacity",
        "context",
        "discovery",
        "flow",
        "gateway",
        "interaction",
        "mesh",
        "migration",
        "observability",
        "placement",
        "read-path",
        "realtime",
        "resilience",
        "risk",
        "rollout",
        "stack",
        "storage",
        "testing",
        "versioning",
        "write-path",
    ];
    WORDS.iter().find(|word| **word == kind).copied()
}
