//! The behaviour of the machines, as scripts of events and decisions.

use crate::*;

const POLICY: RetryPolicy = RetryPolicy {
    repeat: Repeat::SameKey,
    timeout: SECOND,
    attempts: Some(3),
    deadline: None,
    backoff: Backoff::STANDARD,
};

fn full() -> RetryBudget {
    RetryBudget::new(BudgetSize::STANDARD, 0)
}

fn script(policy: RetryPolicy, events: &[(i64, Event)]) -> Vec<Decision> {
    let (mut call, mut budget) = (Call::new(policy), full());
    events
        .iter()
        .map(|&(now, event)| call.step(now, event, &mut budget, u64::MAX))
        .collect()
}

fn last(policy: RetryPolicy, events: &[(i64, Event)]) -> Decision {
    *script(policy, events).last().expect("a script has events")
}

#[test]
fn an_answer_ends_the_call() {
    assert_eq!(
        script(POLICY, &[(0, Event::Ready), (5, Event::Answered)]),
        [
            Decision::Attempt {
                number: 1,
                timeout: SECOND
            },
            Decision::End(End::Answered)
        ]
    );
}

#[test]
fn a_refusal_is_never_repeated() {
    assert_eq!(
        last(POLICY, &[(0, Event::Ready), (5, Event::Refused)]),
        Decision::End(End::Refused)
    );
}

#[test]
fn waits_double_up_to_the_cap() {
    let bounds: Vec<i64> = (0..10)
        .map(|n| Backoff::STANDARD.bound(n) / MILLISECOND)
        .collect();
    assert_eq!(
        bounds,
        [100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000]
    );
    assert_eq!(Backoff::STANDARD.bound(u32::MAX), 20 * SECOND);
}

#[test]
fn jitter_spans_the_whole_range() {
    assert_eq!(Backoff::STANDARD.wait(0, 0), 0);
    assert_eq!(Backoff::STANDARD.wait(0, u64::MAX), 100 * MILLISECOND);
    assert_eq!(Backoff::STANDARD.wait(0, u64::MAX / 2), 50 * MILLISECOND);
}

#[test]
fn certain_failures_end_as_not_happened_after_the_last_attempt() {
    let events = [
        (0, Event::Ready),
        (1, Event::Failed),
        (100_001, Event::Ready),
        (100_002, Event::Failed),
        (400_000, Event::Ready),
        (400_001, Event::Failed),
    ];
    let decisions = script(POLICY, &events);
    assert_eq!(decisions[1], Decision::WaitUntil(100_001));
    assert_eq!(
        decisions[4],
        Decision::Attempt {
            number: 3,
            timeout: SECOND
        }
    );
    assert_eq!(
        decisions[5],
        Decision::End(End::GaveUp(Certainty::DidNotHappen))
    );
}

#[test]
fn one_lost_answer_makes_every_later_failure_uncertain() {
    let events = [
        (0, Event::Ready),
        (1, Event::Unknown),
        (200_000, Event::Ready),
        (200_001, Event::Failed),
        (900_000, Event::Ready),
        (900_001, Event::Failed),
    ];
    assert_eq!(
        last(POLICY, &events),
        Decision::End(End::GaveUp(Certainty::MayHaveHappened))
    );
}

#[test]
fn what_can_only_be_asked_for_is_asked_and_then_tried_again_if_it_did_not_happen() {
    let policy = RetryPolicy {
        repeat: Repeat::AskStatus,
        attempts: None,
        ..POLICY
    };
    let events = [
        (0, Event::Ready),
        (1, Event::Unknown),
        (200_000, Event::Ready),
        (200_001, Event::NotHappened),
        (900_000, Event::Ready),
    ];
    let decisions = script(policy, &events);
    assert_eq!(decisions[2], Decision::AskStatus { timeout: SECOND });
    assert_eq!(
        decisions[4],
        Decision::Attempt {
            number: 2,
            timeout: SECOND
        }
    );
}

