//! The outside world as values: what time it is, what is drawn by chance, which ids are next.
//! Everything that runs takes a [`World`]; nothing else in this crate reads the real clock or a
//! random source, so a test or a simulation can be the world.

mod clock;
mod ids;
mod random;

pub use clock::{Clock, ManualClock, Moment, SystemClock, Waiting};
pub use ids::{Id, Ids};
pub use random::{Randomness, SeededRandom, SystemRandom};

use std::sync::Arc;

/// Clock, chance and ids. Cheap to clone; clones share all three.
#[derive(Clone)]
pub struct World {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What chance gives.
    pub random: Arc<dyn Randomness>,
    /// The ids given out.
    pub ids: Arc<Ids>,
}

impl World {
    /// The world of that clock and chance.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Randomness>) -> Self {
        let ids = Arc::new(Ids::new(Arc::clone(&clock), Arc::clone(&random)));
        Self { clock, random, ids }
    }

    /// The real one.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemRandom))
    }

    /// One for tests: the clock stands at `start` until it is set, chance follows from `seed`.
    #[must_use]
    pub fn settable(start: Moment, seed: u64) -> (Self, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(start));
        (
            Self::new(
                Arc::clone(&clock) as Arc<dyn Clock>,
                Arc::new(SeededRandom::new(seed)),
            ),
            clock,
        )
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// The next id.
    #[must_use]
    pub fn id(&self) -> Id {
        self.ids.next()
    }
}

#[cfg(test)]
mod tests;
