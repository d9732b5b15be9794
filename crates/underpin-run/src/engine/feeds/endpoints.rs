//! Endpoints that callers register for a feed: each sees and changes only their own. Must not know
//! how anything is sent.

use super::fan;
use super::outbox;
use super::plan::FeedPlan;
use super::targets::{self, Lane, Registered, Secret};
use crate::backend::{Refusal, refusal};
use crate::engine::core::Core;
use crate::engine::drive::Inner;
use crate::engine::scope::{View, settle};
use crate::feeds::{Endpoint, EndpointAnswer, EndpointRequest};
use crate::store::{Rows, StoreError};
use crate::world::Moment;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::OptionalExtension;
use std::sync::Arc;
use underpin_brief::model::Value;
use underpin_contract::EndpointAction;

/// Endpoints of one caller at one feed at most.
const OF_ONE: usize = 50;
/// How long the secret before stays valid, µs.
const OVERLAP: i64 = 24 * 3_600 * 1_000_000;
/// Messages that one replay queues at most.
const REPLAYED: i64 = 1_000;

impl Inner {
    /// Does something with registered endpoints.
    pub(in crate::engine) async fn endpoints(&self, request: EndpointRequest) -> EndpointAnswer {
        if request.action == EndpointAction::Create {
            let url = request.input.slot(0).as_text().unwrap_or("");
            if let Some(why) = self.feeds.courier().objection(url) {
                return EndpointAnswer::Refused(Refusal::because("address-not-allowed", why));
            }
        }
        let core = Arc::clone(&self.core);
        let reads = request.action.reads();
        let work = move |rows: Rows<'_>| act(&core, rows, &request);
        let done = match reads {
            true => self.store.read(work).await,
            false => self.store.write(work).await,
        };
        self.feeds.again.notify_one();
        done.unwrap_or_else(|error| EndpointAnswer::Refused(crate::engine::answer::failed(&error)))
    }
}

fn refused(code: &str) -> EndpointAnswer {
    EndpointAnswer::Refused(Refusal::new(code))
}

fn act(
    core: &Core,
    rows: Rows<'_>,
    request: &EndpointRequest,
) -> Result<EndpointAnswer, StoreError> {
    let settled = settle(&core.brief, rows, request.asked.caller.as_ref())?;
    let Some(caller) = &request.asked.caller else {
        return Ok(refused(refusal::UNAUTHENTICATED));
    };
    let plan = core.feed(request.feed);
    let view = View::frozen(rows, &settled.scope, core);
    let mut frame = plan.frame(&settled.value, &Value::Null);
    if !plan.may_subscribe(core, &settled, &mut frame, &view)? {
        return Ok(EndpointAnswer::Refused(settled.scope.forbidden()));
    }
    let owner = settled.scope.who();
    let mine = targets::registered(
        rows,
        "WHERE feed = ?1 AND owner = ?2 ORDER BY id",
        &[&plan.name, &owner],
    )?;
    match request.action {
        EndpointAction::List => {
            let shown: Result<Vec<Endpoint>, StoreError> =
                mine.iter().map(|one| show(rows, plan, one)).collect();
            return shown.map(EndpointAnswer::Many);
        }
        EndpointAction::Create => {
            let kept = targets::caller_text(caller)?;
            let owner = (
                owner.as_str(),
                settled.scope.tenant.as_deref(),
                kept.as_str(),
            );
            return create(core, rows, plan, request, owner, &mine);
        }
        _ => {}
    }
    let named = request.endpoint.as_deref();
    match mine.into_iter().find(|one| Some(one.id.as_str()) == named) {
        Some(one) => change(core, rows, plan, request, &one),
        None => Ok(refused(refusal::NOT_FOUND)),
    }
}

fn draw(core: &Core) -> String {
    let mut bytes = [0; 24];
    core.world.random.fill(&mut bytes);
    format!("whsec_{}", STANDARD.encode(bytes))
}

fn secrets_text(secrets: &[Secret]) -> Result<String, StoreError> {
    serde_json::to_string(secrets).map_err(|error| StoreError::Defect(error.to_string()))
}

fn create(
    core: &Core,
    rows: Rows<'_>,
    plan: &FeedPlan,
    request: &EndpointRequest,
    (owner, tenant, caller): (&str, Option<&str>, &str),
    mine: &[Registered],
) -> Result<EndpointAnswer, StoreError> {
    let url = request.input.slot(0).as_text().unwrap_or("");
    if mine.iter().any(|one| one.url == url) {
        return Ok(refused(refusal::EXISTS));
    }
    if mine.len() >= OF_ONE {
        let why = format!("a caller has at most {OF_ONE} endpoints");
        return Ok(EndpointAnswer::Refused(Refusal::because(
            refusal::TOO_MANY_REQUESTS,
            why,
        )));
    }
    let secret = draw(core);
    let id = core.world.id().to_string();
    let now = core.world.now().0;
    let secrets = secrets_text(&[Secret {
        text: secret.clone(),
        until: None,
    }])?;
    rows.execute(
        "INSERT INTO endpoints VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'active', NULL, ?9)",
        (
            &id,
            &*plan.name,
            owner,
            tenant,
            caller,
            url,
            request.input.slot(1).as_text(),
            secrets,
            now,
        ),
    )?;
    found(rows, plan, &id, Some(secret))
}

/// An endpoint as it is now, with a secret that was just drawn.
fn found(
    rows: Rows<'_>,
    plan: &FeedPlan,
    id: &str,
    secret: Option<String>,
) -> Result<EndpointAnswer, StoreError> {
    match targets::registered(rows, "WHERE id = ?1", &[id])?.first() {
        Some(one) => {
            let endpoint = show(rows, plan, one)?;
            Ok(EndpointAnswer::One(Endpoint { secret, ..endpoint }))
        }
        None => Ok(refused(refusal::NOT_FOUND)),
    }
}

