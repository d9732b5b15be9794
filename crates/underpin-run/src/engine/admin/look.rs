//! What there is to see: flows, their journal, held rows.

use super::{audit, words};
use crate::admin::{FlowLine, FlowStory, HoldLine, RowLine, StepLine, StepState};
use crate::engine::core::Core;
use crate::engine::program::Program;
use crate::engine::recover;
use crate::engine::state::{State, Status};
use crate::store::{Rows, StoreError};
use crate::world::Moment;

/// Flows in one list at most.
const MANY: u32 = 1_000;

/// Flows that are not over, and those that wait for a person.
pub(super) fn flows(
    core: &Core,
    rows: Rows<'_>,
    wanted: Option<&str>,
) -> Result<Vec<FlowLine>, StoreError> {
    // Each half has an index of its own; all flows of a week do not.
    let mut find = rows.prepare(
        "SELECT id FROM flows WHERE status IN ('running', 'compensating')
         UNION ALL SELECT id FROM flows WHERE status IN ('parked', 'in_doubt')
         ORDER BY id LIMIT ?1",
    )?;
    let ids: Vec<String> = find
        .query_map([MANY], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut lines = Vec::new();
    for id in ids {
        if let Some((state, _)) = recover::one(rows, &id)? {
            lines.push(line(core, &state));
        }
    }
    lines.retain(|line| wanted.is_none_or(|wanted| line.stage == wanted));
    Ok(lines)
}

/// A flow in a line.
pub(super) fn line(core: &Core, state: &State) -> FlowLine {
    let core = core.of(state);
    let program = core.programs.find(&state.kind, &state.name);
    let subject = state.scope.subject.as_deref();
    let caller = state.scope.actor.as_deref().map(|actor| {
        let subject = subject.unwrap_or("");
        format!("{actor} {subject}").trim_end().to_owned()
    });
    let refused = state.refusal.as_ref().map(|refusal| &refusal.detail);
    let why = match (&state.waits, state.status) {
        (Some(waits), _) => Some(waits.why.clone()),
        (None, Status::InDoubt) => refused.cloned().flatten(),
        (None, _) => state
            .refusal
            .as_ref()
            .map(|refusal| format!("`{}`", refusal.code)),
    };
    let over = matches!(state.status, Status::Done | Status::Refused);
    FlowLine {
        id: state.id.clone(),
        kind: state.kind.clone(),
        name: state.name.clone(),
        stage: words::stage(state.status).to_owned(),
        started: Moment(state.now).to_string(),
        tenant: state.scope.tenant.clone(),
        caller,
        at: match program {
            _ if over => "over".to_owned(),
            Some(program) => words::at(core, program, state),
            None => "the brief no longer has it".to_owned(),
        },
        why,
    }
}

/// Held rows, of one flow where it is named.
pub(super) fn holds(rows: Rows<'_>, flow: Option<&str>) -> Result<Vec<HoldLine>, StoreError> {
    let mut find = rows.prepare(
        "SELECT aggregate, tenant, key, flow, reason FROM holds
         WHERE ?1 IS NULL OR flow = ?1 ORDER BY flow, aggregate, tenant, key LIMIT ?2",
    )?;
    let lines = find.query_map((flow, MANY), |row| {
        let tenant: String = row.get(1)?;
        Ok(HoldLine {
            row: RowLine {
                aggregate: row.get(0)?,
                key: row.get(2)?,
                tenant: Some(tenant).filter(|tenant| !tenant.is_empty()),
            },
            flow: row.get(3)?,
            reason: row.get(4)?,
        })
    })?;
    Ok(lines.collect::<Result<_, _>>()?)
}

/// One flow with its journal; none where nobody knows it.
pub(super) fn story(
    core: &Core,
    rows: Rows<'_>,
    id: &str,
) -> Result<Option<FlowStory>, StoreError> {
    let Some((state, _)) = recover::one(rows, id)? else {
        return Ok(None);
    };
    let core = core.of(&state);
    let program = core.programs.find(&state.kind, &state.name);
    let undo = |program: &Program| {
        let entries = state.undo.iter().rev();
        entries
            .filter_map(|entry| words::undo(core, program, entry))
            .collect()
    };
    let call = program
        .zip(state.calling.as_ref())
        .and_then(|(program, calling)| words::call(core, program, calling));
    Ok(Some(FlowStory {
        flow: line(core, &state),
        steps: program.map_or_else(Vec::new, |program| steps(core, program, &state)),
        // Behind its pivot a flow is never taken back.
        undo: program
            .filter(|_| !state.passed)
            .map_or_else(Vec::new, |program| undo(program)),
        call,
        holds: holds(rows, Some(id))?,
        row: state.row.as_ref().map(words::row),
        open: open(core, program.map(|program| &**program), &state),
        audit: audit::latest(rows, Some(id), 100)?,
    }))
}

fn steps(core: &Core, program: &Program, state: &State) -> Vec<StepLine> {
    let over = matches!(state.status, Status::Done | Status::Refused);
    let undoing = words::undoing(state);
    let here = words::here(state).first().copied().unwrap_or(0);
    let line = |(at, op): (usize, &crate::engine::program::Op)| {
        let inside = state.levels.get(1).filter(|_| at == here && !over);
        let round = inside.map_or(String::new(), |level| {
            format!(" (element {} of {})", level.item + 1, level.items.len())
        });
        StepLine {
            what: format!("{}{round}", words::statement(core, op)),
            state: match () {
                () if at < here || (over && state.status == Status::Done) => StepState::Passed,
                () if at == here && !undoing && !over => StepState::Here,
                () => StepState::ToCome,
            },
            pivot: op.leaf.is_some() && op.leaf == program.pivot,
        }
    };
    program.ops.iter().enumerate().map(line).collect()
}

/// What a person can do about a flow.
fn open(core: &Core, program: Option<&Program>, state: &State) -> Vec<String> {
    let id = &state.id;
    let said = program
        .zip(state.calling.as_ref())
        .and_then(|(program, calling)| words::called(core, program, calling))
        .map(|called| example(called.output))
        .unwrap_or_default();
    match state.status {
        Status::InDoubt => vec![
            format!("resolve {id} --happened{said} --why \"…\""),
            format!("resolve {id} --did-not-happen --why \"…\""),
            format!("end {id} --why \"…\""),
        ],
        Status::Parked => {
            let output = match said.is_empty() || words::undoing(state) {
                true => String::new(),
                false => format!(" --output{said}"),
            };
            vec![
                format!("retry {id}"),
                format!("skip {id}{output} --why \"…\""),
                format!("end {id} --why \"…\""),
            ]
        }
        _ => Vec::new(),
    }
}

/// How the answer of a call is written on the command line.
fn example(output: &[underpin_brief::model::Field]) -> String {
    if output.is_empty() {
        return String::new();
    }
    let field = |field: &underpin_brief::model::Field| format!("\"{}\": …", field.name);
    let fields: Vec<String> = output.iter().map(field).collect();
    format!(" '{{{}}}'", fields.join(", "))
}
