//! Contexts and services: from pins, else one of each.
//!
//! `pin boundary NAME A B` makes a service NAME of the aggregates A and B, `one` and `finest` are
//! the extremes, `together A B` forbids to part A and B and cuts nothing by itself.

use crate::Cutting;
use std::collections::BTreeSet;
use underpin_brief::flow::{Cut, FlowId, Owner, Survey, analyse_with};
use underpin_brief::model::*;
use underpin_design::{Context, FIRST_PORT, Lock, Service};

/// The boundaries of a design; one context per service in this form.
pub(crate) struct Boundaries {
    /// Which service owns which aggregate.
    pub cut: Cut,
    /// Names and contents, by number of the service.
    parts: Vec<Part>,
    /// Pins that drew them, as node paths.
    pub pins: Vec<String>,
}

struct Part {
    name: String,
    aggregates: Vec<String>,
    externals: Vec<String>,
    teams: Vec<String>,
}

impl Boundaries {
    /// The name of a service by its number.
    pub(crate) fn name(&self, service: usize) -> String {
        self.parts
            .get(service)
            .map_or_else(String::new, |part| part.name.clone())
    }

    /// The names of all services.
    pub(crate) fn names(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.name.clone()).collect()
    }

    pub(crate) fn contexts(&self) -> Vec<Context> {
        let context = |part: &Part| Context {
            name: part.name.clone(),
            aggregates: part.aggregates.clone(),
            externals: part.externals.clone(),
        };
        self.parts.iter().map(context).collect()
    }

    pub(crate) fn services(&self, brief: &Brief, lock: &Lock) -> Vec<Service> {
        let _ = brief;
        let service = |part: &Part| Service {
            name: part.name.clone(),
            contexts: vec![part.name.clone()],
            teams: part.teams.clone(),
            port: lock.ports.get(&part.name).copied().unwrap_or(FIRST_PORT),
        };
        self.parts.iter().map(service).collect()
    }
}

/// Draws the boundaries.
pub(crate) fn draw(brief: &Brief, survey: &Survey, cutting: Cutting) -> Boundaries {
    let pins: Vec<&Pin> = brief
        .pins
        .iter()
        .filter(|pin| &*pin.kind.text == "boundary")
        .collect();
    let pinned = |option: &str| pins.iter().any(|pin| &*pin.option.text == option);
    let (cut, names) = match cutting {
        Cutting::One => (Cut::one(brief), Vec::new()),
        Cutting::Finest => (Cut::finest(brief), Vec::new()),
        Cutting::Pins if pinned("finest") => (Cut::finest(brief), Vec::new()),
        Cutting::Pins => named(brief, &pins),
    };
    let mut paths: Vec<String> = pins.iter().map(|pin| pin.path.to_string()).collect();
    paths.sort();
    let mut parts = Vec::new();
    for service in 0..cut.count() {
        parts.push(part(brief, &cut, service, &names, &parts));
    }
    externals(brief, survey, &cut, &mut parts);
    Boundaries {
        cut,
        parts,
        pins: paths,
    }
}

/// The cut that named pins draw, with the name of each aggregate's service.
fn named(brief: &Brief, pins: &[&Pin]) -> (Cut, Vec<Option<String>>) {
    let mut names: Vec<Option<String>> = vec![None; brief.aggregates.len()];
    let mut sorted = pins.to_vec();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    for pin in sorted {
        let option = &*pin.option.text;
        if matches!(option, "one" | "finest" | "together") {
            continue;
        }
        for subject in &pin.subjects {
            let id = brief.aggregates.find(&subject.text);
            if let Some(name) = id.and_then(|id| names.get_mut(id.index())) {
                name.get_or_insert_with(|| option.to_owned());
            }
        }
    }
    // What the finest legal cut keeps together is never parted by a name.
    let finest = Cut::finest(brief);
    for group in 0..finest.count() {
        let members = finest.aggregates(group);
        let name = members
            .iter()
            .find_map(|id| names.get(id.index()).cloned().flatten());
        for id in members {
            if let Some(own) = names.get_mut(id.index()) {
                own.clone_from(&name);
            }
        }
    }
    let mut labels: Vec<&Option<String>> = names.iter().collect();
    labels.sort();
    labels.dedup();
    let label = |name: &Option<String>| labels.iter().position(|known| *known == name).unwrap_or(0);
    let groups: Vec<usize> = names.iter().map(label).collect();
    (Cut::from_groups(&groups), names)
}

fn part(
    brief: &Brief,
    cut: &Cut,
    service: usize,
    names: &[Option<String>],
    earlier: &[Part],
) -> Part {
    let members = cut.aggregates(service);
    let pinned = members
        .iter()
        .find_map(|id| names.get(id.index()).cloned().flatten());
    let first = members
        .first()
        .map(|id| brief.aggregates.get(*id).name.to_string());
    let mut name = match (pinned, first) {
        (Some(name), _) => name,
        (None, Some(first)) if cut.count() > 1 && names.is_empty() => kebab(&first),
        _ => brief.system.name.to_string(),
    };
    let external = |name: &str| brief.externals.find(name).is_some();
    while earlier.iter().any(|part| part.name == name) || external(&name) {
        name.push_str("-service");
    }
    let rows = || members.iter().map(|id| brief.aggregates.get(*id));
    let teams: BTreeSet<String> = rows()
        .filter_map(|row| row.team)
        .map(|id| brief.teams.get(id).name.to_string())
        .collect();
    Part {
        name,
        aggregates: rows().map(|row| row.name.to_string()).collect(),
        externals: Vec::new(),
        teams: teams.into_iter().collect(),
    }
}

/// Externals belong to the contexts that talk with them; one that nobody calls to the first.
fn externals(brief: &Brief, survey: &Survey, cut: &Cut, parts: &mut [Part]) {
    let mut talks: BTreeSet<(usize, Id<External>)> = BTreeSet::new();
    for id in FlowId::all(brief) {
        let flow = analyse_with(brief, survey, id, cut);
        for segment in &flow.segments {
            if let Owner::External(external, _) = segment.owner {
                talks.insert((flow.home, external));
            }
        }
        let FlowId::Policy(policy) = id else { continue };
        if let Trigger::On {
            source: EventSource::Sent(external, _),
            ..
        } = brief.policies.get(policy).trigger
        {
            talks.insert((flow.home, external));
        }
    }
    for (id, external) in brief.externals.iter() {
        let mut known = false;
        for (service, part) in parts.iter_mut().enumerate() {
            if talks.contains(&(service, id)) {
                part.externals.push(external.name.to_string());
                known = true;
            }
        }
        if let (false, Some(first)) = (known, parts.first_mut()) {
            first.externals.push(external.name.to_string());
        }
    }
}

/// `LineItem` as `line-item`.
fn kebab(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && at > 0 {
            out.push('-');
        }
        out.extend(letter.to_lowercase());
    }
    out
}
