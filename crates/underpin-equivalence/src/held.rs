//! Two requests at once for one row: the first keeps it while its call is on its way, the second is told
//! that the row is busy; with its key it may come again, and is then done.

use crate::briefs::{Tried, checked};
use crate::house::House;
use crate::outside::Known;
use crate::rename::Rename;
use std::sync::{Arc, Mutex};
use underpin_brief::flow::Cut;
use underpin_brief::model::*;
use underpin_reference::{Answer, Caller, Meaning, Request, Stage, Step};
use underpin_run::backend::CommandAnswer;

const START: i64 = 1_790_000_000_000_000;

const TEXT: &str = r#"system held { title "Held"; purpose "To be tried."; currency EUR }
actor user kind=person { channel web }
external pay {
    operation charge idempotent=order { input order text; output receipt text; fails declined; undo back { set receipt=output.receipt } }
    operation back idempotent=receipt { input receipt text }
}
aggregate Thing { key code text; field n int; states fresh open done { move begin fresh to=open; move finish open to=done; move again done to=fresh } }
command make { allow user; input code text; create made Thing { set code=input.code n=0 } }
command go {
    allow user
    input thing Thing
    change one Thing key=input.thing { move begin; undo sure="it was fresh" { move finish } }
    call paid pay.charge { set order=input.thing }
    change one { move finish }
}
command touch { allow user; input thing Thing; change one Thing key=input.thing { set n=7 } }
"#;

/// Plays it on both sides.
///
/// # Errors
/// Where the sides part.
#[expect(
    clippy::too_many_lines,
    reason = "one script, played on one side after the other"
)]
pub async fn play() -> Result<(), String> {
    let Tried { brief, .. } = checked("held", TEXT)?;
    let meaning = Meaning::new(&brief);
    let known = Known {
        brief: Arc::clone(&brief),
        fate: Mutex::default(),
    };
    let mut state = meaning.start(START, &known);
    let house = House::new(&brief, &Cut::one(&brief), START).await?;
    let rename = Rename::default();
    let request = |name: &str, key: Option<&str>| -> Result<Request, String> {
        let command = brief.commands.find(name).ok_or("no such command")?;
        Ok(Request {
            command,
            caller: Some(Caller {
                id: "ann".into(),
                actor: "user".into(),
                roles: Vec::new(),
                tenant: None,
                channel: "web".into(),
                claims: std::collections::BTreeMap::new(),
            }),
            input: Value::record(vec![Value::text("a")]),
            key: key.map(Text::from),
            expected: None,
            names: underpin_contract::named_row(brief.commands.get(command)),
        })
    };
    let (make, go, touch) = (
        request("make", None)?,
        request("go", None)?,
        request("touch", Some("k"))?,
    );
    let mut asked = Vec::new();
    // The reference: the second comes while the first is at its call.
    meaning.ask(&mut state, make.clone());
    meaning.settle_all(&mut state, &known);
    let first = meaning.ask(&mut state, go.clone());
    while !matches!(
        state.flows.get(&first).map(|flow| &flow.stage),
        Some(Stage::Calling(_))
    ) {
        meaning.step(&mut state, &Step::Flow(first), &known);
    }
    let second = meaning.ask(&mut state, touch.clone());
    if meaning.step(&mut state, &Step::Flow(second), &known) {
        return Err("the reference does not keep the row from others".to_owned());
    }
    meaning.step(&mut state, &Step::Busy(second), &known);
    asked.push(
        meaning
            .answer(&state, second)
            .map(std::borrow::Cow::into_owned),
    );
    meaning.settle_all(&mut state, &known);
    asked.push(
        meaning
            .answer(&state, first)
            .map(std::borrow::Cow::into_owned),
    );
    let third = meaning.ask(&mut state, touch.clone());
    meaning.settle_all(&mut state, &known);
    asked.push(
        meaning
            .answer(&state, third)
            .map(std::borrow::Cow::into_owned),
    );
    // The engine, likewise.
    let mut heard = Vec::new();
    house.command(&make, None, &rename).await?;
    let gate = house.door.close().await;
    let one = house.command(&go, None, &rename);
    let others = async {
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        let two = house.command(&touch, None, &rename);
        let passing = async {
            tokio::time::sleep(std::time::Duration::from_millis(60)).await;
            house.set(START + 1_200_000);
        };
        let (two, ()) = tokio::join!(two, passing);
        drop(gate);
        two
    };
    let (one, two) = tokio::join!(one, others);
    heard.extend([two?, one?]);
    house.settle().await?;
    heard.push(house.command(&touch, None, &rename).await?);
    for (at, (mine, theirs)) in asked.iter().zip(&heard).enumerate() {
        let same = match (mine, theirs) {
            (Some(Answer::Refused(mine)), CommandAnswer::Refused(theirs)) => **mine == *theirs.code,
            (Some(Answer::Done { .. }), CommandAnswer::Done(_)) => true,
            _ => false,
        };
        if !same {
            return Err(format!(
                "answer {at} differs\n  reference: {mine:?}\n  engine:    {theirs:?}"
            ));
        }
    }
    Ok(())
}
