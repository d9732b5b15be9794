//! The suite tested: each fault that can be planted into the engine must be found within a bounded
//! number of scripts.

use crate::briefs::Tried;
use crate::{generate, runs};
use underpin_brief::flow::Cut;
use underpin_reference::Meaning;
use underpin_run::engine::mutation::{Mutation, plant};

/// So many scripts may pass before a fault is found.
pub const BOUND: u64 = 300;

/// A fault, and after how many scripts it was found; none where it was not.
pub type Caught = (&'static str, Option<u64>);

/// Plants each fault in turn.
///
/// # Errors
/// Where a brief does not check, or a difference is found where nothing is planted.
pub fn all(given: &[Tried]) -> Result<Vec<Caught>, String> {
    let mut briefs: Vec<Tried> = given.to_vec();
    for seed in 1..=8 {
        briefs.push(generate::brief(seed)?);
    }
    let made: Vec<(Tried, Meaning)> = briefs
        .into_iter()
        .map(|tried| {
            let meaning = Meaning::new(&tried.brief);
            (tried, meaning)
        })
        .collect();
    plant(None);
    runs::held()?;
    let mut found = Vec::new();
    for (name, mutation) in Mutation::ALL {
        plant(Some(mutation));
        let caught = caught(&made, mutation);
        plant(None);
        found.push((name, caught));
    }
    Ok(found)
}

fn caught(made: &[(Tried, Meaning)], mutation: Mutation) -> Option<u64> {
    if runs::held().is_err() {
        return Some(1);
    }
    for number in 2..=BOUND {
        let at = usize::try_from(number).unwrap_or(0) % made.len().max(1);
        let (tried, meaning) = made.get(at)?;
        let cut = Cut::one(&tried.brief);
        let differs = || runs::differs(tried, meaning, &cut, number, 60).is_some();
        plant(Some(mutation));
        if differs() {
            plant(None);
            if !differs() {
                return Some(number);
            }
        }
    }
    None
}
