//! What a sample begins with: rows of aggregates of which no statement of the brief makes any, such
//! as the tenants of a system that is sold by hand or the customers of an older one. Without them
//! most commands could not be tried. They are put in as if they had always been there: nobody is told.

use super::Engine;
use super::sample::{Keys, Maker};
use crate::store::Written;
use crate::world::World;
use std::sync::Arc;
use underpin_brief::expr::Frame;
use underpin_brief::expr::eval::NoRows;
use underpin_brief::flow::made;
use underpin_brief::model::*;

/// Rows of each.
const ROWS: u64 = 3;

/// Puts a few rows of every aggregate that nothing creates into the store, where there are none
/// yet and `keys` has the keys that they need.
pub(super) async fn plant(engine: &Engine, brief: &Arc<Brief>, world: &World, keys: &mut Keys) {
    let made = made(brief);
    // A row may name another one that is planted, too: as often as there could be such a chain.
    for _ in 0..brief.aggregates.len().min(4) {
        for (id, aggregate) in brief.aggregates.iter() {
            if made.contains(&id) || keys.rows.get(&id).is_some_and(|rows| !rows.is_empty()) {
                continue;
            }
            for number in 0..ROWS {
                let maker = Maker {
                    brief,
                    keys,
                    now: world.now().0,
                    number,
                };
                let fresh = || Value::text(&world.id().to_string());
                let row = row(engine, &maker, (id, aggregate), fresh);
                let Some(row) = row.filter(|row| keeps(engine, id, row)) else {
                    continue;
                };
                if let Some(key) = insert(engine, id, row).await {
                    keys.rows.entry(id).or_default().push(key);
                }
            }
        }
    }
}

/// A row with made-up values; nothing where a key that it needs is not there.
fn row(
    engine: &Engine,
    maker: &Maker<'_>,
    (id, aggregate): (Id<Aggregate>, &Aggregate),
    fresh: impl Fn() -> Value,
) -> Option<Value> {
    let schema = engine.owner(id).store.schema();
    let layout = schema.layout(id);
    let mut slots = engine.owner(id).core.aggregate(id).blank.clone();
    for (slot, field) in aggregate.fields.iter().enumerate() {
        let value = match &field.ty {
            _ if slot < aggregate.keys => key(maker, aggregate, field, slot, &fresh)?,
            _ => maker.field(field, slot as u64, 0)?,
        };
        if let Some(place) = slots.get_mut(slot) {
            *place = value;
        }
    }
    let own = layout.key_of(&Value::record(slots.clone()));
    let tenant = match &maker.brief.tenancy {
        Some(tenancy) if tenancy.aggregate == id => own,
        Some(tenancy) if layout.tenant.is_some() => {
            let tenants = maker.keys.rows.get(&tenancy.aggregate)?;
            nth(maker.number, tenants)?.0.clone()
        }
        _ => Value::Null,
    };
    let common = [
        (layout.created, Value::Time(maker.now)),
        (layout.version, Value::Int(1)),
        (layout.tenant, tenant),
    ];
    for (slot, value) in common {
        if let Some(place) = slot.and_then(|slot| slots.get_mut(slot)) {
            *place = value;
        }
    }
    Some(Value::record(slots))
}

/// The value of a key field: another one in every row.
fn key(
    maker: &Maker<'_>,
    aggregate: &Aggregate,
    field: &Field,
    slot: usize,
    fresh: &impl Fn() -> Value,
) -> Option<Value> {
    match &field.ty {
        _ if aggregate.generated_key => Some(fresh()),
        // The callers of a sample are called so, too.
        Type::Actor(id) => {
            let name = &maker.brief.actors.get(*id).name;
            Some(Value::text(&format!("{name}-{}", maker.number + 1)))
        }
        Type::Ref(id) => nth(maker.number, maker.keys.rows.get(id)?).map(|(key, _)| key.clone()),
        Type::Int => Some(Value::Int(i64::try_from(maker.number).ok()? + 1)),
        _ => maker.field(field, slot as u64, 0),
    }
}

fn nth<T>(number: u64, all: &[T]) -> Option<&T> {
    let at = usize::try_from(number).ok()?.checked_rem(all.len())?;
    all.get(at)
}

fn keeps(engine: &Engine, id: Id<Aggregate>, row: &Value) -> bool {
    let invariants = &engine.owner(id).core.aggregate(id).invariants;
    invariants.iter().all(|invariant| {
        let mut frame = Frame::new(invariant.frame);
        frame.set(Root::SelfRow.slot(), row.clone());
        let held = invariant.expr.eval(&mut frame, &NoRows);
        held.is_ok_and(|held| held.is_true())
    })
}

/// Its key and tenant, where it was put in.
async fn insert(engine: &Engine, id: Id<Aggregate>, row: Value) -> Option<(Value, Option<String>)> {
    let written = engine.owner(id).store.write(move |rows| {
        let layout = rows.layout(id);
        let tenant = layout.tenant.and_then(|slot| row.slot(slot).as_text());
        let key = (layout.key_of(&row), tenant.map(str::to_owned));
        let written = rows.insert(id, &row)?;
        Ok((written != Written::Taken).then_some(key))
    });
    written.await.ok().flatten()
}
