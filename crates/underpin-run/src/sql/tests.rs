//! SQL against the closure: the same rows for every condition, on generated rows in SQLite.

use super::*;
use crate::store::codec;
use rusqlite::{Connection, params_from_iter};
use std::collections::BTreeMap;
use underpin_brief::expr::{
    AggregateSignature, Callers, DeclaredNames, DefineSource, Defines, ExprSource, OwnedSource,
    Position, RecordSignature, Scope, Signatures, check_condition, check_defines,
};
use underpin_brief::kdl;
use underpin_brief::model::{
    Currency, Decimal, Name, Origin, Root, Shape, SlotType, Table, Type, Value,
};
use underpin_brief::source::{Sources, Span};

/// Slots of the three aggregates, as `name type`.
const BOX: &[(&str, &str)] = &[
    ("id", "text"),
    ("label", "text?"),
    ("size", "int"),
    ("weight", "decimal"),
    ("price", "money"),
    ("open", "bool"),
    ("owner", "text"),
    ("shelf", "Shelf"),
    ("spare", "Shelf?"),
    ("tags", "text*"),
    ("items", "Item*"),
    ("seen", "time"),
    ("tenant", "text"),
];
const SHELF: &[(&str, &str)] = &[
    ("id", "text"),
    ("room", "text"),
    ("height", "int"),
    ("above", "Shelf?"),
    ("keepers", "text*"),
    ("tenant", "text"),
];
const ITEM: &[(&str, &str)] = &[
    ("name", "text"),
    ("count", "int"),
    ("price", "money"),
    ("note", "text?"),
];

const DEFINES: &[(&str, &str, &str)] = &[
    ("Box", "mine", "has(caller.id) && self.owner == caller.id"),
    ("Box", "kept", "self.shelf.kept || self.owner == caller.id"),
    ("Box", "tall", "self.shelf.height > 2"),
    ("Box", "low", "!self.tall"),
    ("Shelf", "kept", "caller.id in self.keepers"),
];

/// Conditions, and whether SQL says all of them.
const CONDITIONS: &[(&str, bool)] = &[
    ("self.size > 2", true),
    ("self.size >= input.n && self.open", true),
    ("!self.open || self.size < input.n", true),
    ("self.label == 'a'", false),
    ("has(self.label)", true),
    ("!has(self.label) || self.label == 'b'", true),
    ("self.label.orValue('none') != 'a'", true),
    ("self.weight <= 1.5", true),
    ("self.price < money('2.00')", true),
    ("self.price == input.price", true),
    ("self.owner in ['ann', 'bob']", true),
    ("self.owner in input.names", true),
    ("!(self.owner in input.names)", true),
    ("caller.id in self.tags", true),
    ("self.mine", true),
    ("!self.mine", true),
    ("self.shelf.room == 'x'", true),
    ("!(self.shelf.room == 'x')", true),
    ("self.shelf.height > 1 || self.size > 3", true),
    ("self.tall", true),
    ("!self.tall", true),
    ("!(self.shelf.height > 2)", true),
    ("self.tall == false", true),
    ("self.tall != true", true),
    ("self.tall ? false : true", true),
    ("self.low", true),
    ("!self.low", true),
    ("!self.kept", true),
    ("!(self.shelf.kept && self.tall)", true),
    ("self.tall.orValue(true)", true),
    ("has(self.tall)", true),
    ("self.kept", true),
    ("self.shelf.kept && self.open", true),
    ("!self.shelf.kept", true),
    ("has(self.spare) && self.spare.value().height > 1", true),
    ("has(self.shelf.above)", true),
    ("self.shelf.above.orValue(self.shelf) == self.shelf", true),
    ("self.shelf == input.shelf", true),
    (
        "!has(input.maybe) || self.shelf == input.maybe.value()",
        true,
    ),
    ("self.tags.exists(t, t == 'ann')", true),
    ("self.tags.all(t, t != 'ann')", true),
    ("!self.tags.exists(t, t == caller.id)", true),
    ("self.tags.size() > 1", true),
    (
        "self.items.exists(i, i.count > 2 && i.price < money('2.00'))",
        true,
    ),
    ("self.items.all(i, i.name != input.name)", true),
    ("self.items.exists(i, i.note.orValue('z') == 'a')", true),
    ("self.items.exists(i, i.name in self.tags)", true),
    ("self.open ? self.size > 2 : self.shelf.height > 1", true),
    ("self.seen < now", true),
    ("self.size + 1 > input.n", false),
    ("self.size + 1 > input.n && self.open", false),
    ("self.items.map(i, i.count).sum() > 3", false),
    ("input.shelf.height > 1", true),
    ("self.size > 9 && input.names[7] == 'a'", true),
];

