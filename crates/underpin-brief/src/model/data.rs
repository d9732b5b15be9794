//! What the system knows: fields, records, aggregates, events, views.

use super::*;

/// A slot that a brief declares: of an aggregate, a record, an event, an input or an output.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: Type,
    /// What it is besides its type.
    pub marks: Marks,
    /// Smallest value; for `text`, `json` and `blob` a length (characters or bytes) as `Int`.
    pub min: Option<Value>,
    /// Largest value, as for `min`.
    pub max: Option<Value>,
    /// How many elements a list may have.
    pub count: Option<CountRange>,
    /// The value where none is given.
    pub default: Option<Value>,
    /// A typical number of elements, for the simulator.
    pub typical: Option<u32>,
    /// Accepted media type of a blob.
    pub media: Option<Text>,
    /// How concurrent changes meet.
    pub merge: Option<Merge>,
    /// The contract version that introduced it.
    pub since: Option<u32>,
    /// The last contract version that has it.
    pub until: Option<u32>,
    /// Its former name.
    pub was: Option<Text>,
}

/// Marks of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent marks, as the language has them"
)]
pub struct Marks {
    /// Identifies a person.
    pub personal: bool,
    /// Needs care (health, finance).
    pub sensitive: bool,
    /// Never shown after it was set.
    pub secret: bool,
    /// No two rows (of a tenant) share it.
    pub unique: bool,
    /// Never changes after creation.
    pub fixed: bool,
    /// A URL that resolves to a public address only.
    pub public_address: bool,
}

/// How many elements: both inclusive, `None` is unbounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountRange {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: Option<u32>,
}

/// How concurrent changes of a field meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The last one stays.
    Last,
    /// Deltas add up.
    Add,
    /// Elements are joined.
    Set,
    /// Text operations are merged.
    Text,
}

/// A record: a structured value without identity.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its name.
    pub name: Name,
    /// Its fields, key fields first.
    pub fields: Vec<Field>,
    /// How many of them are key fields (for `put` and `drop`).
    pub keys: usize,
    /// The layout of its values.
    pub shape: Arc<Shape>,
}

/// An enum.
#[derive(Clone, Debug)]
pub struct Enum {
    /// Its name.
    pub name: Name,
    /// Its values.
    pub values: Vec<Name>,
}

/// A unit of consistency: one row, one version.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Its name.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// Who owns it.
    pub team: Option<Id<Team>>,
    /// Whether all tenants share its rows.
    pub shared: bool,
    /// How long a row lives without being written; such rows are lost on a crash.
    pub ephemeral: Option<Duration>,
    /// Key and declared fields, key fields first, in the order of declaration.
    pub fields: Vec<Field>,
    /// How many of them are key fields; at least one.
    pub keys: usize,
    /// Whether the key is one generated id.
    pub generated_key: bool,
    /// The layout of its rows: `fields`, then `created` (time), `version` (int), then `state` if it
    /// has states, then `tenant` (text) if it is kept per tenant.
    pub row: Arc<Shape>,
    /// Derived fields, relations and permissions.
    pub defines: Table<Define>,
    /// What must hold after every statement.
    pub invariants: Vec<Invariant>,
    /// Its states.
    pub states: Option<States>,
    /// The field (of actor type, or a path to one) that says whose personal data a row is.
    pub subject: Option<Expr>,
    /// Sizes.
    pub volume: Option<Volume>,
    /// How long rows are kept.
    pub keep: Option<Duration>,
    /// How long former versions are kept.
    pub history: Option<Duration>,
    /// Where its rows stand in a legacy system.
    pub was: Vec<Was>,
    /// Its plural in paths, where it is not the regular one.
    pub plural: Option<Text>,
}

impl Aggregate {
    /// The key fields.
    #[must_use]
    pub fn key_fields(&self) -> &[Field] {
        self.fields.get(..self.keys).unwrap_or(&[])
    }

