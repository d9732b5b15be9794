//! Days, instants and durations as text, strictly as documented: RFC 3339 and the part of
//! ISO 8601 durations whose length does not depend on a calendar.

use std::fmt;

const DAY: i64 = 86_400_000_000;

/// A day that shows itself as text.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Day(pub(super) i32);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_date(self.0))
    }
}

/// A duration that shows itself as text.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Span(pub(super) i64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_duration(self.0))
    }
}

/// The pattern of durations, as JSON Schema has it.
pub(super) const DURATION: &str = "^-?P([0-9]{1,5}D|([0-9]{1,5}D)?T([0-9]{1,7}H([0-9]{1,9}M)?([0-9]{1,11}(\\.[0-9]{1,6})?S)?|[0-9]{1,9}M([0-9]{1,11}(\\.[0-9]{1,6})?S)?|[0-9]{1,11}(\\.[0-9]{1,6})?S))$";

fn number(text: &str, width: usize) -> Option<i64> {
    let plain = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a Gregorian day (the well-known closed form over 400-year eras).
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The Gregorian day of days since 1970-01-01.
fn day_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// `2026-11-22` as days since 1970-01-01; years 0001 to 9999.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4)?;
    let month = number(parts.next()?, 2)?;
    let day = number(parts.next()?, 2)?;
    let fits = year >= 1
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && parts.next().is_none();
    if fits {
        i32::try_from(days_of(year, month, day)).ok()
    } else {
        None
    }
}

/// Days since 1970-01-01 as `2026-11-22`.
pub(super) fn show_date(days: i32) -> String {
    let (year, month, day) = day_of(i64::from(days));
    format!("{year:04}-{month:02}-{day:02}")
}

/// RFC 3339 as microseconds since 1970-01-01T00:00:00Z; further digits of a second are dropped,
/// a leap second is the last microsecond before it.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    let (day, rest) = text.split_once(['T', 't'])?;
    let days = i64::from(parse_date(day)?);
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(zone_at)?;
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    let mut parts = clock.split(':');
    let hour = number(parts.next()?, 2)?;
    let minute = number(parts.next()?, 2)?;
    let second = number(parts.next()?, 2)?;
    if hour > 23 || minute > 59 || second > 60 || parts.next().is_some() {
        return None;
    }
    let micros = if second == 60 {
        999_999
    } else {
        fraction_micros(fraction)?
    };
    let seconds = hour * 3_600 + minute * 60 + second.min(59) - offset_seconds(zone)?;
    Some(days * DAY + seconds * 1_000_000 + micros)
}

fn fraction_micros(fraction: Option<&str>) -> Option<i64> {
    let Some(digits) = fraction else {
        return Some(0);
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept: String = digits.chars().chain("000000".chars()).take(6).collect();
    kept.parse().ok()
}

fn offset_seconds(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, clock) = match zone.strip_prefix('-') {
        Some(clock) => (-1, clock),
        None => (1, zone.strip_prefix('+')?),
    };
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Microseconds since 1970-01-01T00:00:00Z as RFC 3339 in UTC, as many digits as needed.
pub(super) fn show_time(micros: i64) -> String {
    let (days, rest) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let (year, month, day) = day_of(days);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = show_fraction(fraction);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

fn show_fraction(micros: i64) -> String {
    if micros == 0 {
        return String::new();
    }
    let digits = format!("{micros:06}");
    format!(".{}", digits.trim_end_matches('0'))
}

/// `P1DT2H3M4.5S` in microseconds; no years, months or weeks.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let text = text.strip_prefix('P')?;
    let (days, clock) = match text.split_once('T') {
        Some((_, "")) => return None,
        Some((days, clock)) => (days, clock),
        None if text.is_empty() => return None,
        None => (text, ""),
    };
    let mut micros = 0_i64;
    if !days.is_empty() {
        micros += part(days.strip_suffix('D')?, 5)? * DAY;
    }
    let mut rest = clock;
    for (unit, width, length) in [('H', 7, 3_600_000_000), ('M', 9, 60_000_000)] {
        if let Some((value, after)) = rest.split_once(unit) {
            micros += part(value, width)? * length;
            rest = after;
        }
    }
    if !rest.is_empty() {
        micros += seconds_micros(rest.strip_suffix('S')?)?;
    }
    Some(sign * micros)
}

fn part(digits: &str, longest: usize) -> Option<i64> {
    let plain = (1..=longest).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn seconds_micros(text: &str) -> Option<i64> {
    let (seconds, fraction) = match text.split_once('.') {
        Some((_, fraction)) if fraction.len() > 6 => return None,
        Some((seconds, fraction)) => (seconds, Some(fraction)),
        None => (text, None),
    };
    Some(part(seconds, 11)? * 1_000_000 + fraction_micros(fraction)?)
}

/// Microseconds as `PT1H30M`, `PT0S`, `-PT0.5S`.
pub(super) fn show_duration(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let total = micros.unsigned_abs();
    let (seconds, fraction) = (total / 1_000_000, total % 1_000_000);
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{sign}PT");
    if hours > 0 {
        text.push_str(&format!("{hours}H"));
    }
    if minutes > 0 {
        text.push_str(&format!("{minutes}M"));
    }
    if rest > 0 || fraction > 0 || seconds == 0 {
        let fraction = show_fraction(i64::try_from(fraction).unwrap_or(0));
        text.push_str(&format!("{rest}{fraction}S"));
    }
    text
}
