//! Ids: 26 characters that sort by the time of their birth (the ULID form). Must not know what
//! they are for.

use super::{Clock, Moment, Randomness};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How many characters an id has.
const LENGTH: usize = 26;

/// An id: 48 bits of milliseconds, 80 bits of chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u128);

impl Id {
    /// Reads the 26 characters; lower case is understood.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != LENGTH {
            return None;
        }
        let mut bits: u128 = 0;
        for (at, byte) in text.bytes().enumerate() {
            let upper = byte.to_ascii_uppercase();
            let digit = ALPHABET.iter().position(|&symbol| symbol == upper)?;
            // 26 × 5 bits are 130: the first digit has only three.
            if at == 0 && digit > 7 {
                return None;
            }
            bits = (bits << 5) | u128::try_from(digit).ok()?;
        }
        Some(Self(bits))
    }

    /// When it was given out, to the millisecond.
    #[must_use]
    pub fn born(self) -> Moment {
        Moment(
            i64::try_from(self.0 >> 80)
                .unwrap_or(0)
                .saturating_mul(1000),
        )
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(LENGTH);
        for place in (0..LENGTH).rev() {
            let digit = usize::try_from((self.0 >> (5 * place)) & 31).unwrap_or(0);
            text.push(ALPHABET.get(digit).copied().map_or('0', char::from));
        }
        f.pad(&text)
    }
}

/// Gives out ids, each greater than every one before it.
pub struct Ids {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
    last: Mutex<u128>,
}

impl Ids {
    /// Ids of that clock and chance.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Randomness>) -> Self {
        Self {
            clock,
            random,
            last: Mutex::new(0),
        }
    }

    /// The next one. Within a millisecond, and while the clock stands back, ids count up.
    #[must_use]
    pub fn next(&self) -> Id {
        let millis = u128::try_from(self.clock.now().0.div_euclid(1000).max(0)).unwrap_or(0);
        let mut chance = [0; 16];
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if millis <= *last >> 80 {
            *last = last.wrapping_add(1);
        } else {
            let (_, low) = chance.split_at_mut(6);
            self.random.fill(low);
            *last = (millis << 80) | u128::from_be_bytes(chance);
        }
        Id(*last)
    }
}
