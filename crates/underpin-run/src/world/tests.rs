//! Clocks, chance and ids.

use super::*;
use std::time::Duration;

const START: Moment = Moment(1_733_000_000_000_000);

#[test]
fn ids_sort_by_birth_even_within_a_millisecond_and_when_the_clock_steps_back() {
    let (world, clock) = World::settable(START, 1);
    let mut given: Vec<String> = (0..100).map(|_| world.id().to_string()).collect();
    clock.set(Moment(START.0 - 5_000_000));
    given.push(world.id().to_string());
    clock.advance(Duration::from_secs(10));
    given.push(world.id().to_string());
    let mut sorted = given.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(given, sorted);
}

#[test]
fn an_id_reads_back_and_tells_its_birth() {
    let (world, _) = World::settable(START, 7);
    let id = world.id();
    let text = id.to_string();
    assert_eq!(text.len(), 26);
    assert_eq!(Id::parse(&text), Some(id));
    assert_eq!(Id::parse(&text.to_lowercase()), Some(id));
    assert_eq!(id.born(), START);
    for bad in [
        "",
        "short",
        "81ARZ3NDEKTSV4RRFFQ69G5FAV",
        "01ARZ3NDEKTSV4RRFFQ69G5FAI",
    ] {
        assert_eq!(Id::parse(bad), None, "{bad}");
    }
}

#[test]
fn the_same_seed_gives_the_same_ids() {
    let ids = |seed| {
        let (world, clock) = World::settable(START, seed);
        (0..5)
            .map(|_| {
                clock.advance(Duration::from_millis(1));
                world.id()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(3), ids(3));
    assert_ne!(ids(3), ids(4));
}

#[tokio::test]
async fn a_wait_ends_when_the_clock_is_set() {
    let (world, clock) = World::settable(START, 1);
    let at = START.plus(Duration::from_secs(1800));
    let waiting = tokio::spawn(async move { world.clock.until(at).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    clock.set(at);
    waiting.await.expect("the wait ends");
}

#[test]
fn moments_are_shown_as_rfc_3339() {
    assert_eq!(START.to_string(), "2024-11-30T20:53:20Z");
}
