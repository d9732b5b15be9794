//! A brief made ready to be interpreted, and which transitions there are.

use crate::state::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::expr::Library;
use underpin_brief::flow::{Cut, Flow as Analysis, FlowId, Survey, analyse_with};
use underpin_brief::model::*;

/// A flow as the analysis sees it on the finest legal cut.
pub(crate) struct Plan {
    pub(crate) flow: Analysis,
    pub(crate) leaves: BTreeMap<Vec<usize>, usize>,
}

/// What a brief means.
pub struct Meaning {
    /// The brief.
    pub brief: Arc<Brief>,
    pub(crate) library: Arc<Library>,
    pub(crate) plans: BTreeMap<FlowId, Plan>,
}

/// A transition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// One segment, one call or one undo of a flow.
    Flow(u64),
    /// The flow gives up on a row that another one holds.
    Busy(u64),
    /// The delivery of an event to a policy.
    Deliver(u64),
    /// A policy of the calendar.
    Clock(Id<Policy>, Option<Text>),
}

/// The position of a slot that the language gives to the rows of an aggregate.
pub(crate) fn system(of: &Aggregate, name: &str) -> Option<usize> {
    let mut slots = of.row.slots.iter();
    slots.position(|slot| slot.origin == Origin::System && &*slot.name == name)
}

impl Meaning {
    /// Makes a brief ready.
    #[must_use]
    pub fn new(brief: &Arc<Brief>) -> Self {
        let (survey, finest) = (Survey::of(brief), Cut::finest(brief));
        let plan = |id: FlowId| {
            let flow = analyse_with(brief, &survey, id, &finest);
            let leaves = flow.steps.iter().enumerate();
            let leaves = leaves.map(|(leaf, step)| (step.at.clone(), leaf)).collect();
            (id, Plan { flow, leaves })
        };
        Self {
            library: Library::new(&**brief),
            plans: FlowId::all(brief).into_iter().map(plan).collect(),
            brief: Arc::clone(brief),
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "every flow of the brief has a plan"
    )]
    pub(crate) fn plan(&self, id: FlowId) -> &Plan {
        &self.plans[&id]
    }

    /// A state without rows, where the policies of the calendar wait for their first time.
    #[must_use]
    pub fn start(&self, now: i64, outside: &dyn Outside) -> State {
        let mut state = State::new(now);
        self.set_clocks(&mut state, outside);
        state
    }

    /// Takes a request in; its first transition admits it. The number of its flow.
    pub fn ask(&self, state: &mut State, request: Request) -> u64 {
        let id = FlowId::Command(request.command);
        self.begin(
            state,
            id,
            Cause::Client(request),
            (crate::Scope::default(), Value::Null),
        )
    }

    /// The transitions that are possible now, flows before events, events before clocks.
    #[must_use]
    pub fn enabled(&self, state: &State) -> Vec<Step> {
        let going = |flow: &&Flow| {
            matches!(
                flow.stage,
                Stage::Asked | Stage::Running | Stage::Calling(_) | Stage::Undoing
            )
        };
        let flows = state
            .flows
            .values()
            .filter(going)
            .map(|flow| Step::Flow(flow.number));
        let due = state
            .work
            .iter()
            .filter(|work| self.is_due(state, work))
            .map(|work| Step::Deliver(work.number));
        let clocks = state.clocks.iter().filter(|(_, due)| **due <= state.now);
        let clocks = clocks.map(|((policy, tenant), _)| Step::Clock(*policy, tenant.clone()));
        flows.chain(due).chain(clocks).collect()
    }

    /// Makes a transition; false where the flow waits for a row that another one holds.
    pub fn step(&self, state: &mut State, step: &Step, outside: &dyn Outside) -> bool {
        let went = match step {
            Step::Flow(number) => self.advance(state, *number, outside),
            Step::Busy(number) => self.give_up(state, *number),
            Step::Deliver(number) => self.deliver(state, *number, outside),
            Step::Clock(policy, tenant) => self.strike(state, *policy, tenant.clone(), outside),
        };
        self.set_clocks(state, outside);
        went
    }

    /// Makes transitions until none is left; false where it does not come to rest.
    pub fn settle_all(&self, state: &mut State, outside: &dyn Outside) -> bool {
        for _ in 0..100_000 {
            let steps = self.enabled(state);
            if steps.is_empty() {
                return true;
            }
            if !steps.iter().any(|step| self.step(state, step, outside)) {
                return false;
            }
        }
        false
    }

    /// When something comes due that is not due yet.
    #[must_use]
    pub fn next_due(&self, state: &State) -> Option<i64> {
        let work = state
            .work
            .iter()
            .filter(|work| work.flow.is_none() && work.parked.is_none());
        let due = work
            .map(|work| work.due)
            .chain(state.clocks.values().copied());
        due.filter(|due| *due > state.now).min()
    }

    /// The answer of a flow that is over, or that waits for a person.
    #[must_use]
    pub fn answer<'s>(
        &self,
        state: &'s State,
        number: u64,
    ) -> Option<std::borrow::Cow<'s, Answer>> {
        use std::borrow::Cow;
        match &state.flows.get(&number)?.stage {
            Stage::Over(answer) => Some(Cow::Borrowed(answer)),
            Stage::Parked(_) => Some(Cow::Owned(Answer::Refused("internal".into()))),
            Stage::InDoubt => Some(Cow::Owned(Answer::Refused("in-doubt".into()))),
            _ => None,
        }
    }
}

impl Plan {
    /// The statement at a position.
    pub(crate) fn statement<'b>(&self, body: &'b Body, at: &[usize]) -> Option<&'b Statement> {
        let (last, outer) = at.split_last()?;
        let mut level = &body.statements;
        for index in outer {
            match &level.get(*index)?.kind {
                StatementKind::Each { body, .. } => level = body,
                _ => return None,
            }
        }
        level.get(*last)
    }

    /// The segment of a statement.
    pub(crate) fn segment(&self, leaf: usize) -> Option<usize> {
        self.flow.steps.get(leaf).map(|step| step.segment)
    }

    /// Whether the pivot may still come again.
    pub(crate) fn pivot_ahead(&self, todo: &[Todo]) -> bool {
        let Some(pivot) = self.flow.pivot.and_then(|pivot| self.flow.steps.get(pivot)) else {
            return false;
        };
        todo.iter()
            .any(|todo| matches!(todo, Todo::Do(at) if pivot.at.starts_with(at)))
    }
}
