//! Other briefs: tenants kept apart, samples, every brief that is at hand.

use super::house::*;
use crate::backend::*;
use crate::engine::sample;
use serde_json::json;

const CLINIC: &str = include_str!("../../../../../examples/clinic.kdl");

async fn practice(house: &House, who: &str) -> String {
    let input = json!({"name": "P", "city": "C"});
    let done = house
        .run(who, "open-practice", input)
        .await
        .expect("a practice");
    done.returned.slot(0).as_text().expect("an id").to_owned()
}

#[tokio::test]
async fn no_tenant_sees_or_touches_rows_of_another() {
    let house = House::new(CLINIC).await;
    let one = practice(&house, "receptionist/rita").await;
    let two = practice(&house, "receptionist/roy").await;
    let physician = json!({"name": "Dr", "specialty": "all"});
    let done = house
        .run("receptionist/rita", "add-physician", physician)
        .await
        .expect("added");
    let physician = done.returned.slot(0).as_text().expect("an id").to_owned();
    let offer = json!({"physician": physician, "start": "2030-01-01T10:00:00Z", "length": "PT30M"});
    let offer = match house
        .run("receptionist/rita", "offer-appointment", offer.clone())
        .await
    {
        Ok(done) => done,
        Err(code) => panic!("{code}"),
    };
    let appointment = offer.returned.slot(0).as_text().expect("an id").to_owned();
    // The same words in another tenant find nothing, whatever the token says.
    for who in [
        "receptionist/roy".to_owned(),
        format!("receptionist/roy@{one}"),
    ] {
        assert!(house.rows(&who, "calendar").await.is_empty(), "{who}");
        let keep = json!({"appointment": appointment});
        let refused = house.run(&who, "keep-appointment", keep).await;
        assert_eq!(refused.err().as_deref(), Some("not-found"), "{who}");
    }
    assert_eq!(house.rows("receptionist/rita", "calendar").await.len(), 1);
    patients_belong_by_their_claim(&house, &one, &two, &appointment).await;
    assert_eq!(house.rows("inspector/ivy", "practices").await.len(), 2);
}

#[tokio::test]
async fn who_belongs_to_several_tenants_is_told_to_name_one() {
    let house = House::new(CLINIC).await;
    let practices = [
        practice(&house, "receptionist/rita").await,
        practice(&house, "receptionist/rita").await,
    ];
    let input = json!({"name": "Dr", "specialty": "all"});
    let asked = house.request("receptionist/rita", "add-physician", &input);
    let CommandAnswer::Refused(refused) = house.answer(asked).await else {
        panic!("admitted without a tenant");
    };
    assert_eq!(refused.code, "forbidden");
    let told = refused.detail.expect("an explanation");
    assert!(told.contains("--tenant"), "{told}");
    assert!(practices.iter().all(|practice| !told.contains(practice)));
}

async fn patients_belong_by_their_claim(house: &House, one: &str, two: &str, appointment: &str) {
    assert_eq!(
        house
            .rows(&format!("patient/pat@{one}"), "free-appointments")
            .await
            .len(),
        1
    );
    assert_eq!(
        house
            .rows(&format!("patient/pat@{two}"), "free-appointments")
            .await
            .len(),
        0
    );
    let chart = json!({"name": "Pat", "birth": "1990-01-01", "phone": "1"});
    let pat = format!("patient/pat@{one}");
    let eve = format!("patient/eve@{two}");
    house
        .run(&pat, "register-patient", chart.clone())
        .await
        .expect("a chart");
    house
        .run(&eve, "register-patient", chart)
        .await
        .expect("a chart");
    let book = json!({"appointment": appointment, "reason": null});
    assert_eq!(
        house
            .run(&eve, "book-appointment", book.clone())
            .await
            .err()
            .as_deref(),
        Some("not-found")
    );
    house
        .run(&pat, "book-appointment", book.clone())
        .await
        .expect("booked");
    assert_eq!(
        house
            .run(&pat, "book-appointment", book)
            .await
            .err()
            .as_deref(),
        Some("illegal-move")
    );
}

