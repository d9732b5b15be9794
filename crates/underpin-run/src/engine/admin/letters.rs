//! Dead letters: events that a policy was refused for. Each holds back later events of its own key,
//! until it is given to the policy again or taken off the list.

use super::{audit, broken, changed};
use crate::admin::{By, LetterLine, Letters, Refused, Told};
use crate::engine::drive::Inner;
use crate::store::{Rows, StoreError};
use crate::world::Moment;

/// Events in one list at most.
const MANY: u32 = 1_000;

/// Parked events.
pub(super) fn list(rows: Rows<'_>, policy: Option<&str>) -> Result<Vec<LetterLine>, StoreError> {
    let mut find = rows.prepare(
        "SELECT mine.policy, mine.seq, outbox.source, mine.key, mine.tenant, outbox.at, mine.reason,
             mine.attempts, flows.id,
             (SELECT COUNT(*) FROM work AS later WHERE later.policy = mine.policy
              AND later.key = mine.key AND later.tenant IS mine.tenant AND later.seq > mine.seq
              AND later.status <> 'done')
         FROM work AS mine LEFT JOIN outbox ON outbox.seq = mine.seq
         LEFT JOIN flows ON flows.id = mine.flow AND flows.status IN ('parked', 'in_doubt')
         WHERE mine.status = 'parked' AND (?1 IS NULL OR mine.policy = ?1)
         ORDER BY mine.policy, mine.seq LIMIT ?2",
    )?;
    let lines = find.query_map((policy, MANY), |row| {
        Ok(LetterLine {
            policy: row.get(0)?,
            number: row.get(1)?,
            source: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
            key: row.get(3)?,
            tenant: row.get(4)?,
            at: Moment(row.get::<_, Option<i64>>(5)?.unwrap_or(0)).to_string(),
            reason: row.get::<_, Option<String>>(6)?.unwrap_or_default(),
            attempts: row.get(7)?,
            flow: row.get(8)?,
            behind: row.get(9)?,
        })
    })?;
    Ok(lines.collect::<Result<_, _>>()?)
}

/// Those whose flow waits for a person are left: they are decided with their flow.
const WHICH: &str = "status = 'parked' AND (?1 IS NULL OR policy = ?1) AND (?2 IS NULL OR seq = ?2)
    AND NOT EXISTS (SELECT 1 FROM flows WHERE flows.id = work.flow
        AND flows.status IN ('parked', 'in_doubt'))";

fn word(again: bool) -> &'static str {
    if again { "redrive" } else { "discard" }
}

fn shown(letters: &Letters) -> String {
    let policy = letters.policy.as_deref().unwrap_or("all policies");
    match letters.number {
        Some(number) => format!("{policy} {number}"),
        None => policy.to_owned(),
    }
}

/// What is answered when so many were settled.
pub(super) fn told(letters: &Letters, again: bool, count: usize) -> Result<Told, Refused> {
    let of = shown(letters);
    if count == 0 {
        let help = "list them with `underpin admin dead-letters`; where a flow waits for a \
                    person, decide about the flow";
        let why = format!("no event of `{of}` is parked without a flow");
        return Err(Refused::new("unknown", why, help));
    }
    let events = if count == 1 { "event" } else { "events" };
    Ok(changed(format!(
        "{}: {count} {events} of {of}",
        word(again)
    )))
}

impl Inner {
    /// Gives parked events to their policies again, or takes them off the list; how many.
    pub(super) async fn settle_letters(
        &self,
        letters: Letters,
        again: bool,
        by: &By,
    ) -> Result<usize, Refused> {
        let (now, by) = (self.core.world.now().0, by.clone());
        let written = self.store.write(move |rows| {
            let set = match again {
                true => "status = 'waiting', reason = NULL, flow = NULL, due = ?3",
                false => "status = 'done', reason = 'discarded', due = ?3",
            };
            let sql = format!("UPDATE work SET {set} WHERE {WHICH}");
            let count = rows.execute(&sql, (&letters.policy, letters.number, now))?;
            if count > 0 {
                audit::note(rows, now, &by, word(again), &shown(&letters))?;
            }
            Ok(count)
        });
        let count = written.await.map_err(|error| broken(&error))?;
        self.wake.notify_one();
        Ok(count)
    }
}
