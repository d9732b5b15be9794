//! Who asks, whose rows that caller may touch, and what `allow` lines say.

use crate::look::Look;
use crate::meaning::{Meaning, system};
use crate::state::{Place, State};
use std::collections::BTreeMap;
use underpin_brief::expr::Frame;
use underpin_brief::model::*;

/// A caller as its token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The subject.
    pub id: Text,
    /// The name of its actor.
    pub actor: Text,
    /// Its roles.
    pub roles: Vec<Text>,
    /// The tenant that the token names.
    pub tenant: Option<Text>,
    /// The channel.
    pub channel: Text,
    /// Further claims, texts only.
    pub claims: BTreeMap<Text, Text>,
}

/// Whose rows may be touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The caller's tenant.
    pub tenant: Option<Text>,
    /// Every tenant's.
    pub cross: bool,
    /// The actor; none without a token, and for the service itself.
    pub actor: Option<Text>,
    /// The subject.
    pub subject: Option<Text>,
}

impl Scope {
    pub(crate) fn text(&self) -> String {
        let part = |part: &Option<Text>| part.as_deref().unwrap_or("").to_owned();
        [&self.tenant, &self.actor, &self.subject]
            .map(part)
            .join("\u{1f}")
    }
}

/// A caller, settled against the rows.
pub(crate) struct Settled {
    pub(crate) scope: Scope,
    /// The value of `caller`.
    pub(crate) value: Value,
    actor: Option<Id<Actor>>,
    roles: Vec<Text>,
}

fn text(value: Option<&Text>) -> Value {
    value.map_or(Value::Null, |value| Value::Text(Text::clone(value)))
}

impl Meaning {
    fn memberships(&self) -> Vec<Id<Aggregate>> {
        let mut found = Vec::new();
        for rule in self
            .brief
            .tenancy
            .iter()
            .flat_map(|tenancy| &tenancy.callers)
        {
            if let TenantVia::Membership(id) = rule.via
                && !found.contains(&id)
            {
                found.push(id);
            }
        }
        found
    }

    /// The service itself, in a tenant; of no tenant it sees all.
    pub(crate) fn service(&self, tenant: Option<Text>) -> (Scope, Value) {
        let named = |name: &str| Value::text(name);
        let slots = [
            named("service"),
            named("service"),
            Value::list(Vec::new()),
            text(tenant.as_ref()),
            named("server"),
            Value::Json("{}".into()),
        ];
        let rows = self.memberships().into_iter().map(|_| Value::Null);
        let scope = Scope {
            cross: self.brief.tenancy.is_some() && tenant.is_none(),
            tenant,
            ..Scope::default()
        };
        (
            scope,
            Value::record(slots.into_iter().chain(rows).collect()),
        )
    }

    pub(crate) fn settle(&self, state: &State, caller: Option<&Caller>) -> Settled {
        let mut joined: Vec<Value> = self.memberships().iter().map(|_| Value::Null).collect();
        let Some(caller) = caller else {
            let mut slots = vec![
                Value::Null,
                Value::Null,
                Value::list(Vec::new()),
                Value::Null,
            ];
            slots.extend([Value::text("web"), Value::Json("{}".into())]);
            slots.append(&mut joined);
            return Settled {
                scope: Scope::default(),
                value: Value::record(slots),
                actor: None,
                roles: Vec::new(),
            };
        };
        let actor = self.brief.actors.find(&caller.actor);
        let tenancy = self.brief.tenancy.as_ref();
        let mut scope = Scope {
            tenant: caller.tenant.clone().filter(|_| tenancy.is_some()),
            cross: actor.is_some_and(|actor| self.brief.actors.get(actor).cross_tenant),
            actor: Some(Text::clone(&caller.actor)),
            subject: Some(Text::clone(&caller.id)),
        };
        for rule in tenancy.iter().flat_map(|tenancy| &tenancy.callers) {
            if Some(rule.actor) != actor {
                continue;
            }
            match &rule.via {
                TenantVia::Claim(name) => {
                    let claimed = caller.claims.get(name).cloned();
                    scope.tenant = claimed.or(scope.tenant.take());
                }
                TenantVia::Membership(of) => {
                    let row = self.member(state, *of, &caller.id, scope.tenant.as_ref());
                    scope.tenant = row.as_ref().and_then(|(place, _)| place.tenant.clone());
                    let at = self.memberships().iter().position(|other| other == of);
                    if let (Some((_, row)), Some(slot)) =
                        (row, at.and_then(|at| joined.get_mut(at)))
                    {
                        *slot = row;
                    }
                }
            }
        }
        let mut slots = vec![
            Value::Text(Text::clone(&caller.id)),
            Value::Text(Text::clone(&caller.actor)),
        ];
        slots.push(Value::list(
            caller.roles.iter().cloned().map(Value::Text).collect(),
        ));
        slots.push(text(scope.tenant.as_ref()));
        slots.push(Value::Text(Text::clone(&caller.channel)));
        slots.push(Value::Json(json(&caller.claims).into()));
        slots.append(&mut joined);
        Settled {
            scope,
            value: Value::record(slots),
            actor,
            roles: caller.roles.clone(),
        }
    }

