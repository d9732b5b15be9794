//! Times of the calendar: five fields (minute, hour, day of month, month, day of week) in a zone.
//! Where both days are restricted, either will do, as in every cron since Vixie's.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// No date is looked for further ahead: 29 February comes at most eight years later.
const DAYS_AHEAD: usize = 8 * 366;

impl Cron {
    /// Reads an expression; none where it is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return None;
        };
        let weekdays = set(weekday, 0, 7, &WEEKDAYS, 0)?;
        Some(Self {
            minutes: set(minute, 0, 59, &[], 0)?,
            hours: set(hour, 0, 23, &[], 0)?,
            days: set(day, 1, 31, &[], 0)?,
            months: set(month, 1, 12, &MONTHS, 1)?,
            // Sunday is 0 and 7.
            weekdays: if weekdays & (1 << 7) == 0 {
                weekdays
            } else {
                weekdays | 1
            },
            any_day: day.starts_with('*'),
            any_weekday: weekday.starts_with('*'),
        })
    }

    /// The first time after `micros` (since 1970), in a zone.
    pub(super) fn next(&self, micros: i64, zone: &str) -> Option<i64> {
        let zone = TimeZone::get(zone).ok()?;
        let now = Timestamp::from_microsecond(micros).ok()?;
        let mut day = now.to_zoned(zone.clone()).date();
        for _ in 0..DAYS_AHEAD {
            if self.on(day) {
                let times = (0..24)
                    .filter(|hour| self.hours & (1 << hour) != 0)
                    .flat_map(|hour| {
                        let minutes = (0..60).filter(|minute| self.minutes & (1 << minute) != 0);
                        minutes.map(move |minute| (hour, minute))
                    });
                for (hour, minute) in times {
                    let at = day
                        .at(hour, minute, 0, 0)
                        .to_zoned(zone.clone())
                        .ok()?
                        .timestamp();
                    if at > now {
                        return Some(at.as_microsecond());
                    }
                }
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    fn on(&self, day: Date) -> bool {
        let month = self.months & (1 << day.month()) != 0;
        let of_month = self.days & (1 << day.day()) != 0;
        let of_week = self.weekdays & (1 << day.weekday().to_sunday_zero_offset()) != 0;
        let either = !self.any_day && !self.any_weekday;
        month
            && if either {
                of_month || of_week
            } else {
                of_month && of_week
            }
    }
}

/// The set of a field: lists, ranges, steps, names.
fn set(field: &str, low: u32, high: u32, names: &[&str], first: u32) -> Option<u64> {
    let number = |text: &str| -> Option<u32> {
        let lower = text.to_ascii_lowercase();
        let named = names.iter().position(|name| *name == lower);
        let found = match named {
            Some(at) => u32::try_from(at).ok()? + first,
            None => text.parse().ok()?,
        };
        (low..=high).contains(&found).then_some(found)
    };
    let mut bits = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u32>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (low, high),
            (_, Some((from, to))) => (number(from)?, number(to)?),
            (one, None) if step > 1 => (number(one)?, high),
            (one, None) => (number(one)?, number(one)?),
        };
        let mut at = from;
        while at <= to {
            bits |= 1_u64 << at;
            at += step;
        }
    }
    (bits != 0).then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn at(year: i16, month: i8, day: i8, hour: i8, minute: i8, zone: &str) -> i64 {
        let zone = TimeZone::get(zone).expect("a zone");
        let at = datetime(year, month, day, hour, minute, 0, 0)
            .to_zoned(zone)
            .expect("a time");
        at.timestamp().as_microsecond()
    }

    fn next(text: &str, from: i64) -> i64 {
        Cron::parse(text)
            .expect("an expression")
            .next(from, "Europe/Berlin")
            .expect("a time")
    }

    #[test]
    fn times_follow_the_calendar_of_the_zone() {
        let zone = "Europe/Berlin";
        let start = at(2026, 3, 28, 12, 0, zone);
        for (text, expected) in [
            ("0 3 * * *", at(2026, 3, 29, 3, 0, zone)),
            ("*/15 * * * *", at(2026, 3, 28, 12, 15, zone)),
            ("30 2 * * *", at(2026, 3, 29, 3, 30, zone)),
            ("0 0 1 * *", at(2026, 4, 1, 0, 0, zone)),
            ("0 9 * * mon-fri", at(2026, 3, 30, 9, 0, zone)),
            ("0 9 * * 7", at(2026, 3, 29, 9, 0, zone)),
            ("0 0 29 2 *", at(2028, 2, 29, 0, 0, zone)),
            ("0 0 1 * mon", at(2026, 3, 30, 0, 0, zone)),
        ] {
            assert_eq!(next(text, start), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_not_read() {
        for text in [
            "",
            "* * * *",
            "60 * * * *",
            "* * 0 * *",
            "*/0 * * * *",
            "a * * * *",
        ] {
            assert_eq!(Cron::parse(text), None, "{text}");
        }
    }
}
