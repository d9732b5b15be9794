//! What an argument or a property may hold, how a value is compared with it, and what helps where
//! it does not fit.

use crate::kdl::{Entry, Value};
use crate::model::{Bytes, Currency, Decimal, Duration, MoneyRate, Percent, Period, Rate};

/// How a new name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// `snake_case`: fields, bindings, flags, values of enums.
    Snake,
    /// `PascalCase`: types, events, views.
    Pascal,
    /// `kebab-case`: everything else.
    Kebab,
    /// `kebab-case` or `snake_case`: flags, which expressions read with `_`.
    Either,
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A new name.
    Name(Case),
    /// A word that names something.
    Word,
    /// A word or a dotted path of words.
    Path,
    /// A type: `text`, `Line*`, `money?`.
    Type,
    /// Any text.
    Text,
    /// An expression: a text, a number or a truth value.
    Expr,
    /// A whole number from 0.
    Int,
    /// A number.
    Number,
    /// A length of time.
    Duration,
    /// A share of a whole.
    Percent,
    /// A count per period.
    Rate,
    /// A rate or a plain number.
    Peak,
    /// A size in bytes.
    Bytes,
    /// Bits per second.
    Bandwidth,
    /// A calendar day.
    Date,
    /// How many elements: `1..100`, `..50`, `1..`, `3`.
    Count,
    /// A smallest or largest value: a number or a quantity.
    Bound,
    /// Growth per year: `40%/year`.
    Growth,
    /// An amount per period.
    Budget,
    /// A currency code.
    Currency,
    /// Five fields of a calendar.
    Cron,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Any value.
    Any,
}

impl Kind {
    /// Whether `entry` holds such a value.
    pub(crate) fn admits(self, entry: &Entry) -> bool {
        let text = entry.value.as_str();
        let quantity = |read: fn(&str) -> bool| text.is_some_and(read);
        match self {
            Self::Name(_) | Self::Word => text.is_some_and(|word| !word.is_empty()),
            Self::Path => quantity(is_path),
            Self::Type => quantity(is_type),
            Self::Text => text.is_some(),
            Self::Expr => !matches!(
                entry.value,
                Value::Infinity | Value::NegativeInfinity | Value::NotANumber
            ),
            Self::Int => natural(&entry.value).is_some(),
            Self::Number => decimal(&entry.value).is_some(),
            Self::Duration => quantity(|t| positive_duration(t).is_some()),
            Self::Percent => quantity(|t| percent(t).is_some()),
            Self::Rate => quantity(|t| rate(t).is_some()),
            Self::Peak => natural(&entry.value).is_some() || quantity(|t| rate(t).is_some()),
            Self::Bytes => quantity(|t| Bytes::parse(t).is_some()),
            Self::Bandwidth => quantity(|t| bandwidth(t).is_some()),
            Self::Date => quantity(|t| day(t).is_some()),
            Self::Count => count(&entry.value).is_some(),
            Self::Bound => decimal(&entry.value).is_some() || text.is_some(),
            Self::Growth => quantity(|t| growth(t).is_some()),
            Self::Budget => quantity(|t| MoneyRate::parse(t).is_some()),
            Self::Currency => quantity(|t| Currency::parse(t).is_some()),
            Self::Cron => quantity(|t| t.split_whitespace().count() == 5),
            Self::OneOf(words) => text.is_some_and(|word| words.contains(&word)),
            Self::Any => true,
        }
    }

    /// What is expected, for messages.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Name(_) => "a name".into(),
            Self::Word => "a name".into(),
            Self::Path => "a name or a path of names".into(),
            Self::Type => "a type such as `text`, `money?` or `Line*`".into(),
            Self::Text => "a text".into(),
            Self::Expr => "an expression".into(),
            Self::Int => "a whole number".into(),
            Self::Number => "a number".into(),
            Self::Duration => "a length of time such as `\"30s\"`, `\"1.5s\"` or `\"10y\"`".into(),
            Self::Percent => "a share such as `\"2%\"`".into(),
            Self::Rate => "a rate such as `\"30/s\"` or `\"10000/month\"`".into(),
            Self::Peak => "a rate such as `\"30/s\"` or a whole number".into(),
            Self::Bytes => "a size such as `\"5 MiB\"`".into(),
            Self::Bandwidth => "a bandwidth such as `\"2 Mbit/s\"`".into(),
            Self::Date => "a day such as `\"2027-06-30\"`".into(),
            Self::Count => "a number of elements such as `\"1..100\"`".into(),
            Self::Bound => "a number or a quantity".into(),
            Self::Growth => "a growth such as `\"40%/year\"`".into(),
            Self::Budget => "an amount such as `\"4000 EUR/month\"`".into(),
            Self::Currency => "a currency code such as `EUR`".into(),
            Self::Cron => "five fields such as `\"0 2 * * *\"`".into(),
            Self::OneOf(words) => format!("one of {}", list(words)),
            Self::Any => "a value".into(),
        }
    }

    /// The value that was probably meant, ready to be pasted.
    pub(crate) fn guess(self, entry: &Entry) -> Option<String> {
        let number = match &entry.value {
            Value::Integer(number) => Some(number.to_string()),
            Value::Decimal(number) => Some(number.to_string()),
            _ => None,
        };
        let unit = match self {
            Self::Duration => "s",
            Self::Percent => "%",
            Self::Rate => "/s",
            Self::Bytes => " B",
            Self::Growth => "%/year",
            _ => "",
        };
        if let (Some(number), false) = (&number, unit.is_empty()) {
            return Some(format!("\"{number}{unit}\""));
        }
        let text = entry.value.as_str()?;
        let tidy: String = text.split_whitespace().collect();
        match self {
            Self::Duration => spoken_duration(&tidy.to_lowercase()).map(quoted),
            Self::Percent => percent(&format!("{}%", tidy.trim_end_matches('%')))
                .map(|share| quoted(share.to_string())),
            Self::Rate | Self::Peak => spoken_rate(&tidy.to_lowercase()).map(quoted),
            Self::Int | Self::Number => Decimal::parse(text).map(|number| number.to_string()),
            Self::Currency => {
                Currency::parse(&text.to_uppercase()).map(|currency| currency.to_string())
            }
            Self::OneOf(words) => {
                crate::suggest::closest(text, words.iter().copied()).map(str::to_owned)
            }
            _ => None,
        }
    }
}

