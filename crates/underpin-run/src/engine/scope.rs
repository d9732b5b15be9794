//! Whose rows a flow or a query may touch, and who `caller` is. Every access to a row goes through
//! a [`View`], which is conjoined with the tenant: there is no other way to a row.

use super::core::Core;
use super::mutation::Mutation;
use crate::backend::{Asked, Refusal, refusal};
use crate::identity::Caller;
use crate::store::{Rows, StoreError};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use underpin_brief::expr::{self, Fault};
use underpin_brief::model::*;

/// Whose rows may be touched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scope {
    /// The caller's tenant.
    pub(super) tenant: Option<String>,
    /// Every tenant's.
    pub(super) cross: bool,
    /// The actor's name; none without a token, and for the service itself.
    pub(super) actor: Option<String>,
    /// The subject.
    pub(super) subject: Option<String>,
    /// Whether the service itself acts.
    pub(super) service: bool,
    /// Whether the caller belongs to several tenants and the token names none of them.
    #[serde(default)]
    pub(super) several: bool,
}

impl Scope {
    /// The refusal of what no `allow` admits. Nothing is said about which tenants there are.
    pub(super) fn forbidden(&self) -> Refusal {
        if self.several {
            let why = "the caller belongs to several tenants and the token names none: ask with \
                       a token that does (`underpin token … --tenant <tenant>`)";
            return Refusal::because(refusal::FORBIDDEN, why);
        }
        Refusal::new(refusal::FORBIDDEN)
    }

    /// The refusal of what only a caller of a tenant can do.
    pub(super) fn without_tenant(&self) -> Refusal {
        if self.several {
            return self.forbidden();
        }
        Refusal::because(refusal::FORBIDDEN, "the caller belongs to no tenant")
    }

    /// The service itself, in a tenant.
    pub(super) fn service(tenant: Option<String>) -> Self {
        Self {
            tenant,
            service: true,
            ..Self::default()
        }
    }

    /// The text that stands for the caller where answers are stored.
    pub(super) fn who(&self) -> String {
        format!(
            "{}\u{1f}{}\u{1f}{}",
            self.tenant.as_deref().unwrap_or(""),
            self.actor.as_deref().unwrap_or(""),
            self.subject.as_deref().unwrap_or("")
        )
    }
}

/// Rows as one caller may touch them.
pub(super) struct View<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) scope: &'a Scope,
    pub(super) core: &'a Core,
    /// What the store said, where an evaluation only learns that it failed.
    pub(super) failed: RefCell<Option<StoreError>>,
    /// Whose row is being looked at, where rows of every tenant may be: the same key may stand in
    /// several tenants, and a row refers to the one in its own.
    near: RefCell<Option<String>>,
    /// Rows found so far, where rows cannot change under the view.
    seen: Option<RefCell<Seen>>,
}

/// Rows by aggregate and key; absent ones too.
type Seen = BTreeMap<(Id<Aggregate>, Value), Option<Value>>;

/// Rows that a view remembers at most: a query may walk over any number of them.
const REMEMBERED: usize = 4096;

impl<'a> View<'a> {
    /// Rows that may change while they are looked at: those of the writer.
    pub(super) fn new(rows: Rows<'a>, scope: &'a Scope, core: &'a Core) -> Self {
        Self {
            rows,
            scope,
            core,
            failed: RefCell::new(None),
            near: RefCell::new(None),
            seen: None,
        }
    }

    /// Rows of a snapshot: each is read once, however many rows refer to it.
    pub(super) fn frozen(rows: Rows<'a>, scope: &'a Scope, core: &'a Core) -> Self {
        Self {
            seen: Some(RefCell::default()),
            ..Self::new(rows, scope, core)
        }
    }

    /// Keys are looked for in the tenant of this row first, then in every other that the caller
    /// may see.
    pub(super) fn look_from(&self, of: Id<Aggregate>, row: &Value) {
        if self.scope.cross {
            let slot = self.rows.layout(of).tenant;
            let tenant = slot.and_then(|slot| row.slot(slot).as_text());
            let moved = self.near.borrow().as_deref() != tenant;
            if moved {
                *self.near.borrow_mut() = tenant.map(str::to_owned);
                // The same key may name another row there.
                self.seen.iter().for_each(|seen| seen.borrow_mut().clear());
            }
        }
    }

    /// As [`View::look_from`], where there is no row to look from.
    pub(super) fn near(&self, tenant: Option<&str>) {
        if self.scope.cross && self.near.borrow().as_deref() != tenant {
            *self.near.borrow_mut() = tenant.map(str::to_owned);
            self.seen.iter().for_each(|seen| seen.borrow_mut().clear());
        }
    }

