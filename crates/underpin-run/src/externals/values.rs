//! Values that fit their declaration, made by draws: what a simulated system answers. Must not
//! know why they are asked for.

use super::draw::Draw;
use crate::world::Moment;
use underpin_brief::model::{
    Aggregate, Brief, CountRange, Currency, Decimal, Duration, Field, Id, Named, Type, Value,
};

/// What values are made of.
#[derive(Clone, Copy)]
pub(super) struct Making<'a> {
    pub(super) brief: &'a Brief,
    /// For fields of type `time` and `date`.
    pub(super) now: Moment,
}

/// How deep records within records are filled; deeper optional values are absent.
const DEPTH: u32 = 8;

impl Making<'_> {
    /// A value for that field.
    pub(super) fn field(self, field: &Field, draw: &Draw) -> Value {
        self.field_at(field, &draw.under(field.name()), 0)
    }

    fn field_at(self, field: &Field, draw: &Draw, depth: u32) -> Value {
        let whole = |bound: &Option<Value>| match bound {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        };
        match field.ty.required() {
            Type::Text => text(field.name(), draw, whole(&field.min), whole(&field.max)),
            Type::Int => Value::Int(between(draw, whole(&field.min), whole(&field.max))),
            Type::List(inner) => {
                let size = size(draw, field.count);
                let one = |at| {
                    self.value(
                        inner,
                        field.name(),
                        &draw.under(&format!("{at}")),
                        depth + 1,
                    )
                };
                Value::list((0..size).map(one).collect())
            }
            Type::Decimal | Type::Money => {
                match (&field.min, self.value(&field.ty, "", draw, depth)) {
                    (Some(min), made) if *min > made => min.clone(),
                    (_, made) => made,
                }
            }
            other => self.value(other, field.name(), draw, depth),
        }
    }

    fn value(self, ty: &Type, name: &str, draw: &Draw, depth: u32) -> Value {
        let micros = self.now.0.div_euclid(1_000_000).saturating_mul(1_000_000);
        match ty {
            Type::Optional(_) if depth >= DEPTH => Value::Null,
            Type::Optional(inner) => self.value(inner, name, draw, depth),
            Type::Int => Value::Int(between(draw, None, None)),
            Type::Decimal => {
                Decimal::from_int(between(draw, None, None)).map_or(Value::Null, Value::Decimal)
            }
            Type::Money => Value::Money(between(draw, Some(100), Some(10_000)), self.currency()),
            Type::Bool => Value::Bool(true),
            Type::Date => {
                Value::Date(i32::try_from(micros.div_euclid(86_400_000_000)).unwrap_or(0))
            }
            Type::Time => Value::Time(micros),
            Type::Duration => Value::Duration(Duration::from_millis(3_600_000)),
            Type::Email => Value::text(&format!("{:08x}@example.org", draw.number("email") >> 32)),
            Type::Url => Value::text(&format!(
                "https://example.org/{:08x}",
                draw.number("url") >> 32
            )),
            Type::Json => Value::Json("{}".into()),
            Type::Enum(id) => {
                let names = &self.brief.enums.get(*id).values;
                let picked = pick(draw, names.len()).and_then(|at| names.get(at));
                picked.map_or(Value::Null, |name| Value::Text(name.text.clone()))
            }
            Type::State(id) => {
                let states = self.brief.aggregates.get(*id).states.as_ref();
                let first = states.and_then(|states| states.names.first());
                first.map_or(Value::Null, |name| Value::Text(name.text.clone()))
            }
            Type::Record(_) if depth >= DEPTH => Value::record(Vec::new()),
            Type::Record(id) => {
                let fields = self.brief.records.get(*id).fields.iter();
                let made = fields.map(|of| self.field_at(of, &draw.under(of.name()), depth + 1));
                Value::record(made.collect())
            }
            Type::Ref(id) => self.key(*id, draw, depth),
            Type::List(inner) => Value::list(vec![self.value(inner, name, draw, depth + 1)]),
            Type::Region => self
                .brief
                .system
                .regions
                .first()
                .map_or(Value::Null, |region| Value::text(region)),
            Type::Struct(_) | Type::Row(_) | Type::Map(..) | Type::Nothing | Type::Error => {
                Value::Null
            }
            Type::Text | Type::Blob | Type::Edits | Type::Tier | Type::Actor(_) => {
                text(name, draw, None, None)
            }
        }
    }

    fn key(self, of: Id<Aggregate>, draw: &Draw, depth: u32) -> Value {
        let made = |field: &Field| self.field_at(field, &draw.under(field.name()), depth + 1);
        match self.brief.aggregates.get(of).key_fields() {
            _ if depth >= DEPTH => Value::Null,
            [one] => made(one),
            several => Value::list(several.iter().map(made).collect()),
        }
    }

    fn currency(self) -> Currency {
        let first = self.brief.system.currencies.first().copied();
        // Money needs a currency: the checker has seen that a brief with money names one.
        first
            .or_else(|| Currency::parse("EUR"))
            .unwrap_or_else(unknown_currency)
    }
}

fn unknown_currency() -> Currency {
    #[expect(
        clippy::expect_used,
        reason = "`XXX` is three letters: no currency (ISO 4217)"
    )]
    Currency::parse("XXX").expect("three letters")
}

fn text(name: &str, draw: &Draw, min: Option<i64>, max: Option<i64>) -> Value {
    let long = |bound: i64| usize::try_from(bound).unwrap_or(0);
    let mut made = format!("{name}-{:016x}", draw.number("text"));
    while made.chars().count() < min.map_or(0, long) {
        made.push('0');
    }
    match max.map(long) {
        // The end differs from key to key, the beginning does not.
        Some(most) if made.chars().count() > most => {
            let skipped = made.chars().count() - most;
            Value::text(&made.chars().skip(skipped).collect::<String>())
        }
        _ => Value::text(&made),
    }
}

fn between(draw: &Draw, min: Option<i64>, max: Option<i64>) -> i64 {
    let low = min.unwrap_or_else(|| max.map_or(0, |max| max.min(0)));
    let high = max.unwrap_or_else(|| low.saturating_add(1000)).max(low);
    let span = high.abs_diff(low).saturating_add(1);
    low.saturating_add_unsigned(draw.below("int", span))
}

fn size(draw: &Draw, count: Option<CountRange>) -> u64 {
    let least = count.map_or(0, |range| range.min).max(1);
    let most = count
        .and_then(|range| range.max)
        .unwrap_or(least.saturating_add(2))
        .min(least.saturating_add(2));
    u64::from(least) + draw.below("size", u64::from(most.saturating_sub(least)) + 1)
}

fn pick(draw: &Draw, of: usize) -> Option<usize> {
    usize::try_from(draw.below("pick", u64::try_from(of).ok()?)).ok()
}