fn ty(names: &Signatures, text: &str) -> Type {
    if let Some(inner) = text.strip_suffix('?') {
        return ty(names, inner).optional();
    }
    if let Some(inner) = text.strip_suffix('*') {
        return ty(names, inner).list();
    }
    match text {
        "text" => Type::Text,
        "int" => Type::Int,
        "decimal" => Type::Decimal,
        "money" => Type::Money,
        "bool" => Type::Bool,
        "time" => Type::Time,
        name => names
            .find_record(name)
            .map(Type::Record)
            .or(names.find_aggregate(name).map(Type::Ref))
            .expect("a type"),
    }
}

fn shape(names: &Signatures, title: &str, slots: &[(&str, &str)]) -> Arc<Shape> {
    let slot = |(name, text): &(&str, &str)| SlotType {
        name: (*name).into(),
        ty: ty(names, text),
        origin: Origin::Declared,
    };
    Arc::new(Shape {
        title: title.into(),
        slots: slots.iter().map(slot).collect(),
    })
}

fn with_entry<T>(text: &str, then: impl FnOnce(&kdl::Entry, &Sources) -> T) -> T {
    let mut sources = Sources::default();
    let whole = format!("x \"{text}\"");
    let file = sources.add("test", &whole);
    let (document, found) = kdl::read(file, &whole);
    assert_eq!(found, []);
    then(document.nodes[0].arg(0).expect("an argument"), &sources)
}

fn signatures() -> Signatures {
    let names = DeclaredNames {
        records: vec!["Item".into()],
        aggregates: vec!["Box".into(), "Shelf".into()],
        actors: vec!["person".into()],
        ..DeclaredNames::default()
    };
    let mut signatures = Signatures::new(names, Currency::parse("EUR").expect("a currency"));
    let item = signatures.find_record("Item").expect("a record");
    let record = RecordSignature {
        keys: 1,
        shape: shape(&signatures, "Item", ITEM),
        defaults: vec![None; 4],
    };
    signatures.set_record(item, record);
    for (name, slots) in [("Box", BOX), ("Shelf", SHELF)] {
        let id = signatures.find_aggregate(name).expect("an aggregate");
        let defines = DEFINES
            .iter()
            .filter(|(of, ..)| *of == name)
            .map(|(_, define, text)| {
                with_entry(text, |entry, sources| DefineSource {
                    name: Name {
                        text: (*define).into(),
                        span: Span::default(),
                    },
                    source: OwnedSource::entry(entry, sources),
                    depth: None,
                })
            });
        let aggregate = AggregateSignature {
            row: shape(&signatures, name, slots),
            keys: 1,
            generated_key: true,
            states: Vec::new(),
            defines: defines.collect(),
        };
        signatures.set_aggregate(id, aggregate);
    }
    let mut out = Vec::new();
    check_defines(&signatures, &mut out);
    assert_eq!(out, []);
    signatures
}

/// SplitMix64.
struct SeededRandom(u64);

impl SeededRandom {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

struct World {
    tables: Vec<Table<Define>>,
    columns: Vec<Vec<Column>>,
}

fn kind(ty: &Type) -> Kind {
    match ty {
        Type::Optional(inner) => kind(inner),
        Type::Int => Kind::Int,
        Type::Decimal => Kind::Decimal,
        Type::Money => Kind::Money,
        Type::Bool => Kind::Bool,
        Type::Time => Kind::Time,
        Type::List(_) | Type::Record(_) | Type::Map(..) => Kind::Coded,
        Type::Json => Kind::Json,
        _ => Kind::Text,
    }
}

impl World {
    fn new(signatures: &Signatures) -> Self {
        let ids = [0, 1].map(Id::from_index);
        let column = |slot: &SlotType| {
            let kind = kind(&slot.ty);
            let currency = (kind == Kind::Money).then(|| format!("\"{} currency\"", slot.name));
            Column {
                name: format!("\"{}\"", slot.name),
                kind,
                currency,
            }
        };
        let columns = |id| {
            let row = &signatures.aggregate(id).expect("an aggregate").row;
            row.slots.iter().map(column).collect()
        };
        Self {
            tables: ids.iter().map(|id| signatures.defines(*id)).collect(),
            columns: ids.into_iter().map(columns).collect(),
        }
    }
}

impl Defines for World {
    fn tables(&self) -> Vec<&Table<Define>> {
        self.tables.iter().collect()
    }
}

impl Columns for World {
    fn table(&self, of: Id<Aggregate>) -> &str {
        ["\"Box\"", "\"Shelf\""][of.index()]
    }

