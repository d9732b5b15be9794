//! How the rows of an aggregate stand in a table: one typed column per row slot, money as minor
//! units with a second column for the currency, lists and records as text of the codec.

use super::StoreError;
use super::codec;
use super::owners;
use rusqlite::Row;
use rusqlite::types::{Value as Sql, ValueRef};
use std::collections::BTreeSet;
use underpin_brief::model::{
    Aggregate, Brief, Currency, Decimal, Duration, Id, Query, QuerySource, Type, Value,
};

/// How a value stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Unicode text as it is.
    Text,
    /// 64-bit integer.
    Int,
    /// Integer of 10⁻⁹.
    Decimal,
    /// Minor units; the currency stands in the next column.
    Money,
    /// 0 or 1.
    Bool,
    /// Days since 1970.
    Date,
    /// Microseconds since 1970.
    Time,
    /// Microseconds.
    Duration,
    /// Canonical JSON text.
    Json,
    /// Text of the codec.
    Coded,
}

impl Kind {
    /// How values of that type stand in a column.
    #[must_use]
    pub fn of(brief: &Brief, ty: &Type) -> Self {
        match ty {
            Type::Optional(inner) => Self::of(brief, inner),
            Type::Int => Self::Int,
            Type::Decimal => Self::Decimal,
            Type::Money => Self::Money,
            Type::Bool => Self::Bool,
            Type::Date => Self::Date,
            Type::Time => Self::Time,
            Type::Duration => Self::Duration,
            Type::Json => Self::Json,
            Type::Ref(id) => match brief.aggregates.get(*id).key_fields() {
                [only] => Self::of(brief, &only.ty),
                _ => Self::Coded,
            },
            Type::Record(_)
            | Type::Row(_)
            | Type::Struct(_)
            | Type::List(_)
            | Type::Map(..)
            | Type::Nothing
            | Type::Error => Self::Coded,
            Type::Text
            | Type::Email
            | Type::Url
            | Type::Blob
            | Type::Edits
            | Type::Tier
            | Type::Region
            | Type::Enum(_)
            | Type::State(_)
            | Type::Actor(_) => Self::Text,
        }
    }

    fn declared(self) -> &'static str {
        match self {
            Self::Text | Self::Json | Self::Coded => "TEXT",
            _ => "INTEGER",
        }
    }
}

/// A row slot as a column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its quoted name.
    pub name: String,
    /// How values stand in it.
    pub kind: Kind,
    /// The quoted name of the column of the currency, for money.
    pub currency: Option<String>,
}

impl Column {
    /// Its type in the database.
    pub(crate) fn declared(&self) -> &'static str {
        self.kind.declared()
    }

    /// A column for a slot of that name and type.
    #[must_use]
    pub fn new(brief: &Brief, name: &str, ty: &Type) -> Self {
        let kind = Kind::of(brief, ty);
        let currency = (kind == Kind::Money).then(|| quoted(&format!("{name} currency")));
        Self {
            name: quoted(name),
            kind,
            currency,
        }
    }
}

/// The table of an aggregate.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Its quoted name.
    pub table: String,
    /// One column per row slot.
    pub columns: Vec<Column>,
    /// How many of the first columns are the key.
    pub keys: usize,
    /// The slot of `created`.
    pub created: Option<usize>,
    /// The slot of `version`.
    pub version: Option<usize>,
    /// The slot of `state`.
    pub state: Option<usize>,
    /// The slot of `tenant`, where rows are kept per tenant.
    pub tenant: Option<usize>,
    /// Columns in order, currencies included: what a `SELECT` names.
    pub select: String,
    /// Reads the row of a key: the key columns, then the tenant, as parameters.
    pub(super) get: String,
    /// Inserts a row: the columns of `select` as parameters.
    pub(super) insert: String,
    statements: Vec<String>,
    uniques: Vec<usize>,
}