#[test]
fn what_may_not_be_repeated_ends_in_doubt() {
    let policy = RetryPolicy {
        repeat: Repeat::Never,
        ..POLICY
    };
    assert_eq!(
        last(policy, &[(0, Event::Ready), (1, Event::Unknown)]),
        Decision::End(End::InDoubt)
    );
    let mut found = Call::resumed(policy);
    assert_eq!(
        found.step(0, Event::Ready, &mut full(), 0),
        Decision::End(End::InDoubt)
    );
}

#[test]
fn what_may_not_be_repeated_is_tried_again_while_it_certainly_did_not_happen() {
    let policy = RetryPolicy {
        repeat: Repeat::Never,
        ..POLICY
    };
    let events = [
        (0, Event::Ready),
        (1, Event::Failed),
        (100_001, Event::Ready),
    ];
    assert_eq!(
        last(policy, &events),
        Decision::Attempt {
            number: 2,
            timeout: SECOND
        }
    );
}

#[test]
fn no_attempt_reaches_beyond_the_deadline() {
    let policy = RetryPolicy {
        deadline: Some(300_000),
        ..POLICY
    };
    let gave_up = Decision::End(End::GaveUp(Certainty::DidNotHappen));
    assert_eq!(
        last(policy, &[(0, Event::Ready)]),
        Decision::Attempt {
            number: 1,
            timeout: 300_000
        }
    );
    assert_eq!(
        last(policy, &[(0, Event::Ready), (250_000, Event::Failed)]),
        gave_up
    );
    assert_eq!(last(policy, &[(300_000, Event::Ready)]), gave_up);
}

#[test]
fn a_call_found_after_a_crash_may_have_happened() {
    let mut found = Call::resumed(RetryPolicy {
        repeat: Repeat::AskStatus,
        ..POLICY
    });
    let first = found.step(0, Event::Ready, &mut full(), 0);
    assert_eq!(first, Decision::AskStatus { timeout: SECOND });
}

#[test]
fn after_the_pivot_an_empty_budget_delays_but_never_ends_the_call() {
    let policy = RetryPolicy {
        attempts: None,
        ..POLICY
    };
    let mut empty = RetryBudget::new(
        BudgetSize {
            permille: 0,
            per_second: 0,
            save_seconds: 0,
        },
        0,
    );
    let mut call = Call::new(policy);
    call.step(0, Event::Ready, &mut empty, 0);
    call.step(1, Event::Unknown, &mut empty, 0);
    assert_eq!(
        call.step(2, Event::Ready, &mut empty, 0),
        Decision::WaitUntil(2 + 20 * SECOND)
    );
}

#[test]
fn before_the_pivot_an_empty_budget_ends_the_call() {
    let mut empty = RetryBudget::new(
        BudgetSize {
            permille: 0,
            per_second: 0,
            save_seconds: 0,
        },
        0,
    );
    let mut call = Call::new(POLICY);
    call.step(0, Event::Ready, &mut empty, 0);
    call.step(1, Event::Failed, &mut empty, 0);
    let end = call.step(2, Event::Ready, &mut empty, 0);
    assert_eq!(end, Decision::End(End::GaveUp(Certainty::DidNotHappen)));
}

#[test]
fn a_budget_bounds_repetitions_by_the_share_of_first_attempts() {
    let size = BudgetSize {
        permille: 200,
        per_second: 0,
        save_seconds: 10,
    };
    let mut budget = RetryBudget::new(
        BudgetSize {
            per_second: 1,
            ..size
        },
        0,
    );
    while budget.take(0) {}
    let mut repeated = 0;
    for _ in 0..1000 {
        budget.first_attempt(0);
        repeated += u32::from(budget.take(0));
    }
    assert_eq!(repeated, 200);
}

#[test]
fn a_quiet_client_may_still_repeat_as_time_passes() {
    let mut budget = full();
    while budget.take(0) {}
    assert!(!budget.take(99_999));
    assert!(budget.take(100_000));
    assert!(
        !budget.take(0),
        "a clock that steps back pays nothing twice"
    );
}
