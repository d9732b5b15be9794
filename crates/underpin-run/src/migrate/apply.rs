//! Does what was found to be possible, in one transaction: tables, events, answers, and the texts
//! of the brief. A crash at any step leaves the store as it was.

use super::events::Turned;
use super::tables::{Table, TableStep, walk};
use super::types::{Between, Lost, former, fresh};
use super::{Migration, answers, events, kept};
use crate::store::{Hook, Layout, StoreError, quoted};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use underpin_brief::model::{Aggregate, Brief, Field, Id, Value};

/// Migrates the store behind a connection that may write.
///
/// # Errors
/// What the database says, and [`StoreError::Stopped`] where the hook stopped it; nothing is then
/// changed.
pub(crate) fn apply(
    connection: &Connection,
    migration: &Migration,
    new: &Brief,
    description: &str,
    hook: &Hook,
) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = steps(connection, migration, new, description, hook);
    let ended = done.and_then(|()| {
        step(hook, "migrate: commit")?;
        Ok(connection.execute_batch("COMMIT")?)
    });
    if ended.is_err() {
        // Where this fails too nothing was committed, and closing takes it back.
        let _ = connection.execute_batch("ROLLBACK");
    }
    ended?;
    step(hook, "migrate: committed")
}

fn step(hook: &Hook, place: &str) -> Result<(), StoreError> {
    match hook(place) {
        true => Ok(()),
        false => Err(StoreError::Stopped),
    }
}

fn steps(
    connection: &Connection,
    migration: &Migration,
    new: &Brief,
    description: &str,
    hook: &Hook,
) -> Result<(), StoreError> {
    let between = Between {
        old: &migration.old,
        new,
    };
    for table in &migration.tables {
        step(hook, "migrate: table")?;
        one(connection, between, table)?;
    }
    step(hook, "migrate: events")?;
    let (old_sources, new_sources) = (events::sources(between.old), events::sources(new));
    let turned = Turned::new(between, &old_sources, &new_sources);
    events::rewrite(connection, &turned)?;
    step(hook, "migrate: answers")?;
    answers::rewrite(connection, &answers::places(between.old, new))?;
    for policy in between.old.policies.rows() {
        if new.policies.find(&policy.name.text).is_none() {
            connection.execute("DELETE FROM clocks WHERE policy = ?1", [&*policy.name.text])?;
        }
    }
    step(hook, "migrate: brief")?;
    kept::keep(connection, migration.generation, &new.texts)?;
    kept::forget(connection, migration.generation, &migration.needed)?;
    kept::set_meta(connection, "schema", description)
}

fn one(connection: &Connection, between: Between<'_>, table: &Table) -> Result<(), StoreError> {
    let old = table.old.map(|id| Layout::new(between.old, id));
    let new = table.new.map(|id| Layout::new(between.new, id));
    match (&table.step, old, new) {
        (TableStep::Create, _, Some(new)) => made(connection, &new),
        (TableStep::Drop, Some(old), _) => {
            Ok(connection.execute_batch(&format!("DROP TABLE {}", old.table))?)
        }
        (TableStep::Add(slots), Some(old), Some(new)) => {
            add(connection, between, table, slots, &new)?;
            unindexed(connection, &old, &new)
        }
        (TableStep::Rewrite, Some(old), Some(new)) => {
            rewrite(connection, between, table, old, &new)
        }
        (TableStep::Nothing, Some(old), Some(new)) => unindexed(connection, &old, &new),
        _ => Ok(()),
    }
}

fn made(connection: &Connection, layout: &Layout) -> Result<(), StoreError> {
    for statement in layout.statements() {
        connection.execute_batch(statement)?;
    }
    Ok(())
}

