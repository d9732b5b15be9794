//! What has changed of the rows of a query since a position: first all rows, page by page, then
//! those whose last write has a later number. A row that the caller does not see counts as gone.
//! It must not know how positions travel.

use super::answer::failed;
use super::drive::Inner;
use super::query::{self, Run};
use crate::backend::{
    Changes, ChangesAnswer, ChangesRequest, QueryAnswer, Refusal, ShownRow, Since,
};
use crate::store::{Rows, StoreError, codec};
use rusqlite::types::Value as Sql;
use std::cell::RefCell;
use std::sync::Arc;
use underpin_brief::model::*;

impl Inner {
    pub(super) async fn changes(self: &Arc<Self>, request: ChangesRequest) -> ChangesAnswer {
        let operation = LimitedOperation::Query(request.query.query);
        let asked = &request.query.asked;
        if let Some(refusal) = self.admission(operation, asked).await {
            return ChangesAnswer::Refused(refusal);
        }
        let core = Arc::clone(&self.core);
        let read = self.store.read(move |rows| {
            let since = request.since.clone();
            query::changes(&core, rows, &request.query, since)
        });
        read.await
            .unwrap_or_else(|error| ChangesAnswer::Refused(failed(&error)))
    }
}

/// The number of the last write of all.
fn last(rows: Rows<'_>) -> Result<i64, StoreError> {
    let sql = "SELECT COALESCE(MAX(seq), 0) FROM changes";
    Ok(rows.prepare(sql)?.query_row([], |row| row.get(0))?)
}

/// A write of the log: its number, the tenant, the key, and whether the row is gone.
type Logged = (i64, String, String, bool);

impl Run<'_> {
    /// What has changed, as far as the request goes.
    pub(super) fn changes(
        &self,
        of: Id<Aggregate>,
        since: Option<Since>,
    ) -> Result<ChangesAnswer, StoreError> {
        let end = last(self.view.rows)?;
        match since {
            Some(Since { seq, after: None }) if seq <= end => self.later(of, seq),
            Some(Since {
                seq,
                after: Some(after),
            }) if seq <= end => self.all_rows(of, seq, Some(&after)),
            _ => self.all_rows(of, end, None),
        }
    }

    /// A page of all rows; later writes of them come by their numbers.
    fn all_rows(
        &self,
        of: Id<Aggregate>,
        seq: i64,
        after: Option<&Vec<Value>>,
    ) -> Result<ChangesAnswer, StoreError> {
        let reset = after.is_none();
        let page = match self.page_after(of, after)? {
            QueryAnswer::Page(page) => page,
            QueryAnswer::One(_) => return Ok(refused()),
            QueryAnswer::Refused(refusal) => return Ok(ChangesAnswer::Refused(refusal)),
        };
        let raw = self.raw.as_ref().map(RefCell::take).unwrap_or_default();
        let tagged = raw.iter().map(|row| self.tag_of(of, row));
        let rows: Vec<(String, ShownRow)> = tagged.zip(page.rows).collect();
        let more = page.next.is_some();
        Ok(ChangesAnswer::Changes(Changes {
            reset,
            rows,
            gone: Vec::new(),
            since: Since {
                seq,
                after: page.next,
            },
            more,
        }))
    }

    /// Rows whose last write came after that number.
    fn later(&self, of: Id<Aggregate>, seq: i64) -> Result<ChangesAnswer, StoreError> {
        let limit = self.request.limit.max(1);
        let logged = self.logged(of, seq, limit)?;
        let layout = self.view.rows.layout(of);
        let mut frame = self.plan.frame(self.settled, &self.request.input);
        let mut changes = Changes {
            reset: false,
            rows: Vec::new(),
            gone: Vec::new(),
            since: Since { seq, after: None },
            more: logged.len() >= limit as usize,
        };
        for (number, tenant, text, gone) in logged {
            changes.since.seq = number;
            let key = layout.key_of_text(&text).filter(|_| !gone);
            let tenant = layout.tenant.map(|_| tenant.as_str());
            let row = match key {
                Some(key) => self.view.rows.get(of, &key, tenant)?,
                None => None,
            };
            let seen = match &row {
                Some(row) => match self.admits(&mut frame, row)? {
                    Ok(seen) => seen,
                    Err(refusal) => return Ok(ChangesAnswer::Refused(refusal)),
                },
                None => false,
            };
            let tag = tag(tenant, &text);
            match row.filter(|_| seen) {
                Some(row) => changes.rows.push((tag, self.shown_row(&mut frame, &row)?)),
                None => changes.gone.push(tag),
            }
        }
        Ok(ChangesAnswer::Changes(changes))
    }

    fn logged(&self, of: Id<Aggregate>, seq: i64, limit: u32) -> Result<Vec<Logged>, StoreError> {
        let layout = self.view.rows.layout(of);
        let name = layout.table.trim_matches('"').to_owned();
        let mut values = vec![
            Sql::Text(name),
            Sql::Integer(seq),
            Sql::Integer(i64::from(limit)),
        ];
        let own = match layout.tenant {
            Some(_) if !self.view.scope.cross => {
                let tenant = self.view.scope.tenant.clone();
                values.push(tenant.map_or(Sql::Null, Sql::Text));
                "AND tenant = ?4"
            }
            _ => "",
        };
        let sql = format!(
            "SELECT seq, tenant, key, gone FROM changes
             WHERE aggregate = ?1 AND seq > ?2 {own} ORDER BY seq LIMIT ?3"
        );
        let mut statement = self.view.rows.prepare(&sql)?;
        let found = statement.query_map(rusqlite::params_from_iter(values), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    fn tag_of(&self, of: Id<Aggregate>, row: &Value) -> String {
        let layout = self.view.rows.layout(of);
        let tenant = layout.tenant.map(|slot| row.slot(slot).as_text());
        let key = codec::key_text(&layout.key_of(row));
        tag(tenant.map(|tenant| tenant.unwrap_or("")), &key)
    }
}

fn tag(tenant: Option<&str>, key: &str) -> String {
    format!("{}\u{1f}{key}", tenant.unwrap_or(""))
}

pub(super) fn refused() -> ChangesAnswer {
    ChangesAnswer::Refused(Refusal::new(crate::backend::refusal::INTERNAL))
}
