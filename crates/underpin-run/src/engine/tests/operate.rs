//! What a person does to a running backend besides deciding about flows: dead letters, flags,
//! limits, quiescence, faults.

use super::house::*;
use crate::admin::{Admin, Ask, By, FlagLine, LetterLine, Letters, LimitLine, Refused, Told};
use crate::backend::*;
use crate::trace::Trace;
use serde_json::json;
use underpin_brief::model::Value;

const STALL: &str = r#"
system stall
actor keeper kind=staff
external scale { sends Weighed via=webhook { key good; field good text; field grams int } }
aggregate Good { key name text; field grams int; field fine bool default=#false }
flag fine_goods { rollout "0%" }
command put {
    allow keeper
    input name text
    input grams int
    create good Good { set name=input.name grams=input.grams fine=flags.fine_goods }
    return fine=good.fine
}
command refill { allow keeper; input good Good; input grams int; change good Good key=input.good { set grams="self.grams + input.grams" } }
policy take-off {
    on scale.Weighed
    change good Good key=event.good {
        require "self.grams >= event.grams" else=short
        set grams="self.grams - event.grams"
    }
}
query goods of=Good { allow keeper; sort name; show name grams }
limit refills per=caller rate="2/min" burst=2 { for refill }
"#;

struct Stall(House);

fn by() -> By {
    By {
        who: "ada".to_owned(),
        why: "asked to".to_owned(),
    }
}

impl Stall {
    async fn open() -> Self {
        let house = House::new(STALL).await;
        let stall = Self(house);
        assert!(!stall.put("tea", 5).await);
        stall
    }

    async fn put(&self, name: &str, grams: i64) -> bool {
        let input = json!({"name": name, "grams": grams});
        let done = self.0.run("keeper/kim", "put", input).await.expect("put");
        done.returned.slot(0).is_true()
    }

    async fn refill(&self, grams: i64) -> Result<Done, String> {
        let input = json!({"good": "tea", "grams": grams});
        self.0.run("keeper/kim", "refill", input).await
    }

    async fn weigh(&self, id: &str, good: &str, grams: i64) {
        let external = self.0.brief.externals.find("scale").expect("declared");
        let sends = &self.0.brief.externals.get(external).sends;
        let message = Inbound {
            external,
            message: sends.find("Weighed").expect("declared"),
            id: id.to_owned(),
            content: Value::record(vec![Value::text(good), Value::Int(grams)]),
            at: self.0.world.now(),
            trace: Trace::new(&*self.0.world.random),
        };
        let stored = self.0.engine().inbound(message).await;
        assert!(matches!(stored, InboundAnswer::Stored));
        self.0.settle().await;
    }

    async fn grams(&self) -> Value {
        let rows = self.0.rows("keeper/kim", "goods").await;
        let tea = rows.iter().find(|row| row[0] == Value::text("tea"));
        tea.expect("tea")[1].clone()
    }

    async fn ask(&self, ask: Ask) -> Result<Told, Refused> {
        let told = self.0.engine().ask(ask).await;
        self.0.settle().await;
        told
    }

    async fn letters(&self) -> Vec<LetterLine> {
        match self.ask(Ask::DeadLetters { policy: None }).await {
            Ok(Told::DeadLetters(lines)) => lines,
            other => panic!("{other:?}"),
        }
    }

    async fn audit(&self) -> usize {
        match self.ask(Ask::Audit { limit: 100 }).await {
            Ok(Told::Audit(lines)) => lines.len(),
            other => panic!("{other:?}"),
        }
    }
}

fn one(number: i64) -> Letters {
    Letters {
        policy: Some("take-off".to_owned()),
        number: Some(number),
    }
}

#[tokio::test]
async fn a_dead_letter_is_listed_with_what_waits_behind_it_and_succeeds_when_redriven() {
    let stall = Stall::open().await;
    stall.weigh("m1", "tea", 8).await;
    stall.weigh("m2", "tea", 1).await;
    let letters = stall.letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    let letter = &letters[0];
    assert_eq!(
        (letter.policy.as_str(), letter.reason.as_str()),
        ("take-off", "short")
    );
    assert_eq!(letter.behind, 1, "the second of its key waits");
    assert_eq!(stall.grams().await, Value::Int(5));
    stall.refill(10).await.expect("refilled");
    let letters = one(letter.number);
    let told = stall.ask(Ask::Redrive { letters, by: by() }).await;
    assert!(told.is_ok(), "{told:?}");
    assert_eq!(
        stall.grams().await,
        Value::Int(6),
        "both are taken off, once"
    );
    assert_eq!(stall.letters().await, []);
    assert_eq!(stall.audit().await, 1);
}

#[tokio::test]
async fn a_discarded_letter_lets_those_behind_it_pass() {
    let stall = Stall::open().await;
    stall.weigh("m1", "tea", 8).await;
    stall.weigh("m2", "tea", 1).await;
    stall.weigh("m3", "rye", 1).await;
    let letters = stall.letters().await;
    let reasons: Vec<&str> = letters
        .iter()
        .map(|letter| letter.reason.as_str())
        .collect();
    assert_eq!(reasons, ["short", "not-found"]);
    let letters = one(letters[0].number);
    let told = stall.ask(Ask::Discard {
        letters: letters.clone(),
        by: by(),
    });
    assert!(told.await.is_ok());
    assert_eq!(stall.grams().await, Value::Int(4), "the one behind it");
    let twice = stall.ask(Ask::Discard { letters, by: by() }).await;
    assert_eq!(twice.expect_err("gone").code, "unknown");
    let letters = Letters::default();
    let all = stall.ask(Ask::Discard { letters, by: by() }).await;
    assert!(all.is_ok());
    assert_eq!(stall.letters().await, []);
    assert_eq!(stall.audit().await, 2, "what was refused is not in the log");
}

#[tokio::test]
async fn a_flag_is_decided_for_one_or_all_and_stays_so_after_a_restart() {
    let mut stall = Stall::open().await;
    let set = |subject: Option<&str>, on: Option<bool>| Ask::SetFlag {
        flag: "fine_goods".to_owned(),
        subject: subject.map(str::to_owned),
        on,
        by: by(),
    };
    assert!(stall.ask(set(None, Some(true))).await.is_ok());
    assert!(stall.put("a", 1).await);
    assert!(stall.ask(set(Some("kim"), Some(false))).await.is_ok());
    assert!(!stall.put("b", 1).await, "what is said of one counts more");
    stall.0.restart().await;
    assert!(!stall.put("c", 1).await);
    assert!(stall.ask(set(Some("kim"), None)).await.is_ok());
    assert!(stall.put("d", 1).await);
    let Ok(Told::Flags(flags)) = stall.ask(Ask::Flags).await else {
        panic!("no flags");
    };
    let FlagLine { overrides, .. } = &flags[0];
    assert_eq!((overrides.len(), overrides[0].on), (1, true));
    assert!(stall.ask(set(None, None)).await.is_ok());
    assert!(!stall.put("e", 1).await, "as the rollout says");
    let unknown = stall.ask(Ask::SetFlag {
        flag: "fine_good".to_owned(),
        subject: None,
        on: None,
        by: by(),
    });
    let refused = unknown.await.expect_err("unknown");
    assert_eq!(refused.help, "did you mean `fine_goods`?");
}

#[tokio::test]
async fn a_used_up_limit_is_shown_and_can_be_reset() {
    let stall = Stall::open().await;
    for _ in 0..2 {
        stall.refill(1).await.expect("refilled");
    }
    assert!(stall.refill(1).await.is_err());
    let Ok(Told::Limits(limits)) = stall.ask(Ask::Limits).await else {
        panic!("no limits");
    };
    let LimitLine { most, used, .. } = &limits[0];
    assert_eq!((*most, used.len(), used[0].left), (2, 1, 0));
    let reset = stall.ask(Ask::ResetLimit {
        limit: "refills".to_owned(),
        key: None,
        by: by(),
    });
    assert!(reset.await.is_ok());
    stall.refill(1).await.expect("refilled");
}

#[tokio::test]
async fn a_quiescent_backend_takes_on_nothing_new_and_answers_queries() {
    let stall = Stall::open().await;
    let quiesce = |on| Ask::Quiesce { on, by: by() };
    let told = stall.0.engine().ask(quiesce(true)).await;
    assert!(told.is_ok());
    assert_eq!(stall.refill(1).await.err().as_deref(), Some("unavailable"));
    assert_eq!(stall.grams().await, Value::Int(5));
    let told = stall.0.engine().ask(quiesce(false)).await;
    assert!(told.is_ok());
    stall.refill(1).await.expect("refilled");
    let Ok(Told::Status(figures)) = stall.ask(Ask::Status).await else {
        panic!("no figures");
    };
    let names: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
    for name in [
        "events.due",
        "flows.running",
        "store.queue",
        "retries.scale",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
}
