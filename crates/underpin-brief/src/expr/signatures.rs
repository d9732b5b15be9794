//! What the checker must know of declarations before the brief exists: their names, shapes,
//! states and defines. `resolve` fills it in a first pass; nothing here reads a text.
//!
//! First the names of everything that types can name ([`Signatures::new`]), which fixes their
//! ids; then, when their types can be read, what each of them is (`set_…`).

use std::cell::RefCell;
use std::sync::Arc;

use super::source::OwnedSource;
use crate::model::{
    Actor, Aggregate, Currency, Define, Enum, Id, Name, Origin, Record, Shape, SlotType, Table,
    Type, TypeNames, Value,
};

/// The names that fix the ids of types. Order does not matter; of equal names the first stays.
#[derive(Clone, Debug, Default)]
pub struct DeclaredNames {
    /// Of enums.
    pub enums: Vec<Arc<str>>,
    /// Of records.
    pub records: Vec<Arc<str>>,
    /// Of actors.
    pub actors: Vec<Arc<str>>,
    /// Of aggregates.
    pub aggregates: Vec<Arc<str>>,
}

/// A record.
#[derive(Clone, Debug, Default)]
pub struct RecordSignature {
    /// How many of its slots are key fields.
    pub keys: usize,
    /// The layout of its values.
    pub shape: Arc<Shape>,
    /// One per slot: the value where a construction leaves it out.
    pub defaults: Vec<Option<Value>>,
}

/// An aggregate.
#[derive(Clone, Debug, Default)]
pub struct AggregateSignature {
    /// The layout of its rows.
    pub row: Arc<Shape>,
    /// How many of its slots are key fields.
    pub keys: usize,
    /// Whether the key is one generated id.
    pub generated_key: bool,
    /// Names of its states, in order.
    pub states: Vec<Arc<str>>,
    /// Its defines, in any order.
    pub defines: Vec<DefineSource>,
}

/// A define before it is typed.
#[derive(Clone, Debug)]
pub struct DefineSource {
    /// Its name.
    pub name: Name,
    /// Its expression.
    pub source: OwnedSource,
    /// How deep a recursion is followed.
    pub depth: Option<u32>,
}

/// How far a define has been typed.
#[derive(Clone, Debug)]
pub(super) enum DefineState {
    /// Not looked at.
    Unchecked,
    /// Being typed: a use of it now is a recursion.
    InProgress { recursive: bool },
    /// Typed.
    Checked { define: Box<Define>, traits: Traits },
    /// Reported.
    Broken,
}

/// What a define, or something that it uses, does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traits {
    /// Is cut off at a depth, so its negation would hold where the truth is unknown.
    pub(super) limited: bool,
    /// Looks at other aggregates.
    pub(super) joins: bool,
    /// Depends on who asks.
    pub(super) caller: bool,
    /// May be absent although its type does not say so: what it looks at need not exist.
    pub(super) soft: bool,
}

#[derive(Clone, Debug)]
pub(super) struct DefineSlot {
    pub(super) source: DefineSource,
    pub(super) state: RefCell<DefineState>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Entry<T> {
    pub(super) name: Arc<str>,
    pub(super) what: T,
}

/// A row through which a caller belongs to a tenant: `caller.<name>`.
#[derive(Clone, Debug)]
pub struct MembershipSignature {
    /// The aggregate's name in snake case.
    pub name: Arc<str>,
    /// The aggregate.
    pub aggregate: Id<Aggregate>,
    /// Of which actors.
    pub actors: Vec<Id<Actor>>,
}

/// All signatures of one brief.
#[derive(Clone, Debug)]
pub struct Signatures {
    enums: Vec<Entry<Vec<Arc<str>>>>,
    records: Vec<Entry<RecordSignature>>,
    actors: Vec<Entry<Vec<Arc<str>>>>,
    aggregates: Vec<Entry<AggregateSignature>>,
    defines: Vec<Vec<DefineSlot>>,
    /// Names of flags, sorted: the order of `flags`.
    pub flags: Vec<Arc<str>>,
    /// Names of limits, sorted: the order of `limits`.
    pub limits: Vec<Arc<str>>,
    /// Names of tiers.
    pub tiers: Vec<Arc<str>>,
    /// Names of regions.
    pub regions: Vec<Arc<str>>,
    /// The default currency.
    pub currency: Currency,
    /// The aggregate whose rows are the tenants.
    pub tenant: Option<Id<Aggregate>>,
    /// Membership rows, in the order of their slots in the caller.
    pub memberships: Vec<MembershipSignature>,
}

/// Slots of a caller value, see [`Signatures::caller_shape`].
pub mod caller {
    /// The subject: actor identity, absent without a token.
    pub const ID: usize = 0;
    /// The actor's name as text, absent without a token.
    pub const ACTOR: usize = 1;
    /// Roles as a list of texts.
    pub const ROLES: usize = 2;
    /// The tenant's key, absent without one.
    pub const TENANT: usize = 3;
    /// The channel as text.
    pub const CHANNEL: usize = 4;
    /// Claims of the token as JSON.
    pub const CLAIMS: usize = 5;
    /// The first membership row; each is absent where the caller has none.
    pub const MEMBERSHIPS: usize = 6;
}

fn entries<T: Default>(mut names: Vec<Arc<str>>) -> Vec<Entry<T>> {
    names.sort();
    names.dedup();
    let entry = |name| Entry {
        name,
        what: T::default(),
    };
    names.into_iter().map(entry).collect()
}

fn position<T>(entries: &[Entry<T>], name: &str) -> Option<usize> {
    entries
        .binary_search_by(|entry| (*entry.name).cmp(name))
        .ok()
}

impl Signatures {
    /// Fixes the ids of everything that types can name: the position in the sorted names, as
    /// [`Table`] numbers them.
    #[must_use]
    pub fn new(names: DeclaredNames, currency: Currency) -> Self {
        let aggregates: Vec<Entry<AggregateSignature>> = entries(names.aggregates);
        Self {
            enums: entries(names.enums),
            records: entries(names.records),
            actors: entries(names.actors),
            defines: aggregates.iter().map(|_| Vec::new()).collect(),
            aggregates,
            flags: Vec::new(),
            limits: Vec::new(),
            tiers: Vec::new(),
            regions: Vec::new(),
            currency,
            tenant: None,
            memberships: Vec::new(),
        }
    }

