//! Calls whose value is known as soon as they are read.

use super::super::ast::AstKind;
use super::functions::Call;
use super::{Checker, Typed};
use crate::codes::expressions as codes;
use crate::model::{Currency, Decimal, Duration, ExprKind, Type, Value};

impl Checker<'_, '_> {
    /// `duration('10m')`, `money('5.00')` and `date('2027-01-31')` are values known now.
    pub(super) fn constant(&mut self, call: &Call<'_>) -> Option<Typed> {
        let texts = call.arguments.iter().map(|argument| match &argument.kind {
            AstKind::Text(text) => Some(&**text),
            _ => None,
        });
        let texts: Option<Vec<&str>> = texts.collect();
        let literal = |value, ty| Some(Typed::hard(ExprKind::Literal(value), ty, call.span));
        let (value, ty, what) = match (&*call.name.text, texts?.as_slice()) {
            ("duration", [text]) => {
                let value = Duration::parse(text).map(Value::Duration);
                (
                    value,
                    Type::Duration,
                    "a length of time such as `30m` or `1.5s`",
                )
            }
            ("date", [text]) => (
                date(text).map(Value::Date),
                Type::Date,
                "a day such as `2027-01-31`",
            ),
            ("money", [text]) => {
                let currency = self.scope.signatures.currency;
                (
                    amount(text, currency),
                    Type::Money,
                    "an amount such as `5.00` in its currency",
                )
            }
            ("money", [text, currency]) => {
                let value = Currency::parse(currency).and_then(|known| amount(text, known));
                (
                    value,
                    Type::Money,
                    "an amount and a currency such as `'5.00', 'EUR'`",
                )
            }
            _ => return None,
        };
        match value {
            Some(value) => literal(value, ty),
            None => {
                let written = self.written(call.span);
                let message = format!("`{written}` is not {what}");
                self.error(codes::U0315, call.span, message);
                Some(self.broken(call.span))
            }
        }
    }
}

/// A day as it is written, in days since 1970-01-01.
fn date(text: &str) -> Option<i32> {
    let day: jiff::civil::Date = text.parse().ok()?;
    let since = day.since(jiff::civil::Date::new(1970, 1, 1).ok()?).ok()?;
    Some(since.get_days())
}

/// An amount as it is written, exact in the minor units of its currency.
pub(crate) fn amount(text: &str, currency: Currency) -> Option<Value> {
    let scale = 10_i64.checked_pow(9_u32.checked_sub(currency.digits())?)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > currency.digits() as usize || text.ends_with('.') {
        return None;
    }
    // Amounts reach further than decimals, so that the whole part is read on its own.
    let minor = 10_i64.checked_pow(currency.digits())?;
    let negative = whole.starts_with('-');
    let digits = whole.trim_start_matches(['-', '+']);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return None;
    }
    let digits: String = digits.chars().filter(|c| *c != '_').collect();
    let units = digits.parse::<i64>().ok()?.checked_mul(minor)?;
    let rest = Decimal::parse(&format!("0.{fraction:0<1}"))?.nanos() / scale;
    let sum = units.checked_add(rest)?;
    Some(Value::Money(if negative { -sum } else { sum }, currency))
}
