//! The order in which things that use one another are looked at. Knows numbers only.

use std::collections::BTreeSet;

/// Every number below `edges.len()` after all that it uses (`edges[n]`), as far as there is no
/// cycle; and the numbers that are on a cycle or behind one. Takes time in proportion to the edges.
pub(super) fn order(edges: &[Vec<usize>]) -> (Vec<usize>, BTreeSet<usize>) {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    let mut open: Vec<usize> = Vec::with_capacity(edges.len());
    for (at, uses) in edges.iter().enumerate() {
        let uses: BTreeSet<usize> = uses.iter().copied().filter(|n| *n < edges.len()).collect();
        open.push(uses.len());
        for used in uses {
            if let Some(list) = users.get_mut(used) {
                list.push(at);
            }
        }
    }
    let mut ready: BTreeSet<usize> = open
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(at, _)| at)
        .collect();
    let mut sequence = Vec::with_capacity(edges.len());
    while let Some(at) = ready.pop_first() {
        sequence.push(at);
        for user in users.get(at).into_iter().flatten() {
            if let Some(count) = open.get_mut(*user) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(*user);
                }
            }
        }
    }
    let done: BTreeSet<usize> = sequence.iter().copied().collect();
    let cyclic: BTreeSet<usize> = (0..edges.len()).filter(|at| !done.contains(at)).collect();
    sequence.extend(cyclic.iter().copied());
    (sequence, cyclic)
}
