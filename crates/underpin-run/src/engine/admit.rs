//! Admission: replay of a key, work that is done once, who may, and what roots the statements see.
//! All of it happens in the transaction of the first segment.

use super::access;
use super::core::Core;
use super::program::Program;
use super::scope::{self, Scope, View};
use super::segment::Went;
use super::state::{Answer, Kept, State};
use crate::backend::{Refusal, refusal};
use crate::store::{Rows, StoreError, codec};
use rusqlite::OptionalExtension;
use std::collections::BTreeMap;
use underpin_brief::expr::Frame;
use underpin_brief::flow::FlowId;
use underpin_brief::model::*;

/// How long answers are kept for their key, µs.
const KEPT: i64 = 24 * 3600 * 1_000_000;

/// A number that spreads texts evenly, the same for ever (FNV-1a, finished by SplitMix64).
pub(super) fn spread_of(text: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let once = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    twice ^ (twice >> 31)
}

/// A place between 0 and 9,999.
pub(super) fn spread(text: &str) -> u64 {
    spread_of(text) % 10_000
}

/// The digest by which inputs are compared.
pub(super) fn digest(input: &Value) -> String {
    use base64::Engine as _;
    let text = codec::to_text(input);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

/// Begins a flow; something where it does not go on to its statements.
pub(super) fn begin(
    core: &Core,
    rows: Rows<'_>,
    program: &Program,
    state: &mut State,
) -> Result<Option<Went>, StoreError> {
    if !claim(core, rows, state)? {
        return Ok(Some(Went::Skipped));
    }
    let asked = state.asked.clone();
    if let Some(asked) = &asked {
        let settled = scope::settle(&core.brief, rows, asked.as_ref())?;
        state.scope = settled.scope.clone();
        put_root(state, Root::Caller, settled.value.clone());
        state.settled = Some(settled);
    }
    let tier = match core.brief.flags.is_empty() {
        true => None,
        false => super::limits::tier_of(core, rows, state.scope.tenant.as_deref())?,
    };
    put_root(state, Root::Now, Value::Time(state.now));
    put_root(state, Root::Flags, core.flags(&state.scope, tier));
    if !core.brief.limits.is_empty() {
        let limits = super::limits::root(core, rows, &state.scope)?;
        put_root(state, Root::Limits, limits);
    }
    if let Some(stored) = replayed(core, rows, program, state)? {
        return Ok(Some(stored));
    }
    for path in &program.generated {
        let known = state.ids.contains_key(&**path);
        if !known {
            state
                .ids
                .insert(path.to_string(), core.world.id().to_string());
        }
    }
    // Also what a policy does is retriable from the start where nothing of it can be refused.
    state.passed = program.pivot.is_none();
    let FlowId::Command(id) = program.id else {
        return Ok(None);
    };
    if asked.is_some()
        && let Some(refusal) = authorize(core, rows, id, state)?
    {
        let kept = super::state::KeptRefusal::from(&refusal);
        let answer = Answer::Refused {
            flow: state.id.clone(),
            refusal: kept,
        };
        if refusal.code != crate::backend::refusal::UNAUTHENTICATED {
            store_answer(core, rows, state, &answer)?;
        }
        return Ok(Some(Went::Turned(refusal)));
    }
    if program.saga {
        store_open(rows, state)?;
    }
    Ok(None)
}

pub(super) fn put_root(state: &mut State, root: Root, value: Value) {
    let at = root.slot().0 as usize;
    if state.frame.len() <= at {
        state.frame.resize(at + 1, Kept(Value::Null));
    }
    if let Some(place) = state.frame.get_mut(at) {
        *place = Kept(value);
    }
}

/// Claims the work that a policy's flow does; false where it is done, or being done.
fn claim(core: &Core, rows: Rows<'_>, state: &State) -> Result<bool, StoreError> {
    if let Some((policy, seq)) = &state.origin.work {
        let claimed = rows.execute(
            "UPDATE work SET status = 'running', flow = ?3 WHERE policy = ?1 AND seq = ?2 AND status = 'waiting'",
            (policy, seq, &state.id),
        )?;
        return Ok(claimed == 1);
    }
    if let Some((policy, tenant, due)) = &state.origin.clock {
        let next = super::policy::next_due(core, policy, state.now).unwrap_or(i64::MAX);
        let claimed = rows.execute(
            "UPDATE clocks SET due = ?4 WHERE policy = ?1 AND tenant = ?2 AND due = ?3",
            (policy, tenant, due, next),
        )?;
        return Ok(claimed == 1);
    }
    Ok(true)
}

fn once_key(core: &Core, rows: Rows<'_>, program: &Program, state: &mut State) -> Option<String> {
    let FlowId::Command(id) = program.id else {
        return None;
    };
    let once = core.command(id).once.as_ref()?;
    let mut frame: Frame = state.take_frame();
    let scope = state.scope.clone();
    let view = View::new(rows, &scope, core);
    let value = once.eval(&mut frame, &view);
    state.set_frame(frame);
    value
        .ok()
        .filter(|value| !value.is_null())
        .map(|value| codec::key_text(&value))
}

/// What is stored for a key.
struct Stored {
    input: String,
    status: String,
    answer: Option<String>,
    drawn: Option<String>,
    until: i64,
}

impl Stored {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            input: row.get(0)?,
            status: row.get(1)?,
            answer: row.get(2)?,
            drawn: row.get(3)?,
            until: row.get(4)?,
        })
    }
}

