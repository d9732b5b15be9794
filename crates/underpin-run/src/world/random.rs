//! Chance: the machine's, or one that follows from a seed. Must not know what it is drawn for.

use std::sync::Mutex;
use std::sync::PoisonError;

/// A source of uniformly distributed bytes.
pub trait Randomness: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);

    /// A number uniform over all of `u64`.
    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }
}

/// The cryptographic source of the machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemRandom;

impl Randomness for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // The library fails only where the operating system has no entropy at all, which Linux
        // does not report; ids would then repeat, so the process must not go on.
        #[expect(
            clippy::panic,
            clippy::disallowed_methods,
            reason = "this is the one place that draws; without randomness no key and no id is safe"
        )]
        if aws_lc_rs::rand::fill(bytes).is_err() {
            panic!("the operating system gave no randomness");
        }
    }
}

/// Chance that follows from a seed: SplitMix64. The same seed gives the same bytes for ever; not
/// for secrets.
#[derive(Debug)]
pub struct SeededRandom {
    state: Mutex<u64>,
}

impl SeededRandom {
    /// The sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(seed),
        }
    }
}

impl Randomness for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            for (to, from) in chunk.iter_mut().zip(mixed(*state).to_be_bytes()) {
                *to = from;
            }
        }
    }
}

/// The output function of SplitMix64 (Steele, Lea and Flood, 2014).
#[must_use]
fn mixed(state: u64) -> u64 {
    let once = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    twice ^ (twice >> 31)
}