    fn column(&self, of: Id<Aggregate>, slot: usize) -> Option<&Column> {
        self.columns[of.index()].get(slot)
    }

    fn tenant(&self, _: Id<Aggregate>) -> Option<&str> {
        Some("\"tenant\"")
    }

    fn kind(&self, ty: &Type) -> Kind {
        kind(ty)
    }

    fn define(&self, of: Id<Aggregate>, define: Id<Define>) -> Option<&Define> {
        Some(self.tables[of.index()].get(define))
    }

    fn one_currency(&self) -> bool {
        true
    }
}

fn pick<'p>(random: &mut SeededRandom, pool: &[&'p str]) -> &'p str {
    pool[usize::try_from(random.next_u64() % pool.len() as u64).expect("small")]
}

/// A value of that type from a small pool, so that conditions meet.
fn any(signatures: &Signatures, random: &mut SeededRandom, ty: &Type) -> Value {
    let small = |random: &mut SeededRandom| i64::try_from(random.next_u64() % 5).expect("small");
    match ty {
        Type::Optional(inner) => {
            if small(random) < 2 {
                Value::Null
            } else {
                any(signatures, random, inner)
            }
        }
        Type::Int => Value::Int(small(random)),
        Type::Decimal => Value::Decimal(Decimal::from_nanos(small(random) * 500_000_000)),
        Type::Money => Value::Money(
            small(random) * 100,
            Currency::parse("EUR").expect("a currency"),
        ),
        Type::Bool => Value::Bool(small(random) < 2),
        Type::Time => Value::Time(small(random)),
        Type::Ref(_) => Value::text(pick(random, &["s0", "s1", "s2", "gone"])),
        Type::List(inner) => {
            let count = small(random) - 1;
            Value::list((0..count).map(|_| any(signatures, random, inner)).collect())
        }
        Type::Record(id) => {
            let shape = signatures.record(*id).expect("a record").shape.clone();
            Value::record(
                shape
                    .slots
                    .iter()
                    .map(|s| any(signatures, random, &s.ty))
                    .collect(),
            )
        }
        _ => Value::text(pick(random, &["a", "b", "ann", "x", "é'\\\"z"])),
    }
}

struct Held(BTreeMap<(usize, Value, Value), Value>);

/// Joins look within the tenant of the row that is being looked at, which is `t1` here.
impl Rows for Held {
    fn row(&self, of: Id<Aggregate>, key: &Value) -> Result<Option<Value>, Fault> {
        Ok(self
            .0
            .get(&(of.index(), key.clone(), Value::text("t1")))
            .cloned())
    }
}

fn insert(connection: &Connection, world: &World, of: usize, row: &Value) {
    let columns = &world.columns[of];
    let mut values = Vec::new();
    for (slot, column) in columns.iter().enumerate() {
        let sql = crate::store::sql_values(column.kind, row.slot(slot)).expect("fits");
        values.extend(sql);
    }
    let marks = vec!["?"; values.len()].join(", ");
    let table = world.table(Id::from_index(of));
    let sql = format!("INSERT INTO {table} VALUES ({marks})");
    connection
        .execute(&sql, params_from_iter(values))
        .expect("inserted");
}

fn filled(signatures: &Signatures, world: &World, seed: u64) -> (Connection, Held, Vec<Value>) {
    let mut random = SeededRandom::new(seed);
    let connection = Connection::open_in_memory().expect("a database");
    let mut held = Held(BTreeMap::new());
    let mut boxes = Vec::new();
    for of in [0, 1] {
        let id = Id::from_index(of);
        let columns: Vec<String> = world.columns[of]
            .iter()
            .flat_map(|column| {
                std::iter::once(&column.name)
                    .chain(&column.currency)
                    .cloned()
            })
            .collect();
        let sql = format!("CREATE TABLE {} ({})", world.table(id), columns.join(", "));
        connection.execute_batch(&sql).expect("a table");
        let row = &signatures.aggregate(id).expect("an aggregate").row;
        for at in 0..if of == 0 { 40 } else { 6 } {
            let mut slots: Vec<Value> = row
                .slots
                .iter()
                .map(|slot| any(signatures, &mut random, &slot.ty))
                .collect();
            let last = slots.len() - 1;
            // Shelves exist once per tenant: a join must not reach into the other one.
            let (key, tenant) = if of == 0 {
                (format!("b{at}"), "t1")
            } else {
                (
                    format!("s{}", at / 2),
                    if at % 2 == 0 { "t1" } else { "t2" },
                )
            };
            slots[0] = Value::text(&key);
            slots[last] = Value::text(tenant);
            let row = Value::record(slots);
            insert(&connection, world, of, &row);
            held.0
                .insert((of, Value::text(&key), Value::text(tenant)), row.clone());
            if of == 0 {
                boxes.push(row);
            }
        }
    }
    (connection, held, boxes)
}

