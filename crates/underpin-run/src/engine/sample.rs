//! `--sample`: an empty data folder is filled through ordinary commands, with inputs that follow
//! from types and names. The same brief gives the same inputs; several rounds, so that commands
//! with references find keys. What refuses is left out: a sample needs no brief of its own. Rows
//! that no command makes are there before (see [`super::plant`]).

use super::Engine;
use crate::backend::{Asked, Backend, CommandAnswer, CommandRequest};
use crate::identity::Caller;
use crate::store::{StoreError, codec};
use crate::trace::Trace;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use underpin_brief::model::*;

/// How often each command is tried per round, and rounds.
const TIMES: u64 = 5;
const ROUNDS: u64 = 3;

/// What is known so far.
#[derive(Default)]
pub(super) struct Keys {
    /// Keys and tenants of rows, per aggregate.
    pub(super) rows: BTreeMap<Id<Aggregate>, Vec<(Value, Option<String>)>>,
}

/// Fills an empty folder; rows made, by aggregate.
pub(super) async fn fill(engine: &Engine, brief: &Arc<Brief>, world: &World) -> Vec<(String, u64)> {
    match counts(engine, brief).await {
        Ok(before) if before.iter().all(|(_, count)| *count == 0) => {}
        _ => return Vec::new(),
    }
    for round in 0..ROUNDS {
        let mut keys = known(engine, brief).await.unwrap_or_default();
        super::plant::plant(engine, brief, world, &mut keys).await;
        for (id, command) in brief.commands.iter() {
            for time in 0..TIMES {
                let keys = known(engine, brief).await.unwrap_or_default();
                let number = round * TIMES + time;
                for caller in callers(brief, command, number) {
                    let tenant = tenant_of(brief, &keys, &caller, number);
                    let caller = Caller { tenant, ..caller };
                    if run((engine, brief, world), id, &keys, caller, number).await {
                        break;
                    }
                }
            }
        }
    }
    counts(engine, brief).await.unwrap_or_default()
}

async fn run(
    (engine, brief, world): (&Engine, &Arc<Brief>, &World),
    id: Id<Command>,
    keys: &Keys,
    caller: Caller,
    number: u64,
) -> bool {
    let Some(request) = request((brief, world), id, keys, caller, number) else {
        return false;
    };
    !matches!(engine.command(request).await, CommandAnswer::Refused(_))
}

/// A command with an input that fits; none where a reference has nothing to point to.
pub(super) fn request(
    (brief, world): (&Brief, &World),
    id: Id<Command>,
    keys: &Keys,
    caller: Caller,
    number: u64,
) -> Option<CommandRequest> {
    let input = input((brief, world), &brief.commands.get(id).input, keys, number)?;
    let asked = Asked {
        caller: Some(caller),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        at: world.now(),
        trace: Trace::new(&*world.random),
    };
    Some(CommandRequest {
        command: id,
        asked,
        input,
        key: None,
        expected: None,
    })
}

/// Values for these fields.
pub(super) fn input(
    (brief, world): (&Brief, &World),
    fields: &[Field],
    keys: &Keys,
    number: u64,
) -> Option<Value> {
    let maker = Maker {
        brief,
        keys,
        now: world.now().0,
        number,
    };
    let field = |(at, field): (usize, &Field)| maker.field(field, at as u64, 0);
    let slots: Option<Vec<Value>> = fields.iter().enumerate().map(field).collect();
    slots.map(Value::record)
}

/// Callers that some `allow` of a command names.
pub(super) fn callers(brief: &Brief, command: &Command, number: u64) -> Vec<Caller> {
    let caller = |allow: &Allow| {
        let (actor, role) = match allow.who {
            Who::Anyone => return None,
            Who::Actor(actor) => (actor, None),
            Who::Role(actor, role) => (actor, brief.actors.get(actor).roles.get(role)),
        };
        let declared = brief.actors.get(actor);
        Some(Caller {
            id: format!("{}-{}", declared.name, number % 3 + 1),
            actor: declared.name.to_string(),
            roles: role.map(|role| role.to_string()).into_iter().collect(),
            tenant: None,
            channel: declared
                .channels
                .first()
                .map(|channel| channel.name.to_string()),
            name: None,
            claims: serde_json::Map::new(),
        })
    };
    command.allows.iter().filter_map(caller).collect()
}

