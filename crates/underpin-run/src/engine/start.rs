//! How flows begin: the state before the first segment.

use super::admit;
use super::core::Core;
use super::scope::{Scope, service_value};
use super::state::{Calling, Journey, Kept, Origin, State, Status};
use crate::backend::CommandRequest;
use std::collections::BTreeMap;
use underpin_brief::flow::FlowId;
use underpin_brief::model::*;

/// The deadline where the brief gives none, µs: an assumption.
const DEADLINE: i64 = 10_000_000;

/// A state at the first statement of a flow.
pub(super) fn state(core: &Core, id: FlowId, key: String, now: i64, scope: Scope) -> State {
    let program = core.programs.get(id);
    let size = (program.frame.max(Root::COUNT)) as usize;
    State {
        generation: core.generation,
        id: key,
        kind: program.kind.to_owned(),
        name: program.name.clone(),
        shape: admit::spread_of(&program.shape),
        now,
        deadline: None,
        scope,
        origin: Origin::default(),
        expected: None,
        frame: vec![Kept(Value::Null); size],
        levels: Vec::new(),
        bound: Vec::new(),
        ids: BTreeMap::new(),
        undo: Vec::new(),
        calling: None,
        calls: 0,
        committed: false,
        passed: false,
        events: Vec::new(),
        row: None,
        created: false,
        returned: Vec::new(),
        refusal: None,
        status: Status::Running,
        journalled: false,
        progress: None,
        waits: None,
        by_hand: Vec::new(),
        journey: Journey {
            home: core.place.here,
            ..Journey::default()
        },
        version: None,
        asked: None,
        settled: None,
    }
}

/// When a command that was asked for at `now` gives up.
pub(super) fn deadline(core: &Core, command: Id<Command>, now: i64) -> Option<i64> {
    let declared = core.brief.commands.get(command);
    let length = declared
        .deadline
        .map_or(DEADLINE, |deadline| deadline.micros);
    let ends = declared.answer == AnswerMode::Final || declared.deadline.is_some();
    ends.then(|| now.saturating_add(length))
}

/// A command that a client asks for.
pub(super) fn command(core: &Core, request: CommandRequest) -> State {
    let declared = core.brief.commands.get(request.command);
    let now = request.asked.at.0;
    let id = core.world.id().to_string();
    let mut state = state(
        core,
        FlowId::Command(request.command),
        id,
        now,
        Scope::default(),
    );
    state.deadline = deadline(core, request.command, now);
    if let Some(key) = request.key {
        // The scope follows when the caller is settled.
        state.origin.replay = Some((String::new(), key, admit::digest(&request.input)));
    }
    let expected = request.expected.map(Into::into);
    let ignored = declared.precondition == Some(Precondition::None)
        || declared.precondition.is_none() && core.command(request.command).merges;
    state.expected = expected.filter(|_| !ignored);
    admit::put_root(&mut state, Root::Input, request.input);
    state.asked = Some(request.asked.caller);
    state
}

/// A command that another flow calls: as the same caller, who was let in once.
pub(super) fn child(core: &Core, parent: &State, calling: &Calling, command: Id<Command>) -> State {
    let id = calling.key.clone();
    let scope = parent.scope.clone();
    let mut state = state(core, FlowId::Command(command), id, parent.now, scope);
    state.origin.child = true;
    state.deadline = parent.deadline.filter(|_| !parent.passed);
    admit::put_root(&mut state, Root::Input, calling.input.0.clone());
    let caller = parent.frame.get(Root::Caller.slot().0 as usize).cloned();
    admit::put_root(
        &mut state,
        Root::Caller,
        caller.map_or(Value::Null, |kept| kept.0),
    );
    state
}

/// A policy that acts on an event or a clock.
pub(super) fn policy(
    core: &Core,
    id: FlowId,
    event: Option<Value>,
    tenant: Option<String>,
    now: i64,
) -> State {
    let key = core.world.id().to_string();
    let value = service_value(&core.brief, tenant.as_deref());
    let mut state = state(core, id, key, now, Scope::service(tenant));
    admit::put_root(&mut state, Root::Caller, value);
    if let Some(event) = event {
        admit::put_root(&mut state, Root::Event, event);
    }
    state
}
