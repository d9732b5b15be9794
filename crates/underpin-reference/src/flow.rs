//! Flows: admission, segment after segment, calls between them, and taking back.

use crate::act::Halt;
use crate::caller::{Scope, Settled};
use crate::look::Look;
use crate::meaning::{Meaning, Plan};
use crate::row::Writing;
use crate::state::*;
use std::collections::BTreeMap;
use underpin_brief::expr::Frame;
use underpin_brief::flow::{FlowId, StepUndo};
use underpin_brief::model::*;

/// How long final answers are kept, µs.
const KEPT: i64 = 24 * 3_600 * 1_000_000;

/// Codes after which the same key continues or restarts the same flow (rule A4).
const TECHNICAL: [&str; 8] = [
    "busy",
    "conflict",
    "precondition-failed",
    "too-many-requests",
    "unavailable",
    "deadline-exceeded",
    "internal",
    "cancelled",
];

/// Where a segment ends.
pub(crate) enum End {
    Segment,
    Chunk,
    Finished,
}

impl Meaning {
    pub(crate) fn begin(
        &self,
        state: &mut State,
        id: FlowId,
        origin: Cause,
        (scope, caller): (Scope, Value),
    ) -> u64 {
        let number = state.draw();
        let body = id.body(&self.brief);
        let mut flow = Flow {
            id,
            number,
            origin,
            now: state.now,
            stage: Stage::Asked,
            scope,
            frame: vec![Value::Null; body.frame.max(Root::COUNT) as usize],
            todo: (0..body.statements.len())
                .rev()
                .map(|at| Todo::Do(vec![at]))
                .collect(),
            done: Vec::new(),
            bound: BTreeMap::new(),
            events: Vec::new(),
            ids: BTreeMap::new(),
            passed: self.plan(id).flow.pivot.is_none(),
            committed: false,
            calling_at: Vec::new(),
            returned: Vec::new(),
            row: None,
            created: false,
            expected: None,
            refusal: None,
            kept: None,
        };
        flow.set(Root::Caller.slot(), caller);
        state.flows.insert(number, flow);
        number
    }

    /// One transition of a flow; false where it waits for a held row.
    pub(crate) fn advance(&self, state: &mut State, number: u64, outside: &dyn Outside) -> bool {
        let Some(mut flow) = state.flows.remove(&number) else {
            return true;
        };
        let before = (state.clone(), flow.clone());
        let outcome = match flow.stage.clone() {
            Stage::Asked => match self.admit(state, &mut flow, outside) {
                true => self.segment(state, &mut flow),
                false => Ok(()),
            },
            Stage::Running => self.segment(state, &mut flow),
            Stage::Calling(calling) => {
                self.call(state, &mut flow, &calling, outside);
                Ok(())
            }
            Stage::Undoing => self.undo(state, &mut flow),
            _ => Ok(()),
        };
        let held = matches!(outcome, Err(Halt::Held));
        if held {
            (*state, flow) = before;
        }
        let over = (!held).then(|| flow.stage.clone());
        state.flows.insert(number, flow);
        if let Some(stage) = over {
            self.after(state, number, &stage);
        }
        !held
    }

    /// A flow before its pivot that waited for a held row is refused.
    pub(crate) fn give_up(&self, state: &mut State, number: u64) -> bool {
        let Some(mut flow) = state.flows.remove(&number) else {
            return true;
        };
        if flow.stage != Stage::Asked || self.admit(state, &mut flow, &Nobody) {
            self.refuse(&mut flow, "busy".into());
            // Nobody waits for a row to take nothing back.
            let _ = self.undo(state, &mut flow);
        }
        let stage = flow.stage.clone();
        state.flows.insert(number, flow);
        self.after(state, number, &stage);
        true
    }

