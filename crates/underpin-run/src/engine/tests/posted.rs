//! Feeds delivered by webhook: who is told, in which order, when again, and what a crash leaves.

use super::feeds::{begin, cut_wire, go_on, wire};
use super::house::{House, caller};
use crate::backend::{Backend, refusal};
use crate::feeds::*;
use crate::store::no_hook;
use serde_json::json;
use std::time::Duration;
use underpin_brief::model::*;
use underpin_contract::EndpointAction;

const HERE: &str = "https://a.example/hook";
const THERE: &str = "https://b.example/hook";

async fn ask(
    house: &House,
    who: &str,
    action: EndpointAction,
    endpoint: &str,
    input: Vec<Value>,
) -> EndpointAnswer {
    let mut asked = house.asked("");
    asked.caller = caller(who);
    let request = EndpointRequest {
        feed: house.brief.feeds.find("posted").expect("a feed"),
        action,
        endpoint: (!endpoint.is_empty()).then(|| endpoint.to_owned()),
        input: Value::record(input),
        asked,
    };
    house.engine().endpoints(request).await
}

async fn register(house: &House, who: &str, url: &str) -> Endpoint {
    let input = vec![Value::text(url), Value::Null];
    match ask(house, who, EndpointAction::Create, "", input).await {
        EndpointAnswer::One(endpoint) => endpoint,
        other => panic!("{other:?}"),
    }
}

async fn look(house: &House, who: &str, id: &str) -> Endpoint {
    act(house, who, EndpointAction::Show, id).await
}

async fn act(house: &House, who: &str, action: EndpointAction, id: &str) -> Endpoint {
    match ask(house, who, action, id, Vec::new()).await {
        EndpointAnswer::One(endpoint) => endpoint,
        other => panic!("{other:?}"),
    }
}

fn code(answer: EndpointAnswer) -> String {
    match answer {
        EndpointAnswer::Refused(refusal) => refusal.code,
        other => format!("{other:?}"),
    }
}

