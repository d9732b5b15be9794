//! Writing rows: what must hold of a row, what happens when one is written.

use crate::act::Halt;
use crate::caller::Scope;
use crate::look::{Look, code};
use crate::meaning::{Meaning, Plan, system};
use crate::state::*;
use underpin_brief::expr::Frame;
use underpin_brief::model::*;

/// A flow that runs one transaction.
pub(crate) struct Writing<'a> {
    pub(crate) meaning: &'a Meaning,
    pub(crate) state: &'a mut State,
    pub(crate) flow: &'a mut Flow,
    pub(crate) plan: &'a Plan,
}

pub(crate) fn slots(value: &Value) -> Vec<Value> {
    match value {
        Value::Struct(slots) => slots.to_vec(),
        _ => Vec::new(),
    }
}

pub(crate) fn put(slots: &mut [Value], at: Option<usize>, value: Value) {
    if let Some(slot) = at.and_then(|at| slots.get_mut(at)) {
        *slot = value;
    }
}

/// The key of a row.
pub(crate) fn key(of: &Aggregate, row: &Value) -> Value {
    match of.keys {
        1 => row.slot(0).clone(),
        keys => Value::list((0..keys).map(|slot| row.slot(slot).clone()).collect()),
    }
}

impl Meaning {
    /// A new row: defaults, the first state, empty lists; with zeros where a `change` makes it.
    fn blank(&self, of: &Aggregate, zeros: bool) -> Vec<Value> {
        let state = of.states.as_ref().and_then(|states| states.names.first());
        let currency = self.brief.system.currencies.first();
        let slot = |(at, slot): (usize, &SlotType)| {
            let default = of.fields.get(at).and_then(|field| field.default.clone());
            default.unwrap_or_else(|| match (&slot.ty, state, currency) {
                (Type::State(_), Some(state), _) if slot.origin == Origin::System => {
                    Value::Text(Text::clone(&state.text))
                }
                (Type::List(_), ..) => Value::list(Vec::new()),
                (Type::Int, ..) if zeros => Value::Int(0),
                (Type::Decimal, ..) if zeros => Value::Decimal(Decimal::ZERO),
                (Type::Money, _, Some(currency)) if zeros => Value::Money(0, *currency),
                (Type::Duration, ..) if zeros => Value::Duration(Duration::from_micros(0)),
                (Type::Bool, ..) if zeros => Value::Bool(false),
                _ => Value::Null,
            })
        };
        of.row.slots.iter().enumerate().map(slot).collect()
    }

    /// The tier of a scope's tenant.
    pub(crate) fn tier(&self, state: &State, scope: &Scope) -> Option<&Tier> {
        let tenancy = self.brief.tenancy.as_ref()?;
        let key = scope.tenant.clone().map(Value::Text)?;
        let own = |place: &&Place| place.of == tenancy.aggregate && place.key == key;
        let row = state.rows.get(state.rows.keys().find(own)?)?;
        let mut frame = Frame::new(Root::COUNT);
        frame.set(Root::SelfRow.slot(), row.clone());
        let look = Look::new(self, state, scope);
        let name = self.eval(tenancy.tier.as_ref()?, &look, &frame).ok()?;
        let id = self.brief.tiers.find(name.as_text()?)?;
        Some(self.brief.tiers.get(id))
    }

    /// What a limit is in a scope: a tier may have its own value.
    fn kind<'a>(&'a self, state: &State, scope: &Scope, limit: &'a Limit) -> &'a LimitKind {
        let own = self.tier(state, scope).and_then(|tier| {
            let mut own = tier.limits.iter();
            own.find(|(id, _)| self.brief.limits.get(*id).name == limit.name)
        });
        own.map_or(&limit.kind, |(_, kind)| kind)
    }

    /// Rows that a limit counts in a scope.
    fn used(
        &self,
        state: &State,
        scope: &Scope,
        limit: &Limit,
    ) -> Option<(Id<Aggregate>, i64, i64)> {
        let (of, slot, max) = match self.kind(state, scope, limit) {
            LimitKind::Count { aggregate, max } => (*aggregate, None, *max),
            LimitKind::Sum {
                aggregate,
                slot,
                max,
            } => (*aggregate, Some(*slot), *max),
            LimitKind::Rate { .. } => return None,
        };
        let declared = self.brief.aggregates.get(of);
        let tenants = system(declared, "tenant").is_some()
            && matches!(limit.per, LimitPer::Tenant | LimitPer::Caller);
        let actor = |field: &Field| matches!(field.ty.required(), Type::Actor(_));
        let own = declared
            .fields
            .iter()
            .position(actor)
            .filter(|_| limit.per == LimitPer::Caller);
        let counted = |(place, row): &(&Place, &Value)| {
            let mine = own.is_none_or(|slot| {
                scope
                    .subject
                    .as_deref()
                    .is_some_and(|who| row.slot(slot).as_text() == Some(who))
            });
            place.of == of && (!tenants || place.tenant == scope.tenant) && mine
        };
        let counted = state.rows.iter().filter(counted);
        let used = counted
            .map(|(_, row)| amount(row, slot))
            .fold(0, i64::saturating_add);
        Some((of, used, i64::try_from(max).unwrap_or(i64::MAX)))
    }

