//! The log of writes to aggregates that others follow: for each row the number of its last write,
//! so that it never grows beyond the rows. Who follows keeps the number up to which it has read.

use super::layout::Kind;
use super::{Layout, Rows, StoreError, Written, codec};
use rusqlite::OptionalExtension;
use underpin_brief::model::{Aggregate, Brief, Id, Named, Value};

/// A row as it stands after its last write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The number of that write in the log.
    pub seq: i64,
    /// What it is a row of.
    pub of: Id<Aggregate>,
    /// Its tenant, where rows are kept per tenant.
    pub tenant: Option<String>,
    /// Its key.
    pub key: Value,
    /// The row; none where it was deleted.
    pub row: Option<Value>,
}

impl Layout {
    /// The key whose text is `text`, see [`codec::key_text`].
    #[must_use]
    pub fn key_of_text(&self, text: &str) -> Option<Value> {
        match self.columns.first() {
            Some(column) if self.keys == 1 && column.kind == Kind::Text => Some(Value::text(text)),
            _ => codec::from_text(text),
        }
    }
}

impl Rows<'_> {
    pub(super) fn log(&self, of: Id<Aggregate>, row: &Value, gone: bool) -> Result<(), StoreError> {
        if !self.schema().contents().logged(of) {
            return Ok(());
        }
        let layout = self.layout(of);
        let tenant = layout.tenant.and_then(|slot| row.slot(slot).as_text());
        self.log_key(of, &layout.key_of(row), tenant, gone)
    }

    pub(super) fn log_key(
        &self,
        of: Id<Aggregate>,
        key: &Value,
        tenant: Option<&str>,
        gone: bool,
    ) -> Result<(), StoreError> {
        if !self.schema().contents().logged(of) {
            return Ok(());
        }
        let table = self.layout(of).table.trim_matches('"');
        self.execute(
            "INSERT OR REPLACE INTO changes (aggregate, tenant, key, gone) VALUES (?1, ?2, ?3, ?4)",
            (table, tenant.unwrap_or(""), codec::key_text(key), gone),
        )?;
        Ok(())
    }

    /// Rows written after number `after`, at most `limit`, in the order of their last writes.
    ///
    /// # Errors
    /// What the database says.
    pub fn changes_after(
        &self,
        brief: &Brief,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Change>, StoreError> {
        let mut statement = self.prepare(
            "SELECT seq, aggregate, tenant, key, gone FROM changes WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )?;
        let mut found = statement.query((after, limit))?;
        let mut changes = Vec::new();
        while let Some(row) = found.next()? {
            let (name, tenant, key): (String, String, String) =
                (row.get(1)?, row.get(2)?, row.get(3)?);
            let Some(of) = brief.aggregates.find(&name) else {
                continue;
            };
            let layout = self.layout(of);
            let Some(key) = layout.key_of_text(&key) else {
                continue;
            };
            let tenant = layout.tenant.map(|_| tenant);
            let now = match row.get::<_, bool>(4)? {
                true => None,
                false => self.get(of, &key, tenant.as_deref())?,
            };
            changes.push(Change {
                seq: row.get(0)?,
                of,
                tenant,
                key,
                row: now,
            });
        }
        Ok(changes)
    }

    /// Makes a copy of what its owner has.
    ///
    /// # Errors
    /// Where the aggregate is no copy here; what the database says.
    pub fn follow(&self, brief: &Brief, change: &Change) -> Result<(), StoreError> {
        if self.schema().contents().presence(change.of) != super::Presence::Replica {
            let name = brief.aggregates.get(change.of).name();
            return Err(StoreError::Defect(format!("`{name}` is no copy here")));
        }
        let _: Written = match &change.row {
            Some(row) => self.put(change.of, row, true)?,
            None => self.remove(change.of, &change.key, change.tenant.as_deref())?,
        };
        Ok(())
    }

    /// How far the log of a peer has been read here.
    ///
    /// # Errors
    /// What the database says.
    pub fn position(&self, peer: &str, log: &str) -> Result<i64, StoreError> {
        let found = self
            .prepare("SELECT seq FROM positions WHERE peer = ?1 AND log = ?2")?
            .query_row((peer, log), |row| row.get(0))
            .optional()?;
        Ok(found.unwrap_or(0))
    }

    /// Remembers how far the log of a peer has been read, with what was read.
    ///
    /// # Errors
    /// What the database says.
    pub fn advance(&self, peer: &str, log: &str, seq: i64) -> Result<(), StoreError> {
        self.execute(
            "INSERT OR REPLACE INTO positions VALUES (?1, ?2, ?3)",
            (peer, log, seq),
        )?;
        Ok(())
    }
}
