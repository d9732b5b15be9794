//! Operators on values. Arithmetic is checked; an absent operand makes the result absent.

use super::Fault;
use crate::model::{BinaryOp, Decimal, Duration, Value, div_half_even};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

fn int(value: Option<i64>) -> Result<Value, Fault> {
    value.map(Value::Int).ok_or(Fault::Overflow)
}

fn decimal(value: Option<Decimal>) -> Result<Value, Fault> {
    value.map(Value::Decimal).ok_or(Fault::Overflow)
}

fn duration(micros: Option<i64>) -> Result<Value, Fault> {
    micros
        .map(|micros| Value::Duration(Duration::from_micros(micros)))
        .ok_or(Fault::Overflow)
}

fn time(micros: Option<i64>) -> Result<Value, Fault> {
    micros.map(Value::Time).ok_or(Fault::Overflow)
}

/// `left op right` for every operator but `&&` and `||`.
pub(super) fn binary(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, Fault> {
    if left.is_null() || right.is_null() {
        return Ok(Value::Null);
    }
    match op {
        BinaryOp::Equal => Ok(Value::Bool(left == right)),
        BinaryOp::NotEqual => Ok(Value::Bool(left != right)),
        BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual => {
            compare(op, left, right)
        }
        BinaryOp::In => Ok(Value::Bool(contains(right, left))),
        BinaryOp::Add => add(left, right),
        BinaryOp::Subtract => subtract(left, right),
        BinaryOp::Multiply => multiply(left, right),
        BinaryOp::Divide => divide(left, right),
        BinaryOp::Remainder => remainder(left, right),
        BinaryOp::And | BinaryOp::Or => Err(mixed()),
    }
}

/// What the checker rules out.
fn mixed() -> Fault {
    Fault::Invalid("an operator met values of other types than it was checked for".into())
}

fn compare(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, Fault> {
    if let (Value::Money(_, a), Value::Money(_, b)) = (left, right)
        && a != b
    {
        return Err(Fault::CurrencyMismatch);
    }
    Ok(Value::Bool(match op {
        BinaryOp::Less => left < right,
        BinaryOp::LessEqual => left <= right,
        BinaryOp::Greater => left > right,
        _ => left >= right,
    }))
}

fn contains(whole: &Value, item: &Value) -> bool {
    match whole {
        Value::List(items) => items.contains(item),
        Value::Map(map) => map.contains_key(item),
        _ => false,
    }
}

pub(super) fn add(left: &Value, right: &Value) -> Result<Value, Fault> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_add(*b)),
        (Value::Decimal(a), Value::Decimal(b)) => decimal(a.checked_add(*b)),
        (Value::Money(a, x), Value::Money(b, y)) if x == y => a
            .checked_add(*b)
            .map(|sum| Value::Money(sum, *x))
            .ok_or(Fault::Overflow),
        (Value::Money(..), Value::Money(..)) => Err(Fault::CurrencyMismatch),
        (Value::Text(a), Value::Text(b)) => Ok(Value::Text(format!("{a}{b}").into())),
        (Value::List(a), Value::List(b)) => {
            Ok(Value::List(a.iter().chain(&**b).cloned().collect()))
        }
        (Value::Time(at), Value::Duration(by)) | (Value::Duration(by), Value::Time(at)) => {
            time(at.checked_add(by.micros))
        }
        (Value::Duration(a), Value::Duration(b)) => duration(a.micros.checked_add(b.micros)),
        (Value::Date(day), Value::Duration(by)) => shift(*day, by.micros),
        _ => Err(mixed()),
    }
}

fn subtract(left: &Value, right: &Value) -> Result<Value, Fault> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_sub(*b)),
        (Value::Decimal(a), Value::Decimal(b)) => decimal(a.checked_sub(*b)),
        (Value::Money(a, x), Value::Money(b, y)) if x == y => a
            .checked_sub(*b)
            .map(|rest| Value::Money(rest, *x))
            .ok_or(Fault::Overflow),
        (Value::Money(..), Value::Money(..)) => Err(Fault::CurrencyMismatch),
        (Value::Time(a), Value::Time(b)) => duration(a.checked_sub(*b)),
        (Value::Time(at), Value::Duration(by)) => time(at.checked_sub(by.micros)),
        (Value::Duration(a), Value::Duration(b)) => duration(a.micros.checked_sub(b.micros)),
        (Value::Date(a), Value::Date(b)) => {
            duration((i64::from(*a) - i64::from(*b)).checked_mul(DAY))
        }
        (Value::Date(day), Value::Duration(by)) => {
            shift(*day, by.micros.checked_neg().ok_or(Fault::Overflow)?)
        }
        _ => Err(mixed()),
    }
}

