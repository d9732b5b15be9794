//! Quantities with a unit, exact: no floating point, so the same bytes on every machine.

use std::fmt;
use std::sync::Arc;

/// A decimal number with nine fractional digits, between ±9,223,372,036.854775807.
///
/// Arithmetic is checked: `None` means overflow, which refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal {
    nanos: i64,
}

/// How many units of 10⁻⁹ make one.
const ONE: i64 = 1_000_000_000;

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { nanos: 0 };
    /// One.
    pub const ONE: Self = Self { nanos: ONE };

    /// `nanos` times 10⁻⁹.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self { nanos }
    }

    /// The value in units of 10⁻⁹.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.nanos
    }

    /// A whole number.
    #[must_use]
    pub fn from_int(value: i64) -> Option<Self> {
        value.checked_mul(ONE).map(Self::from_nanos)
    }

    /// Reads `-12.5`, `7`, `1_000.25`; `None` where it is not a number, has more than nine
    /// fractional digits other than zeros, or does not fit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| {
            let part: String = part.chars().filter(|&c| c != '_').collect();
            (!part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())).then_some(part)
        };
        let whole: i64 = plain(whole)?.parse().ok()?;
        let fraction = plain(fraction)?;
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 9 {
            return None;
        }
        let fraction: i64 = format!("{fraction:0<9}").parse().ok()?;
        let sum = whole.checked_mul(ONE)?.checked_add(fraction)?;
        Some(Self {
            nanos: if negative { -sum } else { sum },
        })
    }

    /// Sum.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.nanos.checked_add(other.nanos).map(Self::from_nanos)
    }

    /// Difference.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.nanos.checked_sub(other.nanos).map(Self::from_nanos)
    }

    /// Product, rounded half to even in the ninth digit.
    #[must_use]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let product = i128::from(self.nanos) * i128::from(other.nanos);
        i64::try_from(div_half_even(product, i128::from(ONE))?)
            .ok()
            .map(Self::from_nanos)
    }

    /// Quotient, rounded half to even in the ninth digit; `None` for a zero divisor.
    #[must_use]
    pub fn checked_div(self, other: Self) -> Option<Self> {
        let scaled = i128::from(self.nanos) * i128::from(ONE);
        i64::try_from(div_half_even(scaled, i128::from(other.nanos))?)
            .ok()
            .map(Self::from_nanos)
    }

    /// The nearest `f64`, for formulas and plots; never for money or comparison.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "documented as the nearest double"
    )]
    pub fn to_f64(self) -> f64 {
        self.nanos as f64 / ONE as f64
    }
}

/// `a / b` rounded half to even; `None` for a zero divisor.
#[must_use]
pub fn div_half_even(a: i128, b: i128) -> Option<i128> {
    if b == 0 {
        return None;
    }
    let quotient = a.checked_div(b)?;
    let rest = a.checked_rem(b)?;
    let twice = rest.unsigned_abs().checked_mul(2)?;
    let away = match twice.cmp(&b.unsigned_abs()) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
    };
    let step = if (a < 0) == (b < 0) { 1 } else { -1 };
    Some(if away { quotient + step } else { quotient })
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.nanos < 0 { "-" } else { "" };
        let nanos = self.nanos.unsigned_abs();
        let one = ONE.unsigned_abs();
        let fraction = format!("{:09}", nanos % one);
        let fraction = fraction.trim_end_matches('0');
        match fraction {
            "" => write!(f, "{sign}{}", nanos / one),
            _ => write!(f, "{sign}{}.{fraction}", nanos / one),
        }
    }
}

/// A length of time in microseconds; may be negative in expressions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    /// Microseconds.
    pub micros: i64,
}