    /// The membership row of a subject: in that tenant, or, where none is named, the only one.
    fn member(
        &self,
        state: &State,
        of: Id<Aggregate>,
        who: &Text,
        tenant: Option<&Text>,
    ) -> Option<(Place, Value)> {
        let key = Value::Text(Text::clone(who));
        let mine = |(place, _): &(&Place, &Value)| {
            place.of == of
                && place.key == key
                && tenant.is_none_or(|tenant| place.tenant.as_ref() == Some(tenant))
        };
        let mut found = state.rows.iter().filter(mine);
        let first = found
            .next()
            .map(|(place, row)| (place.clone(), row.clone()));
        first.filter(|_| found.next().is_none())
    }

    pub(crate) fn named(&self, settled: &Settled, allows: &[Allow]) -> bool {
        allows.iter().any(|allow| self.names(settled, allow.who))
    }

    fn names(&self, settled: &Settled, who: Who) -> bool {
        match who {
            Who::Anyone => true,
            Who::Actor(actor) => settled.actor == Some(actor),
            Who::Role(actor, role) => {
                let name = self.brief.actors.get(actor).roles.get(role);
                let has = name.is_some_and(|name| settled.roles.contains(&name.text));
                settled.actor == Some(actor) && has
            }
        }
    }

    /// Whether some `allow` admits the caller; a condition without a value does not.
    pub(crate) fn allowed(
        &self,
        settled: &Settled,
        allows: &[Allow],
        look: &Look<'_>,
        frame: &Frame,
    ) -> bool {
        let mut named = allows.iter().filter(|allow| self.names(settled, allow.who));
        named.any(|allow| match &allow.when {
            None => true,
            Some(when) => self.truth(when, look, frame),
        })
    }

    /// Whether some query of its aggregate shows the caller a row.
    pub(crate) fn shown(
        &self,
        state: &State,
        settled: &Settled,
        place: &Place,
        row: &Value,
    ) -> bool {
        let look = Look::new(self, state, &settled.scope).from(place);
        let mut of = self.brief.queries.rows().iter();
        of.any(|query| {
            let mut frame = self.frame(query.frame, settled);
            frame.set(Root::SelfRow.slot(), row.clone());
            query.of == QuerySource::Aggregate(place.of)
                && self.allowed(settled, &query.allows, &look, &frame)
        })
    }

    /// A frame with the caller.
    pub(crate) fn frame(&self, size: u32, settled: &Settled) -> Frame {
        let mut frame = Frame::new(size.max(Root::COUNT));
        frame.set(Root::Caller.slot(), settled.value.clone());
        frame
    }

    /// The row of an aggregate that a scope may touch: for those who see every tenant the one in
    /// the tenant that is looked from, else any.
    pub(crate) fn find(
        &self,
        state: &State,
        scope: &Scope,
        near: Option<&Text>,
        of: Id<Aggregate>,
        key: &Value,
    ) -> Option<Place> {
        let at = |tenant: Option<&Text>| Place {
            of,
            tenant: tenant.cloned(),
            key: key.clone(),
        };
        let here = |place: &Place| state.rows.contains_key(place);
        if system(self.brief.aggregates.get(of), "tenant").is_none() {
            return Some(at(None)).filter(here);
        }
        if !scope.cross {
            return scope
                .tenant
                .as_ref()
                .map(|tenant| at(Some(tenant)))
                .filter(here);
        }
        let any = || {
            state
                .rows
                .keys()
                .find(|place| place.of == of && place.key == *key)
                .cloned()
        };
        Some(at(near)).filter(here).or_else(any)
    }
}

/// Claims as canonical JSON.
fn json(claims: &BTreeMap<Text, Text>) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let pair = |(name, value): (&Text, &Text)| format!("{}:{}", quoted(name), quoted(value));
    let pairs: Vec<String> = claims.iter().map(pair).collect();
    format!("{{{}}}", pairs.join(","))
}