fn quoted(text: impl std::fmt::Display) -> String {
    format!("\"{text}\"")
}

/// `` `a`, `b` or `c` ``.
pub(crate) fn list<S: AsRef<str>>(words: &[S]) -> String {
    joined(words, " or ")
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn both<S: AsRef<str>>(words: &[S]) -> String {
    joined(words, " and ")
}

fn joined<S: AsRef<str>>(words: &[S], last: &str) -> String {
    let mut text = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            text.push_str(if at + 1 == words.len() { last } else { ", " });
        }
        text.push('`');
        text.push_str(word.as_ref());
        text.push('`');
    }
    text
}

fn spoken_duration(text: &str) -> Option<String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(split)?;
    let unit = match unit {
        "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "day" | "days" => "d",
        "week" | "weeks" => "w",
        "year" | "years" => "y",
        "msec" | "millis" => "ms",
        _ => unit,
    };
    let spoken = format!("{number}{unit}");
    positive_duration(&spoken).map(|_| spoken)
}

fn spoken_rate(text: &str) -> Option<String> {
    let per = text
        .replace("per", "/")
        .replace("rps", "/s")
        .replace("req/", "/");
    let (count, period) = per.split_once('/').unwrap_or((&per, "s"));
    let period = match period {
        "sec" | "second" => "s",
        "m" => "min",
        "d" => "day",
        "mo" => "month",
        other => other,
    };
    Rate::parse(&format!("{count}/{period}")).map(|rate| rate.to_string())
}

pub(crate) fn is_path(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(is_word)
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

fn is_type(text: &str) -> bool {
    is_word(text.strip_suffix(['?', '*']).unwrap_or(text))
}

/// A whole number from 0.
pub(crate) fn natural(value: &Value) -> Option<u64> {
    value
        .as_integer()
        .and_then(|number| u64::try_from(number).ok())
}

/// A number with at most nine fractional digits.
pub(crate) fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => i64::try_from(*number).ok().and_then(Decimal::from_int),
        Value::Decimal(text) => Decimal::parse(text),
        _ => None,
    }
}

/// A length of time that is not negative.
pub(crate) fn positive_duration(text: &str) -> Option<Duration> {
    Duration::parse(text).filter(|duration| duration.micros >= 0)
}

/// A share from 0 to 100 %.
pub(crate) fn percent(text: &str) -> Option<Percent> {
    let hundred = Decimal::from_int(100)?;
    Percent::parse(text).filter(|share| share.0 >= Decimal::ZERO && share.0 <= hundred)
}

/// A rate that is not negative.
pub(crate) fn rate(text: &str) -> Option<Rate> {
    Rate::parse(text).filter(|rate| rate.count >= Decimal::ZERO)
}

/// Bits per second of `2 Mbit/s`.
pub(crate) fn bandwidth(text: &str) -> Option<u64> {
    let number = text.strip_suffix("bit/s")?;
    let (number, factor) = match number.chars().last()? {
        'k' => (number.trim_end_matches('k'), 1_000),
        'M' => (number.trim_end_matches('M'), 1_000_000),
        'G' => (number.trim_end_matches('G'), 1_000_000_000),
        _ => (number, 1),
    };
    let nanos = u128::try_from(Decimal::parse(number.trim_end())?.nanos()).ok()?;
    u64::try_from(nanos * factor / 1_000_000_000).ok()
}

/// Days since 1970-01-01 of `2027-06-30`.
pub(crate) fn day(text: &str) -> Option<i32> {
    let date: jiff::civil::Date = text.parse().ok()?;
    if text.len() != 10 {
        return None;
    }
    date.since(jiff::civil::date(1970, 1, 1))
        .ok()
        .map(|span| span.get_days())
}

/// Growth in percent per year.
pub(crate) fn growth(text: &str) -> Option<Percent> {
    let (share, period) = text.split_once('/')?;
    let share = Percent::parse(share)?;
    let (_, per) = Period::NAMES.iter().find(|(name, _)| *name == period)?;
    let times = i64::from(*per == Period::Year) + 12 * i64::from(*per == Period::Month);
    (times > 0)
        .then(|| share.0.nanos().checked_mul(times))
        .flatten()
        .map(|nanos| Percent(Decimal::from_nanos(nanos)))
}

/// Least and most elements.
pub(crate) fn count(value: &Value) -> Option<(u32, Option<u32>)> {
    if let Some(exactly) = natural(value) {
        let exactly = u32::try_from(exactly).ok()?;
        return Some((exactly, Some(exactly)));
    }
    let (least, most) = value.as_str()?.split_once("..")?;
    let least = if least.is_empty() {
        0
    } else {
        least.parse().ok()?
    };
    let most = if most.is_empty() {
        None
    } else {
        Some(most.parse().ok()?)
    };
    most.is_none_or(|most| most >= least)
        .then_some((least, most))
}
