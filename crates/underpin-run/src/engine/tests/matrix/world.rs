//! The rows of a cell: for every aggregate one that is the caller's own, one that is somebody
//! else's, and one in another tenant. Keys, subjects and tenants carry the cell's name, so cells
//! never meet.

use super::judge::{Facts, Person};
use crate::identity::Caller;
use serde_json::{Map, Value as Json, json};
use underpin_brief::model::*;

/// Whose a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    Own,
    Foreign,
    /// The caller's own by every field, in a tenant that is not the caller's.
    OtherTenant,
}

pub(super) const WHOSE: [Whose; 3] = [Whose::Own, Whose::Foreign, Whose::OtherTenant];

/// A kind of caller.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) actor: Option<Id<Actor>>,
    pub(super) role: Option<usize>,
}

/// Everybody who can ask: nobody, each actor, each of its roles.
pub(super) fn kinds(brief: &Brief) -> Vec<Kind> {
    let mut kinds = vec![Kind {
        actor: None,
        role: None,
    }];
    for (id, actor) in brief.actors.iter() {
        let roles = std::iter::once(None).chain((0..actor.roles.len()).map(Some));
        kinds.extend(roles.map(|role| Kind {
            actor: Some(id),
            role,
        }));
    }
    kinds
}

/// One cell's rows, in one of several shades: states, enum values, numbers and absences differ.
pub(super) struct Cell<'a> {
    pub(super) brief: &'a Brief,
    pub(super) name: String,
    pub(super) shade: usize,
    /// Its number, for keys that are numbers.
    pub(super) number: i64,
}

/// How many shades show every state, every enum value, large and small, present and absent.
pub(super) fn shades(brief: &Brief) -> usize {
    let states = brief.aggregates.rows().iter();
    let states = states.filter_map(|aggregate| Some(aggregate.states.as_ref()?.names.len()));
    let values = brief.enums.rows().iter().map(|one| one.values.len());
    states.chain(values).max().unwrap_or(1).clamp(4, 8)
}

