//! Rows of aggregates on one connection: read, find, insert, update, delete, always within a
//! tenant where rows are kept per tenant.

use super::layout::{Kind, Layout, write};
use super::{Presence, Schema, StoreError};
use rusqlite::types::Value as Sql;
use rusqlite::{CachedStatement, Connection, ErrorCode, params_from_iter};
use underpin_brief::model::{Aggregate, Id, Value};

/// The rows of one connection.
#[derive(Clone, Copy)]
pub struct Rows<'c> {
    connection: &'c Connection,
    schema: &'c Schema,
}

/// What became of an insert or update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It stands.
    Done,
    /// The key or a unique field is taken; nothing was changed.
    Taken,
    /// There is no such row.
    Missing,
}

impl<'c> Rows<'c> {
    pub(super) fn new(connection: &'c Connection, schema: &'c Schema) -> Self {
        Self { connection, schema }
    }

    /// The same rows in the tables of another brief.
    pub(crate) fn under<'s>(self, schema: &'s Schema) -> Rows<'s>
    where
        'c: 's,
    {
        Rows { schema, ..self }
    }

    /// The tables.
    #[must_use]
    pub fn schema(&self) -> &'c Schema {
        self.schema
    }

    /// The table of an aggregate.
    #[must_use]
    pub fn layout(&self, of: Id<Aggregate>) -> &'c Layout {
        self.schema.layout(of)
    }

    /// A statement on this connection, prepared once.
    ///
    /// # Errors
    /// Where the text is no SQL of this schema.
    pub fn prepare(&self, sql: &str) -> Result<CachedStatement<'c>, StoreError> {
        Ok(self.connection.prepare_cached(sql)?)
    }

    /// Executes a statement; returns how many rows it touched.
    ///
    /// # Errors
    /// What the database says.
    pub fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize, StoreError> {
        Ok(self.prepare(sql)?.execute(values)?)
    }

    /// Begins a savepoint, goes back to it, or ends it.
    pub(crate) fn savepoint(&self, action: &str) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch(action)?)
    }

    /// The guard of the store: rows of an aggregate that is not here cannot be touched, and copies
    /// are written by nobody but the log of their owner.
    fn guard(&self, of: Id<Aggregate>, write: bool) -> Result<(), StoreError> {
        let presence = self.schema.contents().presence(of);
        match (presence, write) {
            (Presence::Own, _) | (Presence::Replica, false) => Ok(()),
            (Presence::Replica, true) => Err(StoreError::Defect(format!(
                "{} is a copy of another service's rows",
                self.layout(of).table
            ))),
            (Presence::Absent, _) => Err(StoreError::Defect(format!(
                "{} belongs to another service",
                self.layout(of).table
            ))),
        }
    }

    fn key(
        &self,
        layout: &Layout,
        key: &Value,
        tenant: Option<&str>,
    ) -> Result<Vec<Sql>, StoreError> {
        let mut values = layout.key_values(key)?;
        if layout.tenant.is_some() {
            values.push(tenant.map_or(Sql::Null, |tenant| Sql::Text(tenant.to_owned())));
        }
        Ok(values)
    }

    /// The row of that key in that tenant.
    ///
    /// # Errors
    /// Where the key or the stored row does not have the declared shape.
    pub fn get(
        &self,
        of: Id<Aggregate>,
        key: &Value,
        tenant: Option<&str>,
    ) -> Result<Option<Value>, StoreError> {
        self.guard(of, false)?;
        let layout = self.layout(of);
        let mut statement = self.prepare(&layout.get)?;
        let mut found = statement.query(params_from_iter(self.key(layout, key, tenant)?))?;
        found.next()?.map(|row| layout.read(row, 0)).transpose()
    }

    /// The row of that key, of whatever tenant.
    ///
    /// # Errors
    /// As [`Rows::get`].
    pub fn get_any(&self, of: Id<Aggregate>, key: &Value) -> Result<Option<Value>, StoreError> {
        let layout = self.layout(of);
        let key = layout.key_values(key)?;
        let columns = layout.columns.iter().take(layout.keys).enumerate();
        let terms: Vec<String> = columns
            .map(|(at, column)| format!("{} = ?{}", column.name, at + 1))
            .collect();
        self.select(of, &format!("WHERE {} LIMIT 1", terms.join(" AND ")), key)
            .map(|mut rows| rows.pop())
    }

    /// Rows that satisfy `rest` (`WHERE … ORDER BY … LIMIT …`) with its parameters.
    ///
    /// # Errors
    /// What the database says.
    pub fn select(
        &self,
        of: Id<Aggregate>,
        rest: &str,
        values: Vec<Sql>,
    ) -> Result<Vec<Value>, StoreError> {
        let mut rows = Vec::new();
        self.walk(of, rest, values, &mut |row| {
            rows.push(row);
            Ok(true)
        })?;
        Ok(rows)
    }

    /// As [`Rows::select`], row by row until `each` says false.
    ///
    /// # Errors
    /// What the database or `each` says.
    pub fn walk(
        &self,
        of: Id<Aggregate>,
        rest: &str,
        values: Vec<Sql>,
        each: &mut dyn FnMut(Value) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.guard(of, false)?;
        let layout = self.layout(of);
        let sql = format!("SELECT {} FROM {} {rest}", layout.select, layout.table);
        let mut statement = self.prepare(&sql)?;
        let mut found = statement.query(params_from_iter(values))?;
        while let Some(row) = found.next()? {
            if !each(layout.read(row, 0)?)? {
                break;
            }
        }
        Ok(())
    }

    /// Inserts a row.
    ///
    /// # Errors
    /// Where a value does not fit its column.
    pub fn insert(&self, of: Id<Aggregate>, row: &Value) -> Result<Written, StoreError> {
        self.guard(of, true)?;
        let done = self.put(of, row, false)?;
        if done == Written::Done {
            self.log(of, row, false)?;
        }
        Ok(done)
    }

    /// Writes a row whole; with `replace` in the place of what has its key.
    pub(super) fn put(
        &self,
        of: Id<Aggregate>,
        row: &Value,
        replace: bool,
    ) -> Result<Written, StoreError> {
        let layout = self.layout(of);
        let values = layout.row_values(row)?;
        let sql = match replace {
            true => layout.insert.replacen("INSERT", "INSERT OR REPLACE", 1),
            false => layout.insert.clone(),
        };
        written(self.prepare(&sql)?.execute(params_from_iter(values)))
    }

    /// Replaces the row of `old`'s key by `new`: only changed columns are written.
    ///
    /// # Errors
    /// Where a value does not fit its column.
    pub fn update(
        &self,
        of: Id<Aggregate>,
        old: &Value,
        new: &Value,
    ) -> Result<Written, StoreError> {
        self.guard(of, true)?;
        let layout = self.layout(of);
        let mut values = Vec::new();
        let mut sets = Vec::new();
        for (slot, column) in layout.columns.iter().enumerate() {
            if old.slot(slot) == new.slot(slot) {
                continue;
            }
            sets.push(format!("{} = ?{}", column.name, values.len() + 1));
            if let Some(currency) = &column.currency {
                sets.push(format!("{currency} = ?{}", values.len() + 2));
            }
            write(column.kind, new.slot(slot), &mut values)?;
        }
        if sets.is_empty() {
            return Ok(Written::Done);
        }
        let condition = layout.key_condition(values.len() + 1);
        let sets = sets.join(", ");
        let tenant = layout.tenant.and_then(|slot| old.slot(slot).as_text());
        values.extend(self.key(layout, &layout.key_of(old), tenant)?);
        let sql = format!("UPDATE {} SET {sets} WHERE {condition}", layout.table);
        let done = written(self.prepare(&sql)?.execute(params_from_iter(values)))?;
        if done == Written::Done {
            self.log(of, new, false)?;
        }
        Ok(done)
    }

    /// Deletes the row of that key in that tenant.
    ///
    /// # Errors
    /// Where the key does not have the declared shape.
    pub fn delete(
        &self,
        of: Id<Aggregate>,
        key: &Value,
        tenant: Option<&str>,
    ) -> Result<Written, StoreError> {
        self.guard(of, true)?;
        let done = self.remove(of, key, tenant)?;
        if done == Written::Done {
            self.log_key(of, key, tenant, true)?;
        }
        Ok(done)
    }

    /// Deletes the row of that key, whoever owns it.
    pub(super) fn remove(
        &self,
        of: Id<Aggregate>,
        key: &Value,
        tenant: Option<&str>,
    ) -> Result<Written, StoreError> {
        let layout = self.layout(of);
        let sql = format!(
            "DELETE FROM {} WHERE {}",
            layout.table,
            layout.key_condition(1)
        );
        let values = self.key(layout, key, tenant)?;
        written(self.prepare(&sql)?.execute(params_from_iter(values)))
    }
}

/// The SQL values of a value of that kind, for conditions.
pub(crate) fn sql_values(kind: Kind, value: &Value) -> Result<Vec<Sql>, StoreError> {
    let mut values = Vec::new();
    write(kind, value, &mut values)?;
    Ok(values)
}

fn written(outcome: rusqlite::Result<usize>) -> Result<Written, StoreError> {
    match outcome {
        Ok(0) => Ok(Written::Missing),
        Ok(_) => Ok(Written::Done),
        Err(rusqlite::Error::SqliteFailure(failure, _))
            if failure.code == ErrorCode::ConstraintViolation =>
        {
            Ok(Written::Taken)
        }
        Err(error) => Err(error.into()),
    }
}