pub(super) fn tenant_of(
    brief: &Brief,
    keys: &Keys,
    caller: &Caller,
    number: u64,
) -> Option<String> {
    let tenancy = brief.tenancy.as_ref()?;
    let actor = brief.actors.find(&caller.actor)?;
    let claimed = tenancy
        .callers
        .iter()
        .any(|rule| rule.actor == actor && matches!(rule.via, TenantVia::Claim(_)));
    if claimed {
        let all = keys.rows.get(&tenancy.aggregate)?;
        let at = usize::try_from(number)
            .unwrap_or(0)
            .checked_rem(all.len())?;
        return all.get(at).map(|(key, _)| codec::key_text(key));
    }
    // A member acts in a tenant that it is a member of.
    let own = Value::text(&caller.id);
    let rows = super::scope::memberships(brief)
        .into_iter()
        .filter_map(|of| keys.rows.get(&of));
    let member = |(key, tenant): &(Value, Option<String>)| {
        if *key == own { tenant.clone() } else { None }
    };
    rows.flatten().find_map(member)
}

async fn counts(engine: &Engine, brief: &Arc<Brief>) -> Result<Vec<(String, u64)>, StoreError> {
    let mut found = Vec::new();
    for (id, aggregate) in brief.aggregates.iter() {
        let count = engine.owner(id).store.read(move |rows| {
            let sql = format!("SELECT COUNT(*) FROM {}", rows.layout(id).table);
            Ok(rows
                .prepare(&sql)?
                .query_row([], |row| row.get::<_, i64>(0))?)
        });
        let count = u64::try_from(count.await?).unwrap_or(0);
        found.push((aggregate.name.to_string(), count));
    }
    Ok(found)
}

pub(super) async fn known(engine: &Engine, brief: &Arc<Brief>) -> Result<Keys, StoreError> {
    let mut found = Keys::default();
    for (id, _) in brief.aggregates.iter() {
        let keys = engine.owner(id).store.read(move |rows| {
            let layout = rows.layout(id);
            let some = rows.select(id, "ORDER BY 1 LIMIT 50", Vec::new())?;
            let one = |row: &Value| {
                let tenant = layout.tenant.and_then(|slot| row.slot(slot).as_text());
                (layout.key_of(row), tenant.map(str::to_owned))
            };
            Ok(some.iter().map(one).collect())
        });
        found.rows.insert(id, keys.await?);
    }
    Ok(found)
}

/// Makes inputs.
pub(super) struct Maker<'a> {
    pub(super) brief: &'a Brief,
    pub(super) keys: &'a Keys,
    /// What the time is, in microseconds.
    pub(super) now: i64,
    /// The turn: what is made follows from it.
    pub(super) number: u64,
}

/// Words for names and texts.
const WORDS: [&str; 16] = [
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "iris", "juniper",
    "kite", "lagoon", "maple", "north", "opal", "pine",
];

/// Records within records are filled this deep.
const DEEPEST: u32 = 6;