    /// The enum of that name.
    #[must_use]
    pub fn find_enum(&self, name: &str) -> Option<Id<Enum>> {
        position(&self.enums, name).map(Id::from_index)
    }

    /// The record of that name.
    #[must_use]
    pub fn find_record(&self, name: &str) -> Option<Id<Record>> {
        position(&self.records, name).map(Id::from_index)
    }

    /// The actor of that name.
    #[must_use]
    pub fn find_actor(&self, name: &str) -> Option<Id<Actor>> {
        position(&self.actors, name).map(Id::from_index)
    }

    /// The aggregate of that name.
    #[must_use]
    pub fn find_aggregate(&self, name: &str) -> Option<Id<Aggregate>> {
        position(&self.aggregates, name).map(Id::from_index)
    }

    /// Says which values an enum has.
    pub fn set_enum(&mut self, id: Id<Enum>, values: Vec<Arc<str>>) {
        if let Some(entry) = self.enums.get_mut(id.index()) {
            entry.what = values;
        }
    }

    /// Says what a record is.
    pub fn set_record(&mut self, id: Id<Record>, record: RecordSignature) {
        if let Some(entry) = self.records.get_mut(id.index()) {
            entry.what = record;
        }
    }

    /// Says which roles an actor has.
    pub fn set_actor(&mut self, id: Id<Actor>, roles: Vec<Arc<str>>) {
        if let Some(entry) = self.actors.get_mut(id.index()) {
            entry.what = roles;
        }
    }

    /// Says what an aggregate is. Its defines are numbered by name; of equal names the first
    /// stays.
    pub fn set_aggregate(&mut self, id: Id<Aggregate>, mut aggregate: AggregateSignature) {
        let mut defines = std::mem::take(&mut aggregate.defines);
        defines.sort_by(|a, b| a.name.text.cmp(&b.name.text));
        defines.dedup_by(|later, earlier| later.name.text == earlier.name.text);
        let slot = |source| DefineSlot {
            source,
            state: RefCell::new(DefineState::Unchecked),
        };
        if let Some(place) = self.defines.get_mut(id.index()) {
            *place = defines.into_iter().map(slot).collect();
        }
        if let Some(entry) = self.aggregates.get_mut(id.index()) {
            entry.what = aggregate;
        }
    }

    /// The values of an enum.
    #[must_use]
    pub fn enum_values(&self, id: Id<Enum>) -> &[Arc<str>] {
        self.enums.get(id.index()).map_or(&[], |entry| &entry.what)
    }

    /// A record.
    #[must_use]
    pub fn record(&self, id: Id<Record>) -> Option<&RecordSignature> {
        self.records.get(id.index()).map(|entry| &entry.what)
    }

    /// The roles of an actor.
    #[must_use]
    pub fn roles(&self, id: Id<Actor>) -> &[Arc<str>] {
        self.actors.get(id.index()).map_or(&[], |entry| &entry.what)
    }

    /// An aggregate.
    #[must_use]
    pub fn aggregate(&self, id: Id<Aggregate>) -> Option<&AggregateSignature> {
        self.aggregates.get(id.index()).map(|entry| &entry.what)
    }