    /// Roots, replay and authorization; false where the flow is over with that.
    fn admit(&self, state: &mut State, flow: &mut Flow, outside: &dyn Outside) -> bool {
        flow.stage = Stage::Running;
        let request = match &flow.origin {
            Cause::Client(request) => Some(request.clone()),
            _ => None,
        };
        let settled = request
            .as_ref()
            .map(|request| self.settle(state, request.caller.as_ref()));
        if let (Some(settled), Some(request)) = (&settled, &request) {
            flow.scope = settled.scope.clone();
            flow.set(Root::Caller.slot(), settled.value.clone());
            flow.set(Root::Input.slot(), request.input.clone());
            flow.expected = request.expected.clone().filter(|_| {
                self.brief.commands.get(request.command).precondition != Some(Precondition::None)
            });
        }
        let tier = self.tier(state, &flow.scope);
        let on = |(id, flag): (Id<Flag>, &Flag)| {
            let given = tier.is_some_and(|tier| tier.flags.contains(&id));
            Value::Bool(given || outside.flag(flag, &flow.scope))
        };
        let flags = self.brief.flags.iter().map(on).collect();
        flow.set(Root::Now.slot(), Value::Time(flow.now));
        flow.set(Root::Flags.slot(), Value::record(flags));
        let limits = self.limits(state, &flow.scope);
        flow.set(Root::Limits.slot(), limits);
        if let Some(answer) = self.replay(state, flow) {
            flow.kept = None;
            flow.stage = Stage::Over(answer);
            return false;
        }
        for id in self.generated(flow.id) {
            flow.ids
                .entry(id)
                .or_insert_with(|| format!("!{:08}", state.draw()).into());
        }
        let Some((settled, request)) = settled.zip(request) else {
            self.open(state, flow);
            return true;
        };
        match self.forbidden(state, flow, &settled, &request) {
            None => {
                self.open(state, flow);
                true
            }
            Some(code) => {
                self.end(state, flow, Answer::Refused(code.into()));
                false
            }
        }
    }

    /// The key is in progress from now on.
    fn open(&self, state: &mut State, flow: &Flow) {
        if let Some(place) = &flow.kept {
            let kept = Kept {
                input: flow.slot(Root::Input.slot()).clone(),
                answer: None,
                flow: Some(flow.number),
                ids: BTreeMap::new(),
            };
            state.answers.insert(place.clone(), kept);
        }
    }

