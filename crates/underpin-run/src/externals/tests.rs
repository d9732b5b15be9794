//! Simulated externals, on a brief made by hand: a bank that can charge (known by its
//! order), give back, and tell whether it charged; and a mailer that can do none of that.

use super::*;
use crate::serve::front::Front;
use crate::serve::http::{Answer, Handler, Request};
use crate::serve::log::Log;
use crate::serve::{Drain, Limits, serve};
use crate::testing::{TempFolder, made};
use crate::world::{Moment, World};
use hyper::StatusCode;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use underpin_brief::model::{Brief, Currency, Fails, OperationUndo, Percent, Type};

const START: Moment = Moment(1_733_000_000_000_000);

fn brief(adjust: impl Fn(&mut ExternalOperation)) -> Arc<Brief> {
    let text = |name| made::field(name, Type::Text);
    let amount = made::field("amount", Type::Money);
    let mut charge = made::operation("charge", vec![text("order"), amount], vec![text("receipt")]);
    charge.idempotent = Some(0);
    // Operations are sorted by name: charge, find, give-back.
    charge.status = Some(Id::from_index(1));
    charge.undo = Some(OperationUndo {
        operation: Id::from_index(2),
        sets: Vec::new(),
    });
    charge.fails = vec![Fails {
        code: made::name("declined"),
        share: Percent::parse("20%"),
    }];
    charge.availability = Percent::parse("90%");
    adjust(&mut charge);
    let receipt = made::field("receipt", Type::Text.optional());
    let mut find = made::operation("find", vec![text("order")], vec![receipt]);
    find.read = true;
    let mut back = made::operation("give-back", vec![text("receipt")], vec![]);
    back.idempotent = Some(0);
    let mailer = made::operation("post", vec![text("letter")], vec![]);
    let bank = made::external("bank", vec![charge, find, back]);
    Arc::new(made::brief(vec![
        bank,
        made::external("mailer", vec![mailer]),
    ]))
}

struct Bank {
    brief: Arc<Brief>,
    world: World,
    simulated: Simulated,
}

fn bank(temp: &TempFolder, seed: Option<u64>) -> Bank {
    let brief = brief(|_| ());
    let (world, _) = World::settable(START, 1);
    let behaviour = Behaviour {
        seed,
        instant: true,
        ..Behaviour::default()
    };
    let simulated = Simulated::new(Arc::clone(&brief), world.clone(), &temp.folder, behaviour);
    Bank {
        brief,
        world,
        simulated,
    }
}

fn euros(minor: i64) -> Value {
    Value::Money(minor, Currency::parse("EUR").unwrap())
}

impl Bank {
    fn call(&self, operation: &str, key: &str, attempt: u32, input: Vec<Value>) -> ExternalCall {
        let external = self.brief.externals.find("bank").unwrap();
        let operations = &self.brief.externals.get(external).operations;
        ExternalCall {
            external,
            operation: operations.find(operation).unwrap(),
            key: key.to_owned(),
            input: Value::record(input),
            attempt,
            timeout: Duration::from_secs(1),
            trace: Trace::new(&*self.world.random),
        }
    }

    async fn charge(&self, order: &str, attempt: u32) -> ExternalOutcome {
        let input = vec![Value::text(order), euros(980)];
        self.simulated
            .call(self.call("charge", order, attempt, input))
            .await
    }

    async fn receipt(&self, order: &str) -> Value {
        let call = self.call("find", "any", 1, vec![Value::text(order)]);
        answered(self.simulated.call(call).await).slot(0).clone()
    }

    async fn give_back(&self, receipt: &Value) -> ExternalOutcome {
        self.simulated
            .call(self.call("give-back", "g", 1, vec![receipt.clone()]))
            .await
    }
}

