//! What follows from an attempt: delivered, tried again later, or given up; what policies are told
//! of it; and when an endpoint that keeps failing is disabled.

use super::deliver::Due;
use super::fan;
use super::plan::FeedPlan;
use super::targets::key_of;
use crate::engine::core::Core;
use crate::engine::events::{publish_one, put, source_text};
use crate::engine::feeds::source_shape;
use crate::engine::scope::service_value;
use crate::engine::state::{Happened, Kept};
use crate::feeds::Delivered;
use crate::store::{Rows, StoreError};
use underpin_brief::model::*;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Waits between attempts where the brief gives none: those of Standard Webhooks 1.0.
const WAITS: [i64; 9] = [
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];
/// After failing this long a registered endpoint is disabled, µs.
const GIVEN_UP: i64 = 5 * 24 * HOUR;
/// The longest wait that an endpoint may ask for, µs.
const LONGEST: i64 = 24 * HOUR;

/// How an attempt ended.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    /// There is nobody to send it to any longer.
    Unwanted,
    Attempted(Delivered),
}

/// What is to be done with a message.
enum Next {
    Done,
    Later(i64),
    Failed,
}

/// Writes what came of an attempt.
pub(super) fn settle(
    core: &Core,
    rows: Rows<'_>,
    due: &Due,
    ended: &Ended,
) -> Result<(), StoreError> {
    let plan = core
        .brief
        .feeds
        .find(&due.lane.feed)
        .map(|id| core.feed(id));
    let registers = plan.is_some_and(|plan| plan.endpoint.as_ref().is_some_and(|e| e.to.is_none()));
    if registers && matches!(ended, Ended::Unwanted) {
        // The endpoint is disabled: what waits stays until it is enabled.
        rows.execute(
            "UPDATE lanes SET due = NULL WHERE feed = ?1 AND endpoint = ?2 AND tenant = ?3",
            due.lane.names(),
        )?;
        return Ok(());
    }
    let waits = rows.execute(
        "UPDATE deliveries SET attempts = attempts + 1 WHERE id = ?1 AND status = 'waiting'",
        [due.id],
    )?;
    let (1, Some(plan)) = (waits, plan) else {
        // It was forgotten with its endpoint.
        return Ok(());
    };
    let now = core.world.now().0;
    let next = match ended {
        Ended::Unwanted => Next::Failed,
        Ended::Attempted(delivered) if is_taken(delivered) => Next::Done,
        Ended::Attempted(delivered) if delivered.status == Some(410) => Next::Failed,
        Ended::Attempted(delivered) => later(core, plan, due.attempts, delivered, now),
    };
    match next {
        Next::Done | Next::Failed => {
            let status = match next {
                Next::Done => "done",
                _ => "failed",
            };
            rows.execute(
                "UPDATE deliveries SET status = ?2, ended = ?3 WHERE id = ?1",
                (due.id, status, now),
            )?;
        }
        Next::Later(at) => postpone(core, rows, due, at)?,
    }
    fan::look_again(rows, &due.lane)?;
    let Ended::Attempted(delivered) = ended else {
        return Ok(());
    };
    let again = match next {
        Next::Later(at) => Some(at),
        Next::Done | Next::Failed => None,
    };
    tell_attempt(core, rows, plan, due, (delivered, again), now)?;
    if is_taken(delivered) {
        return recovered(core, rows, plan, due);
    }
    failed(core, rows, plan, due, delivered, now)
}

fn is_taken(delivered: &Delivered) -> bool {
    delivered
        .status
        .is_some_and(|status| (200..300).contains(&status))
}

/// When a message is attempted again: as the feed says, or as Standard Webhooks does, a fifth later
/// at most by chance, and not before the endpoint wants it.
fn later(core: &Core, plan: &FeedPlan, attempts: u32, delivered: &Delivered, now: i64) -> Next {
    let own: Vec<i64> = core
        .brief
        .feeds
        .get(plan.id)
        .retry
        .iter()
        .map(|wait| wait.micros.max(0))
        .collect();
    let waits: &[i64] = if own.is_empty() { &WAITS } else { &own };
    let Some(wait) = waits.get(attempts as usize) else {
        return Next::Failed;
    };
    let share = i64::try_from(core.world.random.number() % 1_000).unwrap_or(0);
    let wait = wait.saturating_add(wait.saturating_mul(share) / 5_000);
    let asked = delivered
        .retry_after
        .and_then(|after| i64::try_from(after.as_micros()).ok())
        .unwrap_or(0)
        .min(LONGEST);
    Next::Later(now.saturating_add(wait.max(asked)))
}

/// A message waits, and with it those of its key that must stay behind it.
fn postpone(core: &Core, rows: Rows<'_>, due: &Due, at: i64) -> Result<(), StoreError> {
    rows.execute("UPDATE deliveries SET due = ?2 WHERE id = ?1", (due.id, at))?;
    if fan::is_ordered(core, &due.lane.feed) && !due.source.is_empty() {
        let (feed, endpoint, tenant) = due.lane.names();
        rows.execute(
            "UPDATE deliveries SET due = ?5 WHERE status = 'waiting' AND feed = ?1
             AND endpoint = ?2 AND tenant = ?3 AND key = ?4 AND due < ?5",
            (feed, endpoint, tenant, &due.key, at),
        )?;
    }
    Ok(())
}

