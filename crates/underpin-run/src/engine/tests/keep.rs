//! Rows, events and former versions go when their time is over and no earlier; what is known of a
//! person goes when it is asked for, everywhere, and nothing of anybody else.

use super::house::*;
use crate::admin::{Admin as _, Ask, By, Erased, Told};
use crate::backend::Backend as _;
use crate::store::no_hook;
use serde_json::json;
use std::time::Duration;
use underpin_brief::model::Value;

const DIARY: &str = r#"
system diary
actor writer kind=person { channel web }
external paper { operation print idempotent=text { input text text } }
record Contact { field email email personal; field kind text }
aggregate Writer { key who writer; field nick text personal; subject who }
aggregate Entry {
    key id
    field by writer
    field text text max=200 personal
    field mood text? sensitive
    field words int
    field contact Contact
    states open closed { move close open to=closed }
    subject by
    keep "30d"
    history "10d"
}
aggregate Remark {
    key id
    field entry Entry
    field about text personal
    subject entry.by
}
aggregate Count { key name text; field number int default=0 }
event Written about=Entry { field entry Entry; field text text personal; field by writer; keep "2d" }
command sign-up { allow writer; input nick text; create writer Writer { set who=caller.id nick=input.nick } }
command write {
    allow writer
    input text text
    create entry Entry { set by=caller.id text=input.text mood="'glad'" words=3 contact="Contact{email: 'a@example.org', kind: 'home'}" }
    create remark Remark { set entry=entry.id about=input.text }
    emit Written { set entry=entry.id text=input.text by=caller.id }
    return entry=entry.id text=entry.text
}
command close { allow writer; input entry Entry; change entry Entry key=input.entry { move close } }
command publish {
    allow writer
    input entry Entry
    read entry Entry key=input.entry
    call printed paper.print { set text=entry.id }
    change entry { set words=9 }
}
query entries of=Entry { allow anyone; sort id; show id text mood words contact.email by.id state }
query remarks of=Remark { allow anyone; sort id; show about }
query writers of=Writer { allow anyone; sort who; show nick }
query counts of=Count { allow anyone; sort name; show name number }
policy count-written { on Written; change count Count key="'all'" create { set number="self.number + 1" } }
policy count-opened { on Entry.open; change count Count key="'open'" create { set number="self.number + 1" } }
"#;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn entry(house: &House, who: &str, text: &str) -> String {
    let mut request = house.request(who, "write", &json!({ "text": text }));
    request.key = Some(format!("key of {text}"));
    let done = said(house.answer(request).await).expect("an entry");
    house.settle().await;
    done.returned.slot(0).as_text().expect("a key").to_owned()
}

/// Lets days pass, and the sweeper look at each.
async fn pass(house: &House, days: u32) {
    for _ in 0..days {
        house.clock.advance(DAY);
        house.settle().await;
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if house.engine().quiet().await {
                break;
            }
        }
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
}