impl Duration {
    /// That many microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self { micros }
    }

    /// That many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self {
            micros: millis.saturating_mul(1000),
        }
    }

    /// The units that are accepted, longest first, with their microseconds. A year is 365 days.
    pub const UNITS: &'static [(&'static str, i64)] = &[
        ("y", 31_536_000_000_000),
        ("w", 604_800_000_000),
        ("d", 86_400_000_000),
        ("h", 3_600_000_000),
        ("m", 60_000_000),
        ("s", 1_000_000),
        ("ms", 1_000),
        ("us", 1),
    ];

    /// Reads `1.5s`, `30m`, `10y`, `250ms`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let split = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at_checked(split)?;
        let (_, micros) = Self::UNITS.iter().find(|(name, _)| *name == unit)?;
        let value = i128::from(Decimal::parse(number.trim_end())?.nanos()) * i128::from(*micros);
        i64::try_from(value / i128::from(ONE))
            .ok()
            .map(Self::from_micros)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.micros == 0 {
            return f.write_str("0s");
        }
        let fits = |(_, unit): &&(&str, i64)| self.micros % unit == 0;
        let (name, unit) = Self::UNITS.iter().find(fits).copied().unwrap_or(("us", 1));
        write!(f, "{}{name}", self.micros / unit)
    }
}

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// ISO 4217's code for "no currency": what amounts have in a brief that names none.
    pub const NONE: Self = Self(*b"XXX");

    /// Three upper-case ASCII letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let code: [u8; 3] = text.as_bytes().try_into().ok()?;
        code.iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Self(code))
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Digits after the point of the minor unit (ISO 4217; 2 where the list says nothing else).
    #[must_use]
    pub fn digits(&self) -> u32 {
        match self.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF"
            | "UGX" | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            _ => 2,
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often: a count per period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many in one period.
    pub count: Decimal,
    /// The period.
    pub per: Period,
}

/// What a rate counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// One second.
    Second,
    /// One minute.
    Minute,
    /// One hour.
    Hour,
    /// One day.
    Day,
    /// One calendar month; 30 days where a rate per second is needed.
    Month,
    /// One year; 365 days where a rate per second is needed.
    Year,
}

impl Period {
    /// The names that are accepted.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("s", Self::Second),
        ("min", Self::Minute),
        ("minute", Self::Minute),
        ("h", Self::Hour),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("month", Self::Month),
        ("year", Self::Year),
    ];

    /// Seconds in it, by the documented lengths.
    #[must_use]
    pub fn seconds(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Month => 2_592_000,
            Self::Year => 31_536_000,
        }
    }
}

impl Rate {
    /// Reads `30/s`, `0.01/s`, `10000/month`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (count, per) = text.split_once('/')?;
        let (_, per) = Period::NAMES.iter().find(|(name, _)| *name == per)?;
        Some(Self {
            count: Decimal::parse(count)?,
            per: *per,
        })
    }

    /// Events per second, rounded half to even in the ninth digit.
    #[must_use]
    pub fn per_second(self) -> Decimal {
        let nanos = div_half_even(
            i128::from(self.count.nanos()),
            i128::from(self.per.seconds()),
        );
        nanos
            .and_then(|n| i64::try_from(n).ok())
            .map_or(Decimal::ZERO, Decimal::from_nanos)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Period::NAMES
            .iter()
            .find(|(_, per)| *per == self.per)
            .map_or("s", |(n, _)| n);
        write!(f, "{}/{name}", self.count)
    }
}

/// A share of a whole, kept in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub Decimal);

impl Percent {
    /// Reads `99.95%`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Decimal::parse(text.strip_suffix('%')?).map(Self)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    /// The units that are accepted.
    pub const UNITS: &'static [(&'static str, u64)] = &[
        ("B", 1),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
    ];

    /// Reads `5 MiB`, `64KiB`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let split = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at_checked(split)?;
        let (_, size) = Self::UNITS.iter().find(|(name, _)| *name == unit)?;
        let nanos = u128::try_from(Decimal::parse(number.trim_end())?.nanos()).ok()?;
        u64::try_from(nanos * u128::from(*size) / ONE.unsigned_abs() as u128)
            .ok()
            .map(Self)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, unit): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*unit);
        let (name, unit) = Self::UNITS
            .iter()
            .rev()
            .find(fits)
            .copied()
            .unwrap_or(("B", 1));
        write!(f, "{} {name}", self.0 / unit)
    }
}

/// An amount per period, such as a budget: `4000 EUR/month`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoneyRate {
    /// The amount.
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
    /// The period.
    pub per: Period,
}

impl MoneyRate {
    /// Reads `4000 EUR/month`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (amount, rest) = text.split_once(' ')?;
        let (currency, per) = rest.split_once('/')?;
        let (_, per) = Period::NAMES.iter().find(|(name, _)| *name == per)?;
        Some(Self {
            amount: Decimal::parse(amount)?,
            currency: Currency::parse(currency)?,
            per: *per,
        })
    }
}

/// A text shared by reference.
pub type Text = Arc<str>;
