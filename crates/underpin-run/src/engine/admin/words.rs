//! Statements, undos and calls in words: what the brief calls them, never what they hold.

use crate::admin::{CallLine, RowLine};
use crate::engine::core::Core;
use crate::engine::program::{Act, Back, Op, Program};
use crate::engine::state::{Calling, RowName, State, Status, UndoEntry};
use crate::engine::walk::Walk;
use crate::forms::Form;
use crate::store::codec;
use serde_json::{Value as Json, json};
use underpin_brief::model::*;

/// A stage as it is written for people.
pub(super) fn stage(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Compensating => "undoing",
        Status::Done => "done",
        Status::Refused => "refused",
        Status::Parked => "parked",
        Status::InDoubt => "in-doubt",
    }
}

fn aggregate(core: &Core, id: Id<Aggregate>) -> &str {
    &core.brief.aggregates.get(id).name.text
}

/// What a call goes to.
pub(super) fn target(core: &Core, target: CallTarget) -> String {
    match target {
        CallTarget::External(external, operation) => {
            let external = core.brief.externals.get(external);
            let operation = &external.operations.get(operation).name;
            format!("{}.{operation}", external.name)
        }
        CallTarget::Command(command) => core.brief.commands.get(command).name.to_string(),
    }
}

/// A statement.
pub(super) fn statement(core: &Core, op: &Op) -> String {
    match &op.act {
        Act::Let(_) => "let".to_owned(),
        Act::Read { aggregate: of, .. } => format!("read {}", aggregate(core, *of)),
        Act::Create { aggregate: of, .. } => format!("create {}", aggregate(core, *of)),
        Act::Change { aggregate: of, .. } => format!("change {}", aggregate(core, *of)),
        Act::Delete { aggregate: of, .. } => format!("delete {}", aggregate(core, *of)),
        Act::Call { target: to, .. } => format!("call {}", target(core, *to)),
        Act::Emit { event, .. } => format!("emit {}", core.brief.events.get(*event).name),
        Act::Each { body, .. } => {
            let body: Vec<String> = body.iter().map(|op| statement(core, op)).collect();
            format!("each: {}", body.join("; "))
        }
        Act::Require { code, .. } => format!("require, else {code}"),
        Act::Return(_) => "return".to_owned(),
    }
}

/// A row by name.
pub(super) fn row(name: &RowName) -> RowLine {
    RowLine {
        aggregate: name.aggregate.clone(),
        key: codec::key_text(&name.key.0),
        tenant: name.tenant.clone(),
    }
}

/// What takes a statement back; none where nothing does.
pub(super) fn undo(core: &Core, program: &Program, entry: &UndoEntry) -> Option<String> {
    let op = Walk::op_at(program, &entry.at)?;
    let of = entry.row.as_ref().map(row);
    let row = of.map_or(String::new(), |row| {
        format!("{} `{}`", row.aggregate, row.key)
    });
    match &op.back {
        Back::Nothing => None,
        Back::Delete => Some(format!("delete {row}")),
        Back::Steps(_) => Some(format!("change {row} back")),
        Back::Operation { .. } => {
            let (done, by) = (statement(core, op), back_call(core, op)?);
            Some(format!(
                "call {by}, which takes back `{done}` of key `{}`",
                entry.key
            ))
        }
    }
}

/// The operation that takes a call back.
fn back_call(core: &Core, op: &Op) -> Option<String> {
    match (&op.act, &op.back) {
        (
            Act::Call {
                target: CallTarget::External(external, _),
                ..
            },
            Back::Operation { operation, .. },
        ) => Some(target(core, CallTarget::External(*external, *operation))),
        _ => None,
    }
}

/// The operation that a call goes to, and what it sends and answers.
pub(super) struct Called<'c> {
    pub(super) what: String,
    pub(super) input: &'c [Field],
    pub(super) output: &'c [Field],
}

/// What the call at which a flow stands goes to.
pub(super) fn called<'c>(
    core: &'c Core,
    program: &Program,
    calling: &Calling,
) -> Option<Called<'c>> {
    let op = Walk::op_at(program, &calling.at)?;
    let Act::Call { target: to, .. } = &op.act else {
        return None;
    };
    match *to {
        CallTarget::External(external, operation) => {
            let operation = match &op.back {
                Back::Operation { operation, .. } if calling.undo => *operation,
                _ => operation,
            };
            let declared = core.brief.externals.get(external).operations.get(operation);
            Some(Called {
                what: target(core, CallTarget::External(external, operation)),
                input: &declared.input,
                output: &declared.output,
            })
        }
        CallTarget::Command(command) => Some(Called {
            what: target(core, *to),
            input: &core.brief.commands.get(command).input,
            output: &[],
        }),
    }
}

/// The call at which a flow stands.
pub(super) fn call(core: &Core, program: &Program, calling: &Calling) -> Option<CallLine> {
    let called = called(core, program, calling)?;
    let mut input = Form::of(&core.brief, called.input).write(&calling.input.0);
    hide(called.input, &mut input);
    Some(CallLine {
        what: called.what,
        key: calling.key.clone(),
        undo: calling.undo,
        input,
    })
}

fn hide(fields: &[Field], input: &mut Json) {
    let Json::Object(members) = input else { return };
    for field in fields {
        let marks = field.marks;
        let shown = !(marks.personal || marks.sensitive || marks.secret);
        if let Some(member) = members.get_mut(field.name()).filter(|_| !shown) {
            *member = json!("(not shown)");
        }
    }
}

/// The statement at which a flow stands, as a position: one index per level.
pub(super) fn here(state: &State) -> Vec<usize> {
    if let Some(calling) = &state.calling {
        return calling.at.clone();
    }
    match &state.waits {
        Some(waits) if !waits.place.is_empty() => waits.place.iter().step_by(2).copied().collect(),
        _ => state.levels.iter().map(|level| level.next).collect(),
    }
}

/// Where a flow stands.
pub(super) fn at(core: &Core, program: &Program, state: &State) -> String {
    if let Some(call) = state
        .calling
        .as_ref()
        .and_then(|one| call(core, program, one))
    {
        let verb = if call.undo { "takes back by" } else { "calls" };
        return format!("{verb} {}", call.what);
    }
    if undoing(state) {
        let next = state
            .undo
            .iter()
            .rev()
            .find_map(|entry| undo(core, program, entry));
        return next.map_or_else(|| "takes back".to_owned(), |next| format!("is to {next}"));
    }
    match Walk::op_at(program, &here(state)) {
        Some(op) => format!("at `{}`", statement(core, op)),
        None => "at its end".to_owned(),
    }
}

/// Whether it is being taken back, or was when it stopped.
pub(super) fn undoing(state: &State) -> bool {
    let stopped = state.waits.as_ref().is_some_and(|waits| waits.undoing);
    state.status == Status::Compensating || stopped
}
