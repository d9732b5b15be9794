//! Where messages go: endpoints that callers registered, and rows of the brief that are endpoints.
//! Must not know when anything is sent.

use super::outbox::Happening;
use super::plan::{EndpointPlan, FeedPlan};
use crate::backend::Sort;
use crate::engine::core::Core;
use crate::engine::scope::{Scope, View, service_value};
use crate::engine::select::{Select, tenant_condition};
use crate::engine::shows::value_of;
use crate::identity::Caller;
use crate::store::{Kind, Rows, StoreError, codec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use underpin_brief::expr::Frame;
use underpin_brief::model::*;

/// A queue of messages: all of one feed for one endpoint, which no other endpoint delays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    pub(super) feed: String,
    pub(super) endpoint: String,
    /// The tenant of a stored endpoint; empty without one.
    pub(super) tenant: String,
}

impl Lane {
    pub(super) fn registered(plan: &FeedPlan, endpoint: &str) -> Self {
        Self {
            feed: plan.name.to_string(),
            endpoint: endpoint.to_owned(),
            tenant: String::new(),
        }
    }

    pub(super) fn names(&self) -> (&str, &str, &str) {
        (&self.feed, &self.endpoint, &self.tenant)
    }
}

/// A secret of a registered endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) text: String,
    /// Until when it is used, µs; none: for good.
    pub(super) until: Option<i64>,
}

/// An endpoint that a caller registered.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    pub(super) id: String,
    pub(super) caller: Caller,
    pub(super) url: String,
    pub(super) description: Option<String>,
    pub(super) secrets: Vec<Secret>,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) created: i64,
}

/// Who registered an endpoint, as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptCaller {
    id: String,
    actor: String,
    roles: BTreeSet<String>,
    tenant: Option<String>,
    channel: Option<String>,
    claims: serde_json::Map<String, serde_json::Value>,
}

/// A caller as it is kept with an endpoint.
pub(super) fn caller_text(caller: &Caller) -> Result<String, StoreError> {
    let kept = KeptCaller {
        id: caller.id.clone(),
        actor: caller.actor.clone(),
        roles: caller.roles.clone(),
        tenant: caller.tenant.clone(),
        channel: caller.channel.clone(),
        claims: caller.claims.clone(),
    };
    serde_json::to_string(&kept).map_err(|error| StoreError::Defect(error.to_string()))
}

fn caller_of(text: &str) -> Result<Caller, StoreError> {
    let kept: KeptCaller =
        serde_json::from_str(text).map_err(|error| StoreError::Defect(error.to_string()))?;
    Ok(Caller {
        id: kept.id,
        actor: kept.actor,
        roles: kept.roles,
        tenant: kept.tenant,
        channel: kept.channel,
        name: None,
        claims: kept.claims,
    })
}

/// Registered endpoints that satisfy `rest` (`WHERE … ORDER BY …`).
pub(super) fn registered(
    rows: Rows<'_>,
    rest: &str,
    values: &[&str],
) -> Result<Vec<Registered>, StoreError> {
    let sql = format!(
        "SELECT id, caller, url, description, secrets, state, reason, created FROM endpoints {rest}"
    );
    let mut statement = rows.prepare(&sql)?;
    let mut found = Vec::new();
    let mut all = statement.query(rusqlite::params_from_iter(values))?;
    while let Some(row) = all.next()? {
        let secrets: String = row.get(4)?;
        found.push(Registered {
            id: row.get(0)?,
            caller: caller_of(&row.get::<_, String>(1)?)?,
            url: row.get(2)?,
            description: row.get(3)?,
            secrets: serde_json::from_str(&secrets)
                .map_err(|error| StoreError::Defect(error.to_string()))?,
            state: row.get(5)?,
            reason: row.get(6)?,
            created: row.get(7)?,
        });
    }
    Ok(found)
}

/// Where a message goes now.
pub(super) struct Address {
    pub(super) url: String,
    pub(super) secrets: Vec<String>,
}

/// The key of an aggregate that stands as text.
pub(super) fn key_of(rows: Rows<'_>, of: Id<Aggregate>, text: &str) -> Option<Value> {
    let layout = rows.layout(of);
    match layout.columns.as_slice() {
        [first, ..] if layout.keys == 1 && first.kind == Kind::Text => Some(Value::text(text)),
        _ => codec::from_text(text),
    }
}

