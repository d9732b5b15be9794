//! From the outbox to the queues of endpoints: in one transaction with the position that says how
//! far it went, so each event becomes one message per endpoint, whatever crashes when.

use super::outbox::{self, Happening};
use super::plan::{FeedPlan, Verdict};
use super::targets::{self, Lane, Registered};
use crate::engine::core::Core;
use crate::engine::scope::{View, settle};
use crate::store::{Rows, StoreError, codec};
use underpin_brief::model::Value;

/// How long ended deliveries are kept at least, µs.
const ENDED: i64 = 24 * 3_600 * 1_000_000;

/// Feeds that are new begin at the end of the outbox.
pub(super) fn begin(core: &Core, rows: Rows<'_>) -> Result<(), StoreError> {
    let last = outbox::last(rows)?;
    for plan in core.webhook_feeds() {
        rows.execute(
            "INSERT OR IGNORE INTO fanned VALUES (?1, ?2)",
            (&*plan.name, last),
        )?;
    }
    Ok(())
}

fn reached(rows: Rows<'_>, plan: &FeedPlan) -> Result<i64, StoreError> {
    let sql = "SELECT seq FROM fanned WHERE feed = ?1";
    Ok(rows
        .prepare(sql)?
        .query_row([&*plan.name], |row| row.get(0))?)
}

/// Whether some event waits to become messages.
pub(super) fn behind(core: &Core, rows: Rows<'_>) -> Result<bool, StoreError> {
    for plan in core.webhook_feeds() {
        if outbox::any_since(rows, plan, reached(rows, plan)?)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Turns a page of events of each feed into messages.
pub(super) fn fan(core: &Core, rows: Rows<'_>) -> Result<(), StoreError> {
    for plan in core.webhook_feeds() {
        let events = outbox::since_of(rows, plan, reached(rows, plan)?, i64::MAX)?;
        let Some(last) = events.last() else { continue };
        match plan.endpoint.as_ref().and_then(|endpoint| endpoint.to) {
            Some(to) => {
                for event in &events {
                    let Some(on) = plan.on(&event.source) else {
                        continue;
                    };
                    for (endpoint, tenant, told) in
                        targets::stored(core, rows, plan, to, (on, event))?
                    {
                        let lane = Lane {
                            feed: plan.name.to_string(),
                            endpoint,
                            tenant,
                        };
                        queue(core, rows, &lane, Some(event), &told)?;
                    }
                }
            }
            None => to_registered(core, rows, plan, &events)?,
        }
        rows.execute(
            "UPDATE fanned SET seq = ?2 WHERE feed = ?1",
            (&*plan.name, last.seq),
        )?;
    }
    Ok(())
}

fn to_registered(
    core: &Core,
    rows: Rows<'_>,
    plan: &FeedPlan,
    events: &[Happening],
) -> Result<(), StoreError> {
    let rest = "WHERE feed = ?1 AND state = 'active' ORDER BY id";
    for endpoint in targets::registered(rows, rest, &[&plan.name])? {
        let news = events.iter().filter(|event| event.at >= endpoint.created);
        let told = judged(core, rows, plan, &endpoint, news)?;
        let lane = Lane::registered(plan, &endpoint.id);
        for (event, values) in told.messages {
            queue(core, rows, &lane, Some(event), &values)?;
        }
        if told.revoked {
            disable(rows, &lane, "revoked")?;
        }
    }
    Ok(())
}

/// What an endpoint is told.
pub(super) struct Judged<'e> {
    pub(super) messages: Vec<(&'e Happening, Vec<Value>)>,
    pub(super) revoked: bool,
}

/// What a registered endpoint is told of some events: as whoever registered it.
pub(super) fn judged<'e>(
    core: &Core,
    rows: Rows<'_>,
    plan: &FeedPlan,
    endpoint: &Registered,
    events: impl Iterator<Item = &'e Happening>,
) -> Result<Judged<'e>, StoreError> {
    let settled = settle(&core.brief, rows, Some(&endpoint.caller))?;
    let view = View::frozen(rows, &settled.scope, core);
    let mut frame = plan.frame(&settled.value, &Value::Null);
    let mut judged = Judged {
        messages: Vec::new(),
        revoked: false,
    };
    for event in events {
        let Some(on) = plan.on(&event.source) else {
            continue;
        };
        if !plan.within(on, event, &settled.scope, &view) {
            continue;
        }
        view.near(event.tenant.as_deref());
        match plan.judge(core, &settled, (on, event), &mut frame, &view)? {
            Verdict::Silent => {}
            Verdict::Told(values) => judged.messages.push((event, values)),
            Verdict::Revoked => {
                judged.revoked = true;
                break;
            }
        }
    }
    Ok(judged)
}