/// Adds columns; rows that are there get the value of a field that is new.
fn add(
    connection: &Connection,
    between: Between<'_>,
    table: &Table,
    slots: &[usize],
    layout: &Layout,
) -> Result<(), StoreError> {
    let Some(aggregate) = table.new.map(|id| between.new.aggregates.get(id)) else {
        return Ok(());
    };
    for slot in slots {
        let (Some(column), Some(field)) = (layout.columns.get(*slot), aggregate.fields.get(*slot))
        else {
            continue;
        };
        let value = fresh(field).map_err(StoreError::Defect)?;
        let mut values = Vec::new();
        crate::store::write_value(column.kind, &value, &mut values)?;
        let names = std::iter::once(&column.name).chain(column.currency.as_ref());
        for ((name, ty), value) in names.zip([column.declared(), "TEXT"]).zip(values) {
            let default = match literal(&value) {
                Some(literal) => format!(" DEFAULT {literal}"),
                None => String::new(),
            };
            connection.execute_batch(&format!(
                "ALTER TABLE {} ADD COLUMN {name} {ty}{default}",
                layout.table
            ))?;
        }
    }
    Ok(())
}

/// Columns that rows of an earlier form lack, each with the literal that a new row gets.
pub(crate) fn added(new: &Brief, id: Id<Aggregate>, from: &[Field]) -> Vec<(String, String)> {
    let layout = Layout::new(new, id);
    let mut found = Vec::new();
    let fields = new.aggregates.get(id).fields.iter().zip(&layout.columns);
    for (field, column) in fields.filter(|(field, _)| former(from, field).is_none()) {
        let mut values = Vec::new();
        let value = fresh(field).unwrap_or(Value::Null);
        if crate::store::write_value(column.kind, &value, &mut values).is_err() {
            continue;
        }
        let names = std::iter::once(&column.name).chain(column.currency.as_ref());
        let literal = |value: &Sql| literal(value).unwrap_or_else(|| "NULL".to_owned());
        found.extend(names.cloned().zip(values.iter().map(literal)));
    }
    found
}

/// A value as it stands in a statement; none for the absent one.
fn literal(value: &Sql) -> Option<String> {
    match value {
        Sql::Integer(number) => Some(number.to_string()),
        Sql::Text(text) => Some(format!("'{}'", text.replace('\'', "''"))),
        Sql::Null | Sql::Real(_) | Sql::Blob(_) => None,
    }
}

/// Takes away indexes that would still forbid what the brief now admits.
fn unindexed(connection: &Connection, old: &Layout, new: &Layout) -> Result<(), StoreError> {
    for name in old.unique_indexes() {
        if !new.unique_indexes().contains(&name) {
            connection.execute_batch(&format!("DROP INDEX IF EXISTS {name}"))?;
        }
    }
    Ok(())
}

/// Writes every row anew, by name, into a table of the new form.
fn rewrite(
    connection: &Connection,
    between: Between<'_>,
    table: &Table,
    mut old: Layout,
    new: &Layout,
) -> Result<(), StoreError> {
    let (Some(from), Some(to)) = (table.old, table.new) else {
        return Ok(());
    };
    let mut statement = connection.prepare(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL",
    )?;
    let bare = old.table.trim_matches('"').replace("\"\"", "\"");
    let indexes: Vec<String> = statement
        .query_map([&bare], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    drop(statement);
    for index in indexes {
        connection.execute_batch(&format!("DROP INDEX {}", quoted(&index)))?;
    }
    let aside = quoted(&format!("{bare} before"));
    connection.execute_batch(&format!("ALTER TABLE {} RENAME TO {aside}", old.table))?;
    made(connection, new)?;
    old.table = aside.clone();
    let mut count = 0_usize;
    let mut insert = None;
    walk(connection, &old, &mut |row| {
        let row = between
            .row(&row, from, to, &mut Lost::new())
            .map_err(StoreError::Defect)?;
        let values = new.row_values(&row)?;
        if insert.is_none() {
            let marks: Vec<String> = (1..=values.len()).map(|at| format!("?{at}")).collect();
            let sql = format!(
                "INSERT INTO {} ({}) VALUES ({})",
                new.table,
                new.select,
                marks.join(", ")
            );
            insert = Some(connection.prepare(&sql)?);
        }
        if let Some(insert) = &mut insert {
            insert.execute(params_from_iter(values))?;
            count += 1;
        }
        Ok(())
    })?;
    drop(insert);
    Ok(connection.execute_batch(&format!("DROP TABLE {aside}"))?)
}