fn show(rows: Rows<'_>, plan: &FeedPlan, one: &Registered) -> Result<Endpoint, StoreError> {
    let lane = Lane::registered(plan, &one.id);
    let failing: Option<i64> = rows
        .prepare("SELECT failing FROM lanes WHERE feed = ?1 AND endpoint = ?2 AND tenant = ?3")?
        .query_row(lane.names(), |row| row.get(0))
        .optional()?
        .flatten();
    let waiting: i64 = rows
        .prepare(
            "SELECT COUNT(*) FROM deliveries WHERE status = 'waiting' AND feed = ?1
             AND endpoint = ?2 AND tenant = ?3",
        )?
        .query_row(lane.names(), |row| row.get(0))?;
    Ok(Endpoint {
        id: one.id.clone(),
        url: one.url.clone(),
        description: one.description.clone(),
        active: one.state == "active",
        reason: one.reason.clone(),
        failing: failing.map(Moment),
        created: Moment(one.created),
        waiting: u64::try_from(waiting).unwrap_or(0),
        secret: None,
    })
}

fn change(
    core: &Core,
    rows: Rows<'_>,
    plan: &FeedPlan,
    request: &EndpointRequest,
    one: &Registered,
) -> Result<EndpointAnswer, StoreError> {
    let lane = Lane::registered(plan, &one.id);
    let mut drawn = None;
    match request.action {
        EndpointAction::Create | EndpointAction::List | EndpointAction::Show => {}
        EndpointAction::Rotate => {
            let secret = draw(core);
            rotate(core, rows, one, &secret)?;
            drawn = Some(secret);
        }
        EndpointAction::Disable => fan::disable(rows, &lane, "asked")?,
        EndpointAction::Enable => {
            rows.execute(
                "UPDATE endpoints SET state = 'active', reason = NULL WHERE id = ?1",
                [&one.id],
            )?;
            rows.execute(
                "UPDATE lanes SET failing = NULL WHERE feed = ?1 AND endpoint = ?2 AND tenant = ?3",
                lane.names(),
            )?;
            fan::look_again(rows, &lane)?;
        }
        EndpointAction::Delete => {
            rows.execute("DELETE FROM endpoints WHERE id = ?1", [&one.id])?;
            for table in ["deliveries", "lanes"] {
                let sql = format!(
                    "DELETE FROM {table} WHERE feed = ?1 AND endpoint = ?2 AND tenant = ?3"
                );
                rows.execute(&sql, lane.names())?;
            }
            return Ok(EndpointAnswer::Gone);
        }
        EndpointAction::Test => {
            fan::queue(core, rows, &lane, None, &[])?;
            keep_off(rows, &lane, one)?;
            return Ok(EndpointAnswer::Queued(1));
        }
        EndpointAction::Replay => {
            let queued = replay(core, rows, plan, request, one)?;
            keep_off(rows, &lane, one)?;
            return Ok(EndpointAnswer::Queued(queued));
        }
    }
    found(rows, plan, &one.id, drawn)
}

/// What is queued for a disabled endpoint waits until it is enabled.
fn keep_off(rows: Rows<'_>, lane: &Lane, one: &Registered) -> Result<(), StoreError> {
    if one.state != "active" {
        rows.execute(
            "UPDATE lanes SET due = NULL WHERE feed = ?1 AND endpoint = ?2 AND tenant = ?3",
            lane.names(),
        )?;
    }
    Ok(())
}

/// The new secret signs first; those before it sign too, for a day.
fn rotate(core: &Core, rows: Rows<'_>, one: &Registered, secret: &str) -> Result<(), StoreError> {
    let now = core.world.now().0;
    let mut secrets = vec![Secret {
        text: secret.to_owned(),
        until: None,
    }];
    for old in &one.secrets {
        let until = old
            .until
            .unwrap_or(i64::MAX)
            .min(now.saturating_add(OVERLAP));
        if until > now {
            secrets.push(Secret {
                text: old.text.clone(),
                until: Some(until),
            });
        }
    }
    // However often it is asked for, a message carries few signatures.
    secrets.truncate(3);
    rows.execute(
        "UPDATE endpoints SET secrets = ?2 WHERE id = ?1",
        (&one.id, secrets_text(&secrets)?),
    )?;
    Ok(())
}

/// Queues again what the endpoint was, or would have been, told in a range of time; what waits
/// already is not queued twice.
fn replay(
    core: &Core,
    rows: Rows<'_>,
    plan: &FeedPlan,
    request: &EndpointRequest,
    one: &Registered,
) -> Result<u64, StoreError> {
    let time = |at: usize, otherwise: i64| match request.input.slot(at) {
        Value::Time(time) => *time,
        _ => otherwise,
    };
    let range = (time(0, i64::MAX), time(1, core.world.now().0));
    let events = outbox::between(rows, plan, range, REPLAYED)?;
    let judged = fan::judged(core, rows, plan, one, events.iter())?;
    let lane = Lane::registered(plan, &one.id);
    let (feed, endpoint, tenant) = lane.names();
    let mut queued = 0;
    for (event, values) in judged.messages {
        let waits: Option<i64> = rows
            .prepare(
                "SELECT 1 FROM deliveries WHERE status = 'waiting' AND feed = ?1 AND endpoint = ?2
                 AND tenant = ?3 AND key = ?4 AND message = ?5",
            )?
            .query_row((feed, endpoint, tenant, &event.key, &event.id), |row| {
                row.get(0)
            })
            .optional()?;
        if waits.is_none() {
            fan::queue(core, rows, &lane, Some(event), &values)?;
            queued += 1;
        }
    }
    Ok(queued)
}