impl Maker<'_> {
    /// A number that depends on the command's turn and the place of the field.
    fn drawn(&self, at: u64) -> u64 {
        super::admit::spread_of(&format!("{}.{at}", self.number))
    }

    fn word(&self, at: u64) -> &'static str {
        let place = usize::try_from(self.drawn(at) % WORDS.len() as u64).unwrap_or(0);
        WORDS.get(place).copied().unwrap_or("amber")
    }

    pub(super) fn field(&self, field: &Field, at: u64, depth: u32) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        match (&field.ty, &field.default) {
            (_, Some(default)) => Some(default.clone()),
            (Type::Optional(_), None) if depth > 0 || self.drawn(at).is_multiple_of(3) => {
                Some(Value::Null)
            }
            (Type::Optional(inner), None) => {
                Some(self.value(inner, field, at, depth).unwrap_or(Value::Null))
            }
            (Type::List(inner), None) => {
                let least = field.count.map_or(1, |count| count.min.max(1));
                let most = field
                    .count
                    .and_then(|count| count.max)
                    .unwrap_or(3)
                    .max(least);
                let wanted = (least + u32::try_from(self.drawn(at) % 2).unwrap_or(0)).min(most);
                let mut items = Vec::new();
                for item in 0..u64::from(wanted) {
                    items.push(self.value(inner, field, at * 31 + item, depth + 1)?);
                }
                let mut seen = BTreeSet::new();
                items.retain(|item| seen.insert(item.clone()));
                Some(Value::list(items))
            }
            (ty, None) => self.value(ty, field, at, depth),
        }
    }

    fn value(&self, ty: &Type, field: &Field, at: u64, depth: u32) -> Option<Value> {
        let drawn = self.drawn(at);
        Some(match ty {
            Type::Text => self.text(field, at),
            Type::Int => Value::Int(self.within(field, drawn)),
            Type::Decimal => Value::Decimal(Decimal::from_int(self.within(field, drawn))?),
            Type::Money => {
                let currency = self.brief.system.currencies.first()?;
                Value::Money(i64::try_from(drawn % 9_900).unwrap_or(0) + 100, *currency)
            }
            Type::Bool => Value::Bool(drawn.is_multiple_of(2)),
            Type::Date => Value::Date(i32::try_from(20_000 + drawn % 3_000).unwrap_or(20_000)),
            // Within the next month, on the hour.
            Type::Time => {
                let hours = i64::try_from(drawn % 720).unwrap_or(0) + 24;
                Value::Time((self.now / 3_600_000_000 + hours) * 3_600_000_000)
            }
            Type::Duration => Value::Duration(Duration::from_millis(1_800_000)),
            Type::Email => Value::text(&format!("{}{}@example.com", self.word(at), self.number)),
            Type::Url => Value::text(&format!("https://example.com/{}", self.word(at))),
            Type::Json => Value::Json("{}".into()),
            // A handle without bytes: nothing is uploaded for a sample.
            Type::Blob => Value::text("sample"),
            Type::Edits => Value::text(""),
            Type::Tier => Value::text(self.brief.tiers.rows().first()?.name()),
            Type::Region => Value::text(self.brief.system.regions.first()?),
            Type::Enum(id) => {
                let values = &self.brief.enums.get(*id).values;
                let place = usize::try_from(drawn).unwrap_or(0) % values.len().max(1);
                Value::text(&values.get(place)?.text)
            }
            Type::State(id) => {
                let states = self.brief.aggregates.get(*id).states.as_ref()?;
                Value::text(&states.names.first()?.text)
            }
            Type::Record(id) => {
                let fields = &self.brief.records.get(*id).fields;
                let mut slots = Vec::new();
                for (slot, field) in fields.iter().enumerate() {
                    slots.push(self.field(field, at * 17 + slot as u64, depth + 1)?);
                }
                Value::record(slots)
            }
            Type::Actor(id) => {
                let name = &self.brief.actors.get(*id).name;
                Value::text(&format!("{name}-{}", drawn % 3 + 1))
            }
            Type::Ref(id) => {
                let keys = self.keys.rows.get(id)?;
                let place = usize::try_from(drawn)
                    .unwrap_or(0)
                    .checked_rem(keys.len())?;
                keys.get(place)?.0.clone()
            }
            Type::Optional(inner) => self.value(inner, field, at, depth)?,
            Type::List(_)
            | Type::Map(..)
            | Type::Row(_)
            | Type::Struct(_)
            | Type::Nothing
            | Type::Error => return None,
        })
    }

    fn text(&self, field: &Field, at: u64) -> Value {
        let most = match field.max {
            Some(Value::Int(most)) => usize::try_from(most).unwrap_or(40),
            _ => 40,
        };
        let least = match field.min {
            Some(Value::Int(least)) => usize::try_from(least).unwrap_or(0),
            _ => 0,
        };
        // Short texts are often keys, which stand in paths.
        let between = if most <= 60 { '-' } else { ' ' };
        let mut text = format!("{}{between}{}", self.word(at), self.number + 1);
        while text.chars().count() < least.min(10_000) {
            text.push('.');
        }
        Value::text(&text.chars().take(most).collect::<String>())
    }

    /// Within the bounds of the field, low where there are none.
    fn within(&self, field: &Field, drawn: u64) -> i64 {
        let bound = |value: &Option<Value>| match value {
            Some(Value::Int(bound)) => Some(*bound),
            Some(Value::Decimal(bound)) => Some(bound.nanos() / 1_000_000_000),
            _ => None,
        };
        let least = bound(&field.min).unwrap_or(1);
        let most = bound(&field.max)
            .unwrap_or(least.saturating_add(99))
            .max(least);
        let wide = most.saturating_sub(least).clamp(0, 99).unsigned_abs() + 1;
        least.saturating_add(i64::try_from(drawn % wide).unwrap_or(0))
    }
}
