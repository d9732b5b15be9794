//! The promise on a few scripts of every brief: what a change can wait for. The long run is
//! `cargo xtask nightly equivalence`.
#![cfg(test)]

use underpin_equivalence::{briefs, count::Counts, runs};
use underpin_reference::Meaning;

#[test]
fn engine_and_reference_agree_on_settled_scripts() {
    let mut counts = Counts::default();
    for tried in briefs::given().unwrap() {
        if !["examples/notes", "examples/shop", "examples/clinic"].contains(&&*tried.name) {
            continue;
        }
        for (tried, name, cut) in briefs::cuts(&tried) {
            let meaning = Meaning::new(&tried.brief);
            for seed in 1..=3 {
                let cut = (name, &cut);
                if let Err(failure) =
                    runs::settled_script((&tried, cut), &meaning, seed, 40, &mut counts)
                {
                    panic!("{failure}");
                }
            }
        }
    }
    for reached in [
        "refused exists",
        "refused not-found",
        "refused forbidden",
        "call",
        "policy",
        "query rows",
    ] {
        assert!(
            counts.get(reached) > 0,
            "not reached: {reached}: {:?}",
            counts.lines()
        );
    }
}

#[test]
fn a_row_that_a_flow_will_change_again_is_busy_for_others() {
    if let Err(difference) = runs::held() {
        panic!("{difference}");
    }
}

#[test]
fn engine_and_reference_agree_on_generated_briefs() {
    let mut counts = Counts::default();
    for seed in 1..=4 {
        let tried = underpin_equivalence::generate::brief(seed).unwrap();
        let cuts = briefs::cuts(&tried);
        assert!(cuts.len() > 1, "{}: all cuts coincide", tried.name);
        for (tried, name, cut) in cuts {
            let meaning = Meaning::new(&tried.brief);
            if let Err(failure) =
                runs::settled_script((&tried, (name, &cut)), &meaning, seed, 50, &mut counts)
            {
                panic!("{failure}");
            }
        }
    }
    for reached in ["undo", "call", "policy"] {
        assert!(
            counts.get(reached) > 0,
            "not reached: {reached}: {:?}",
            counts.lines()
        );
    }
}
