//! What only several services can get wrong: rows of others, folders of other cuts.

use super::house::*;
use crate::admin::{Admin as _, Ask, By, Told};
use crate::backend::Pending;
use crate::engine::{Engine, Ground, Services};
use crate::externals::{ExternalCall, ExternalOutcome, Externals};
use crate::store::{OpenError, StoreError, no_hook};
use serde_json::json;
use std::sync::Arc;
use underpin_brief::flow::Cut;
use underpin_brief::model::Value;

struct Nobody;

impl Externals for Nobody {
    fn call(&self, _: ExternalCall) -> Pending<'_, ExternalOutcome> {
        Box::pin(async { ExternalOutcome::Failed("nobody is there".to_owned()) })
    }
}

#[tokio::test]
async fn a_service_touches_no_row_of_another() {
    let house = House::cut(SHOP, no_hook(), true).await;
    house.product("a", 10).await;
    house.settle().await;
    let engine = house.engine();
    let mut tried = 0;
    for node in &*engine.nodes {
        for (id, aggregate) in house.brief.aggregates.iter() {
            if node.core.place.owns(id) {
                continue;
            }
            let key = Value::text("a");
            let write = node.store.write(move |rows| rows.delete(id, &key, None));
            let Err(StoreError::Defect(why)) = write.await else {
                panic!("a row of {} was deleted elsewhere", aggregate.name);
            };
            assert!(why.contains("another service"), "{why}");
            let here = node.core.place.here;
            let key = Value::text("a");
            let read = node.store.read(move |rows| rows.get(id, &key, None)).await;
            let copied = engine.placement.copied(here, id);
            assert_eq!(read.is_ok(), copied, "{} at {here}", aggregate.name);
            tried += 1;
        }
    }
    assert!(tried > 0, "there is only one service");
}

#[tokio::test]
async fn a_folder_of_another_cut_is_refused_and_names_both() {
    for finest in [true, false] {
        let mut house = House::cut(SHOP, no_hook(), finest).await;
        house.product("a", 10).await;
        house.restart().await;
        let brief = Arc::clone(&house.brief);
        let other = match finest {
            true => Services::one(&brief),
            false => Services::of(&brief, Cut::finest(&brief)),
        };
        let ground = Ground::new(other, house.world.clone(), Arc::new(Nobody));
        let path = house.folder.folder.path(".");
        let Err(OpenError::OtherBrief { differences, .. }) = Engine::open(&brief, &path, &ground)
        else {
            panic!("refused");
        };
        let told = differences.join(" ");
        assert!(
            told.contains("one service") && told.contains("services ("),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_query_that_shows_own_writes_waits_for_the_copies_it_joins() {
    let house = House::cut(JOINED, no_hook(), true).await;
    for round in 0..20 {
        let name = format!("name {round}");
        house
            .run("member/mo", "rename", json!({"id": "a", "name": name}))
            .await
            .expect("renamed");
        if round == 0 {
            house
                .run("member/mo", "write", json!({"page": "p", "by": "a"}))
                .await
                .expect("written");
        }
        let rows = house.rows("member/mo", "pages").await;
        assert_eq!(rows[0][1], Value::text(&name), "{rows:?}");
    }
}

const JOINED: &str = r#"
system club
actor member kind=person
aggregate Writer { key id text; field name text; volume rows=10 }
aggregate Page { key id text; field by Writer; volume rows=10 }
command rename {
    allow member
    input id text; input name text
    change writer Writer key=input.id create { set name=input.name }
}
command write {
    allow member
    input page text; input by Writer
    create page Page { set id=input.page by=input.by }
}
query pages of=Page { allow member; show id name=self.by.name; stale "5s" own }
"#;

const POST: &str = r#"
system post
actor user kind=person
external bank { operation pay { input note text } }
aggregate Slip { key id; field note text; volume rows=10 }
aggregate Parcel {
    key code text; field weight int
    states ready sent { move send ready to=sent }
    volume rows=10
}
command add {
    allow user
    input code text
    create parcel Parcel { set code=input.code weight=1 }
}
command send {
    allow user
    input parcel Parcel
    create slip Slip { set note="'sent'" }
    read parcel Parcel key=input.parcel
    require "parcel.state == 'ready'" else=not-ready
    call paid bank.pay once="it is rare" { set note=slip.id }
    change parcel { move send }
}
command weigh {
    allow user
    input parcel Parcel
    input weight int
    change parcel Parcel key=input.parcel { set weight=input.weight }
}
query slips of=Slip { allow user; show id note }
query parcels of=Parcel { allow user; show code state weight }
"#;

#[tokio::test]
async fn what_a_flow_in_doubt_holds_elsewhere_is_let_go_when_a_person_ends_it() {
    let house = House::cut(POST, no_hook(), true).await;
    let weigh = || house.run("user/una", "weigh", json!({"parcel": "p", "weight": 2}));
    house
        .run("user/una", "add", json!({"code": "p"}))
        .await
        .expect("added");
    house.others.then(Does::Swallows);
    let sent = house
        .run("user/una", "send", json!({"parcel": "p"}))
        .await
        .expect_err("in doubt");
    assert_eq!(sent, "in-doubt");
    let clock = Arc::clone(&house.clock);
    let ticking = tokio::spawn(async move {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            clock.advance(std::time::Duration::from_millis(100));
        }
    });
    assert_eq!(weigh().await.err().as_deref(), Some("busy"));
    let by = By {
        who: "ada".to_owned(),
        why: "the bank says no".to_owned(),
    };
    let told = house.engine().ask(Ask::Flows { stage: None }).await;
    let Ok(Told::Flows(flows)) = told else {
        panic!("flows");
    };
    let id = flows.first().expect("one in doubt").id.clone();
    house
        .engine()
        .ask(Ask::End { id, by })
        .await
        .expect("ended");
    house.settle().await;
    weigh().await.expect("nobody holds it");
    ticking.abort();
}
