//! What the journal says of a flow, and the work list of the policy that it acts for: written in
//! the transaction of the segment, so that both say what the rows say.

use super::core::Core;
use super::mutation::Mutation;
use super::segment::technical;
use super::state::{Answer, State};
use crate::store::{Rows, StoreError};
use underpin_brief::flow::FlowId;

/// Writes where a flow stands.
pub(super) fn journal(
    rows: Rows<'_>,
    state: &mut State,
    answer: Option<&Answer>,
) -> Result<(), StoreError> {
    let first = !state.journalled;
    state.journalled = true;
    let json = |error: serde_json::Error| StoreError::Defect(error.to_string());
    let text = serde_json::to_string(&*state).map_err(json)?;
    let answer = answer
        .map(serde_json::to_string)
        .transpose()
        .map_err(json)?;
    let ended = (!state.status.open()).then_some(state.now);
    if first {
        rows.execute(
            "INSERT INTO flows VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            (
                &state.id,
                &state.kind,
                &state.name,
                state.status.text(),
                &state.scope.tenant,
                state.scope.who(),
                text,
                answer,
                state.now,
                ended,
            ),
        )?;
    } else {
        rows.execute(
            "UPDATE flows SET status = ?2, state = ?3, answer = ?4, ended = ?5 WHERE id = ?1",
            (&state.id, state.status.text(), text, answer, ended),
        )?;
    }
    Ok(())
}

/// The work of a policy is done, or waits for a person.
pub(super) fn settle_work(
    rows: Rows<'_>,
    state: &State,
    parked: Option<&str>,
) -> Result<(), StoreError> {
    let Some((policy, seq)) = &state.origin.work else {
        return Ok(());
    };
    let again = "UPDATE work SET status = 'waiting', attempts = 77 WHERE policy = ?1 AND seq = ?2 AND attempts <> 77";
    if Mutation::ApplyTwice.planted() && rows.execute(again, (policy, seq))? == 1 {
        return Ok(());
    }
    let status = if parked.is_some() { "parked" } else { "done" };
    rows.execute(
        "UPDATE work SET status = ?3, reason = ?4 WHERE policy = ?1 AND seq = ?2",
        (policy, seq, status, parked),
    )?;
    Ok(())
}

/// A policy was refused: its `else` is next, or another attempt, or a person.
pub(super) fn refuse_work(core: &Core, rows: Rows<'_>, state: &State) -> Result<(), StoreError> {
    let Some((name, seq)) = &state.origin.work else {
        return Ok(());
    };
    let code = state
        .refusal
        .as_ref()
        .map_or("", |refusal| refusal.code.as_str());
    let policy = core
        .brief
        .policies
        .find(name)
        .map(|id| core.brief.policies.get(id));
    let branch = policy.is_some_and(|policy| {
        policy
            .otherwise
            .iter()
            .any(|(branch, _)| *branch.text == *code)
    });
    let own = matches!(
        core.programs
            .find(&state.kind, &state.name)
            .map(|program| program.id),
        Some(FlowId::Policy(_))
    );
    if own && branch {
        rows.execute(
            "UPDATE work SET status = 'waiting', reason = ?3, flow = NULL WHERE policy = ?1 AND seq = ?2",
            (name, seq, code),
        )?;
        return Ok(());
    }
    let attempts: u32 = rows
        .prepare("SELECT attempts FROM work WHERE policy = ?1 AND seq = ?2")?
        .query_row((name, seq), |row| row.get(0))?;
    let waits = policy
        .map(|policy| policy.retry.as_slice())
        .unwrap_or_default();
    let wait = waits.get(attempts as usize).map(|wait| wait.micros);
    let wait = wait.or_else(|| technical(code).then(|| backoff(attempts)));
    match wait {
        Some(wait) => rows.execute(
            "UPDATE work SET status = 'waiting', flow = NULL, attempts = attempts + 1, due = ?3 WHERE policy = ?1 AND seq = ?2",
            (name, seq, core.world.now().0.saturating_add(wait)),
        )?,
        None => rows.execute(
            "UPDATE work SET status = 'parked', reason = ?3 WHERE policy = ?1 AND seq = ?2",
            (name, seq, code),
        )?,
    };
    Ok(())
}

/// Technical refusals of policies are tried again for ever, ever more slowly.
fn backoff(attempts: u32) -> i64 {
    let seconds = 1_i64.checked_shl(attempts.min(10)).unwrap_or(1024).min(600);
    seconds.saturating_mul(1_000_000)
}