    /// The row of that key that the caller may touch.
    pub(super) fn get(&self, of: Id<Aggregate>, key: &Value) -> Result<Option<Value>, StoreError> {
        if key.is_null() {
            return Ok(None);
        }
        let Some(seen) = &self.seen else {
            return self.find(of, key);
        };
        let name = (of, key.clone());
        if let Some(found) = seen.borrow().get(&name) {
            return Ok(found.clone());
        }
        let found = self.find(of, key)?;
        let mut seen = seen.borrow_mut();
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        seen.insert(name, found.clone());
        Ok(found)
    }

    fn find(&self, of: Id<Aggregate>, key: &Value) -> Result<Option<Value>, StoreError> {
        if self.scope.cross || Mutation::ForgetTenant.planted() {
            let near = self.near.borrow().clone();
            let here = match near {
                Some(tenant) => self.rows.get(of, key, Some(&tenant))?,
                None => None,
            };
            return match here {
                Some(row) => Ok(Some(row)),
                None => self.rows.get_any(of, key),
            };
        }
        self.rows.get(of, key, self.scope.tenant.as_deref())
    }

    /// The tenant slot of new rows of an aggregate.
    pub(super) fn tenant_of_new(&self) -> Value {
        self.scope
            .tenant
            .as_deref()
            .map_or(Value::Null, Value::text)
    }
}

impl expr::Rows for View<'_> {
    fn row(&self, aggregate: Id<Aggregate>, key: &Value) -> Result<Option<Value>, Fault> {
        self.get(aggregate, key).map_err(|error| {
            let text = error.to_string();
            *self.failed.borrow_mut() = Some(error);
            Fault::Unavailable(text.into())
        })
    }

    fn actor_name(&self, actor: Id<Actor>, id: &str) -> Result<Option<Value>, Fault> {
        let actor = self.core.brief.actors.get(actor).name();
        let name = self
            .core
            .names
            .get()
            .and_then(|names| names.find(actor, id));
        Ok(name.map(|name| Value::text(&name)))
    }

    fn secret(&self, bytes: u32) -> Result<Value, Fault> {
        let mut drawn = vec![0_u8; usize::try_from(bytes).unwrap_or(32).clamp(1, 1024)];
        self.core.world.random.fill(&mut drawn);
        use base64::Engine as _;
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(drawn);
        Ok(Value::text(&text))
    }
}

/// Who asks, settled against the store.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    /// The tenant that the token names.
    pub(super) claimed: Option<String>,
    pub(super) scope: Scope,
    /// The value of `caller`.
    pub(super) value: Value,
    /// The declared actor.
    pub(super) actor: Option<Id<Actor>>,
    pub(super) roles: Vec<String>,
}

impl Settled {
    /// Whether an `allow` names this caller.
    pub(super) fn named(&self, brief: &Brief, who: Who) -> bool {
        match who {
            Who::Anyone => true,
            Who::Actor(actor) => self.actor == Some(actor),
            Who::Role(actor, role) => {
                let name = brief.actors.get(actor).roles.get(role);
                self.actor == Some(actor)
                    && name.is_some_and(|name| self.roles.iter().any(|role| **role == *name.text))
            }
        }
    }
}

/// The membership aggregates in the order of their slots in `caller`.
pub(super) fn memberships(brief: &Brief) -> Vec<Id<Aggregate>> {
    let mut found = Vec::new();
    for caller in brief.tenancy.iter().flat_map(|tenancy| &tenancy.callers) {
        if let TenantVia::Membership(id) = caller.via
            && !found.contains(&id)
        {
            found.push(id);
        }
    }
    found
}

/// Settles who asks: the tenant follows from the membership row or the claim, never from the token
/// alone where the brief says otherwise.
pub(super) fn settle(
    brief: &Brief,
    rows: Rows<'_>,
    asked: Option<&Caller>,
) -> Result<Settled, StoreError> {
    let Some(caller) = asked else {
        return Ok(Settled {
            claimed: None,
            scope: Scope::default(),
            value: nobody(brief),
            actor: None,
            roles: Vec::new(),
        });
    };
    let actor = brief.actors.find(&caller.actor);
    let cross = actor.is_some_and(|actor| brief.actors.get(actor).cross_tenant);
    let mut scope = Scope {
        tenant: caller.tenant.clone(),
        cross,
        actor: Some(caller.actor.clone()),
        subject: Some(caller.id.clone()),
        service: false,
        several: false,
    };
    let mut claimed = scope.tenant.clone().filter(|_| brief.tenancy.is_some());
    let mut joined: Vec<Value> = memberships(brief).iter().map(|_| Value::Null).collect();
    if brief.tenancy.is_none() {
        scope.tenant = None;
    }
    let rules = brief.tenancy.iter().flat_map(|tenancy| &tenancy.callers);
    for rule in rules.filter(|rule| Some(rule.actor) == actor) {
        match &rule.via {
            TenantVia::Claim(name) => {
                let claim = caller.claims.get(&**name).and_then(|claim| claim.as_str());
                scope.tenant = claim.map(str::to_owned).or(scope.tenant.take());
                claimed.clone_from(&scope.tenant);
            }
            TenantVia::Membership(id) => {
                let row = match member(rows, *id, &caller.id, scope.tenant.as_deref())? {
                    Member::Row(row) => Some(row),
                    Member::None => None,
                    Member::Several => {
                        scope.several = true;
                        None
                    }
                };
                let slot = rows.layout(*id).tenant;
                scope.tenant = row
                    .as_ref()
                    .zip(slot)
                    .and_then(|(row, slot)| row.slot(slot).as_text().map(str::to_owned));
                let place = memberships(brief).iter().position(|other| other == id);
                if let (Some(row), Some(place)) = (row, place.and_then(|at| joined.get_mut(at))) {
                    *place = row;
                }
            }
        }
    }
    let roles: Vec<String> = caller.roles.iter().cloned().collect();
    let value = caller_value(caller, &scope, joined);
    Ok(Settled {
        claimed,
        scope,
        value,
        actor,
        roles,
    })
}