/// A day moved by whole days.
fn shift(day: i32, micros: i64) -> Result<Value, Fault> {
    if micros % DAY != 0 {
        return Err(Fault::Invalid("a date moves by whole days only".into()));
    }
    let moved = i64::from(day)
        .checked_add(micros / DAY)
        .ok_or(Fault::Overflow)?;
    i32::try_from(moved)
        .map(Value::Date)
        .map_err(|_| Fault::Overflow)
}

fn multiply(left: &Value, right: &Value) -> Result<Value, Fault> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_mul(*b)),
        (Value::Decimal(a), Value::Decimal(b)) => decimal(a.checked_mul(*b)),
        (Value::Money(amount, currency), Value::Int(by))
        | (Value::Int(by), Value::Money(amount, currency)) => {
            let product = amount.checked_mul(*by).ok_or(Fault::Overflow)?;
            Ok(Value::Money(product, *currency))
        }
        (Value::Money(amount, currency), Value::Decimal(by))
        | (Value::Decimal(by), Value::Money(amount, currency)) => {
            let product = i128::from(*amount) * i128::from(by.nanos());
            let rounded = div_half_even(product, i128::from(Decimal::ONE.nanos()));
            let rounded = rounded.and_then(|minor| i64::try_from(minor).ok());
            rounded
                .map(|minor| Value::Money(minor, *currency))
                .ok_or(Fault::Overflow)
        }
        (Value::Duration(length), Value::Int(by)) | (Value::Int(by), Value::Duration(length)) => {
            duration(length.micros.checked_mul(*by))
        }
        _ => Err(mixed()),
    }
}

fn divide(left: &Value, right: &Value) -> Result<Value, Fault> {
    match (left, right) {
        (_, Value::Int(0)) | (_, Value::Money(0, _)) => Err(Fault::DivisionByZero),
        (_, Value::Decimal(zero)) if *zero == Decimal::ZERO => Err(Fault::DivisionByZero),
        (Value::Int(a), Value::Int(b)) => int(a.checked_div(*b)),
        (Value::Decimal(a), Value::Decimal(b)) => decimal(a.checked_div(*b)),
        (Value::Money(a, x), Value::Money(b, y)) if x == y => ratio(*a, *b),
        (Value::Money(..), Value::Money(..)) => Err(Fault::CurrencyMismatch),
        (Value::Duration(a), Value::Duration(b)) => ratio(a.micros, b.micros),
        _ => Err(mixed()),
    }
}

/// How often `b` goes into `a`, rounded half to even.
fn ratio(a: i64, b: i64) -> Result<Value, Fault> {
    if b == 0 {
        return Err(Fault::DivisionByZero);
    }
    let scaled = i128::from(a) * i128::from(Decimal::ONE.nanos());
    let quotient = div_half_even(scaled, i128::from(b));
    let nanos = quotient.and_then(|nanos| i64::try_from(nanos).ok());
    decimal(nanos.map(Decimal::from_nanos))
}

fn remainder(left: &Value, right: &Value) -> Result<Value, Fault> {
    match (left, right) {
        (Value::Int(_), Value::Int(0)) => Err(Fault::DivisionByZero),
        (Value::Int(a), Value::Int(b)) => int(a.checked_rem(*b)),
        _ => Err(mixed()),
    }
}

/// `-value`.
pub(super) fn negate(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Int(a) => int(a.checked_neg()),
        Value::Decimal(a) => decimal(a.nanos().checked_neg().map(Decimal::from_nanos)),
        Value::Money(a, currency) => a
            .checked_neg()
            .map(|a| Value::Money(a, *currency))
            .ok_or(Fault::Overflow),
        Value::Duration(a) => duration(a.micros.checked_neg()),
        _ => Err(mixed()),
    }
}