    /// Names of all records, for suggestions.
    pub fn record_names(&self) -> impl Iterator<Item = &str> {
        self.records.iter().map(|entry| &*entry.name)
    }

    /// Names of all actors, for suggestions.
    pub fn actor_names(&self) -> impl Iterator<Item = &str> {
        self.actors.iter().map(|entry| &*entry.name)
    }

    /// Names of all aggregates, for suggestions.
    pub fn aggregate_names(&self) -> impl Iterator<Item = &str> {
        self.aggregates.iter().map(|entry| &*entry.name)
    }

    /// Names of all enums, for suggestions.
    pub fn enum_names(&self) -> impl Iterator<Item = &str> {
        self.enums.iter().map(|entry| &*entry.name)
    }

    /// The type of a key of `id`: of its one key field, or a list where it has several.
    #[must_use]
    pub fn key_type(&self, id: Id<Aggregate>) -> Type {
        let slots = self.aggregate(id).and_then(|a| a.row.slots.get(..a.keys));
        match slots {
            Some([one]) => one.ty.clone(),
            _ => Type::List(Box::new(Type::Text)),
        }
    }

    /// The layout of a caller value: the slots of [`caller`], then the membership rows.
    #[must_use]
    pub fn caller_shape(&self) -> Arc<Shape> {
        let tenant = self.tenant.map_or(Type::Text, Type::Ref);
        let given = [
            ("id", Type::Text.optional()),
            ("actor", Type::Text.optional()),
            ("roles", Type::Text.list()),
            ("tenant", tenant.optional()),
            ("channel", Type::Text),
            ("claims", Type::Json),
        ];
        let given = given.into_iter().map(|(name, ty)| (Arc::from(name), ty));
        let rows = self.memberships.iter().map(|row| {
            let ty = Type::Row(row.aggregate).optional();
            (Arc::clone(&row.name), ty)
        });
        let slot = |(name, ty)| SlotType {
            name,
            ty,
            origin: Origin::System,
        };
        Arc::new(Shape {
            title: "caller".into(),
            slots: given.chain(rows).map(slot).collect(),
        })
    }

    /// The layout of `flags`: one bool per flag.
    #[must_use]
    pub fn flags_shape(&self) -> Arc<Shape> {
        let slot = |name: &Arc<str>| SlotType {
            name: Arc::clone(name),
            ty: Type::Bool,
            origin: Origin::System,
        };
        Arc::new(Shape {
            title: "flags".into(),
            slots: self.flags.iter().map(slot).collect(),
        })
    }

    /// The layout of `limits`: per limit what is `used` and its `max`.
    #[must_use]
    pub fn limits_shape(&self) -> Arc<Shape> {
        let system = |name: &str, ty| SlotType {
            name: name.into(),
            ty,
            origin: Origin::System,
        };
        let slots = vec![system("used", Type::Int), system("max", Type::Int)];
        let limit = Arc::new(Shape {
            title: "a limit".into(),
            slots,
        });
        let slot = |name: &Arc<str>| system(name, Type::Struct(Arc::clone(&limit)));
        Arc::new(Shape {
            title: "limits".into(),
            slots: self.limits.iter().map(slot).collect(),
        })
    }

    pub(super) fn aggregate_ids(&self) -> impl Iterator<Item = Id<Aggregate>> + use<> {
        (0..self.aggregates.len()).map(Id::from_index)
    }

    pub(super) fn define_slots(&self, id: Id<Aggregate>) -> &[DefineSlot] {
        self.defines.get(id.index()).map_or(&[], Vec::as_slice)
    }

    /// The checked defines of an aggregate, once [`super::check_defines`] has run. Broken ones,
    /// which were reported, are missing.
    #[must_use]
    pub fn defines(&self, id: Id<Aggregate>) -> Table<Define> {
        let checked = |slot: &DefineSlot| match &*slot.state.borrow() {
            DefineState::Checked { define, .. } => Some((**define).clone()),
            _ => None,
        };
        Table::new(self.define_slots(id).iter().filter_map(checked).collect())
    }
}

impl TypeNames for Signatures {
    fn enum_name(&self, id: Id<Enum>) -> &str {
        self.enums.get(id.index()).map_or("?", |entry| &entry.name)
    }

    fn record_name(&self, id: Id<Record>) -> &str {
        self.records
            .get(id.index())
            .map_or("?", |entry| &entry.name)
    }

    fn actor_name(&self, id: Id<Actor>) -> &str {
        self.actors.get(id.index()).map_or("?", |entry| &entry.name)
    }

    fn aggregate_name(&self, id: Id<Aggregate>) -> &str {
        self.aggregates
            .get(id.index())
            .map_or("?", |entry| &entry.name)
    }
}