    /// The value of `limits`.
    pub(crate) fn limits(&self, state: &State, scope: &Scope) -> Value {
        let limit = |limit: &Limit| {
            let (used, max) = self
                .used(state, scope, limit)
                .map_or((0, i64::MAX), |(_, used, max)| (used, max));
            Value::record(vec![Value::Int(used), Value::Int(max)])
        };
        Value::record(self.brief.limits.rows().iter().map(limit).collect())
    }
}

fn amount(row: &Value, slot: Option<usize>) -> i64 {
    match slot.map(|slot| row.slot(slot)) {
        None => 1,
        Some(Value::Int(number) | Value::Money(number, _)) => *number,
        Some(_) => 0,
    }
}

impl Writing<'_> {
    pub(crate) fn eval(&mut self, expr: &Expr) -> Result<Value, Halt> {
        let look = Look::new(self.meaning, self.state, &self.flow.scope);
        let frame = Frame {
            slots: self.flow.frame.clone(),
        };
        let value = self.meaning.eval(expr, &look, &frame);
        self.state.drawn += look.secrets.get();
        value.map_err(|fault| Halt::Refused(code(&fault)))
    }

    /// Waits where another flow holds a row.
    pub(crate) fn free(&self, place: &Place) -> Result<(), Halt> {
        let holder = self.state.holds.get(place);
        match holder.is_none_or(|holder| *holder == self.flow.number) {
            true => Ok(()),
            false => Err(Halt::Held),
        }
    }

    /// The row after steps, each of which sees the one before.
    pub(crate) fn changed(
        &mut self,
        place: &Place,
        mut row: Value,
        steps: &[ChangeStep],
    ) -> Result<Value, Halt> {
        let meaning = self.meaning;
        let of = meaning.brief.aggregates.get(place.of);
        for step in steps {
            self.flow.set(Root::SelfRow.slot(), row.clone());
            let mut new = slots(&row);
            match step {
                ChangeStep::Require {
                    condition, code, ..
                } => {
                    if !self.eval(condition)?.is_true() {
                        return Err(Halt::Refused(Text::clone(&code.text)));
                    }
                }
                ChangeStep::Set(assigns) => self.assign(of, &mut new, assigns)?,
                ChangeStep::Move { id, .. } => {
                    let at = system(of, "state");
                    let now = at.and_then(|at| row.slot(at).as_text());
                    let Some(states) = &of.states else { continue };
                    let name = |state: usize| states.names.get(state).map(|name| &name.text);
                    let one = states.moves.get(*id);
                    if !one
                        .from
                        .iter()
                        .any(|from| name(*from).map(|name| &**name) == now)
                    {
                        return Err(Halt::Refused("illegal-move".into()));
                    }
                    let to =
                        name(one.to).map_or(Value::Null, |name| Value::Text(Text::clone(name)));
                    put(&mut new, at, to);
                }
            }
            row = Value::record(new);
        }
        Ok(row)
    }

    fn assign(&mut self, of: &Aggregate, to: &mut [Value], assigns: &[Assign]) -> Result<(), Halt> {
        for assign in assigns {
            let value = self.eval(&assign.value)?;
            if !of
                .field_of_slot(assign.slot)
                .is_none_or(|field| fits(field, &value))
            {
                return Err(Halt::Refused("arithmetic".into()));
            }
            put(to, Some(assign.slot), value);
        }
        Ok(())
    }

    /// Puts a new or changed row in its place; returns it with its version.
    pub(crate) fn write(
        &mut self,
        place: &Place,
        old: Option<&Value>,
        row: Value,
    ) -> Result<Value, Halt> {
        if old == Some(&row) {
            return Ok(row);
        }
        let meaning = self.meaning;
        let of = meaning.brief.aggregates.get(place.of);
        let version = system(of, "version");
        let mut new = slots(&row);
        if let Some(Value::Int(number)) = version.map(|at| row.slot(at)) {
            put(&mut new, version, Value::Int(number.saturating_add(1)));
        }
        let row = Value::record(new);
        self.check(place, old, &row)?;
        self.state.rows.insert(place.clone(), row.clone());
        self.happened(place, old, &row);
        self.show(place, Some(&row));
        Ok(row)
    }

    fn check(&self, place: &Place, old: Option<&Value>, row: &Value) -> Result<(), Halt> {
        let of = self.meaning.brief.aggregates.get(place.of);
        let look = Look::new(self.meaning, self.state, &self.flow.scope);
        for invariant in &of.invariants {
            let mut frame = Frame::new(invariant.frame.max(Root::COUNT));
            frame.set(Root::SelfRow.slot(), row.clone());
            match self.meaning.eval(&invariant.expr, &look, &frame) {
                Ok(value) if value.is_true() => {}
                Ok(_) => return Err(Halt::Refused(Text::clone(&invariant.code.text))),
                Err(fault) => return Err(Halt::Refused(code(&fault))),
            }
        }
        for limit in self.meaning.brief.limits.rows() {
            let Some((counted, used, max)) = self.meaning.used(self.state, &self.flow.scope, limit)
            else {
                continue;
            };
            let slot = match &limit.kind {
                LimitKind::Sum { slot, .. } => Some(*slot),
                _ => None,
            };
            let more = amount(row, slot).saturating_sub(old.map_or(0, |old| amount(old, slot)));
            if counted == place.of && more > 0 && used.saturating_add(more) > max {
                let code = limit
                    .code
                    .as_ref()
                    .map_or("too-many-requests".into(), |code| Text::clone(&code.text));
                return Err(Halt::Refused(code));
            }
        }
        let twin = |(other, found): (&Place, &Value)| {
            let here =
                other.of == place.of && other.tenant == place.tenant && other.key != place.key;
            here && of.fields.iter().enumerate().any(|(slot, field)| {
                field.marks.unique
                    && !row.slot(slot).is_null()
                    && row.slot(slot) == found.slot(slot)
            })
        };
        let taken = old.is_none() && self.state.rows.contains_key(place);
        match taken || self.state.rows.iter().any(twin) {
            true => Err(Halt::Refused("exists".into())),
            false => Ok(()),
        }
    }

    /// A row that does not exist yet, from defaults and what is assigned.
    pub(crate) fn fresh(
        &mut self,
        of: Id<Aggregate>,
        id: Option<Text>,
        tenant: Option<&Expr>,
        sets: &[Assign],
    ) -> Result<(Place, Value), Halt> {
        let meaning = self.meaning;
        let declared = meaning.brief.aggregates.get(of);
        let mut new = meaning.blank(declared, false);
        if let Some(id) = id {
            put(&mut new, Some(0), Value::Text(id));
        }
        self.assign(declared, &mut new, sets)?;
        let given = tenant.map(|expr| self.eval(expr)).transpose()?;
        let key = key(declared, &Value::record(new.clone()));
        let tenants = meaning
            .brief
            .tenancy
            .as_ref()
            .is_some_and(|tenancy| tenancy.aggregate == of);
        let tenant = given.or(tenants.then(|| key.clone()));
        self.place(of, key, tenant, new)
    }

    /// A row that a `change … create` makes.
    pub(crate) fn zero(&self, of: Id<Aggregate>, key: &Value) -> Result<(Place, Value), Halt> {
        let declared = self.meaning.brief.aggregates.get(of);
        let mut new = self.meaning.blank(declared, true);
        match key {
            Value::List(parts) if declared.keys > 1 => {
                for (at, part) in parts.iter().enumerate() {
                    put(&mut new, Some(at), part.clone());
                }
            }
            single => put(&mut new, Some(0), single.clone()),
        }
        self.place(of, key.clone(), None, new)
    }

    fn place(
        &self,
        of: Id<Aggregate>,
        key: Value,
        tenant: Option<Value>,
        mut new: Vec<Value>,
    ) -> Result<(Place, Value), Halt> {
        let declared = self.meaning.brief.aggregates.get(of);
        let own = || {
            self.flow
                .scope
                .tenant
                .clone()
                .map_or(Value::Null, Value::Text)
        };
        let slot = system(declared, "tenant");
        let tenant = slot.map(|_| tenant.unwrap_or_else(own));
        if tenant.as_ref().is_some_and(Value::is_null) {
            return Err(Halt::Refused("forbidden".into()));
        }
        put(
            &mut new,
            system(declared, "created"),
            Value::Time(self.flow.now),
        );
        put(&mut new, system(declared, "version"), Value::Int(0));
        put(&mut new, slot, tenant.clone().unwrap_or(Value::Null));
        let tenant = tenant.as_ref().and_then(Value::as_text).map(Text::from);
        Ok((Place { of, tenant, key }, Value::record(new)))
    }

    /// The events of a row that was written.
    fn happened(&mut self, place: &Place, old: Option<&Value>, row: &Value) {
        let meaning = self.meaning;
        let of = meaning.brief.aggregates.get(place.of);
        let mut sources = vec![match old {
            None => EventSource::Created(place.of),
            Some(_) => EventSource::Changed(place.of),
        }];
        if let (Some(at), Some(states)) = (system(of, "state"), &of.states) {
            let now = row.slot(at);
            let entered = old.is_none_or(|old| old.slot(at) != now);
            let state = states
                .names
                .iter()
                .position(|name| Some(&*name.text) == now.as_text());
            sources.extend(
                state
                    .filter(|_| entered)
                    .map(|state| EventSource::State(place.of, state)),
            );
        }
        for source in sources {
            let Some(shape) = meaning.listened(source) else {
                continue;
            };
            let mut event = vec![Value::Null; shape.slots.len()];
            put(
                &mut event,
                shape.find("key").map(|(at, _)| at),
                place.key.clone(),
            );
            put(&mut event, shape.find("row").map(|(at, _)| at), row.clone());
            self.common(&shape, 0, &mut event);
            let (key, row) = (place.key.clone(), place.key.clone());
            self.flow.events.push(Happened {
                source,
                key,
                row,
                event: Value::record(event),
            });
        }
    }

    /// What every event has behind its declared fields.
    pub(crate) fn common(&mut self, shape: &Shape, fields: usize, event: &mut [Value]) {
        let tenant = self
            .flow
            .scope
            .tenant
            .clone()
            .map_or(Value::Null, Value::Text);
        let id = Value::text(&format!("!{:08}", self.state.draw()));
        let given = [
            ("id", id),
            ("time", Value::Time(self.flow.now)),
            ("tenant", tenant),
            ("caller", self.flow.slot(Root::Caller.slot()).clone()),
        ];
        for (name, value) in given {
            let mut own = shape.slots.iter().skip(fields);
            put(
                event,
                own.position(|slot| &*slot.name == name)
                    .map(|at| at + fields),
                value,
            );
        }
    }

    /// Every binding of a row shows what was written; one that was deleted is gone.
    pub(crate) fn show(&mut self, place: &Place, row: Option<&Value>) {
        for (slot, bound) in self.flow.bound.clone() {
            let value = self.flow.slot(slot).clone();
            let shown = match (&bound, value) {
                (Bound::Row(known), _) if known == place => row.cloned().unwrap_or(Value::Null),
                (Bound::Map(known), Value::Map(map)) if known.contains(place) => {
                    let mut map = (*map).clone();
                    match row {
                        Some(row) => map.insert(place.key.clone(), row.clone()),
                        None => map.remove(&place.key),
                    };
                    Value::Map(map.into())
                }
                (Bound::List(known), Value::List(_)) if known.contains(place) => Value::list(
                    known
                        .iter()
                        .filter_map(|known| self.state.rows.get(known).cloned())
                        .collect(),
                ),
                _ => continue,
            };
            self.flow.set(slot, shown);
        }
    }
}

/// Whether a value keeps the bounds of its field.
fn fits(field: &Field, value: &Value) -> bool {
    let long = |count: usize| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    let measured = match (value, field.ty.required()) {
        (Value::Null, _) => return true,
        (Value::Text(text), Type::Text | Type::Email | Type::Url) => long(text.chars().count()),
        (Value::Json(text), _) => long(text.len()),
        (Value::Int(_) | Value::Decimal(_) | Value::Money(..), _) => value.clone(),
        (Value::List(items), _) => {
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            return field.count.is_none_or(|range| {
                range.min <= count && range.max.is_none_or(|max| count <= max)
            });
        }
        _ => return true,
    };
    let same = |bound: &&Value| std::mem::discriminant(*bound) == std::mem::discriminant(&measured);
    field
        .min
        .as_ref()
        .filter(same)
        .is_none_or(|min| measured >= *min)
        && field
            .max
            .as_ref()
            .filter(same)
            .is_none_or(|max| measured <= *max)
}