impl Cell<'_> {
    pub(super) fn tenant(&self, whose: Whose) -> String {
        match whose {
            Whose::OtherTenant => format!("{}-t2", self.name),
            _ => format!("{}-t1", self.name),
        }
    }

    fn subject(&self, whose: Whose) -> String {
        match whose {
            Whose::Foreign => format!("{}-stranger", self.name),
            _ => format!("{}-caller", self.name),
        }
    }

    /// Where a subject is a key, the one in the other tenant is another: one person has no two
    /// memberships here.
    fn key_subject(&self, whose: Whose) -> String {
        match whose {
            Whose::OtherTenant => format!("{}-elsewhere", self.name),
            other => self.subject(other),
        }
    }

    /// The key of the row of that aggregate.
    pub(super) fn key(&self, of: Id<Aggregate>, whose: Whose) -> Value {
        let tenancy = self.brief.tenancy.as_ref();
        if tenancy.is_some_and(|tenancy| tenancy.aggregate == of) {
            return Value::text(&self.tenant(whose));
        }
        let fields = self.brief.aggregates.get(of).key_fields();
        let mut parts: Vec<Value> = fields
            .iter()
            .map(|field| self.fill(&field.ty, whose, true))
            .collect();
        match (parts.len(), parts.pop()) {
            (1, Some(only)) => only,
            (_, last) => Value::list(parts.into_iter().chain(last).collect()),
        }
    }

    /// A value of that type.
    pub(super) fn fill(&self, ty: &Type, whose: Whose, key: bool) -> Value {
        let shade = self.shade;
        let pick = |names: &[Name]| {
            names
                .get(shade % names.len().max(1))
                .map(|name| Value::text(&name.text))
        };
        let number: i64 = if shade.is_multiple_of(2) {
            1
        } else {
            1_000_000
        };
        match ty {
            Type::Optional(_) if shade % 4 == 3 && !key => Value::Null,
            Type::Optional(inner) => self.fill(inner, whose, key),
            Type::Actor(_) if key => Value::text(&self.key_subject(whose)),
            Type::Actor(_) => Value::text(&self.subject(whose)),
            Type::Ref(of) => self.key(*of, whose),
            Type::Int if key => Value::Int(self.number * 3 + whose as i64),
            Type::Date if key => {
                Value::Date(i32::try_from(self.number * 3 + whose as i64).unwrap_or(0))
            }
            Type::Int => Value::Int(number),
            Type::Decimal => Value::Decimal(Decimal::from_nanos(number * 1_000_000_000)),
            Type::Money => match self.brief.system.currencies.first() {
                Some(currency) => Value::Money(number, *currency),
                None => Value::Null,
            },
            Type::Bool => Value::Bool(shade.is_multiple_of(2)),
            Type::Date => Value::Date(20_000),
            Type::Time => Value::Time(
                super::START.0 + if shade.is_multiple_of(2) { 1 } else { -1 } * 86_400_000_000,
            ),
            Type::Duration => Value::Duration(Duration::from_micros(3_600_000_000)),
            Type::Json => Value::Json("{}".into()),
            Type::Enum(id) => pick(&self.brief.enums.get(*id).values).unwrap_or(Value::Null),
            Type::State(of) => {
                let states = self.brief.aggregates.get(*of).states.as_ref();
                states
                    .and_then(|states| pick(&states.names))
                    .unwrap_or(Value::Null)
            }
            Type::Tier => {
                let names: Vec<Name> = self
                    .brief
                    .tiers
                    .rows()
                    .iter()
                    .map(|tier| tier.name.clone())
                    .collect();
                pick(&names).unwrap_or(Value::Null)
            }
            Type::Record(id) => {
                let fields = &self.brief.records.get(*id).fields;
                Value::record(
                    fields
                        .iter()
                        .map(|field| self.fill(&field.ty, whose, false))
                        .collect(),
                )
            }
            Type::List(of) => Value::list(vec![self.fill(of, whose, false)]),
            Type::Map(..) => Value::Map(std::sync::Arc::default()),
            Type::Url => Value::text("https://example.org/"),
            Type::Email => Value::text("someone@example.org"),
            _ => Value::text(&format!("{}-{whose:?}", self.name)),
        }
    }

    /// The row of that aggregate.
    pub(super) fn row(&self, of: Id<Aggregate>, whose: Whose) -> Value {
        let aggregate = self.brief.aggregates.get(of);
        let key = self.key(of, whose);
        let slots = aggregate.row.slots.iter().enumerate().map(|(at, slot)| {
            if at < aggregate.keys {
                return match aggregate.keys {
                    1 => key.clone(),
                    _ => match &key {
                        Value::List(parts) => parts.get(at).cloned().unwrap_or(Value::Null),
                        _ => Value::Null,
                    },
                };
            }
            match (&*slot.name, slot.origin) {
                ("created", Origin::System) => Value::Time(super::START.0),
                ("version", Origin::System) => Value::Int(1),
                ("tenant", Origin::System) => match self.brief.tenancy {
                    Some(_) => Value::text(&self.tenant(whose)),
                    None => Value::Null,
                },
                _ => self.fill(&slot.ty, whose, false),
            }
        });
        Value::record(slots.collect())
    }

    /// All rows of the cell. Another tenant is there only where the brief has tenants.
    pub(super) fn rows(&self) -> Vec<(Id<Aggregate>, Value)> {
        let mut rows = Vec::new();
        let kept = |(_, one): &(Id<Aggregate>, &Aggregate)| one.ephemeral.is_none();
        // Rows that live for a moment only are made by their commands.
        for (of, aggregate) in self.brief.aggregates.iter().filter(kept) {
            let tenants = self.brief.tenancy.as_ref();
            let is_tenant = tenants.is_some_and(|tenancy| tenancy.aggregate == of);
            for whose in WHOSE {
                let apart = tenants.is_some() && !aggregate.shared;
                let skipped = match whose {
                    Whose::Own => false,
                    Whose::Foreign => is_tenant,
                    Whose::OtherTenant => !apart,
                };
                if !skipped {
                    rows.push((of, self.row(of, whose)));
                }
            }
        }
        rows
    }

    /// The caller's token, as the server hands it on.
    pub(super) fn caller(&self, kind: &Kind) -> Option<Caller> {
        let actor = self.brief.actors.get(kind.actor?);
        let tenant = self.brief.tenancy.as_ref().map(|_| self.tenant(Whose::Own));
        Some(Caller {
            id: self.subject(Whose::Own),
            actor: actor.name.text.to_string(),
            roles: kind
                .role
                .map(|role| actor.roles[role].text.to_string())
                .into_iter()
                .collect(),
            tenant,
            channel: Some("web".to_owned()),
            name: None,
            claims: self.claims(kind.actor),
        })
    }

    fn claims(&self, actor: Option<Id<Actor>>) -> Map<String, Json> {
        let rules = self
            .brief
            .tenancy
            .iter()
            .flat_map(|tenancy| &tenancy.callers);
        let claimed = rules.filter_map(|rule| match &rule.via {
            TenantVia::Claim(name) if Some(rule.actor) == actor => {
                Some((name.to_string(), json!(self.tenant(Whose::Own))))
            }
            _ => None,
        });
        claimed.collect()
    }

    /// The same caller for the second reading.
    pub(super) fn person(&self, kind: &Kind, facts: &Facts<'_>) -> Person {
        let tenant = kind
            .actor
            .and(self.brief.tenancy.as_ref())
            .map(|_| self.tenant(Whose::Own));
        let roles: Vec<String> = match (kind.actor, kind.role) {
            (Some(actor), Some(role)) => {
                vec![self.brief.actors.get(actor).roles[role].text.to_string()]
            }
            _ => Vec::new(),
        };
        let mut person = Person {
            actor: kind.actor,
            roles,
            tenant,
            value: Value::Null,
        };
        person.value = self.caller_value(kind, &person, facts);
        person
    }

    fn caller_value(&self, kind: &Kind, person: &Person, facts: &Facts<'_>) -> Value {
        let name = kind
            .actor
            .map(|actor| self.brief.actors.get(actor).name.text.to_string());
        let optional = |text: Option<String>| text.map_or(Value::Null, |text| Value::text(&text));
        let claims = Json::Object(self.claims(kind.actor)).to_string();
        let mut slots = vec![
            optional(kind.actor.map(|_| self.subject(Whose::Own))),
            optional(name),
            Value::list(person.roles.iter().map(|role| Value::text(role)).collect()),
            optional(person.tenant.clone()),
            Value::text("web"),
            Value::Json(claims.into()),
        ];
        let mut seen = Vec::new();
        for rule in self
            .brief
            .tenancy
            .iter()
            .flat_map(|tenancy| &tenancy.callers)
        {
            let TenantVia::Membership(of) = rule.via else {
                continue;
            };
            if seen.contains(&of) {
                continue;
            }
            seen.push(of);
            let key = Value::text(&self.subject(Whose::Own));
            let own = self
                .brief
                .tenancy
                .iter()
                .flat_map(|tenancy| &tenancy.callers)
                .any(|rule| {
                    Some(rule.actor) == kind.actor && rule.via == TenantVia::Membership(of)
                });
            let row = facts.find(of, &key, person, person.tenant.as_deref());
            slots.push(row.filter(|_| own).cloned().unwrap_or(Value::Null));
        }
        Value::record(slots)
    }
}