/// A quoted SQL identifier.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Layout {
    /// The layout of an aggregate with the indexes that declared queries ask for.
    #[must_use]
    pub fn new(brief: &Brief, id: Id<Aggregate>) -> Self {
        let aggregate = brief.aggregates.get(id);
        let column =
            |slot: &underpin_brief::model::SlotType| Column::new(brief, &slot.name, &slot.ty);
        let columns: Vec<Column> = aggregate.row.slots.iter().map(column).collect();
        let uniques = aggregate
            .fields
            .iter()
            .enumerate()
            .filter(|(_, field)| field.marks.unique)
            .map(|(slot, _)| slot)
            .collect();
        let after_fields = aggregate.fields.len();
        let system = |name: &str| {
            let slot = aggregate
                .row
                .slots
                .iter()
                .rposition(|slot| &*slot.name == name)?;
            (slot >= after_fields).then_some(slot)
        };
        let select = names(&columns);
        let mut layout = Self {
            table: quoted(&aggregate.name.text),
            columns,
            keys: aggregate.keys,
            created: system("created"),
            version: system("version"),
            state: system("state"),
            tenant: system("tenant"),
            select,
            get: String::new(),
            insert: String::new(),
            statements: Vec::new(),
            uniques,
        };
        let mut wanted = indexed(&brief.queries, id);
        // Who holds a handle of stored bytes is asked often.
        let blobs = aggregate.fields.iter().enumerate();
        wanted.extend(
            blobs
                .filter(|(_, field)| field.ty.required() == &Type::Blob)
                .map(|(slot, _)| slot),
        );
        layout.statements = layout.definitions(&wanted, &owners::wanted(brief, id));
        if aggregate.keep.is_some() {
            layout.statements.extend(layout.by_age());
        }
        layout.get = layout.getting();
        layout.insert = layout.inserting();
        layout
    }

    fn getting(&self) -> String {
        let condition = self.key_condition(1);
        format!(
            "SELECT {} FROM {} WHERE {condition}",
            self.select, self.table
        )
    }

    fn inserting(&self) -> String {
        let currencies = self
            .columns
            .iter()
            .filter(|column| column.currency.is_some());
        let count = self.columns.len() + currencies.count();
        let marks: Vec<String> = (1..=count).map(|at| format!("?{at}")).collect();
        let marks = marks.join(", ");
        format!(
            "INSERT INTO {} ({}) VALUES ({marks})",
            self.table, self.select
        )
    }

    /// The same layout for a table that has more columns: a new row gets these literals in them.
    pub(crate) fn giving(mut self, more: &[(String, String)]) -> Self {
        if more.is_empty() {
            return self;
        }
        let join = |part: fn(&(String, String)) -> &String| {
            let parts: Vec<&str> = more.iter().map(|one| part(one).as_str()).collect();
            parts.join(", ")
        };
        let (names, literals) = (join(|one| &one.0), join(|one| &one.1));
        self.insert = self
            .insert
            .replacen(") VALUES (", &format!(", {names}) VALUES ("), 1)
            .strip_suffix(')')
            .map(|sql| format!("{sql}, {literals})"))
            .unwrap_or_default();
        self
    }

    /// The index by which rows are found whose time is over.
    fn by_age(&self) -> Option<String> {
        let created = self.columns.get(self.created?)?;
        let name = quoted(&format!("{} by age", self.table.trim_matches('"')));
        Some(format!(
            "CREATE INDEX IF NOT EXISTS {name} ON {} ({})",
            self.table, created.name
        ))
    }

    /// What makes the table and its indexes.
    #[must_use]
    pub fn statements(&self) -> &[String] {
        &self.statements
    }

    fn column(&self, slot: usize) -> &str {
        self.columns
            .get(slot)
            .map_or("rowid", |column| column.name.as_str())
    }

    fn scoped(&self, columns: impl IntoIterator<Item = usize>) -> String {
        let slots: Vec<&str> = self
            .tenant
            .into_iter()
            .chain(columns)
            .map(|slot| self.column(slot))
            .collect();
        slots.join(", ")
    }

    fn definitions(&self, indexed: &BTreeSet<usize>, owned: &owners::Wanted) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for column in &self.columns {
            lines.push(format!("{} {}", column.name, column.kind.declared()));
            lines.extend(
                column
                    .currency
                    .iter()
                    .map(|currency| format!("{currency} TEXT")),
            );
        }
        lines.push(format!("PRIMARY KEY ({})", self.scoped(0..self.keys)));
        let mut statements = vec![format!(
            "CREATE TABLE {} ({})",
            self.table,
            lines.join(", ")
        )];
        for (&slot, name) in self.uniques.iter().zip(self.unique_indexes()) {
            let on = self.scoped([slot]);
            statements.push(format!(
                "CREATE UNIQUE INDEX IF NOT EXISTS {name} ON {} ({on})",
                self.table
            ));
        }
        for &slot in indexed.iter().filter(|slot| **slot >= self.keys) {
            statements.push(self.index(&[slot]));
        }
        for &(slot, sort) in owned {
            let sort = sort.filter(|sort| *sort >= self.keys && *sort != slot);
            // Without an order of its own it may be there already, or be the key itself.
            let known = indexed.contains(&slot) || slot < self.keys;
            match sort {
                Some(sort) => statements.push(self.index(&[slot, sort])),
                None if known => {}
                None => statements.push(self.index(&[slot])),
            }
        }
        statements
    }

    /// The quoted names of the indexes that keep fields unique.
    pub(crate) fn unique_indexes(&self) -> Vec<String> {
        let bare = self.table.trim_matches('"');
        let name = |slot: &usize| {
            let column = self.column(*slot).trim_matches('"');
            quoted(&format!("{bare} unique {column}"))
        };
        self.uniques.iter().map(name).collect()
    }

    /// An index by these columns, then by the key.
    fn index(&self, slots: &[usize]) -> String {
        let names: Vec<&str> = slots
            .iter()
            .map(|slot| self.column(*slot).trim_matches('"'))
            .collect();
        let bare = self.table.trim_matches('"');
        let name = quoted(&format!("{bare} by {}", names.join(" ")));
        let on = self.scoped(slots.iter().copied().chain(0..self.keys));
        format!("CREATE INDEX IF NOT EXISTS {name} ON {} ({on})", self.table)
    }

    /// `key = ?1 AND … AND tenant = ?n` with parameters counted from `first`.
    #[must_use]
    pub fn key_condition(&self, first: usize) -> String {
        let slots = (0..self.keys).chain(self.tenant);
        let terms: Vec<String> = slots
            .enumerate()
            .map(|(at, slot)| format!("{} = ?{}", self.column(slot), first + at))
            .collect();
        terms.join(" AND ")
    }

    /// The key of a row.
    #[must_use]
    pub fn key_of(&self, row: &Value) -> Value {
        if self.keys == 1 {
            return row.slot(0).clone();
        }
        Value::list((0..self.keys).map(|slot| row.slot(slot).clone()).collect())
    }

    /// The SQL values of a key, one per key column.
    ///
    /// # Errors
    /// [`StoreError::Defect`] where the key does not have the declared shape.
    pub fn key_values(&self, key: &Value) -> Result<Vec<Sql>, StoreError> {
        let parts: Vec<&Value> = match key {
            Value::List(parts) if self.keys > 1 => parts.iter().collect(),
            single => vec![single],
        };
        let mut values = Vec::new();
        for (column, part) in self.columns.iter().take(self.keys).zip(parts) {
            write(column.kind, part, &mut values)?;
        }
        Ok(values)
    }

    /// The SQL values of a whole row, in the order of [`Layout::select`].
    ///
    /// # Errors
    /// [`StoreError::Defect`] where a value does not fit its column.
    pub fn row_values(&self, row: &Value) -> Result<Vec<Sql>, StoreError> {
        let mut values = Vec::with_capacity(self.columns.len() + 1);
        for (slot, column) in self.columns.iter().enumerate() {
            write(column.kind, row.slot(slot), &mut values)?;
        }
        Ok(values)
    }

    /// The row of a result whose columns are [`Layout::select`], starting at `first`.
    ///
    /// # Errors
    /// [`StoreError::Defect`] where a column does not read back.
    pub fn read(&self, row: &Row<'_>, first: usize) -> Result<Value, StoreError> {
        let mut at = first;
        let mut slots = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            slots.push(read(column.kind, row, at)?);
            at += if column.kind == Kind::Money { 2 } else { 1 };
        }
        Ok(Value::record(slots))
    }
}

