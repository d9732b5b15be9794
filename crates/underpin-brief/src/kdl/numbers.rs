//! What a number is worth. Knows KDL's number grammar, no units.

use super::ast::Value;

/// Why a word that begins like a number is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotANumber {
    /// Almost a number: a digit is missing or wrong.
    Malformed,
    /// A number with something attached: a quantity, a range, a date.
    Quantity,
}

/// Whether a bare word would have to be a number: it begins with a digit, perhaps after a sign, a
/// point or both.
pub(super) fn begins_like_a_number(word: &str) -> bool {
    let rest = word.strip_prefix(['+', '-']).unwrap_or(word);
    rest.strip_prefix('.')
        .unwrap_or(rest)
        .starts_with(|c: char| c.is_ascii_digit())
}

/// The value of `word`, which begins like a number.
pub(super) fn value(word: &str) -> Result<Value, NotANumber> {
    let negative = word.starts_with('-');
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    let based = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, radix)));
    if let Some((digits, radix)) = based {
        return if is_integer(digits, radix) {
            Ok(integer(word, digits, negative, radix))
        } else {
            Err(NotANumber::Malformed)
        };
    }
    if is_integer(digits, 10) {
        return Ok(integer(word, digits, negative, 10));
    }
    if is_decimal(digits) {
        return Ok(Value::Decimal(plain(word).into()));
    }
    Err(explain(digits))
}

fn is_integer(digits: &str, radix: u32) -> bool {
    digits.starts_with(|c: char| c.is_digit(radix))
        && digits.chars().all(|c| c == '_' || c.is_digit(radix))
}

fn is_decimal(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        is_integer(exponent.strip_prefix(['+', '-']).unwrap_or(exponent), 10)
    });
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    exponent_fits
        && is_integer(whole, 10)
        && fraction.is_none_or(|fraction| is_integer(fraction, 10))
}

fn plain(word: &str) -> String {
    word.chars().filter(|&c| c != '_').collect()
}

fn integer(word: &str, digits: &str, negative: bool, radix: u32) -> Value {
    let mut total = Some(0i128);
    for digit in digits.chars().filter_map(|c| c.to_digit(radix)) {
        total = total
            .and_then(|total| total.checked_mul(i128::from(radix)))
            .and_then(|total| {
                let digit = i128::from(digit);
                if negative {
                    total.checked_sub(digit)
                } else {
                    total.checked_add(digit)
                }
            });
    }
    total.map_or_else(|| Value::Large(plain(word).into()), Value::Integer)
}

fn explain(digits: &str) -> NotANumber {
    let signs_follow_e = digits
        .char_indices()
        .filter(|(_, c)| matches!(c, '+' | '-'))
        .all(|(at, _)| {
            digits
                .get(..at)
                .is_some_and(|before| before.ends_with(['e', 'E']))
        });
    let numeric = digits
        .chars()
        .all(|c| matches!(c, '0'..='9' | '.' | '_' | 'e' | 'E' | '+' | '-'));
    if numeric && signs_follow_e && !digits.contains("..") {
        NotANumber::Malformed
    } else {
        NotANumber::Quantity
    }
}