    /// The position of a row slot by name.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<usize> {
        self.row.find(name).map(|(at, _)| at)
    }

    /// The declared field behind a row slot; `None` for system slots.
    #[must_use]
    pub fn field_of_slot(&self, slot: usize) -> Option<&Field> {
        self.fields.get(slot)
    }
}

/// A derived field, a relation or a permission.
#[derive(Clone, Debug)]
pub struct Define {
    /// Its name.
    pub name: Name,
    /// Its value over `self` and `caller`.
    pub expr: Expr,
    /// How many slots its frame needs.
    pub frame: u32,
    /// How deep a recursion is followed.
    pub depth: Option<u32>,
}

/// What must hold of a row after every statement.
#[derive(Clone, Debug)]
pub struct Invariant {
    /// Over `self` alone.
    pub expr: Expr,
    /// How many slots its frame needs.
    pub frame: u32,
    /// The refusal where it does not hold.
    pub code: Name,
    /// Its path.
    pub path: NodePath,
}

/// The states of an aggregate.
#[derive(Clone, Debug)]
pub struct States {
    /// All states; the first is the initial one.
    pub names: Vec<Name>,
    /// The moves between them.
    pub moves: Table<Move>,
}

/// A move between states.
#[derive(Clone, Debug)]
pub struct Move {
    /// Its name.
    pub name: Name,
    /// Positions of the states from which it goes.
    pub from: Vec<usize>,
    /// The position of the state to which it goes.
    pub to: usize,
}

/// Sizes of an aggregate.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    /// Rows at start.
    pub rows: Option<u64>,
    /// Bytes of a row.
    pub bytes: Option<u64>,
    /// Growth in percent per year.
    pub growth: Option<Percent>,
    /// Zipf exponent of access.
    pub skew: Option<Decimal>,
}

/// Where the rows of an aggregate stand in a legacy system.
#[derive(Clone, Debug)]
pub struct Was {
    /// The legacy external.
    pub external: Id<External>,
    /// Its table.
    pub table: Text,
    /// How fields follow from its columns: the source text, since columns are not declared.
    pub sets: Vec<(Name, Text)>,
}

/// Something that happened, told to others.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its name.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// Whose owner publishes it.
    pub about: Id<Aggregate>,
    /// Its version.
    pub version: u32,
    /// Whether others outside may read it.
    pub public: bool,
    /// Which fields make its ordering key; empty: the key of the row it is about.
    pub key: Vec<usize>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// The layout of `event`: the fields, then `id` (text), `time` (time), `caller` (struct),
    /// `tenant` (text?).
    pub shape: Arc<Shape>,
    /// How former versions become this one.
    pub upcasts: Vec<Upcast>,
    /// How long it is kept.
    pub keep: Option<Duration>,
}

/// How an event of a former version becomes one of the next.
#[derive(Clone, Debug)]
pub struct Upcast {
    /// The former version.
    pub from: u32,
    /// The fields that it lacks, over `event`.
    pub sets: Vec<Assign>,
}

/// A joined or folded read model.
#[derive(Clone, Debug)]
pub struct View {
    /// Its name.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// How old it may be.
    pub stale: Option<Duration>,
    /// What it reads; bindings stand at the slots after the roots, in this order.
    pub from: Vec<ViewSource>,
    /// What it groups by; empty: one row per source row.
    pub groups: Vec<(Name, Expr)>,
    /// What it shows.
    pub shows: Vec<(Name, Expr)>,
    /// The layout of its rows: groups, then shows.
    pub row: Arc<Shape>,
    /// How many slots its frame needs.
    pub frame: u32,
}

/// A source of a view.
#[derive(Clone, Debug)]
pub struct ViewSource {
    /// Its binding.
    pub name: Name,
    /// The slot of the binding.
    pub slot: Slot,
    /// The aggregate.
    pub aggregate: Id<Aggregate>,
    /// Which rows.
    pub filter: Option<Expr>,
}
