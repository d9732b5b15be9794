//! `docs/flows/<operation>.mmd`: one Mermaid sequence per flow, with the ways in which it fails.

use crate::words::{label, time};
use underpin_brief::model::{Brief, EventSource, Trigger};
use underpin_design::{Call, Design, Flow, FlowKind, Step, StepRole};

/// Where the sequence of a flow stands.
pub(crate) fn path(flow: &Flow) -> String {
    format!("docs/flows/{}.mmd", flow.operation.replace('/', "-"))
}

/// The sequence of a flow as Mermaid text.
#[must_use]
pub fn sequence(brief: &Brief, design: &Design, flow: &Flow) -> String {
    let mut drawing = Drawing {
        design,
        flow,
        lines: Vec::new(),
        indent: 1,
    };
    drawing.participants(brief);
    drawing.begin(brief);
    for segment in segments(flow) {
        match segment.first() {
            Some(first) if drawing.is_service(&first.service) => drawing.transaction(&segment),
            Some(_) => drawing.call(&segment),
            None => {}
        }
    }
    drawing.end(brief);
    let mut text = "sequenceDiagram\n".to_owned();
    for line in drawing.lines {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The steps of a flow, segment by segment.
fn segments(flow: &Flow) -> Vec<Vec<&Step>> {
    let mut out: Vec<Vec<&Step>> = Vec::new();
    for step in &flow.steps {
        match out.last_mut() {
            Some(last) if last.first().is_some_and(|of| of.segment == step.segment) => {
                last.push(step);
            }
            _ => out.push(vec![step]),
        }
    }
    out
}

/// The id of the participant that asks or triggers.
const ASKER: &str = "p_asker";

struct Drawing<'a> {
    design: &'a Design,
    flow: &'a Flow,
    lines: Vec<String>,
    indent: usize,
}

impl<'a> Drawing<'a> {
    fn line(&mut self, text: &str) {
        self.lines
            .push(format!("{}{text}", "    ".repeat(self.indent)));
    }

    fn block(&mut self, head: &str, inside: impl FnOnce(&mut Self)) {
        self.line(head);
        self.indent += 1;
        inside(self);
        self.indent -= 1;
        self.line("end");
    }

    /// Ids are prefixed, so that no name is a word of the notation.
    fn id(name: &str) -> String {
        let safe = |letter: char| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        };
        format!("p_{}", name.chars().map(safe).collect::<String>())
    }

    fn home(&self) -> String {
        Self::id(&self.flow.home)
    }

    fn is_service(&self, name: &str) -> bool {
        self.design
            .services()
            .iter()
            .any(|service| service.name == name)
    }

    /// Whether somebody waits for the answer.
    fn asked(&self) -> bool {
        !self.flow.driver.starts_with("policy ")
    }

    fn participants(&mut self, brief: &Brief) {
        let asker = if self.asked() {
            "client".to_owned()
        } else {
            trigger(brief, self.flow)
        };
        self.line(&format!("participant {ASKER} as {}", label(&asker)));
        let mut named = vec![self.flow.home.clone()];
        let others = self.flow.steps.iter().map(|step| step.service.clone());
        for name in others {
            if !named.contains(&name) {
                named.push(name);
            }
        }
        for name in named {
            self.line(&format!(
                "participant {} as {}",
                Self::id(&name),
                label(&name)
            ));
        }
        if self
            .flow
            .steps
            .iter()
            .any(|step| step.does.starts_with("emit "))
        {
            self.line("participant p_readers as readers of events");
        }
    }

    fn begin(&mut self, brief: &Brief) {
        let home = self.home();
        let name = label(&self.flow.operation);
        self.line(&format!("{ASKER}->>{home}: {name}"));
        if !self.asked() {
            return;
        }
        if let Some(command) = brief.commands.find(&self.flow.operation) {
            let refused = if brief.commands.get(command).allows.is_empty() {
                "not allowed"
            } else {
                "not allowed, limited or not valid"
            };
            self.block(&format!("break {refused}"), |drawing| {
                drawing.line(&format!(
                    "{home}-->>{ASKER}: refused before anything is done"
                ));
            });
        }
        if self.flow.accepted {
            self.line(&format!(
                "{home}-->>{ASKER}: accepted, with a link to follow"
            ));
        }
    }

    fn end(&mut self, _: &Brief) {
        let home = self.home();
        if self.flow.kind == FlowKind::Saga
            && let (Some(deadline), Some(pivot)) = (self.flow.deadline_ms, &self.flow.pivot)
        {
            let text = format!(
                "after {}, before {pivot} it is undone (504), after it answered 202 and completed",
                time(deadline)
            );
            self.line(&format!("Note over {home}: {}", label(&text)));
        }
        if self.asked() && !self.flow.accepted {
            self.line(&format!("{home}-->>{ASKER}: done"));
        }
    }

    /// Steps of one transaction, then how it is refused, then what it tells.
    fn transaction(&mut self, steps: &[&'a Step]) {
        let Some(first) = steps.first() else { return };
        let (owner, home) = (Self::id(&first.service), self.home());
        let away = owner != home;
        let done: Vec<String> = steps
            .iter()
            .filter(|step| is_work(step))
            .map(|s| words(s))
            .collect();
        let text = if done.is_empty() {
            "decide".to_owned()
        } else {
            done.join(", ")
        };
        if away {
            self.line(&format!("{home}->>{owner}: {}", label(&text)));
            self.line(&format!("{owner}-->>{home}: done"));
        } else {
            self.line(&format!("{owner}->>{owner}: {}", label(&text)));
        }
        self.refusals(steps);
        for step in steps.iter().filter(|step| step.does.starts_with("emit ")) {
            let event = label(step.does.trim_start_matches("emit "));
            self.line(&format!("{owner}-){}: {event}", "p_readers"));
        }
        self.pivot(steps);
    }

    /// A call of an external system.
    fn call(&mut self, steps: &[&'a Step]) {
        let Some(step) = steps.first() else { return };
        let (home, other) = (self.home(), Self::id(&step.service));
        let calls = self.design.calls().iter();
        let call = calls
            .into_iter()
            .find(|of| of.flow == self.flow.operation && of.step == step.name);
        let name = call.map_or_else(|| step.does.clone(), |call| call.operation.clone());
        let draw = |drawing: &mut Self| {
            drawing.line(&format!("{home}->>{other}: {}", label(&name)));
            if let Some(call) = call {
                drawing.unknown(step, call, &other);
            }
            drawing.line(&format!("{other}-->>{home}: answer"));
        };
        match (step.conditional, step.repeated) {
            (true, _) => self.block("opt where its condition holds", draw),
            (false, true) => self.block("loop for each element", draw),
            (false, false) => draw(self),
        }
        self.refusals(steps);
        self.pivot(steps);
    }

    /// What happens while nobody knows whether a call took effect.
    fn unknown(&mut self, step: &Step, call: &Call, other: &str) {
        let home = self.home();
        let waits = format!("no answer within {}", time(call.timeout_ms));
        let fallback = call.fallback;
        if step.in_doubt {
            self.block(&format!("break {waits}"), |drawing| {
                drawing.line(&format!("Note over {home}: in doubt, a person settles it"));
            });
            return;
        }
        self.block(&format!("opt {waits}"), |drawing| {
            if let Some(status) = &call.status {
                drawing.line(&format!("{home}->>{other}: {}", label(status)));
                drawing.line(&format!("{other}-->>{home}: whether it happened"));
            } else if call.retries > 0 {
                drawing.line(&format!("{home}->>{other}: the same under the same key"));
            } else if fallback {
                drawing.line(&format!(
                    "Note over {home}: goes on with what stands in for it"
                ));
            } else {
                drawing.line(&format!(
                    "Note over {home}: later again, under the same key"
                ));
            }
        });
    }

    /// How steps can be refused: what was done is taken back, last first.
    fn refusals(&mut self, steps: &[&'a Step]) {
        let mut codes: Vec<String> = steps
            .iter()
            .flat_map(|step| step.refusals.clone())
            .collect();
        codes.sort();
        codes.dedup();
        let Some(last) = steps.last().filter(|_| !codes.is_empty()) else {
            return;
        };
        let (home, codes) = (self.home(), label(&codes.join(" or ")));
        let undone: Vec<&Step> = self
            .flow
            .steps
            .iter()
            .rev()
            .filter(|step| step.segment < last.segment && step.undo.is_some())
            .collect();
        let answer = if self.asked() && !self.flow.accepted {
            format!("{home}-->>{ASKER}: refused, {codes}")
        } else {
            format!("Note over {home}: refused, {codes}")
        };
        self.block(&format!("break {codes}"), |drawing| {
            for step in undone {
                drawing.undo(step);
            }
            drawing.line(&answer);
        });
    }

    fn undo(&mut self, step: &Step) {
        let (home, owner) = (self.home(), Self::id(&step.service));
        let how = step.undo.clone().unwrap_or_default();
        let text = label(&format!("undo {}, {how}", step.name));
        if how.starts_with("nothing") {
            self.line(&format!("Note over {home}: {text}"));
        } else {
            self.line(&format!("{home}->>{owner}: {text}"));
        }
    }

    fn pivot(&mut self, steps: &[&Step]) {
        if self.flow.kind == FlowKind::Saga && steps.iter().any(|step| step.role == StepRole::Pivot)
        {
            let home = self.home();
            self.line(&format!(
                "Note over {home}: from here on it is only completed"
            ));
        }
    }
}

/// Whether a step does something that a reader wants to see.
fn is_work(step: &Step) -> bool {
    !["let ", "return", "emit "]
        .iter()
        .any(|verb| step.does.starts_with(verb))
}

fn words(step: &Step) -> String {
    let mut text = step.does.clone();
    if step.repeated {
        text.push_str(" for each");
    }
    if step.conditional {
        text.push_str(" if");
    }
    text
}

/// What makes a policy act.
fn trigger(brief: &Brief, flow: &Flow) -> String {
    let name = flow.operation.split('/').next().unwrap_or(&flow.operation);
    let Some(policy) = brief.policies.find(name).map(|id| brief.policies.get(id)) else {
        return "trigger".to_owned();
    };
    match &policy.trigger {
        Trigger::On { source, after } => {
            let source = source_name(brief, *source);
            if after.is_some() {
                format!("{source}, later")
            } else {
                source
            }
        }
        Trigger::Every(_) | Trigger::Cron { .. } => "clock".to_owned(),
    }
}

fn source_name(brief: &Brief, source: EventSource) -> String {
    let aggregate = |id| brief.aggregates.get(id);
    match source {
        EventSource::Event(id) => brief.events.get(id).name.to_string(),
        EventSource::State(id, state) => {
            let of = aggregate(id);
            let names = of.states.iter().flat_map(|states| &states.names);
            let state = names.into_iter().nth(state).map(ToString::to_string);
            format!("{}.{}", of.name, state.unwrap_or_default())
        }
        EventSource::Created(id) => format!("{}.created", aggregate(id).name),
        EventSource::Changed(id) => format!("{}.changed", aggregate(id).name),
        EventSource::Sent(external, id) => {
            let external = brief.externals.get(external);
            format!("{}.{}", external.name, external.sends.get(id).name)
        }
        EventSource::Attempted(id) => format!("{}.attempted", brief.feeds.get(id).name),
        EventSource::Failing(id) => format!("{}.failing", brief.feeds.get(id).name),
    }
}
