//! Runs over briefs, cuts and seeds; a failing script is made as short as it can be.

use crate::briefs::Tried;
use crate::chance::Chance;
use crate::count::Counts;
use crate::settled::{self, Difference};
use underpin_brief::flow::Cut;
use underpin_reference::Meaning;

/// The steps of a script.
#[must_use]
pub fn script(seed: u64, steps: usize) -> Vec<u64> {
    let mut chance = Chance::new(seed);
    (0..steps).map(|_| chance.number()).collect()
}

/// A script that failed, as short as it was made.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The brief.
    pub brief: String,
    /// The cut.
    pub cut: String,
    /// The seed.
    pub seed: u64,
    /// The steps that are left.
    pub steps: Vec<u64>,
    /// Where the sides part.
    pub difference: Difference,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} seed {}: after {} steps, at {}",
            self.brief,
            self.seed,
            self.steps.len(),
            self.difference.action
        )?;
        writeln!(f, "  {}", self.difference.what)?;
        write!(
            f,
            "  repeat: cargo xtask equivalence --brief {} --cut {} --seed {}",
            self.brief, self.cut, self.seed
        )
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    Ok(runtime.block_on(future))
}

fn once(
    (tried, cut): (&Tried, &Cut),
    meaning: &Meaning,
    steps: &[u64],
    counts: &mut Counts,
) -> Result<(), Difference> {
    let went = block_on(settled::run(&tried.brief, meaning, cut, steps, counts));
    went.unwrap_or_else(|what| {
        Err(Difference {
            step: 0,
            action: "opening".to_owned(),
            what,
        })
    })
}

/// Runs one settled script.
///
/// # Errors
/// The difference, with a script that was made short.
pub fn settled_script(
    (tried, (name, cut)): (&Tried, (&str, &Cut)),
    meaning: &Meaning,
    seed: u64,
    length: usize,
    counts: &mut Counts,
) -> Result<(), Box<Failure>> {
    let steps = script(seed, length);
    let Err(difference) = once((tried, cut), meaning, &steps, counts) else {
        return Ok(());
    };
    let (steps, difference) = shrink((tried, cut), meaning, steps, difference);
    Err(Box::new(Failure {
        brief: tried.name.clone(),
        cut: name.to_owned(),
        seed,
        steps,
        difference,
    }))
}

/// Plays the script of two requests for one row.
///
/// # Errors
/// Where the sides part.
pub fn held() -> Result<(), String> {
    block_on(crate::held::play())?
}

/// Whether a script of that seed finds a difference.
#[must_use]
pub fn differs(
    tried: &Tried,
    meaning: &Meaning,
    cut: &Cut,
    seed: u64,
    length: usize,
) -> Option<Difference> {
    let mut counts = Counts::default();
    once((tried, cut), meaning, &script(seed, length), &mut counts).err()
}

/// Takes steps away as long as the script still fails.
fn shrink(
    (tried, cut): (&Tried, &Cut),
    meaning: &Meaning,
    mut steps: Vec<u64>,
    mut found: Difference,
) -> (Vec<u64>, Difference) {
    steps.truncate(found.step.max(1));
    let mut size = steps.len() / 2;
    let mut tries = 60;
    while size > 0 && tries > 0 {
        let mut at = 0;
        while at < steps.len() && tries > 0 {
            tries -= 1;
            let mut fewer = steps.clone();
            fewer.drain(at..(at + size).min(steps.len()));
            match once((tried, cut), meaning, &fewer, &mut Counts::default()) {
                Err(difference) => {
                    fewer.truncate(difference.step.max(1));
                    (steps, found) = (fewer, difference);
                }
                Ok(()) => at += size,
            }
        }
        size /= 2;
    }
    (steps, found)
}
