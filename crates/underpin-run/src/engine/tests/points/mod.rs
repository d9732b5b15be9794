//! Every flow of every brief at hand is stopped at the places where it can be stopped: before each
//! statement, commit, call and undo, after each commit, and after each call with its answer lost. On
//! the same folder it must come to the end that it comes to without a crash.
//!
//! Flows are found by sampling: whatever succeeds becomes a case, with the folder as it was before.
//! `UNDERPIN_CRASH_EVERY=10` tries a tenth of the places, `UNDERPIN_CRASH_ONLY=…` flows of that name.

mod cases;
mod laws;
mod site;

use super::house::brief;
use cases::{Case, Clean};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `work` on every item, on every processor; what it says in the order of items.
fn abreast<I: Send + Sync, O: Send>(items: &[I], work: impl Fn(&I) -> O + Sync) -> Vec<O> {
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, O>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(2, |count| count.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(item) = items.get(at) else { return };
                    let said = work(item);
                    done.lock().unwrap().insert(at, said);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn briefs() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (of, folder) in [("", "examples"), ("brief ", "tests/briefs")] {
        let folder = format!("{}/../../{folder}", env!("CARGO_MANIFEST_DIR"));
        for file in std::fs::read_dir(folder).expect("the folder").flatten() {
            let path = file.path();
            if path.extension().is_some_and(|end| end == "kdl") {
                let name = format!("{of}{}", path.file_stem().expect("a name").display());
                let text = std::fs::read_to_string(&path).expect("a text");
                found.push((name, text));
            }
        }
    }
    found.sort();
    found
}

/// One place in so many is tried.
fn every() -> usize {
    let said = std::env::var("UNDERPIN_CRASH_EVERY").ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(1).max(1)
}

#[test]
fn a_flow_of_any_brief_survives_a_crash_at_any_place() {
    let only = std::env::var("UNDERPIN_CRASH_ONLY").unwrap_or_default();
    let all = briefs();
    let found = abreast(&all, |(name, text)| block(cases::find(name, &brief(text))));
    let (mut cases, mut unreached) = (Vec::new(), Vec::new());
    for (some, none) in found {
        cases.extend(some);
        unreached.extend(none);
    }
    cases.retain(|case| case.name.contains(&only));
    let clean: Vec<Result<Clean, String>> = abreast(&cases, |case| block(case.clean()));
    let mut failed = Vec::new();
    let mut trials: Vec<(&Case, &Clean, usize)> = Vec::new();
    for (number, (case, clean)) in cases.iter().zip(&clean).enumerate() {
        match clean {
            Err(why) => failed.push(format!("{}: without a crash: {why}", case.name)),
            Ok(clean) => trials.extend(
                (0..clean.places.len())
                    .filter(|place| (place + number) % every() == 0)
                    .map(|place| (case, clean, place)),
            ),
        }
    }
    let said = abreast(&trials, |(case, clean, place)| {
        block(case.crash(clean, *place))
    });
    let mut ran: BTreeMap<&str, usize> = BTreeMap::new();
    for ((case, clean, place), said) in trials.iter().zip(said) {
        *ran.entry(&case.name).or_default() += 1;
        if let Err(why) = said {
            let at = &clean.places[*place];
            failed.push(format!("{} at place {place} (`{at}`): {why}", case.name));
        }
    }
    for (case, clean) in cases.iter().zip(&clean) {
        let places = clean.as_ref().map_or(0, |clean| clean.places.len());
        let tried = ran.get(&*case.name).copied().unwrap_or(0);
        println!("{}: {places} places, {tried} tried", case.name);
    }
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, clean, place) in &trials {
        let name = clean.places[*place].as_str();
        let kind = if name.contains(' ') {
            "statement"
        } else {
            name
        };
        *kinds.entry(kind).or_default() += 1;
    }
    println!("{kinds:?}");
    let places: usize = clean.iter().flatten().map(|clean| clean.places.len()).sum();
    let (flows, tried) = (cases.len(), trials.len());
    println!("{flows} flows with {places} places, {tried} tried");
    println!("no sample reaches: {}", unreached.join(", "));
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(
        !only.is_empty() || flows > 2 * all.len(),
        "only {flows} flows"
    );
}