async fn count(house: &House, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    house.asked_of_store(sql).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_go_when_their_time_since_the_last_change_is_over_and_no_earlier() {
    let house = House::new(DIARY).await;
    let first = entry(&house, "writer/ann", "one").await;
    entry(&house, "writer/ann", "two").await;
    pass(&house, 20).await;
    let closed = house.run("writer/ann", "close", json!({ "entry": first }));
    closed.await.expect("closed");
    assert_eq!(
        count(&house, "versions").await,
        1,
        "the former version is kept"
    );
    pass(&house, 9).await;
    assert_eq!(house.rows("", "entries").await.len(), 2, "no earlier");
    assert_eq!(count(&house, "versions").await, 1, "no earlier");
    pass(&house, 2).await;
    let rows = house.rows("", "entries").await;
    assert_eq!(
        rows.len(),
        1,
        "what nobody has changed since it was made is gone"
    );
    assert_eq!(rows[0][0].as_text(), Some(&*first));
    let versions = count(&house, "versions").await;
    assert_eq!(
        versions, 1,
        "the version of the first is gone, that of the swept one is kept"
    );
    pass(&house, 20).await;
    assert_eq!(house.rows("", "entries").await.len(), 0);
    pass(&house, 11).await;
    assert_eq!(count(&house, "versions").await, 0);
    assert_eq!(count(&house, "touched").await, 0);
    assert_eq!(
        house.rows("", "remarks").await.len(),
        2,
        "nothing is said of these"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_when_their_time_is_over_and_not_while_they_are_waited_for() {
    let house = House::new(DIARY).await;
    entry(&house, "writer/ann", "one").await;
    pass(&house, 1).await;
    // Other services keep copies of what they wait for.
    let written = "outbox WHERE source = 'event Written' AND origin IS NULL";
    assert_eq!(count(&house, written).await, 1, "no earlier");
    pass(&house, 2).await;
    assert_eq!(count(&house, written).await, 0);
    let opened = "outbox WHERE source = 'state Entry.open' AND origin IS NULL";
    assert_eq!(
        count(&house, opened).await,
        1,
        "what nobody speaks of is kept a week"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_a_flow_has_touched_stays_until_the_flow_is_over() {
    let house = House::new(DIARY).await;
    let first = entry(&house, "writer/ann", "one").await;
    let others = std::sync::Arc::clone(&house.others);
    let closed = others.closed.lock().await;
    let request = house.request("writer/ann", "publish", &json!({ "entry": first }));
    let engine = house.engine().clone();
    let asked = tokio::spawn(async move { engine.command(request).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..33 {
        house.clock.advance(DAY);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(house.rows("", "entries").await.len(), 1);
    drop(closed);
    let _ = asked.await;
    pass(&house, 35).await;
    assert_eq!(house.rows("", "entries").await.len(), 0);
}

/// The person stands in no file of a stopped engine, the other one does.
fn nowhere(house: &House) {
    for (name, bytes) in house.files() {
        for word in ["annabel-7", "secret of annabel"] {
            let found = bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes());
            assert!(!found, "`{word}` is still in {name}");
        }
        let his = bytes.windows(9).any(|part| part == b"bertram-9");
        let every = finest() || !name.ends_with("store.sqlite");
        assert!(his || every, "his stays");
    }
}

async fn erased(house: &House, who: &str) -> Erased {
    let by = By {
        who: "root".to_owned(),
        why: "asked".to_owned(),
    };
    let subject = who.to_owned();
    match house.engine().ask(Ask::Erase { subject, by }).await {
        Ok(Told::Erased(erased)) => *erased,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_known_of_a_person_is_erased_everywhere_and_of_nobody_else() {
    let mut house = House::new(DIARY).await;
    for who in ["annabel-7", "bertram-9"] {
        let caller = format!("writer/{who}");
        let nick = json!({ "nick": format!("nick of {who}") });
        house
            .run(&caller, "sign-up", nick)
            .await
            .expect("signed up");
        let first = entry(&house, &caller, &format!("secret of {who}")).await;
        let close = house.run(&caller, "close", json!({ "entry": first }));
        close.await.expect("closed");
    }
    house.settle().await;
    let proof = erased(&house, "annabel-7").await;
    let done: Vec<(&str, u64)> = proof
        .done
        .iter()
        .map(|line| (&*line.place, line.count))
        // What only several services keep: notes of steps, copies of events.
        .filter(|(place, _)| {
            !finest() || !place.contains("steps done") && !place.contains("journals")
        })
        .collect();
    let events = if finest() { 4 } else { 2 };
    assert_eq!(
        done,
        [
            ("Entry: former versions deleted", 1),
            ("Entry: rows blanked", 1),
            ("Remark: rows blanked", 1),
            ("Writer: rows deleted, keyed by the person", 1),
            ("events blanked", events),
            ("stored answers deleted", 1),
        ]
    );
    assert_eq!(
        proof.left,
        [
            "`paper` keeps what it was told: tell it",
            "backups keep what they hold"
        ]
    );
    let rows = house.rows("", "entries").await;
    let hers = rows
        .iter()
        .find(|row| row[5].as_text() == Some(&*proof.pseudonym));
    let hers = hers.expect("her entry, without her");
    assert_eq!(hers[2], Value::Null, "sensitive and optional: absent");
    assert_eq!(hers[3], Value::Int(3), "what is not marked stays");
    assert!(
        hers[4]
            .as_text()
            .is_some_and(|email| email.ends_with("@erased.invalid"))
    );
    assert_eq!(hers[6].as_text(), Some("closed"));
    let his = rows
        .iter()
        .find(|row| row[5].as_text() == Some("bertram-9"));
    assert_eq!(
        his.expect("his entry")[1].as_text(),
        Some("secret of bertram-9")
    );
    assert_eq!(house.rows("", "writers").await.len(), 1);
    let again = erased(&house, "annabel-7").await;
    assert_eq!(again.done, []);
    reopened(&mut house).await;
    assert_eq!(house.rows("", "entries").await.len(), 2);
}

/// Starts again; looks into the files in between, where one store holds everything.
async fn reopened(house: &mut House) {
    if finest() {
        house.restart().await;
        return;
    }
    house.stop();
    nowhere(house);
    house.open(no_hook()).await;
}