fn names(columns: &[Column]) -> String {
    let mut all: Vec<&str> = Vec::new();
    for column in columns {
        all.push(&column.name);
        all.extend(column.currency.as_deref());
    }
    all.join(", ")
}

fn indexed(queries: &underpin_brief::model::Table<Query>, id: Id<Aggregate>) -> BTreeSet<usize> {
    let of = queries
        .rows()
        .iter()
        .filter(|query| query.of == QuerySource::Aggregate(id));
    of.flat_map(|query| query.filters.iter().chain(&query.sorts))
        .copied()
        .collect()
}

/// Appends the SQL form of `value` (two values for money).
pub(crate) fn write(kind: Kind, value: &Value, to: &mut Vec<Sql>) -> Result<(), StoreError> {
    let sql = match (kind, value) {
        (Kind::Money, Value::Money(minor, currency)) => {
            to.push(Sql::Integer(*minor));
            Sql::Text(currency.as_str().to_owned())
        }
        (Kind::Money, Value::Null) => {
            to.push(Sql::Null);
            Sql::Null
        }
        (Kind::Coded, Value::Null) | (_, Value::Null) => Sql::Null,
        (Kind::Coded, value) => Sql::Text(codec::to_text(value)),
        (Kind::Text, Value::Text(text)) | (Kind::Json, Value::Json(text)) => {
            Sql::Text(text.to_string())
        }
        (Kind::Int, Value::Int(number)) => Sql::Integer(*number),
        (Kind::Decimal, Value::Decimal(decimal)) => Sql::Integer(decimal.nanos()),
        (Kind::Bool, Value::Bool(truth)) => Sql::Integer(i64::from(*truth)),
        (Kind::Date, Value::Date(days)) => Sql::Integer(i64::from(*days)),
        (Kind::Time, Value::Time(micros)) => Sql::Integer(*micros),
        (Kind::Duration, Value::Duration(length)) => Sql::Integer(length.micros),
        _ => {
            return Err(StoreError::Defect(format!(
                "a value does not fit a {kind:?} column"
            )));
        }
    };
    to.push(sql);
    Ok(())
}