fn scope(signatures: &Signatures) -> Scope<'_> {
    let mut scope = Scope::new(signatures, Position::Where);
    scope.set_self(signatures.find_aggregate("Box"));
    let input = [
        ("n", "int"),
        ("price", "money"),
        ("names", "text*"),
        ("name", "text"),
        ("shelf", "Shelf"),
        ("maybe", "Shelf?"),
    ];
    scope.set_input(&shape(signatures, "input", &input));
    let actors = signatures.find_actor("person").into_iter().collect();
    scope.set_caller(Callers {
        actors,
        anyone: false,
    });
    scope.set_flow();
    scope
}

fn frame(signatures: &Signatures, scope: &Scope<'_>, random: &mut SeededRandom) -> Frame {
    let mut frame = Frame::new(scope.frame());
    let types = ["int", "money", "text*", "text", "Shelf", "Shelf?"];
    let input = types
        .iter()
        .map(|text| any(signatures, random, &ty(signatures, text)));
    frame.set(Root::Input.slot(), Value::record(input.collect()));
    let mut caller = vec![Value::Null; signatures.caller_shape().slots.len()];
    caller[underpin_brief::expr::caller::ID] = any(signatures, random, &Type::Text.optional());
    frame.set(Root::Caller.slot(), Value::record(caller));
    frame.set(Root::Now.slot(), Value::Time(2));
    frame
}

fn agree(text: &str, whole: Option<bool>, seed: u64) {
    let signatures = signatures();
    let world = World::new(&signatures);
    let library = Library::new(&world);
    let mut scope = scope(&signatures);
    let mut out = Vec::new();
    let expr = with_entry(text, |entry, sources| {
        check_condition(ExprSource::entry(entry, sources), &mut scope, &mut out)
    });
    // A condition that the checker refuses is no condition; tables hold none but on purpose.
    let Some(expr) = expr else {
        assert_eq!(whole, Some(false), "{text}: {out:?}");
        return;
    };
    let of = Id::from_index(0);
    let filter = Filter::new(&expr, of, &world, &library);
    if let Some(whole) = whole {
        assert_eq!(filter.is_whole(), whole, "{text}");
    }
    let compiled = library.compile(&expr);
    let mut random = SeededRandom::new(seed);
    for round in 0..6 {
        let (connection, held, boxes) = filled(&signatures, &world, seed + round);
        let mut frame = frame(&signatures, &scope, &mut random);
        let mut values = Vec::new();
        let bound = filter.bind(&mut frame, &held, &mut values);
        let clause = bound.sql.clone().unwrap_or_else(|| "1".to_owned());
        let sql = format!("SELECT \"id\" FROM \"Box\" WHERE {clause}");
        let mut statement = connection
            .prepare(&sql)
            .unwrap_or_else(|e| panic!("{text}\n{sql}\n{e}"));
        let found = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(0));
        let found: Vec<Value> = found
            .expect("runs")
            .map(|id| Value::text(&id.expect("an id")))
            .collect();
        for row in boxes {
            frame.set(Root::SelfRow.slot(), row.clone());
            let wanted = compiled.eval(&mut frame, &held).expect("a value").is_true();
            let got =
                found.contains(row.slot(0)) && bound.admits(&mut frame, &held).expect("a value");
            assert_eq!(got, wanted, "{text}\n{sql}\n{}", codec::to_text(&row));
        }
    }
}

#[test]
fn sql_admits_exactly_the_rows_of_the_closure() {
    for (at, (text, whole)) in CONDITIONS.iter().enumerate() {
        agree(text, Some(*whole), at as u64 * 100);
    }
}

#[test]
fn combinations_of_conditions_agree_too() {
    let mut random = SeededRandom::new(7);
    for round in 0..60 {
        let part = |random: &mut SeededRandom| {
            let at = usize::try_from(random.next_u64() % CONDITIONS.len() as u64).expect("small");
            let not = if random.next_u64().is_multiple_of(3) {
                "!"
            } else {
                ""
            };
            format!("{not}({})", CONDITIONS[at].0)
        };
        let (a, b, c) = (part(&mut random), part(&mut random), part(&mut random));
        let text = match random.next_u64() % 3 {
            0 => format!("{a} && ({b} || {c})"),
            1 => format!("{a} || {b} && {c}"),
            _ => format!("!({a} && {b}) || {c}"),
        };
        // Some conditions are refused by the checker on purpose.
        if text.contains("self.label == 'a'") {
            continue;
        }
        agree(&text, None, round);
    }
}