fn answered(outcome: ExternalOutcome) -> Value {
    match outcome {
        ExternalOutcome::Answered(output) => output,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_repetition_gets_the_same_receipt_even_after_a_restart() {
    let temp = TempFolder::new();
    let first = answered(bank(&temp, None).charge("o1", 1).await);
    assert_eq!(answered(bank(&temp, None).charge("o1", 2).await), first);
    assert_ne!(answered(bank(&temp, None).charge("o2", 1).await), first);
}

#[tokio::test]
async fn the_status_tells_what_was_charged_and_what_was_given_back() {
    let temp = TempFolder::new();
    let bank = bank(&temp, None);
    assert_eq!(bank.receipt("o1").await, Value::Null);
    let receipt = answered(bank.charge("o1", 1).await).slot(0).clone();
    assert_eq!(bank.receipt("o1").await, receipt);
    assert_eq!(bank.receipt("o2").await, Value::Null);
    answered(bank.give_back(&receipt).await);
    answered(bank.give_back(&receipt).await);
    assert_eq!(bank.receipt("o1").await, Value::Null);
    let again = answered(bank.charge("o1", 3).await).slot(0).clone();
    assert_ne!(again, receipt, "what was given back is charged anew");
    answered(bank.give_back(&receipt).await);
    assert_eq!(
        bank.receipt("o1").await,
        again,
        "an old receipt takes nothing back"
    );
}

#[tokio::test]
async fn without_a_seed_nothing_is_refused_and_nothing_is_down() {
    let temp = TempFolder::new();
    let bank = bank(&temp, None);
    for order in 0..200 {
        answered(bank.charge(&order.to_string(), 1).await);
    }
}

#[tokio::test]
async fn with_a_seed_refusals_and_outages_come_in_their_shares_whatever_the_order() {
    let (temp, other) = (TempFolder::new(), TempFolder::new());
    let (forth, back) = (bank(&temp, Some(1)), bank(&other, Some(1)));
    let (mut one, mut two) = (BTreeMap::new(), BTreeMap::new());
    for order in 0..300 {
        one.insert(order, forth.charge(&order.to_string(), 1).await);
    }
    for order in (0..300).rev() {
        two.insert(order, back.charge(&order.to_string(), 1).await);
    }
    assert_eq!(one, two);
    let count = |wanted: fn(&ExternalOutcome) -> bool| one.values().filter(|o| wanted(o)).count();
    let refused =
        count(|outcome| matches!(outcome, ExternalOutcome::Refused(code) if code == "declined"));
    let down = count(|o| matches!(o, ExternalOutcome::Failed(_) | ExternalOutcome::Unknown(_)));
    assert!((30..=90).contains(&refused), "{refused} of 300 refused");
    assert!((15..=50).contains(&down), "{down} of 300 down");
}

#[tokio::test]
async fn a_refused_call_stays_refused_under_its_key() {
    let temp = TempFolder::new();
    let bank = bank(&temp, Some(1));
    for order in 0..50 {
        let mut seen = Vec::new();
        for attempt in 1..=5 {
            match bank.charge(&order.to_string(), attempt).await {
                ExternalOutcome::Answered(_) => seen.push(true),
                ExternalOutcome::Refused(_) => seen.push(false),
                _ => {}
            }
        }
        seen.dedup();
        assert!(seen.len() <= 1, "{order}: {seen:?}");
    }
}

#[tokio::test]
async fn a_slow_external_answers_late_and_has_its_effect_all_the_same() {
    let temp = TempFolder::new();
    let brief = brief(|_| ());
    let (world, clock) = World::settable(START, 1);
    let slow = [("bank.charge".to_owned(), Duration::from_secs(4))].into();
    let behaviour = Behaviour {
        slow,
        instant: true,
        seed: None,
    };
    let simulated = Simulated::new(Arc::clone(&brief), world.clone(), &temp.folder, behaviour);
    let bank = Bank {
        brief,
        world,
        simulated,
    };
    let input = vec![Value::text("o1"), euros(1)];
    let waiting = bank.simulated.call(bank.call("charge", "k", 1, input));
    let ahead = async {
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            clock.advance(Duration::from_millis(500));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let (outcome, ()) = tokio::join!(waiting, ahead);
    assert!(
        matches!(outcome, ExternalOutcome::Unknown(_)),
        "{outcome:?}"
    );
    assert_ne!(bank.receipt("o1").await, Value::Null);
}

/// What the bank is asked, and what its answers say about a charge.
#[test]
fn a_status_is_asked_and_read_by_the_names_of_fields() {
    let brief = brief(|_| ());
    let operations = &brief
        .externals
        .get(brief.externals.find("bank").unwrap())
        .operations;
    let of = |name: &str| operations.get(operations.find(name).unwrap());
    let (charge, find) = (of("charge"), of("find"));
    let input = Value::record(vec![Value::text("o1"), euros(1)]);
    assert_eq!(
        question(charge, find, &input),
        Value::record(vec![Value::text("o1")])
    );
    let answer = |value| Value::record(vec![value]);
    assert_eq!(told(charge, find, &answer(Value::Null)), Told::NotHappened);
    let happened = answer(Value::text("r1"));
    assert_eq!(
        told(charge, find, &happened),
        Told::Happened(happened.clone())
    );
}

#[test]
fn a_status_without_common_names_is_read_by_its_truth_value_or_not_at_all() {
    let charge = made::operation("charge", vec![], vec![made::field("receipt", Type::Text)]);
    let truth = made::operation(
        "was-charged",
        vec![],
        vec![made::field("charged", Type::Bool)],
    );
    let note = made::operation("note", vec![], vec![made::field("note", Type::Text)]);
    let answer = |value| Value::record(vec![value]);
    let nothing = answer(Value::Null);
    assert_eq!(
        told(&charge, &truth, &answer(Value::Bool(true))),
        Told::Happened(nothing)
    );
    assert_eq!(
        told(&charge, &truth, &answer(Value::Bool(false))),
        Told::NotHappened
    );
    assert_eq!(
        told(&charge, &note, &answer(Value::text("x"))),
        Told::Nothing
    );
}

/// A bank of somebody else's, over HTTP.
struct RealBank {
    asked: Mutex<Vec<(String, String, serde_json::Value)>>,
}

impl Handler for RealBank {
    fn handle(&self, request: Request) -> Pending<'_, Answer> {
        let key = request.header("idempotency-key").unwrap_or("").to_owned();
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let order = body["order"].as_str().unwrap_or("").to_owned();
        self.asked
            .lock()
            .unwrap()
            .push((request.path.clone(), key, body));
        Box::pin(async move {
            match order.as_str() {
                "poor" => {
                    Answer::json(StatusCode::PAYMENT_REQUIRED, &json!({ "code": "declined" }))
                }
                "slow" => std::future::pending().await,
                "odd" => Answer::json(StatusCode::OK, &json!({ "no": "receipt" })),
                _ => Answer::json(StatusCode::OK, &json!({ "receipt": "r1", "more": 1 })),
            }
        })
    }
}

#[tokio::test]
async fn a_real_external_is_posted_to_and_its_answers_are_read() {
    let brief = brief(|_| ());
    let bank = Arc::new(RealBank {
        asked: Mutex::default(),
    });
    let front = Front::new(
        Arc::clone(&bank) as Arc<dyn Handler>,
        World::system(),
        Limits::default(),
        Arc::default(),
        Arc::new(Log::silent()),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/", listener.local_addr().unwrap());
    tokio::spawn(serve(
        listener,
        Arc::new(front),
        Drain::default(),
        Duration::ZERO,
    ));
    let external = brief.externals.find("bank").unwrap();
    let clock = World::system().clock;
    let http = Http::new(&brief, external, &url, Arc::clone(&clock)).unwrap();
    let charge = |order: &str| ExternalCall {
        external,
        operation: Id::from_index(0),
        key: "k1".to_owned(),
        input: Value::record(vec![Value::text(order), euros(980)]),
        attempt: 1,
        timeout: if order == "slow" {
            Duration::from_millis(300)
        } else {
            Duration::from_secs(20)
        },
        trace: Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap(),
    };
    let receipt = Value::record(vec![Value::text("r1")]);
    assert_eq!(
        http.call(charge("o1")).await,
        ExternalOutcome::Answered(receipt)
    );
    assert_eq!(
        http.call(charge("poor")).await,
        ExternalOutcome::Refused("declined".to_owned())
    );
    for unknown in ["slow", "odd"] {
        let outcome = http.call(charge(unknown)).await;
        assert!(
            matches!(outcome, ExternalOutcome::Unknown(_)),
            "{unknown}: {outcome:?}"
        );
    }
    let asked = bank.asked.lock().unwrap().remove(0);
    let amount = json!({ "amount": "9.80", "currency": "EUR" });
    let body = json!({ "order": "o1", "amount": amount });
    assert_eq!(asked, ("/v1/charge".to_owned(), "k1".to_owned(), body));
    let nobody = Http::new(&brief, external, "http://127.0.0.1:1", clock).unwrap();
    let outcome = nobody.call(charge("o1")).await;
    assert!(matches!(outcome, ExternalOutcome::Failed(_)), "{outcome:?}");
}