/// Reads a column (two for money).
pub(crate) fn read(kind: Kind, row: &Row<'_>, at: usize) -> Result<Value, StoreError> {
    let misfit = || StoreError::Defect(format!("a {kind:?} column does not read back"));
    Ok(match (kind, row.get_ref(at)?) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Text, ValueRef::Text(text)) => Value::text(utf8(text)?),
        (Kind::Json, ValueRef::Text(text)) => Value::Json(utf8(text)?.into()),
        (Kind::Coded, ValueRef::Text(text)) => codec::from_text(utf8(text)?).ok_or_else(misfit)?,
        (Kind::Int, ValueRef::Integer(number)) => Value::Int(number),
        (Kind::Decimal, ValueRef::Integer(nanos)) => Value::Decimal(Decimal::from_nanos(nanos)),
        (Kind::Bool, ValueRef::Integer(number)) => Value::Bool(number != 0),
        (Kind::Date, ValueRef::Integer(days)) => {
            Value::Date(i32::try_from(days).map_err(|_| misfit())?)
        }
        (Kind::Time, ValueRef::Integer(micros)) => Value::Time(micros),
        (Kind::Duration, ValueRef::Integer(micros)) => {
            Value::Duration(Duration::from_micros(micros))
        }
        (Kind::Money, ValueRef::Integer(minor)) => {
            let code: String = row.get(at + 1)?;
            Value::Money(minor, Currency::parse(&code).ok_or_else(misfit)?)
        }
        _ => return Err(misfit()),
    })
}

fn utf8(bytes: &[u8]) -> Result<&str, StoreError> {
    std::str::from_utf8(bytes).map_err(|_| StoreError::Defect("a text is not UTF-8".to_owned()))
}
