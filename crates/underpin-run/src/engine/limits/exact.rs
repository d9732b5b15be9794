//! Limits per day, month and year: a counter row per limit, key and calendar period (UTC), so that
//! a restart forgets nothing and no period admits more than it says.

use super::rates::Applied;
use crate::store::{Rows, StoreError};
use jiff::Unit;
use jiff::tz::TimeZone;
use rusqlite::OptionalExtension;
use underpin_brief::model::Period;

/// Begin and end of the period at `now`, µs.
fn period(per: Period, now: i64) -> (i64, i64) {
    let bounds = || -> Result<(i64, i64), jiff::Error> {
        let day = jiff::Timestamp::from_microsecond(now)?
            .to_zoned(TimeZone::UTC)
            .round(
                jiff::ZonedRound::new()
                    .smallest(Unit::Day)
                    .mode(jiff::RoundMode::Trunc),
            )?;
        let span = jiff::Span::new();
        let (begin, length) = match per {
            Period::Year => (day.first_of_year()?, span.years(1)),
            Period::Month => (day.first_of_month()?, span.months(1)),
            _ => (day, span.days(1)),
        };
        let end = begin.checked_add(length)?;
        Ok((
            begin.timestamp().as_microsecond(),
            end.timestamp().as_microsecond(),
        ))
    };
    // No clock stands outside of the years that the calendar knows.
    bounds().unwrap_or((i64::MIN, i64::MAX))
}

/// How long the period at `now` is, µs.
pub(super) fn length(per: Period, now: i64) -> i64 {
    let (begin, end) = period(per, now);
    end.saturating_sub(begin)
}

/// How many admissions of the period are used up, and when it ends.
pub(super) fn used(rows: Rows<'_>, applied: &Applied, now: i64) -> Result<(u64, i64), StoreError> {
    let (begin, end) = period(applied.rate.per, now);
    let used: Option<i64> = rows
        .prepare("SELECT used FROM quotas WHERE name = ?1 AND key = ?2 AND begins = ?3")?
        .query_row((&applied.name, &applied.key, begin), |row| row.get(0))
        .optional()?;
    Ok((
        used.and_then(|used| u64::try_from(used).ok()).unwrap_or(0),
        end,
    ))
}

/// Counts one admission by each, or by none where one is used up: that one, and how long its
/// period goes on, µs.
pub(super) fn take(
    rows: Rows<'_>,
    all: &[Applied],
    now: i64,
) -> Result<Option<(Applied, i64)>, StoreError> {
    for applied in all {
        let (used, end) = used(rows, applied, now)?;
        if used >= applied.whole() {
            return Ok(Some((applied.clone(), end.saturating_sub(now))));
        }
    }
    for applied in all {
        let (begin, _) = period(applied.rate.per, now);
        rows.execute(
            "INSERT INTO quotas VALUES (?1, ?2, ?3, 1)
             ON CONFLICT (name, key, begins) DO UPDATE SET used = used + 1",
            (&applied.name, &applied.key, begin),
        )?;
        rows.execute(
            "DELETE FROM quotas WHERE name = ?1 AND key = ?2 AND begins < ?3",
            (&applied.name, &applied.key, begin),
        )?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::period;
    use underpin_brief::model::Period;

    #[test]
    fn periods_are_those_of_the_calendar() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let now = at("2028-02-29T23:59:59.999999Z");
        for (per, begin, end) in [
            (Period::Day, "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
            (
                Period::Month,
                "2028-02-01T00:00:00Z",
                "2028-03-01T00:00:00Z",
            ),
            (Period::Year, "2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z"),
        ] {
            assert_eq!(period(per, now), (at(begin), at(end)), "{per:?}");
        }
    }
}