/// The value of a row's key that stands as text, or the text where it is no key.
fn named(rows: Rows<'_>, of: Option<Id<Aggregate>>, text: &str) -> Value {
    of.and_then(|of| key_of(rows, of, text))
        .unwrap_or_else(|| Value::text(text))
}

/// Tells policies and feeds something of an endpoint.
fn tell(
    core: &Core,
    rows: Rows<'_>,
    source: EventSource,
    (due, to): (&Due, Option<Id<Aggregate>>),
    slots: &[(&str, Value)],
    now: i64,
) -> Result<(), StoreError> {
    let text = source_text(&core.brief, source);
    if !core.listeners.anywhere(source) {
        return Ok(());
    }
    let shape = source_shape(&core.brief, source);
    let tenant = (!due.lane.tenant.is_empty()).then_some(due.lane.tenant.as_str());
    let id = core.world.id().to_string();
    let mut values = vec![Value::Null; shape.slots.len()];
    let envelope = [
        ("to", named(rows, to, &due.lane.endpoint)),
        ("id", Value::text(&id)),
        ("time", Value::Time(now)),
        ("caller", service_value(&core.brief, tenant)),
        ("tenant", tenant.map_or(Value::Null, Value::text)),
    ];
    for (name, value) in envelope.iter().chain(slots) {
        put(&shape, &mut values, name, value.clone());
    }
    let happened = Happened {
        source: text,
        key: due.lane.endpoint.clone(),
        row_key: due.lane.endpoint.clone(),
        id,
        event: Kept(Value::record(values)),
        service: core.place.here,
    };
    publish_one(rows, &core.listeners, &happened, tenant, now, None)
}

fn tell_attempt(
    core: &Core,
    rows: Rows<'_>,
    plan: &FeedPlan,
    due: &Due,
    (delivered, again): (&Delivered, Option<i64>),
    now: i64,
) -> Result<(), StoreError> {
    let message = match plan.about {
        Some(about) => named(rows, Some(about), &due.row_key),
        None => Value::text(&due.message),
    };
    let took = i64::try_from(delivered.took.as_micros()).unwrap_or(i64::MAX);
    let status = delivered
        .status
        .map_or(Value::Null, |status| Value::Int(status.into()));
    let answer = delivered.answer.as_deref().map_or(Value::Null, Value::text);
    let slots = [
        ("message", message),
        ("status", status),
        ("took", Value::Duration(Duration::from_micros(took))),
        ("answer", answer),
        ("next", again.map_or(Value::Null, Value::Time)),
    ];
    let to = plan.endpoint.as_ref().and_then(|endpoint| endpoint.to);
    tell(
        core,
        rows,
        EventSource::Attempted(plan.id),
        (due, to),
        &slots,
        now,
    )
}

/// An endpoint takes messages again: timers that ran while it failed are over.
fn recovered(core: &Core, rows: Rows<'_>, plan: &FeedPlan, due: &Due) -> Result<(), StoreError> {
    let (feed, endpoint, tenant) = due.lane.names();
    let failed = rows.execute(
        "UPDATE lanes SET failing = NULL WHERE feed = ?1 AND endpoint = ?2 AND tenant = ?3
         AND failing IS NOT NULL",
        (feed, endpoint, tenant),
    )?;
    if failed == 0 {
        return Ok(());
    }
    let source = source_text(&core.brief, EventSource::Failing(plan.id));
    let tenant = (!tenant.is_empty()).then_some(tenant);
    for listener in core.listeners.of(&source) {
        if listener.after.is_some() {
            rows.execute(
                "DELETE FROM work WHERE policy = ?1 AND row_key = ?2 AND tenant IS ?3 AND status = 'waiting'",
                (&listener.policy, endpoint, tenant),
            )?;
        }
    }
    Ok(())
}

/// An endpoint failed: for the first time, or so long that it is given up.
fn failed(
    core: &Core,
    rows: Rows<'_>,
    plan: &FeedPlan,
    due: &Due,
    delivered: &Delivered,
    now: i64,
) -> Result<(), StoreError> {
    let (feed, endpoint, tenant) = due.lane.names();
    let since: Option<i64> = rows
        .prepare("SELECT failing FROM lanes WHERE feed = ?1 AND endpoint = ?2 AND tenant = ?3")?
        .query_row((feed, endpoint, tenant), |row| row.get(0))?;
    let to = plan.endpoint.as_ref().and_then(|endpoint| endpoint.to);
    if since.is_none() {
        rows.execute(
            "UPDATE lanes SET failing = ?4 WHERE feed = ?1 AND endpoint = ?2 AND tenant = ?3",
            (feed, endpoint, tenant, now),
        )?;
        let slots = [("since", Value::Time(now))];
        tell(
            core,
            rows,
            EventSource::Failing(plan.id),
            (due, to),
            &slots,
            now,
        )?;
    }
    if to.is_some() {
        // What becomes of a stored endpoint is the brief's to say.
        return Ok(());
    }
    if delivered.status == Some(410) {
        return fan::disable(rows, &due.lane, "gone");
    }
    if since.is_some_and(|since| now.saturating_sub(since) >= GIVEN_UP) {
        return fan::disable(rows, &due.lane, "failing");
    }
    Ok(())
}
