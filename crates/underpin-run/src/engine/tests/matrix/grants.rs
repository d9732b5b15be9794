//! Grants and revocations: for five seconds both answers are legal, after them only the new one.
//! A fact in the same store counts at once; the test asks for no more than the language promises.

use super::super::house::House;
use serde_json::json;
use std::time::Duration;
use underpin_brief::model::Value;

const BRIEF: &str = r#"
system guild
actor person kind=person
actor steward kind=staff { channel web; role warden }
tenancy Guild { caller person via=Member }
aggregate Guild { key id; field name text }
aggregate Member { key who person; field rank text; define master "self.rank == 'master'" }
aggregate Hall { key id; field keeper text }
aggregate Room {
    key id
    field hall Hall
    define mine "self.hall.keeper == caller.id"
}
command found {
    allow person
    create guild Guild { set name="'g'" }
    create first Member tenant=guild.id { set who=caller.id rank="'master'" }
    return guild=guild.id
}
command admit { allow person when=caller.member.master; input who person; create m Member { set who=input.who rank="'novice'" } }
command dismiss { allow person when=caller.member.master; input who Member; delete m Member key=input.who }
command raise { allow person when=caller.member.master; input who Member; input rank text; change m Member key=input.who { set rank=input.rank } }
command build { allow person when=caller.member.master; create hall Hall { set keeper=caller.id }; create room Room { set hall=hall.id }; return hall=hall.id room=room.id }
command hand-over { allow person when=caller.member.master; input hall Hall; input to text; change hall Hall key=input.hall { set keeper=input.to } }
command enter { allow person when=input.room.mine; input room Room; read room Room key=input.room }
command teach { allow person when=caller.member.master; read all Member where="true" limit=1 }
query rooms of=Room { allow person when=self.mine; show id }
query members of=Member { allow person; show who rank }
command close { allow steward.warden; input text text; require "input.text == 'x'" else=not-x }
"#;

/// What somebody may do, asked as they would.
#[derive(Clone, Copy, Debug)]
enum Probe {
    /// A command with the room as its input.
    Command(&'static str),
    /// Whether a query shows a row.
    Query(&'static str),
}

/// Another fact, who makes it so, and who then may, or may no longer.
struct Case {
    does: &'static str,
    with: fn(&str) -> serde_json::Value,
    probe: Probe,
    may: bool,
}

const LU: &str = "person/lu@";

const CASES: &[Case] = &[
    Case {
        does: "admit",
        with: |_| json!({"who": "lu"}),
        probe: Probe::Query("members"),
        may: true,
    },
    Case {
        does: "raise",
        with: |_| json!({"who": "lu", "rank": "master"}),
        probe: Probe::Command("teach"),
        may: true,
    },
    Case {
        does: "raise",
        with: |_| json!({"who": "lu", "rank": "novice"}),
        probe: Probe::Command("teach"),
        may: false,
    },
    Case {
        does: "hand-over",
        with: |hall| json!({"hall": hall, "to": "lu"}),
        probe: Probe::Query("rooms"),
        may: true,
    },
    Case {
        does: "hand-over",
        with: |hall| json!({"hall": hall, "to": "mo"}),
        probe: Probe::Query("rooms"),
        may: false,
    },
    Case {
        does: "hand-over",
        with: |hall| json!({"hall": hall, "to": "lu"}),
        probe: Probe::Command("enter"),
        may: true,
    },
    Case {
        does: "hand-over",
        with: |hall| json!({"hall": hall, "to": "mo"}),
        probe: Probe::Command("enter"),
        may: false,
    },
    Case {
        does: "dismiss",
        with: |_| json!({"who": "lu"}),
        probe: Probe::Query("members"),
        may: false,
    },
];

/// Whether the caller may, at this moment.
async fn may(house: &House, who: &str, room: &str, probe: Probe) -> bool {
    match probe {
        Probe::Query(query) => !house.rows(who, query).await.is_empty(),
        Probe::Command(command) => {
            let input = if command == "enter" {
                json!({"room": room})
            } else {
                json!({})
            };
            match house.run(who, command, input).await {
                Ok(_) => true,
                Err(code) => {
                    let refused = ["forbidden", "not-found"].contains(&code.as_str());
                    assert!(refused, "{command}: {code}");
                    false
                }
            }
        }
    }
}

#[tokio::test]
async fn a_grant_or_revocation_counts_after_five_seconds_at_the_latest() {
    let house = House::new(BRIEF).await;
    let text = |value: &Value| value.as_text().expect("an id").to_owned();
    let guild = house
        .run("person/mo", "found", json!({}))
        .await
        .expect("a guild");
    let guild = text(guild.returned.slot(0));
    let mo = format!("person/mo@{guild}");
    let built = house.run(&mo, "build", json!({})).await.expect("a hall");
    let (hall, room) = (text(built.returned.slot(0)), text(built.returned.slot(1)));
    let lu = format!("{LU}{guild}");
    for (at, case) in CASES.iter().enumerate() {
        let before = may(&house, &lu, &room, case.probe).await;
        assert_ne!(before, case.may, "case {at} changes nothing");
        house
            .run(&mo, case.does, (case.with)(&hall))
            .await
            .expect(case.does);
        let mut answers = Vec::new();
        for second in 0..=6 {
            answers.push((second, may(&house, &lu, &room, case.probe).await));
            house.clock.advance(Duration::from_secs(1));
            // The seconds of the clock are not those in which services tell each other.
            house.settle().await;
        }
        let late: Vec<_> = answers
            .iter()
            .filter(|(second, may)| *second >= 5 && *may != case.may)
            .collect();
        assert!(
            late.is_empty(),
            "case {at}, {} {:?}: {answers:?}",
            case.does,
            case.probe
        );
        // Once the new answer was given, the old one does not come back.
        let turned = answers
            .iter()
            .position(|(_, may)| *may == case.may)
            .unwrap_or(0);
        assert!(
            answers[turned..].iter().all(|(_, may)| *may == case.may),
            "case {at}: {answers:?}"
        );
    }
}

#[tokio::test]
async fn a_role_is_what_the_token_says_at_each_request() {
    let house = House::new(BRIEF).await;
    let input = || json!({"text": "x"});
    for (who, expected) in [
        ("steward/st", Err("forbidden")),
        ("steward.warden/st", Ok(())),
        ("steward/st", Err("forbidden")),
        ("person.warden/st", Err("forbidden")),
    ] {
        let said = house.run(who, "close", input()).await;
        assert_eq!(
            said.map(|_| ()).as_ref().map_err(String::as_str),
            expected.as_ref().map_err(|code| *code),
            "{who}"
        );
    }
}