const WARDS: &str = r#"
system wards
actor nurse kind=staff
actor inspector kind=staff cross-tenant
tenancy House { caller nurse claim=house }
aggregate House { key id; field name text }
aggregate Room { key number int; field colour text; define red "self.colour == 'red'" }
aggregate Bed { key id; field room Room; field label text }
command open-house { allow nurse; input name text; create house House { set name=input.name }; return house=house.id }
command add-room { allow nurse; input number int; input colour text; create room Room { set number=input.number colour=input.colour } }
command add-bed { allow nurse; input room Room; input label text; create bed Bed { set room=input.room label=input.label } }
query beds of=Bed { allow nurse; allow inspector; sort label; show label room.colour }
query red-beds of=Bed where="self.room.red" { allow nurse; allow inspector; sort label; show label room.colour }
query other-beds of=Bed where="!self.room.red" { allow nurse; allow inspector; sort label; show label room.colour }
"#;

/// The same room number stands in both houses; one bed names a room that only the other house has.
#[tokio::test]
async fn joins_reach_other_tenants_for_those_who_see_all_and_for_nobody_else() {
    let house = House::new(WARDS).await;
    for (who, rooms, beds) in [
        ("nurse/ann@a", vec![(1, "red"), (2, "red")], vec![("a1", 1)]),
        ("nurse/bea@b", vec![(1, "blue")], vec![("b1", 1), ("b2", 2)]),
    ] {
        for (number, colour) in rooms {
            let input = json!({"number": number, "colour": colour});
            house.run(who, "add-room", input).await.expect("a room");
        }
        for (label, room) in beds {
            let input = json!({"room": room, "label": label});
            house.run(who, "add-bed", input).await.expect("a bed");
        }
    }
    for (who, query, wanted) in [
        ("nurse/ann@a", "beds", "a1 red"),
        ("nurse/bea@b", "beds", "b1 blue, b2 -"),
        ("nurse/bea@b", "red-beds", ""),
        ("nurse/bea@b", "other-beds", "b1 blue"),
        ("inspector/ivy", "beds", "a1 red, b1 blue, b2 red"),
        ("inspector/ivy", "red-beds", "a1 red, b2 red"),
        ("inspector/ivy", "other-beds", "b1 blue"),
    ] {
        let rows = house.rows(who, query).await;
        let text = |row: &Vec<underpin_brief::model::Value>| {
            let shown: Vec<&str> = row.iter().map(|v| v.as_text().unwrap_or("-")).collect();
            shown.join(" ")
        };
        let shown: Vec<String> = rows.iter().map(text).collect();
        assert_eq!(shown.join(", "), wanted, "{who} {query}");
    }
}

#[tokio::test]
async fn a_sample_fills_an_empty_folder_and_no_other() {
    let house = House::new(SHOP).await;
    let made = sample::fill(house.engine(), &house.brief, &house.world).await;
    let of = |name: &str| {
        made.iter()
            .find(|(other, _)| other == name)
            .expect("an aggregate")
            .1
    };
    assert!(of("Product") >= 5 && of("Order") >= 2, "{made:?}");
    assert!(
        sample::fill(house.engine(), &house.brief, &house.world)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn every_brief_at_hand_opens_and_takes_a_sample() {
    let mut briefs = vec![
        (
            "shop",
            include_str!("../../../../../examples/shop.kdl").to_owned(),
        ),
        (
            "notes",
            include_str!("../../../../../examples/notes.kdl").to_owned(),
        ),
        ("clinic", CLINIC.to_owned()),
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/briefs");
    for file in std::fs::read_dir(folder).expect("the folder").flatten() {
        let text = std::fs::read_to_string(file.path()).expect("a text");
        briefs.push(("other", text));
    }
    for (name, text) in briefs {
        let checked = underpin_brief::resolve::check_text("a.kdl", &text);
        assert!(checked.brief.is_some(), "{:?}", checked.diagnostics.first());
        let house = House::new(&text).await;
        let made = sample::fill(house.engine(), &house.brief, &house.world).await;
        let system = &house.brief.system.name;
        println!("{name} {system}: {made:?}");
        let some = made.iter().any(|(_, count)| *count > 0);
        assert!(some, "nothing was made of {system}");
        for (id, query) in house.brief.queries.iter() {
            for allow in &query.allows {
                let who = match allow.who {
                    underpin_brief::model::Who::Actor(actor) => {
                        format!("{}/x", house.brief.actors.get(actor).name)
                    }
                    _ => continue,
                };
                let name = house.brief.queries.get(id).name.text.to_string();
                match house.query(&who, &name, |_| ()).await {
                    QueryAnswer::Refused(refusal) => {
                        assert_ne!(refusal.code, "internal", "{system} {name} {refusal:?}");
                    }
                    QueryAnswer::Page(_) | QueryAnswer::One(_) => {}
                }
            }
        }
    }
}