/// The stored answer of the same key, or why there is none yet.
fn replayed(
    core: &Core,
    rows: Rows<'_>,
    program: &Program,
    state: &mut State,
) -> Result<Option<Went>, StoreError> {
    if let Some(key) = once_key(core, rows, program, state) {
        let tenant = state.scope.tenant.as_deref().unwrap_or("");
        let input = state
            .frame
            .get(Root::Input.slot().0 as usize)
            .map(|kept| digest(&kept.0));
        let scope = format!("once\u{1f}{tenant}\u{1f}{}", state.name);
        state.origin.replay = Some((scope, key, input.unwrap_or_default()));
    } else if let Some((scope, _, _)) = &mut state.origin.replay {
        // The tenant that the token names: one that follows from a membership may be another once
        // this command is done, and the same key must then still find its answer.
        let claimed = state.settled.as_ref().map(|settled| Scope {
            tenant: settled.claimed.clone(),
            ..state.scope.clone()
        });
        let who = claimed.as_ref().unwrap_or(&state.scope).who();
        *scope = format!("{who}\u{1f}{}", state.name);
    }
    let Some((scope, key, input)) = &state.origin.replay else {
        return Ok(None);
    };
    let found = rows
        .prepare(
            "SELECT input, status, answer, drawn, until FROM replays WHERE scope = ?1 AND key = ?2",
        )?
        .query_row((scope, key), Stored::read)
        .optional()?;
    let Some(found) = found else {
        return Ok(None);
    };
    if found.until <= core.world.now().0 && found.status != "open" {
        return Ok(None);
    }
    if found.input != *input {
        return Ok(Some(Went::Turned(Refusal::new(refusal::KEY_REUSED))));
    }
    match (found.status.as_str(), found.answer) {
        ("open", _) => Ok(Some(Went::Turned(Refusal::new(refusal::IN_PROGRESS)))),
        ("final", Some(answer)) => {
            let answer: Answer = serde_json::from_str(&answer)
                .map_err(|error| StoreError::Defect(error.to_string()))?;
            Ok(Some(Went::Replayed(Box::new(answer))))
        }
        _ => {
            let ids: Option<BTreeMap<String, String>> = found
                .drawn
                .and_then(|drawn| serde_json::from_str(&drawn).ok());
            state.ids = ids.unwrap_or_default();
            Ok(None)
        }
    }
}

fn store(
    core: &Core,
    rows: Rows<'_>,
    state: &State,
    status: &str,
    answer: Option<String>,
) -> Result<(), StoreError> {
    let Some((scope, key, input)) = &state.origin.replay else {
        return Ok(());
    };
    let drawn = serde_json::to_string(&state.ids).unwrap_or_default();
    rows.execute(
        "INSERT OR REPLACE INTO replays VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            scope,
            key,
            input,
            &state.id,
            status,
            answer,
            drawn,
            core.world.now().0.saturating_add(KEPT),
        ),
    )?;
    Ok(())
}

/// Says that the key is in progress.
pub(super) fn store_open(rows: Rows<'_>, state: &State) -> Result<(), StoreError> {
    let Some((scope, key, input)) = &state.origin.replay else {
        return Ok(());
    };
    rows.execute(
        "INSERT OR REPLACE INTO replays VALUES (?1, ?2, ?3, ?4, 'open', NULL, NULL, ?5)",
        (scope, key, input, &state.id, state.now.saturating_add(KEPT)),
    )?;
    Ok(())
}

/// Keeps a final answer for the key.
pub(super) fn store_answer(
    core: &Core,
    rows: Rows<'_>,
    state: &State,
    answer: &Answer,
) -> Result<(), StoreError> {
    if state.origin.replay.is_none() {
        return Ok(());
    }
    let text = serde_json::to_string(answer).map_err(|e| StoreError::Defect(e.to_string()))?;
    store(core, rows, state, "final", Some(text))
}

/// Keeps what was drawn, so that a retry with the same key names the same rows.
pub(super) fn store_retry(core: &Core, rows: Rows<'_>, state: &State) -> Result<(), StoreError> {
    store(core, rows, state, "retry", None)
}

/// Whether the caller may; the refusal where not.
fn authorize(
    core: &Core,
    rows: Rows<'_>,
    id: Id<Command>,
    state: &mut State,
) -> Result<Option<Refusal>, StoreError> {
    let Some(settled) = state.settled.clone() else {
        return Ok(None);
    };
    let plan = core.command(id);
    let mut frame = state.take_frame();
    let view = View::new(rows, &settled.scope, core);
    let allowed = access::allowed(core, &plan.allows, &settled, &mut frame, &view)?;
    let named = plan
        .allows
        .iter()
        .any(|allow| settled.named(&core.brief, allow.who));
    let input = frame.get(Root::Input.slot()).clone();
    state.set_frame(frame);
    if allowed {
        return Ok(None);
    }
    if settled.actor.is_none() && settled.scope.subject.is_none() {
        return Ok(Some(Refusal::new(refusal::UNAUTHENTICATED)));
    }
    // Whether the row exists is told only to those who may see it.
    if let (true, Some((of, slot))) = (named, plan.row) {
        let row = view.get(of, input.slot(slot))?;
        let seen = match &row {
            Some(row) => access::shown(core, of, row, &settled, &view)?,
            None => false,
        };
        if !seen {
            return Ok(Some(Refusal::new(refusal::NOT_FOUND)));
        }
    }
    Ok(Some(settled.scope.forbidden()))
}