    /// Why no `allow` admits the caller; whether a row exists is told only to those who may see it.
    fn forbidden(
        &self,
        state: &State,
        flow: &mut Flow,
        settled: &Settled,
        request: &Request,
    ) -> Option<&'static str> {
        let allows = &self.brief.commands.get(request.command).allows;
        let look = Look::new(self, state, &settled.scope);
        let frame = Frame {
            slots: flow.frame.clone(),
        };
        if self.allowed(settled, allows, &look, &frame) {
            return None;
        }
        if request.caller.is_none() {
            flow.kept = None;
            return Some("unauthenticated");
        }
        let seen = |(of, slot): (Id<Aggregate>, usize)| {
            let place = self.find(state, &settled.scope, None, of, request.input.slot(slot));
            let row = place.as_ref().and_then(|place| state.rows.get(place));
            let row = place.as_ref().zip(row);
            row.is_some_and(|(place, row)| self.shown(state, settled, place, row))
        };
        let hidden = request.names.is_some_and(|named| !seen(named));
        let not_found = hidden && self.named(settled, allows);
        Some(if not_found { "not-found" } else { "forbidden" })
    }

    /// The paths of creations whose key is drawn at admission.
    fn generated(&self, id: FlowId) -> Vec<NodePath> {
        let made = |statement: &Statement| match &statement.kind {
            StatementKind::Create { aggregate, .. }
                if self.brief.aggregates.get(*aggregate).generated_key =>
            {
                Some(statement.path.clone())
            }
            _ => None,
        };
        id.body(&self.brief)
            .statements
            .iter()
            .filter_map(made)
            .collect()
    }

    /// The stored answer of the same key, or why there is none yet.
    fn replay(&self, state: &State, flow: &mut Flow) -> Option<Answer> {
        let FlowId::Command(id) = flow.id else {
            return None;
        };
        let command = self.brief.commands.get(id);
        let frame = Frame {
            slots: flow.frame.clone(),
        };
        let look = Look::new(self, state, &flow.scope);
        let once = command
            .once
            .as_ref()
            .and_then(|once| self.eval(once, &look, &frame).ok());
        let tenant = flow.scope.tenant.as_deref().unwrap_or("");
        flow.kept = match (once.filter(|once| !once.is_null()), &flow.origin) {
            (Some(once), _) => Some((format!("once\u{1f}{tenant}\u{1f}{}", command.name), once)),
            (None, Cause::Client(request)) => request.key.clone().map(|key| {
                let scope = format!("{}\u{1f}{}", flow.scope.text(), command.name);
                (scope, Value::Text(key))
            }),
            (None, _) => None,
        };
        let input = flow.slot(Root::Input.slot()).clone();
        let kept = state.answers.get(flow.kept.as_ref()?)?;
        match &kept.answer {
            Some((_, until)) if *until <= state.now => None,
            _ if kept.input != input => Some(Answer::Refused("key-reused".into())),
            Some((answer, _)) => Some(answer.clone()),
            None if kept.flow.is_some() => Some(Answer::Refused("in-progress".into())),
            None => {
                flow.ids.clone_from(&kept.ids);
                None
            }
        }
    }

    /// One segment in one transaction: where it is refused, nothing of it stays.
    fn segment(&self, state: &mut State, flow: &mut Flow) -> Result<(), Halt> {
        let before = (state.clone(), flow.clone());
        let plan = self.plan(flow.id);
        let mut writing = Writing {
            meaning: self,
            state,
            flow,
            plan,
        };
        match writing.forward() {
            Err(Halt::Held) => Err(Halt::Held),
            Err(Halt::Refused(code)) => {
                let drawn = state.drawn;
                (*state, *flow) = before;
                state.drawn = drawn;
                self.refuse(flow, code);
                if flow.stage == Stage::Undoing && flow.done.is_empty() {
                    return self.undo(state, flow);
                }
                Ok(())
            }
            Err(Halt::Call) => {
                self.publish(state, flow);
                Ok(())
            }
            Ok(end) => {
                if matches!(end, End::Chunk) {
                    flow.done.clear();
                    self.publish_all(state, flow);
                }
                self.publish(state, flow);
                if matches!(end, End::Finished) {
                    self.publish_all(state, flow);
                    let answer = Answer::Done {
                        returned: flow.returned.clone(),
                        row: flow.row.clone(),
                    };
                    self.end(state, flow, answer);
                }
                Ok(())
            }
        }
    }

    /// A refusal: before the pivot all is taken back, after it a person must look.
    pub(crate) fn refuse(&self, flow: &mut Flow, code: Text) {
        let chunked = flow.todo.contains(&Todo::Chunk);
        if flow.passed && flow.committed && !chunked {
            flow.stage = Stage::Parked(code);
            return;
        }
        flow.refusal = Some(code);
        flow.stage = Stage::Undoing;
    }

    fn call(&self, state: &mut State, flow: &mut Flow, calling: &Calling, outside: &dyn Outside) {
        let external = self.brief.externals.get(calling.external);
        let operation = external.operations.get(calling.operation);
        let same = |effect: &&Effect| {
            let named =
                (effect.external, effect.operation) == (calling.external, calling.operation);
            named
                && operation
                    .idempotent
                    .is_some_and(|slot| effect.input.slot(slot) == calling.input.slot(slot))
        };
        let known = state
            .effects
            .iter()
            .find(same)
            .map(|effect| effect.output.clone());
        let outcome = known.clone().map_or_else(
            || {
                outside.call(&Call {
                    external: calling.external,
                    operation: calling.operation,
                    input: &calling.input,
                    before: &state.effects,
                })
            },
            Outcome::Answered,
        );
        let (Outcome::Answered(output) | Outcome::Lost(Some(output))) = &outcome else {
            return self.not_answered(flow, calling, outcome);
        };
        if known.is_none() && !operation.read {
            state.effects.push(Effect {
                external: calling.external,
                operation: calling.operation,
                input: calling.input.clone(),
                output: output.clone(),
            });
        }
        if matches!(outcome, Outcome::Lost(_)) {
            return self.not_answered(flow, calling, outcome);
        }
        if calling.undo {
            flow.stage = Stage::Undoing;
            return;
        }
        self.answered(
            flow,
            &calling.at,
            output.clone(),
            Some(calling.input.clone()),
        );
    }

    /// Goes on after a call; one that happened can be taken back.
    pub(crate) fn answered(
        &self,
        flow: &mut Flow,
        at: &[usize],
        output: Value,
        input: Option<Value>,
    ) {
        let plan = self.plan(flow.id);
        let statement = plan.statement(flow.id.body(&self.brief), at);
        if let Some(slot) = statement.and_then(|statement| statement.binding) {
            flow.set(slot, output.clone());
        }
        let leaf = plan.leaves.get(at).copied().unwrap_or(0);
        let undo = plan.flow.steps.get(leaf).map(|step| &step.undo);
        if let (Some(input), Some(StepUndo::Operation | StepUndo::Written)) = (input, undo)
            && !flow.passed
        {
            let call = Some((input, output));
            flow.done.push(Done {
                at: at.to_vec(),
                row: None,
                call,
                frame: flow.frame.clone(),
            });
        }
        flow.stage = Stage::Running;
        flow.committed = true;
        flow.passed |= plan.flow.pivot == Some(leaf) && !plan.pivot_ahead(&flow.todo);
    }

    fn not_answered(&self, flow: &mut Flow, calling: &Calling, outcome: Outcome) {
        let plan = self.plan(flow.id);
        let statement = plan.statement(flow.id.body(&self.brief), &calling.at);
        let Some(StatementKind::Call { fallback, .. }) = statement.map(|statement| &statement.kind)
        else {
            return;
        };
        match outcome {
            Outcome::Lost(_) => flow.stage = Stage::InDoubt,
            Outcome::Refused(code) if calling.undo => flow.stage = Stage::Parked(code),
            Outcome::Refused(code) => self.refuse(flow, code),
            _ if fallback.is_empty() => self.refuse(flow, "deadline-exceeded".into()),
            _ => {
                let external = self.brief.externals.get(calling.external);
                let shape = &external.operations.get(calling.operation).output_shape;
                let mut slots = vec![Value::Null; shape.slots.len()];
                let (empty, frame) = (
                    State::default(),
                    Frame {
                        slots: flow.frame.clone(),
                    },
                );
                let look = Look::new(self, &empty, &flow.scope);
                for assign in fallback {
                    if let Some(slot) = slots.get_mut(assign.slot) {
                        *slot = self
                            .eval(&assign.value, &look, &frame)
                            .unwrap_or(Value::Null);
                    }
                }
                self.answered(flow, &calling.at, Value::record(slots), None);
            }
        }
    }

    /// The end of a flow that needs nobody to look.
    pub(crate) fn end(&self, state: &mut State, flow: &mut Flow, answer: Answer) {
        let number = flow.number;
        state.holds.retain(|_, holder| *holder != number);
        if let Some(place) = &flow.kept {
            let technical =
                matches!(&answer, Answer::Refused(code) if TECHNICAL.contains(&&**code));
            let kept = Kept {
                input: flow.slot(Root::Input.slot()).clone(),
                answer: (!technical).then(|| (answer.clone(), state.now.saturating_add(KEPT))),
                flow: None,
                ids: flow.ids.clone(),
            };
            state.answers.insert(place.clone(), kept);
        }
        flow.stage = Stage::Over(answer);
    }

    /// What follows from where a flow has come: for the flow that called it, or for the event that
    /// it deals with.
    fn after(&self, state: &mut State, number: u64, stage: &Stage) {
        let origin = state.flows.get(&number).map(|flow| flow.origin.clone());
        let answer = match stage {
            Stage::Over(answer) => Ok(answer.clone()),
            Stage::Parked(code) => Err(Text::clone(code)),
            Stage::InDoubt => Err("in-doubt".into()),
            _ => return,
        };
        match origin {
            Some(Cause::Work(work)) => self.worked(state, work, answer),
            Some(Cause::Child(parent)) => {
                let Some(mut flow) = state.flows.remove(&parent) else {
                    return;
                };
                let at = flow.calling_at.clone();
                match answer {
                    Ok(Answer::Done { returned, .. }) => {
                        self.answered(&mut flow, &at, Value::record(returned), None);
                    }
                    Ok(Answer::Refused(code)) => self.refuse(&mut flow, code),
                    Err(_) => flow.stage = Stage::Waiting(number),
                }
                let next = flow.stage.clone();
                state.flows.insert(parent, flow);
                if next != Stage::Waiting(number) {
                    self.after(state, parent, &next);
                }
            }
            _ => {}
        }
    }
}

/// Surroundings for what asks nobody.
struct Nobody;

impl Outside for Nobody {
    fn call(&self, _: &Call<'_>) -> Outcome {
        Outcome::Unreachable
    }
}

impl Plan {
    /// Whether a statement stands behind the pivot.
    pub(crate) fn behind(&self, leaf: usize) -> bool {
        self.flow.pivot.is_some_and(|pivot| leaf > pivot)
    }
}
