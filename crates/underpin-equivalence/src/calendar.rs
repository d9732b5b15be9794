//! Calendar expressions, read minute by minute: slow, and so plain that it can be believed.

use jiff::{Timestamp, ToSpan, tz::TimeZone};

/// The next minute after `now` (µs) that a five-field expression names in a zone, within a year.
#[must_use]
pub fn next(expression: &str, zone: &str, now: i64) -> Option<i64> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        return None;
    };
    let zone = TimeZone::get(zone).ok()?;
    let start = Timestamp::from_second(now.div_euclid(60_000_000) * 60 + 60).ok()?;
    for minutes in 0..527_040_i64 {
        let at = start.checked_add(minutes.minutes()).ok()?;
        let local = at.to_zoned(zone.clone());
        let days = (
            fits(day, i64::from(local.day())),
            fits(weekday, i64::from(local.weekday().to_sunday_zero_offset())),
        );
        let on = match (*day, *weekday) {
            ("*", _) => days.1,
            (_, "*") => days.0,
            _ => days.0 || days.1,
        };
        if on
            && fits(minute, i64::from(local.minute()))
            && fits(hour, i64::from(local.hour()))
            && fits(month, i64::from(local.month()))
        {
            return at.as_second().checked_mul(1_000_000);
        }
    }
    None
}

/// Whether a field (`*`, `5`, `1-5`, `*/15`, lists of these) names a number.
fn fits(field: &str, number: i64) -> bool {
    field.split(',').any(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let step = step.parse::<i64>().unwrap_or(1).max(1);
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (0, i64::MAX),
            Some((from, to)) => (from.parse().unwrap_or(0), to.parse().unwrap_or(0)),
            None => {
                let one = range.parse().unwrap_or(-1);
                (one, if part.contains('/') { i64::MAX } else { one })
            }
        };
        let number = if number == 0 && from == 7 { 7 } else { number };
        number >= from && number <= to && (number - from) % step == 0
    })
}