/// Puts a message into a queue; without an event one that has no content.
pub(super) fn queue(
    core: &Core,
    rows: Rows<'_>,
    lane: &Lane,
    event: Option<&Happening>,
    told: &[Value],
) -> Result<(), StoreError> {
    let now = core.world.now().0;
    let own = core.world.id().to_string();
    let (feed, endpoint, tenant) = lane.names();
    let key = event.map_or("", |event| &event.key);
    // Where an earlier message of the key waits for its next attempt, this one waits with it.
    let before: Option<i64> = rows
        .prepare("SELECT MAX(due) FROM deliveries WHERE status = 'waiting' AND feed = ?1 AND endpoint = ?2 AND tenant = ?3 AND key = ?4")?
        .query_row((feed, endpoint, tenant, key), |row| row.get(0))?;
    let ordered = event.is_some() && is_ordered(core, feed);
    let due = before.filter(|_| ordered).unwrap_or(now).max(now);
    rows.prepare(
        "INSERT INTO deliveries (feed, endpoint, tenant, key, row_key, source, message, seq, at, told, due, attempts, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 'waiting')",
    )?
    .execute(rusqlite::params![
        feed,
        endpoint,
        tenant,
        key,
        event.map_or("", |event| &event.row_key),
        event.map_or("", |event| &event.source),
        event.map_or(&own, |event| &event.id),
        event.map(|event| event.seq),
        event.map_or(now, |event| event.at),
        codec::to_text(&Value::list(told.to_vec())),
        due,
    ])?;
    rows.execute(
        "INSERT INTO lanes (feed, endpoint, tenant, due) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET due = MIN(COALESCE(due, excluded.due), excluded.due)",
        (feed, endpoint, tenant, due),
    )?;
    Ok(())
}

/// Whether messages of one key stay in order.
pub(super) fn is_ordered(core: &Core, feed: &str) -> bool {
    use underpin_brief::model::Deliver;
    let found = core
        .brief
        .feeds
        .find(feed)
        .map(|id| core.brief.feeds.get(id));
    found.is_some_and(|feed| match &feed.deliver {
        Deliver::Webhook(webhook) => webhook.ordered,
        Deliver::Live | Deliver::Stream => true,
    })
}

/// Stops delivering to a registered endpoint; what waits stays.
pub(super) fn disable(rows: Rows<'_>, lane: &Lane, reason: &str) -> Result<(), StoreError> {
    rows.execute(
        "UPDATE endpoints SET state = 'disabled', reason = ?2 WHERE id = ?1",
        (&lane.endpoint, reason),
    )?;
    rows.execute(
        "UPDATE lanes SET due = NULL WHERE feed = ?1 AND endpoint = ?2 AND tenant = ?3",
        lane.names(),
    )?;
    Ok(())
}

/// Says of a queue when its next message is due.
pub(super) fn look_again(rows: Rows<'_>, lane: &Lane) -> Result<(), StoreError> {
    rows.execute(
        "UPDATE lanes SET due = (SELECT MIN(due) FROM deliveries WHERE status = 'waiting'
             AND feed = ?1 AND endpoint = ?2 AND tenant = ?3)
         WHERE feed = ?1 AND endpoint = ?2 AND tenant = ?3",
        lane.names(),
    )?;
    Ok(())
}

/// Sweeps deliveries that ended, and those that have waited longer than their feed is kept.
pub(in crate::engine) fn sweep(core: &Core, rows: Rows<'_>, now: i64) -> Result<(), StoreError> {
    for plan in core.webhook_feeds() {
        let kept = plan.keep.max(ENDED);
        rows.execute(
            "DELETE FROM deliveries WHERE feed = ?1 AND ended < ?2",
            (&*plan.name, now.saturating_sub(kept)),
        )?;
        // Attempts end long before; this is what waits at disabled endpoints.
        rows.execute(
            "DELETE FROM deliveries WHERE feed = ?1 AND status = 'waiting' AND attempts = 0 AND at < ?2",
            (&*plan.name, now.saturating_sub(kept.max(7 * ENDED))),
        )?;
    }
    Ok(())
}