/// What a subject is a member of.
enum Member {
    None,
    Row(Value),
    /// Several, and the token does not say which is meant.
    Several,
}

/// The membership row of a subject: in that tenant, or, where the token names none, the only one.
fn member(
    rows: Rows<'_>,
    of: Id<Aggregate>,
    subject: &str,
    tenant: Option<&str>,
) -> Result<Member, StoreError> {
    let key = Value::text(subject);
    if tenant.is_some() {
        let row = rows.get(of, &key, tenant)?;
        return Ok(row.map_or(Member::None, Member::Row));
    }
    let layout = rows.layout(of);
    let Some(column) = layout.columns.first() else {
        return Ok(Member::None);
    };
    let rest = format!("WHERE {} = ?1 LIMIT 2", column.name);
    let mut found = rows.select(of, &rest, layout.key_values(&key)?)?;
    Ok(match (found.pop(), found.is_empty()) {
        (None, _) => Member::None,
        (Some(row), true) => Member::Row(row),
        (Some(_), false) => Member::Several,
    })
}

fn caller_value(caller: &Caller, scope: &Scope, memberships: Vec<Value>) -> Value {
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::text);
    let roles = caller.roles.iter().map(|role| Value::text(role)).collect();
    let claims = serde_json::Value::Object(caller.claims.clone());
    let mut slots = vec![
        Value::text(&caller.id),
        Value::text(&caller.actor),
        Value::list(roles),
        text(scope.tenant.as_deref()),
        text(Some(caller.channel.as_deref().unwrap_or("web"))),
        Value::Json(canonical(&claims).into()),
    ];
    slots.extend(memberships);
    Value::record(slots)
}

/// `caller` without a token.
fn nobody(brief: &Brief) -> Value {
    let mut slots = vec![
        Value::Null,
        Value::Null,
        Value::list(Vec::new()),
        Value::Null,
        Value::text("web"),
        Value::Json("{}".into()),
    ];
    slots.extend(memberships(brief).iter().map(|_| Value::Null));
    Value::record(slots)
}

/// `caller` of the service itself.
pub(super) fn service_value(brief: &Brief, tenant: Option<&str>) -> Value {
    let mut slots = vec![
        Value::text("service"),
        Value::text("service"),
        Value::list(Vec::new()),
        tenant.map_or(Value::Null, Value::text),
        Value::text("server"),
        Value::Json("{}".into()),
    ];
    slots.extend(memberships(brief).iter().map(|_| Value::Null));
    Value::record(slots)
}

/// JSON with sorted keys and no spaces.
pub(super) fn canonical(json: &serde_json::Value) -> String {
    match json {
        serde_json::Value::Object(object) => {
            let mut pairs: Vec<(&String, &serde_json::Value)> = object.iter().collect();
            pairs.sort_by_key(|(name, _)| *name);
            let pair = |(name, value): (&String, &serde_json::Value)| {
                format!(
                    "{}:{}",
                    serde_json::Value::String(name.clone()),
                    canonical(value)
                )
            };
            let pairs: Vec<String> = pairs.into_iter().map(pair).collect();
            format!("{{{}}}", pairs.join(","))
        }
        serde_json::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

/// Who asks, without the store: for limits before any work.
pub(super) fn limit_key(asked: &Asked, per: LimitPer) -> String {
    match per {
        LimitPer::Caller => asked.caller.as_ref().map_or_else(
            || asked.address.to_string(),
            |caller| format!("{}/{}", caller.actor, caller.id),
        ),
        LimitPer::Tenant => asked
            .caller
            .as_ref()
            .and_then(|caller| caller.tenant.clone())
            .unwrap_or_default(),
        LimitPer::Ip => asked.address.to_string(),
        LimitPer::All => String::new(),
    }
}