/// Waits until so many messages were sent to a URL; their words.
async fn sent(house: &House, url: &str, count: usize) -> Vec<String> {
    for _ in 0..4_000 {
        let found = house.mail.to(url);
        if found.len() >= count {
            let words = |letter: &Letter| {
                let first = letter.values.first().and_then(Value::as_text);
                first.unwrap_or("").to_owned()
            };
            return found.iter().map(words).collect();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{url}: {:?}", house.mail.ids(url));
}

/// Waits until an endpoint is as it should be.
async fn until(house: &House, who: &str, id: &str, holds: impl Fn(&Endpoint) -> bool) -> Endpoint {
    let mut last = None;
    for _ in 0..4_000 {
        let endpoint = look(house, who, id).await;
        if holds(&endpoint) {
            return endpoint;
        }
        last = Some(endpoint);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{last:?}");
}

#[tokio::test]
async fn an_endpoint_is_told_what_happens_after_it_was_registered() {
    let house = wire().await;
    begin(&house, "north", "before").await;
    house.settle().await;
    house.clock.advance(Duration::from_secs(1));
    let endpoint = register(&house, "reader/ada", HERE).await;
    assert!(
        endpoint
            .secret
            .is_some_and(|secret| secret.starts_with("whsec_"))
    );
    house.clock.advance(Duration::from_secs(1));
    begin(&house, "north", "after").await;
    assert_eq!(sent(&house, HERE, 1).await, ["after"]);
    let quiet = until(&house, "reader/ada", &endpoint.id, |one| one.waiting == 0).await;
    assert_eq!((quiet.active, quiet.secret), (true, None));
}

#[tokio::test]
async fn endpoints_belong_to_whoever_registered_them() {
    let house = wire().await;
    let create = |url: &str| vec![Value::text(url), Value::Null];
    let answer = ask(&house, "", EndpointAction::Create, "", create(HERE)).await;
    assert_eq!(code(answer), refusal::UNAUTHENTICATED);
    let answer = ask(
        &house,
        "editor/eve",
        EndpointAction::Create,
        "",
        create(HERE),
    )
    .await;
    assert_eq!(code(answer), refusal::FORBIDDEN);
    let inside = create("https://inside.example");
    let answer = ask(&house, "reader/ada", EndpointAction::Create, "", inside).await;
    assert_eq!(code(answer), "address-not-allowed");
    let own = register(&house, "reader/ada", HERE).await;
    let answer = ask(
        &house,
        "reader/ada",
        EndpointAction::Create,
        "",
        create(HERE),
    )
    .await;
    assert_eq!(code(answer), refusal::EXISTS);
    for action in EndpointAction::ALL
        .into_iter()
        .filter(|action| action.names_one())
    {
        let input = vec![Value::Time(0), Value::Null];
        let answer = ask(&house, "reader/bob", action, &own.id, input).await;
        assert_eq!(code(answer), refusal::NOT_FOUND, "{action:?}");
    }
    let all = ask(&house, "reader/ada", EndpointAction::List, "", Vec::new()).await;
    assert!(matches!(all, EndpointAnswer::Many(all) if all.len() == 1 && all[0].id == own.id));
    let none = ask(&house, "reader/bob", EndpointAction::List, "", Vec::new()).await;
    assert!(matches!(none, EndpointAnswer::Many(all) if all.is_empty()));
}

#[tokio::test]
async fn a_failed_message_holds_back_its_own_key_at_its_own_endpoint_only() {
    let house = wire().await;
    register(&house, "reader/ada", HERE).await;
    register(&house, "reader/bob", THERE).await;
    house.mail.then(HERE, &[500]);
    let story = begin(&house, "north", "first").await;
    sent(&house, HERE, 1).await;
    go_on(&house, &story, "second").await;
    begin(&house, "north", "another").await;
    assert_eq!(sent(&house, THERE, 3).await.len(), 3);
    // The other key goes on; the second message of the first waits for the first.
    assert_eq!(sent(&house, HERE, 2).await, ["first", "another"]);
    house.clock.advance(Duration::from_secs(7));
    assert_eq!(
        sent(&house, HERE, 4).await,
        ["first", "another", "first", "second"]
    );
    let ids = house.mail.ids(HERE);
    assert_eq!(
        ids[0], ids[2],
        "the id of a message is the same in every attempt"
    );
}

#[tokio::test]
async fn one_that_never_answers_delays_nobody_else() {
    let house = wire().await;
    register(&house, "reader/ada", HERE).await;
    register(&house, "reader/bob", THERE).await;
    house.mail.silence(HERE);
    for at in 0..20 {
        begin(&house, "north", &at.to_string()).await;
    }
    assert_eq!(sent(&house, THERE, 20).await.len(), 20);
    assert_eq!(
        house.mail.ids(HERE).len(),
        4,
        "so many at once to one endpoint"
    );
}

#[tokio::test]
async fn attempts_follow_the_schedule_and_end() {
    let house = wire().await;
    let endpoint = register(&house, "reader/ada", HERE).await;
    house.mail.always(HERE, 503);
    begin(&house, "north", "never").await;
    let hour = 3_600;
    let waits = [
        5,
        300,
        1_800,
        2 * hour,
        5 * hour,
        10 * hour,
        14 * hour,
        20 * hour,
        24 * hour,
    ];
    for (at, wait) in waits.into_iter().enumerate() {
        sent(&house, HERE, at + 1).await;
        let due = |one: &Endpoint| one.failing.is_some() && one.waiting == 1;
        until(&house, "reader/ada", &endpoint.id, due).await;
        // The outcome is written before the clock moves on, and nothing comes before its time.
        house.settle().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        house.clock.advance(Duration::from_secs(wait - 1));
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(house.mail.ids(HERE).len(), at + 1, "attempt {at}");
        house.clock.advance(Duration::from_secs(wait / 5 + 2));
    }
    sent(&house, HERE, 10).await;
    until(&house, "reader/ada", &endpoint.id, |one| one.waiting == 0).await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_or_keeps_failing_is_disabled_until_its_owner_enables_it() {
    let house = wire().await;
    let gone = register(&house, "reader/ada", HERE).await;
    let failing = register(&house, "reader/bob", THERE).await;
    house.mail.then(HERE, &[410]);
    house.mail.always(THERE, 500);
    begin(&house, "north", "one").await;
    let off = until(&house, "reader/ada", &gone.id, |one| !one.active).await;
    assert_eq!(off.reason.as_deref(), Some("gone"));
    until(&house, "reader/bob", &failing.id, |one| {
        one.failing.is_some()
    })
    .await;
    house
        .clock
        .advance(Duration::from_secs(5 * 24 * 3_600 + 60));
    let off = until(&house, "reader/bob", &failing.id, |one| !one.active).await;
    assert_eq!((off.reason.as_deref(), off.waiting), (Some("failing"), 1));
    let before = house.mail.ids(THERE).len();
    house.mail.always(THERE, 200);
    act(&house, "reader/bob", EndpointAction::Enable, &failing.id).await;
    house.clock.advance(Duration::from_secs(24 * 3_600));
    sent(&house, THERE, before + 1).await;
    let on = until(&house, "reader/bob", &failing.id, |one| one.waiting == 0).await;
    assert_eq!((on.active, on.reason, on.failing), (true, None, None));
}

#[tokio::test]
async fn a_condition_on_the_event_filters_what_an_endpoint_is_told() {
    let house = wire().await;
    let all = register(&house, "reader/ada", HERE).await;
    house
        .run("editor/eve", "shut", json!({"desk": "north"}))
        .await
        .expect("shut");
    begin(&house, "north", "hidden").await;
    begin(&house, "south", "shown").await;
    // It shuts nobody out.
    assert_eq!(sent(&house, HERE, 1).await, ["shown"]);
    assert!(look(&house, "reader/ada", &all.id).await.active);
}

#[tokio::test]
async fn a_secret_is_rotated_with_a_day_of_overlap() {
    let house = wire().await;
    let endpoint = register(&house, "reader/ada", HERE).await;
    let first = endpoint.secret.expect("a secret");
    let second = act(&house, "reader/ada", EndpointAction::Rotate, &endpoint.id)
        .await
        .secret;
    let second = second.expect("a secret");
    begin(&house, "north", "one").await;
    sent(&house, HERE, 1).await;
    assert_eq!(house.mail.to(HERE)[0].secrets, [second.clone(), first]);
    house.clock.advance(Duration::from_secs(24 * 3_600 + 1));
    begin(&house, "north", "two").await;
    sent(&house, HERE, 2).await;
    assert_eq!(house.mail.to(HERE)[1].secrets, [second]);
}

#[tokio::test]
async fn a_range_is_replayed_with_the_same_ids_and_a_test_has_no_content() {
    let house = wire().await;
    let endpoint = register(&house, "reader/ada", HERE).await;
    let start = house.world.now().0;
    for text in ["one", "two"] {
        begin(&house, "north", text).await;
    }
    sent(&house, HERE, 2).await;
    until(&house, "reader/ada", &endpoint.id, |one| one.waiting == 0).await;
    let range = vec![Value::Time(start), Value::Null];
    let queued = ask(
        &house,
        "reader/ada",
        EndpointAction::Replay,
        &endpoint.id,
        range,
    )
    .await;
    assert!(matches!(queued, EndpointAnswer::Queued(2)), "{queued:?}");
    sent(&house, HERE, 4).await;
    let mut ids = house.mail.ids(HERE);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2);
    let queued = ask(
        &house,
        "reader/ada",
        EndpointAction::Test,
        &endpoint.id,
        Vec::new(),
    )
    .await;
    assert!(matches!(queued, EndpointAnswer::Queued(1)), "{queued:?}");
    sent(&house, HERE, 5).await;
    assert_eq!(house.mail.to(HERE)[4].on, None);
    let gone = ask(
        &house,
        "reader/ada",
        EndpointAction::Delete,
        &endpoint.id,
        Vec::new(),
    )
    .await;
    assert!(matches!(gone, EndpointAnswer::Gone));
    let gone = ask(
        &house,
        "reader/ada",
        EndpointAction::Show,
        &endpoint.id,
        Vec::new(),
    )
    .await;
    assert_eq!(code(gone), refusal::NOT_FOUND);
}

#[tokio::test]
async fn what_waited_when_the_process_was_killed_is_delivered_once_it_runs_again() {
    let mut house = wire().await;
    register(&house, "reader/ada", HERE).await;
    house.mail.silence(HERE);
    let story = begin(&house, "north", "0").await;
    sent(&house, HERE, 1).await;
    for at in 1..5 {
        go_on(&house, &story, &at.to_string()).await;
    }
    house.mail.speak(HERE);
    house.restart().await;
    // The first was under way: it may come twice, but never after a later one.
    assert_eq!(sent(&house, HERE, 6).await, ["0", "0", "1", "2", "3", "4"]);
}

#[tokio::test]
async fn services_apart_send_the_same() {
    let house = cut_wire().await;
    register(&house, "reader/ada", HERE).await;
    let story = begin(&house, "north", "one").await;
    go_on(&house, &story, "two").await;
    assert_eq!(sent(&house, HERE, 2).await, ["one", "two"]);
}

const STORED: &str = r#"
system post
actor owner kind=person
tenancy Firm { caller owner claim=firm }
aggregate Firm { key name text }
record Key { key id text; field value text secret; field until time? }
aggregate Hook {
    key id
    field target url
    field kinds text*
    field keys Key*
    field trouble int default=0
    states on off { move stop on to=off }
}
aggregate Note { key id text max=20; field kind text }
aggregate Try { key id; field note Note; field hook Hook; field status int? }
event Noted about=Note { key note; field note Note; field kind text }
command add-hook {
    allow owner
    input target url
    input kinds text*
    create hook Hook { set target=input.target kinds=input.kinds keys="[Key{id: 'k', value: 'a plain secret'}]" }
    return hook=hook.id
}
command note { allow owner; input id text; input kind text; create n Note { set id=input.id kind=input.kind }; emit Noted { set note=n.id kind=n.kind } }
query tries of=Try { allow owner; show note hook status; sort id }
query hooks of=Hook { allow owner; show id state trouble }
feed notes where="self.state == 'on' && event.kind in self.kinds" {
    allow owner
    on Noted
    show kind
    deliver webhook to=Hook url=self.target secrets=self.keys timeout="2s"
    retry "10s" "1m"
}
policy keep-try { on notes.attempted; create t Try { set note=event.message hook=event.to status=event.status } }
policy stop-dead { on notes.failing after="30s"; change h Hook key=event.to { move stop; set trouble="self.trouble + 1" } }
"#;

async fn hook(house: &House, who: &str, url: &str) -> String {
    let input = json!({"target": url, "kinds": ["a"]});
    let done = house.run(who, "add-hook", input).await.expect("a hook");
    done.returned.slot(0).as_text().expect("a key").to_owned()
}

#[tokio::test]
async fn rows_are_endpoints_of_their_tenant_and_policies_hear_of_every_attempt() {
    for finest in [false, true] {
        heard(House::cut(STORED, no_hook(), finest).await).await;
    }
}

async fn heard(house: House) {
    let own = "owner/ada@one";
    let id = hook(&house, own, HERE).await;
    hook(&house, "owner/bob@two", THERE).await;
    for (id, kind) in [("n1", "a"), ("n2", "b")] {
        house
            .run(own, "note", json!({"id": id, "kind": kind}))
            .await
            .expect("a note");
    }
    assert_eq!(sent(&house, HERE, 1).await, ["a"]);
    assert_eq!(house.mail.to(HERE)[0].secrets, ["a plain secret"]);
    let expected = vec![Value::text("n1"), Value::text(&id), Value::Int(200)];
    for _ in 0..2_000 {
        if house.rows(own, "tries").await == [expected.clone()] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(house.rows(own, "tries").await, [expected]);
    assert_eq!(house.mail.ids(THERE), Vec::<String>::new());
}

#[tokio::test]
async fn a_policy_stops_an_endpoint_that_keeps_failing_and_none_that_recovers() {
    let house = House::new(STORED).await;
    let own = "owner/ada@one";
    hook(&house, own, HERE).await;
    house.mail.then(HERE, &[500]);
    house
        .run(own, "note", json!({"id": "n1", "kind": "a"}))
        .await
        .expect("a note");
    sent(&house, HERE, 1).await;
    house.settle().await;
    let state = async |house: &House| house.rows(own, "hooks").await[0][1].clone();
    house.clock.advance(Duration::from_secs(13));
    sent(&house, HERE, 2).await;
    house.settle().await;
    house.clock.advance(Duration::from_secs(60));
    house.settle().await;
    assert_eq!(state(&house).await, Value::text("on"), "it has recovered");
    house.mail.always(HERE, 500);
    house
        .run(own, "note", json!({"id": "n2", "kind": "a"}))
        .await
        .expect("a note");
    sent(&house, HERE, 3).await;
    house.settle().await;
    house.clock.advance(Duration::from_secs(13));
    sent(&house, HERE, 4).await;
    house.settle().await;
    house.clock.advance(Duration::from_secs(20));
    for _ in 0..2_000 {
        if state(&house).await == Value::text("off") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(state(&house).await, Value::text("off"));
    // What waited is not sent to an endpoint that no longer wants it.
    house.clock.advance(Duration::from_secs(120));
    house.settle().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(house.mail.ids(HERE).len(), 4);
}
