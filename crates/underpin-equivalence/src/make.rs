//! Values and callers for requests: mostly those that lead somewhere, sometimes those that do not.

use crate::chance::Chance;
use std::collections::BTreeMap;
use underpin_brief::model::*;
use underpin_reference::{Caller, State};

/// Subjects of every actor.
const PEOPLE: [&str; 3] = ["ann", "bob", "eve"];
const WORDS: [&str; 6] = ["amber", "birch", "cedar", "Delta", "a b", "zoe_%"];

/// Makes values over what is known.
pub struct Maker<'a> {
    /// The brief.
    pub brief: &'a Brief,
    /// What the reference knows.
    pub state: &'a State,
    /// Where chance comes from.
    pub chance: &'a mut Chance,
    /// The tenant whose keys are preferred.
    pub tenant: Option<Text>,
}

impl Maker<'_> {
    /// A struct of fields.
    pub fn input(&mut self, fields: &[Field]) -> Option<Value> {
        let slots: Option<Vec<Value>> = fields.iter().map(|field| self.field(field, 0)).collect();
        slots.map(Value::record)
    }

    fn field(&mut self, field: &Field, depth: usize) -> Option<Value> {
        if let Some(default) = field.default.as_ref().filter(|_| self.chance.percent(40)) {
            return Some(default.clone());
        }
        match &field.ty {
            Type::Optional(_) if depth > 2 || self.chance.percent(35) => Some(Value::Null),
            Type::Optional(inner) => Some(self.value(inner, field, depth).unwrap_or(Value::Null)),
            Type::List(inner) => {
                let least = field.count.map_or(0, |count| count.min) as usize;
                let most = field
                    .count
                    .and_then(|count| count.max)
                    .map_or(3, |most| most as usize);
                let wanted = (least + self.chance.below(3)).min(most).max(least);
                let items: Option<Vec<Value>> = (0..wanted)
                    .map(|_| self.value(inner, field, depth + 1))
                    .collect();
                items.map(Value::list)
            }
            ty => self.value(&ty.clone(), field, depth),
        }
    }

    /// A value of a type, within the bounds of its field.
    #[expect(clippy::too_many_lines, reason = "one arm per type")]
    pub fn value(&mut self, ty: &Type, field: &Field, depth: usize) -> Option<Value> {
        if depth > 5 {
            return None;
        }
        let hour = 3_600_000_000;
        Some(match ty {
            Type::Text => self.text(field),
            Type::Int => Value::Int(self.number(field)),
            Type::Decimal => {
                let whole = Decimal::from_int(self.number(field))?;
                let least = match &field.min {
                    Some(Value::Decimal(least)) => whole.max(*least),
                    _ => whole,
                };
                Value::Decimal(least)
            }
            Type::Money => {
                let currency = self.brief.system.currencies.first()?;
                let least = match &field.min {
                    Some(Value::Money(least, _)) => *least,
                    _ => 0,
                };
                Value::Money(
                    least + i64::try_from(self.chance.below(40)).ok()? * 250,
                    *currency,
                )
            }
            Type::Bool => Value::Bool(self.chance.percent(50)),
            Type::Date => {
                let day = self.state.now.div_euclid(24 * hour);
                Value::Date(
                    i32::try_from(day).ok()? + i32::try_from(self.chance.below(7)).ok()? - 3,
                )
            }
            Type::Time => Value::Time(
                (self.state.now / hour + i64::try_from(self.chance.below(72)).ok()? - 6) * hour,
            ),
            Type::Duration => Value::Duration(Duration::from_micros(
                hour / 2 * (1 + i64::try_from(self.chance.below(4)).ok()?),
            )),
            Type::Email => Value::text(&format!("{}@example.com", self.chance.one(&PEOPLE)?)),
            Type::Url => Value::text("https://example.com/a"),
            Type::Json => Value::Json(
                ["{}", "{\"a\":1}", "[]"]
                    .get(self.chance.below(3))
                    .copied()?
                    .into(),
            ),
            Type::Blob | Type::Edits => Value::text(""),
            Type::Tier => Value::text(
                self.pick(
                    &self
                        .brief
                        .tiers
                        .rows()
                        .iter()
                        .map(Named::name)
                        .collect::<Vec<_>>(),
                )?,
            ),
            Type::Region => Value::text(self.brief.system.regions.first()?),
            Type::Enum(id) => {
                let values = &self.brief.enums.get(*id).values;
                Value::text(&self.chance.one(values)?.text)
            }
            Type::State(id) => Value::text(
                &self
                    .chance
                    .one(&self.brief.aggregates.get(*id).states.as_ref()?.names)?
                    .text,
            ),
            Type::Record(id) => {
                let fields = self.brief.records.get(*id).fields.clone();
                let slots: Option<Vec<Value>> = fields
                    .iter()
                    .map(|field| self.field(field, depth + 1))
                    .collect();
                Value::record(slots?)
            }
            Type::Actor(_) => Value::text(self.chance.one(&PEOPLE)?),
            Type::Ref(of) => self.key(*of)?,
            Type::Optional(inner) => self.value(inner, field, depth)?,
            Type::List(inner) => Value::list(vec![self.value(inner, field, depth + 1)?]),
            _ => return None,
        })
    }

    fn pick<'v>(&mut self, of: &[&'v str]) -> Option<&'v str> {
        self.chance.one(of).copied()
    }

    /// The key of a row, mostly one that exists, mostly of the own tenant.
    pub fn key(&mut self, of: Id<Aggregate>) -> Option<Value> {
        let own = self.tenant.clone();
        let all = |own: Option<&Text>| -> Vec<Value> {
            let places = self.state.rows.keys().filter(|place| place.of == of);
            places
                .filter(|place| {
                    own.is_none() || place.tenant.is_none() || place.tenant.as_ref() == own
                })
                .map(|place| place.key.clone())
                .collect()
        };
        let near = all(own.as_ref());
        let found = if self.chance.percent(6) || near.is_empty() {
            all(None)
        } else {
            near
        };
        // The last rows are where things happen.
        let recent = found.len().saturating_sub(4);
        let wanted = if self.chance.percent(60) {
            found.get(recent..).unwrap_or(&[])
        } else {
            &found
        };
        if let Some(key) = self.chance.one(wanted).filter(|_| true).cloned()
            && !self.chance.percent(6)
        {
            return Some(key);
        }
        let declared = self.brief.aggregates.get(of);
        if declared.generated_key {
            return Some(Value::text("nowhere"));
        }
        let parts: Option<Vec<Value>> = declared
            .key_fields()
            .to_vec()
            .iter()
            .map(|field| match &field.ty {
                Type::Ref(_) => Some(Value::text("nowhere")),
                ty => self.value(ty, field, 4),
            })
            .collect();
        let mut parts = parts?;
        match parts.len() {
            1 => parts.pop(),
            _ => Some(Value::list(parts)),
        }
    }

    fn number(&mut self, field: &Field) -> i64 {
        let bound = |value: &Option<Value>| match value {
            Some(Value::Int(bound)) => Some(*bound),
            Some(Value::Decimal(bound)) => Some(bound.nanos() / 1_000_000_000),
            _ => None,
        };
        let least = bound(&field.min).unwrap_or(0);
        let most = bound(&field.max)
            .unwrap_or(least.saturating_add(1000))
            .max(least);
        let small = i64::try_from(self.chance.below(6)).unwrap_or(0);
        let wide = i64::try_from(self.chance.below(40)).unwrap_or(0);
        let wanted = match self.chance.below(10) {
            0 => least,
            1 => most,
            2..=6 => least.saturating_add(small),
            _ => least.saturating_add(wide),
        };
        wanted.clamp(least, most)
    }

    fn text(&mut self, field: &Field) -> Value {
        let length = |value: &Option<Value>, otherwise: usize| match value {
            Some(Value::Int(length)) => usize::try_from(*length).unwrap_or(otherwise),
            _ => otherwise,
        };
        let mut text = self
            .chance
            .one(&WORDS)
            .copied()
            .unwrap_or("amber")
            .to_owned();
        while text.chars().count() < length(&field.min, 0).min(10_000) {
            text.push('x');
        }
        Value::text(
            &text
                .chars()
                .take(length(&field.max, 60))
                .collect::<String>(),
        )
    }

    /// Somebody who asks for something that these lines allow, mostly.
    pub fn caller(&mut self, allows: &[Allow]) -> Option<Caller> {
        if self.chance.percent(4) {
            return None;
        }
        let line = self.chance.one(allows).filter(|_| true).cloned();
        let stranger = self.chance.percent(8);
        let (actor, role) = match line.map(|line| line.who).filter(|_| !stranger) {
            Some(Who::Actor(actor)) => (actor, None),
            Some(Who::Role(actor, role)) => (actor, Some(role)),
            _ if self.brief.actors.is_empty() || self.chance.percent(30) => return None,
            _ => (
                Id::from_index(self.chance.below(self.brief.actors.len())),
                None,
            ),
        };
        let declared = self.brief.actors.get(actor);
        let mut roles: Vec<Text> = role
            .and_then(|at| declared.roles.get(at))
            .map(|role| Text::clone(&role.text))
            .into_iter()
            .collect();
        for other in &declared.roles {
            if self.chance.percent(20) && !roles.contains(&other.text) {
                roles.push(Text::clone(&other.text));
            }
        }
        roles.sort();
        let mut caller = Caller {
            id: self.chance.one(&PEOPLE).copied().unwrap_or("ann").into(),
            actor: Text::clone(&declared.name.text),
            roles,
            tenant: None,
            channel: declared
                .channels
                .first()
                .map_or("web".into(), |channel| Text::clone(&channel.name.text)),
            claims: BTreeMap::new(),
        };
        self.belong(actor, &mut caller);
        Some(caller)
    }

    /// Puts a caller into a tenant, as far as its actor has one.
    fn belong(&mut self, actor: Id<Actor>, caller: &mut Caller) {
        let Some(tenancy) = &self.brief.tenancy else {
            return;
        };
        let tenants: Vec<Text> = self
            .state
            .rows
            .keys()
            .filter(|place| place.of == tenancy.aggregate)
            .filter_map(|place| place.key.as_text().map(Text::from))
            .collect();
        let tenant = self.chance.one(&tenants).cloned();
        for rule in tenancy.callers.iter().filter(|rule| rule.actor == actor) {
            match &rule.via {
                TenantVia::Claim(name) => {
                    caller
                        .claims
                        .extend(tenant.clone().map(|tenant| (Text::clone(name), tenant)));
                }
                TenantVia::Membership(of) => {
                    let members: Vec<_> = self
                        .state
                        .rows
                        .keys()
                        .filter(|place| place.of == *of)
                        .cloned()
                        .collect();
                    if let Some(place) = self.chance.one(&members).filter(|_| true).cloned() {
                        caller.id = place
                            .key
                            .as_text()
                            .map_or(Text::clone(&caller.id), Text::from);
                        caller.tenant = place.tenant.filter(|_| self.chance.percent(60));
                    }
                }
            }
        }
        let known = caller
            .claims
            .values()
            .next()
            .cloned()
            .or(caller.tenant.clone());
        self.tenant = known.or_else(|| {
            let mine = |place: &&underpin_reference::Place| {
                place.key.as_text() == Some(&caller.id) && place.tenant.is_some()
            };
            self.state
                .rows
                .keys()
                .find(mine)
                .and_then(|place| place.tenant.clone())
        });
    }
}
