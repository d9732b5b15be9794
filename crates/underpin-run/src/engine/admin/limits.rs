//! Limits, as a person sees and resets them.

use super::{audit, broken, changed};
use crate::admin::{By, LimitLine, Refused, Told, Used};
use crate::engine::drive::Inner;
use crate::store::{Rows, StoreError};
use underpin_brief::model::*;

/// Lines of one limit at most.
const MANY: usize = 1_000;

/// How a key is written for people.
fn shown(key: &str) -> String {
    key.replace('\u{1f}', " ").trim().to_owned()
}

/// What is counted in rows, in the latest period of each: limit, key, used.
fn counted(rows: Rows<'_>) -> Result<Vec<(String, String, u64)>, StoreError> {
    let mut find = rows.prepare(
        "SELECT name, key, used, MAX(begins) FROM quotas GROUP BY name, key ORDER BY name, key",
    )?;
    let lines = find.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, u32>(2)?))
    })?;
    let wide = |(name, key, used)| (name, key, u64::from(used));
    Ok(lines.map(|line| line.map(wide)).collect::<Result<_, _>>()?)
}

impl Inner {
    pub(super) async fn limits(&self) -> Result<Vec<LimitLine>, Refused> {
        let brief = &self.core.brief;
        let left = self.buckets.left(brief, self.core.world.now().0);
        let counted = self.look(|_, rows| counted(rows)).await?;
        let line = |(at, limit): (usize, &Limit)| {
            let (kind, most) = match &limit.kind {
                LimitKind::Rate { rate, burst } => {
                    let whole = rate.count.nanos().max(0).unsigned_abs() / 1_000_000_000;
                    ("rate", burst.unwrap_or(whole.max(1)))
                }
                LimitKind::Count { max, .. } => ("count", *max),
                LimitKind::Sum { max, .. } => ("sum", *max),
            };
            let buckets = left.iter().filter(|(limit, ..)| *limit == at);
            let buckets = buckets.map(|(_, key, left)| (key, *left));
            let rows = counted.iter().filter(|(name, ..)| name == limit.name());
            let rows = rows.map(|(_, key, used)| (key, most.saturating_sub(*used)));
            let used = buckets.chain(rows).map(|(key, left)| Used {
                key: shown(key),
                left,
            });
            LimitLine {
                name: limit.name.to_string(),
                kind: kind.to_owned(),
                most,
                used: used.take(MANY).collect(),
            }
        };
        Ok(brief.limits.rows().iter().enumerate().map(line).collect())
    }

    pub(super) async fn reset_limit(
        &self,
        name: &str,
        of: Option<String>,
        by: By,
    ) -> Result<Told, Refused> {
        let limits = self.core.brief.limits.rows();
        let Some(at) = limits.iter().position(|limit| limit.name() == name) else {
            let why = format!("no limit is called `{name}`");
            let help = "list them with `underpin admin limits`";
            return Err(Refused::new("unknown", why, help));
        };
        let kind = limits.get(at).map(|limit| &limit.kind);
        if !matches!(kind, Some(LimitKind::Rate { .. })) {
            let why = format!("`{name}` counts rows");
            let help = "it is used up by rows that are there; delete or change those";
            return Err(Refused::new("not-now", why, help));
        }
        let now = self.core.world.now().0;
        let meant = {
            let of = of.clone();
            move |key: &str| of.as_ref().is_none_or(|of| *of == shown(key))
        };
        for (limit, key, _) in self.buckets.left(&self.core.brief, now) {
            if limit == at && meant(&key) {
                self.buckets.reset(at, &key);
            }
        }
        let target = match &of {
            Some(of) => format!("{name} of {of}"),
            None => name.to_owned(),
        };
        let (name, line) = (name.to_owned(), target.clone());
        let written = self.store.write(move |rows| {
            for (limit, key, _) in counted(rows)? {
                if limit == name && meant(&key) {
                    let sql = "DELETE FROM quotas WHERE name = ?1 AND key = ?2";
                    rows.execute(sql, (&limit, &key))?;
                }
            }
            audit::note(rows, now, &by, "reset limit", &line)
        });
        written.await.map_err(|error| broken(&error))?;
        Ok(changed(format!("reset limit: {target}")))
    }
}