/// Stored endpoints that want an event, with what each is told.
pub(super) fn stored(
    core: &Core,
    rows: Rows<'_>,
    plan: &FeedPlan,
    to: Id<Aggregate>,
    (on, event): (usize, &Happening),
) -> Result<Vec<(String, String, Vec<Value>)>, StoreError> {
    let any = Scope::default();
    let tenant = plan
        .tenant(on, event, &View::frozen(rows, &any, core))
        .flatten();
    let mut scope = Scope::service(tenant.clone());
    let layout = rows.layout(to);
    // What belongs to nobody goes to the endpoints of everybody.
    scope.cross = tenant.is_none() && layout.tenant.is_some();
    let caller = service_value(&core.brief, tenant.as_deref());
    let view = View::frozen(rows, &scope, core);
    let mut frame = plan.frame(&caller, &Value::Null);
    plan.put(on, event, &mut frame);
    let mut select = Select {
        view: &view,
        of: to,
        terms: Vec::new(),
        values: Vec::new(),
    };
    select
        .terms
        .extend(tenant_condition(&view, to, &mut select.values));
    let usable = plan
        .prefilter
        .as_ref()
        .filter(|filter| !(scope.cross && filter.is_within_tenant()));
    if let Some(filter) = usable {
        let bound = filter.bind(&mut frame, &view, &mut select.values).sql;
        select.terms.extend(bound);
    }
    let by_key: Vec<Sort> = (0..layout.keys)
        .map(|slot| Sort {
            slot,
            descending: false,
        })
        .collect();
    let (rest, values) = select.finish(&by_key);
    let mut found = Vec::new();
    for row in rows.select(to, &rest, values)? {
        if born(layout.created, &row) > event.at {
            continue;
        }
        view.look_from(to, &row);
        frame.set(Root::SelfRow.slot(), row.clone());
        if plan.wanted(&mut frame, &view)? && plan.admits_endpoint(&mut frame, &view)? {
            let own = layout.tenant.and_then(|slot| row.slot(slot).as_text());
            found.push((
                codec::key_text(&layout.key_of(&row)),
                own.unwrap_or("").to_owned(),
                plan.told(on, event, &mut frame, &view)?,
            ));
        }
    }
    Ok(found)
}

fn born(slot: Option<usize>, row: &Value) -> i64 {
    match slot.map(|slot| row.slot(slot)) {
        Some(Value::Time(at)) => *at,
        _ => i64::MIN,
    }
}

/// Where a message for a stored endpoint goes; none where the row is gone, or no longer wants it.
pub(super) fn address(
    core: &Core,
    rows: Rows<'_>,
    plan: &FeedPlan,
    lane: &Lane,
    event: Option<(usize, &Happening)>,
) -> Result<Option<Address>, StoreError> {
    let Some(endpoint) = &plan.endpoint else {
        return Ok(None);
    };
    let Some(to) = endpoint.to else {
        return Ok(None);
    };
    let tenant = (!lane.tenant.is_empty()).then(|| lane.tenant.clone());
    let scope = Scope::service(tenant.clone());
    let view = View::frozen(rows, &scope, core);
    let row = match key_of(rows, to, &lane.endpoint) {
        Some(key) => view.get(to, &key)?,
        None => None,
    };
    let Some(row) = row else { return Ok(None) };
    let mut frame = plan.frame(&service_value(&core.brief, tenant.as_deref()), &Value::Null);
    frame.set(Root::SelfRow.slot(), row);
    if let Some((on, event)) = event {
        plan.put(on, event, &mut frame);
        if !plan.wanted(&mut frame, &view)? {
            return Ok(None);
        }
    }
    let url = match &endpoint.url {
        Some(url) => value_of(url, &mut frame, &view)?,
        None => Value::Null,
    };
    let secrets = secrets(core, endpoint, &mut frame, &view)?;
    Ok(url.as_text().map(|url| Address {
        url: url.to_owned(),
        secrets,
    }))
}

/// Secrets that are valid now: a text, texts, or records with a text and perhaps a time after
/// which it is not used.
fn secrets(
    core: &Core,
    endpoint: &EndpointPlan,
    frame: &mut Frame,
    view: &View<'_>,
) -> Result<Vec<String>, StoreError> {
    let Some(expr) = &endpoint.secrets else {
        return Ok(Vec::new());
    };
    let now = core.world.now().0;
    let value = value_of(expr, frame, view)?;
    let one = |value: &Value| -> Option<String> {
        match value {
            Value::Text(text) => Some(text.to_string()),
            Value::Struct(slots) => {
                let ended = |slot: &Value| matches!(slot, Value::Time(until) if *until <= now);
                if slots.iter().any(ended) {
                    return None;
                }
                // The longest text is the secret: others name it.
                let texts = slots.iter().filter_map(Value::as_text);
                texts.max_by_key(|text| text.len()).map(str::to_owned)
            }
            _ => None,
        }
    };
    Ok(match &value {
        Value::List(items) => items.iter().filter_map(one).collect(),
        single => one(single).into_iter().collect(),
    })
}
