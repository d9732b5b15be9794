//! What a person sees of flows that cannot go on, and what becomes of each decision.

use super::house::*;
use crate::admin::{Admin, Ask, By, Change, FlowLine, FlowStory, Refused, Told, Verdict};
use crate::backend::*;
use serde_json::{Value as Json, json};
use std::time::Duration;
use underpin_brief::model::Value;

const POST: &str = r#"
system post
actor user kind=person
external courier {
    operation hand-over { input parcel text; input note text personal; output slip text }
    operation weigh idempotent=parcel {
        input parcel text; output tag text
        fails too-heavy
        undo unweigh { set tag=output.tag }
    }
    operation unweigh idempotent=tag { input tag text }
}
aggregate Parcel {
    key id
    field slip text?
    field weight int
    states made ready sent lost {
        move prepare made to=ready
        move back ready to=made
        move send ready to=sent
        move lose made ready to=lost
    }
}
command pack {
    allow user
    input weight int
    create parcel Parcel { set weight=input.weight }
    return parcel=parcel.id
}
command send {
    allow user
    input parcel Parcel
    change parcel Parcel key=input.parcel { move prepare; undo { move back } }
    call handed courier.hand-over once="the courier takes a parcel once" { set parcel=input.parcel note="'fragile'" }
    change parcel { move send; set slip=handed.slip }
    return slip=parcel.slip
}
command weigh {
    allow user
    input parcel Parcel
    change parcel Parcel key=input.parcel { move prepare; undo sure="nobody else looks" { move back } }
    call weighed courier.weigh { set parcel=input.parcel }
}
command square {
    allow user
    input parcel Parcel
    read parcel Parcel key=input.parcel
    call weighed courier.weigh { set parcel=input.parcel }
    change parcel { set weight="self.weight * self.weight" }
    change parcel { set slip="'squared'" }
}
command send-with-note {
    allow user
    input parcel Parcel
    input weight int
    create other Parcel { set weight=input.weight }
    call sent send { set parcel=input.parcel }
    return slip=sent.slip
}
command lose { allow user; input parcel Parcel; change parcel Parcel key=input.parcel { move lose } }
query parcels of=Parcel { allow user; sort id; show id state slip weight }
"#;

struct Post {
    house: House,
    parcel: String,
}

fn by() -> By {
    By {
        who: "ada".to_owned(),
        why: "seen at the counter".to_owned(),
    }
}

impl Post {
    async fn with(weight: i64) -> Self {
        let house = House::new(POST).await;
        let packed = house.run("user/una", "pack", json!({"weight": weight}));
        let done = packed.await.expect("packed");
        let parcel = done.returned.slot(0).as_text().expect("an id").to_owned();
        Self { house, parcel }
    }

    async fn run(&self, command: &str) -> Result<Done, String> {
        let input = json!({"parcel": self.parcel});
        self.house.run("user/una", command, input).await
    }

    async fn ask(&self, ask: Ask) -> Result<Told, Refused> {
        self.house.engine().ask(ask).await
    }

    async fn flows(&self) -> Vec<FlowLine> {
        match self.ask(Ask::Flows { stage: None }).await {
            Ok(Told::Flows(lines)) => lines,
            other => panic!("{other:?}"),
        }
    }

    async fn story(&self, id: &str) -> FlowStory {
        match self.ask(Ask::Flow { id: id.to_owned() }).await {
            Ok(Told::Flow(story)) => *story,
            other => panic!("{other:?}"),
        }
    }

    async fn decided(&self, ask: Ask) -> Change {
        match self.ask(ask).await {
            Ok(Told::Changed(change)) => *change,
            other => panic!("{other:?}"),
        }
    }

    /// State, slip and weight of the parcel.
    async fn row(&self) -> (String, Option<String>, Value) {
        let rows = self.house.rows("user/una", "parcels").await;
        let text = |value: &Value| value.as_text().map(str::to_owned);
        (
            text(&rows[0][1]).expect("a state"),
            text(&rows[0][2]),
            rows[0][3].clone(),
        )
    }

    /// A parcel whose sending is in doubt; the id of the flow.
    async fn in_doubt() -> (Self, String) {
        let post = Self::with(1).await;
        post.house.others.then(Does::Swallows);
        assert_eq!(post.run("send").await.err().as_deref(), Some("in-doubt"));
        let flows = post.flows().await;
        assert_eq!(flows.len(), 1, "{flows:?}");
        assert_eq!(flows[0].stage, "in-doubt");
        let id = flows[0].id.clone();
        (post, id)
    }

    /// A parcel whose undo was refused; the id of the flow.
    async fn parked() -> (Self, String) {
        let post = Self::with(1).await;
        post.house.others.then(Does::Refuses("too-heavy"));
        let closed = post.house.others.closed.lock().await;
        let request = post
            .house
            .request("user/una", "weigh", &json!({"parcel": post.parcel}));
        let engine = post.house.engine().clone();
        let waiting = tokio::spawn(async move { engine.command(request).await });
        while post.row().await.0 != "ready" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        post.run("lose").await.expect("nobody holds it");
        drop(closed);
        let answer = said(waiting.await.expect("an answer"));
        assert_eq!(answer.err().as_deref(), Some("internal"));
        let flows = post.flows().await;
        assert_eq!(flows[0].stage, "parked", "{flows:?}");
        let id = flows[0].id.clone();
        (post, id)
    }

    async fn at_rest(&self) {
        self.house.settle().await;
        assert_eq!(self.flows().await, []);
        assert_eq!(self.ask(Ask::Holds).await, Ok(Told::Holds(Vec::new())));
        let figures = self.house.engine().figures();
        assert!(
            figures.flows.values().all(|count| *count == 0),
            "{figures:?}"
        );
    }
}

fn resolve(id: &str, verdict: Verdict) -> Ask {
    Ask::Resolve {
        id: id.to_owned(),
        verdict,
        by: by(),
    }
}

fn happened(output: Json) -> Verdict {
    let output = Some(output);
    Verdict::Happened { output }
}

#[tokio::test]
async fn a_flow_in_doubt_is_told_in_words_without_what_is_personal() {
    let (post, id) = Post::in_doubt().await;
    let story = post.story(&id).await;
    let steps: Vec<(&str, crate::admin::StepState, bool)> = story
        .steps
        .iter()
        .map(|step| (step.what.as_str(), step.state, step.pivot))
        .collect();
    use crate::admin::StepState::*;
    assert_eq!(
        steps,
        [
            ("change Parcel", Passed, false),
            ("call courier.hand-over", Here, true),
            ("change Parcel", ToCome, false),
            ("return", ToCome, false),
        ]
    );
    assert_eq!(
        story.undo,
        [format!("change Parcel `{}` back", post.parcel)]
    );
    let call = story.call.expect("a call");
    assert_eq!(call.what, "courier.hand-over");
    assert_eq!(
        call.input,
        json!({"parcel": post.parcel, "note": "(not shown)"})
    );
    assert_eq!(story.holds.len(), 1);
    assert_eq!(
        story.open[0],
        format!("resolve {id} --happened '{{\"slip\": …}}' --why \"…\"")
    );
}

#[tokio::test]
async fn a_row_held_in_doubt_is_busy_and_says_that_a_person_must_look() {
    let (post, _) = Post::in_doubt().await;
    let clock = std::sync::Arc::clone(&post.house.clock);
    let ticking = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            clock.advance(Duration::from_millis(100));
        }
    });
    let request = post
        .house
        .request("user/una", "lose", &json!({"parcel": post.parcel}));
    let answer = post.house.answer(request).await;
    ticking.abort();
    let CommandAnswer::Refused(refusal) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(refusal.code, "busy");
    let why = refusal.detail.expect("a reason");
    assert!(why.contains("`send` is in doubt"), "{why}");
    assert!(why.contains("a person must look"), "{why}");
}

#[tokio::test]
async fn a_call_that_happened_goes_on_with_what_it_answered() {
    for restarted in [false, true] {
        let (mut post, id) = Post::in_doubt().await;
        if restarted {
            post.house.restart().await;
        }
        let change = post.decided(resolve(&id, happened(json!({"slip": "s-1"}))));
        let line = change.await.flow.expect("a flow");
        assert_eq!(line.stage, "done");
        let (state, slip, _) = post.row().await;
        assert_eq!((state.as_str(), slip.as_deref()), ("sent", Some("s-1")));
        assert_eq!(post.house.others.calls.lock().unwrap().len(), 1);
        post.at_rest().await;
        let audit = post.story(&id).await.audit;
        assert_eq!(audit.len(), 1);
        assert_eq!(
            (audit[0].who.as_str(), audit[0].why.as_str()),
            ("ada", "seen at the counter")
        );
    }
}

#[tokio::test]
async fn a_call_that_did_not_happen_is_undone_and_may_be_asked_for_again() {
    let (post, id) = Post::in_doubt().await;
    let change = post.decided(resolve(&id, Verdict::DidNotHappen)).await;
    assert_eq!(change.flow.expect("a flow").stage, "refused");
    assert_eq!(post.row().await.0, "made");
    post.at_rest().await;
    post.run("send").await.expect("sent now");
    assert_eq!(post.row().await.0, "sent");
}

#[tokio::test]
async fn the_same_key_gets_what_a_person_decided() {
    let post = Post::with(1).await;
    post.house.others.then(Does::Swallows);
    let request = || {
        let input = json!({"parcel": post.parcel});
        let mut request = post.house.request("user/una", "send", &input);
        request.key = Some("k".to_owned());
        request
    };
    let first = said(post.house.answer(request()).await);
    assert_eq!(first.err().as_deref(), Some("in-doubt"));
    let id = post.flows().await[0].id.clone();
    post.decided(resolve(&id, happened(json!({"slip": "s-2"}))))
        .await;
    let again = said(post.house.answer(request()).await).expect("done");
    assert!(again.replayed);
    assert_eq!(again.returned.slot(0), &Value::text("s-2"));
}

#[tokio::test]
async fn a_decision_that_does_not_fit_is_refused_and_changes_nothing() {
    let (post, id) = Post::in_doubt().await;
    let code = |told: Result<Told, Refused>| told.expect_err("refused").code;
    let cases = [
        (resolve("nobody", Verdict::DidNotHappen), "unknown"),
        (
            resolve(&id, Verdict::Happened { output: None }),
            "bad-output",
        ),
        (resolve(&id, happened(json!({"slip": 7}))), "bad-output"),
        (
            Ask::Retry {
                id: id.clone(),
                by: by(),
            },
            "not-now",
        ),
    ];
    for (ask, expected) in cases {
        let shown = format!("{ask:?}");
        assert_eq!(code(post.ask(ask).await), expected, "{shown}");
    }
    assert_eq!(post.story(&id).await.audit, []);
    assert_eq!(post.flows().await[0].stage, "in-doubt");
    post.decided(resolve(&id, Verdict::DidNotHappen)).await;
    let twice = post.ask(resolve(&id, Verdict::DidNotHappen)).await;
    assert_eq!(code(twice), "not-now");
}

#[tokio::test]
async fn an_undo_that_is_refused_waits_is_tried_again_and_can_be_done_by_hand() {
    let (post, id) = Post::parked().await;
    let story = post.story(&id).await;
    assert_eq!(
        story.undo,
        [format!("change Parcel `{}` back", post.parcel)]
    );
    let why = story.flow.why.expect("a reason");
    assert_eq!(why, "an undo was refused: `illegal-move`");
    let retry = Ask::Retry {
        id: id.clone(),
        by: by(),
    };
    let line = post.decided(retry).await.flow.expect("a flow");
    assert_eq!(line.stage, "parked", "nothing has changed");
    let skip = Ask::Skip {
        id: id.clone(),
        output: None,
        by: by(),
    };
    let line = post.decided(skip).await.flow.expect("a flow");
    assert_eq!(
        (line.stage.as_str(), line.why.as_deref()),
        ("refused", Some("`too-heavy`"))
    );
    assert_eq!(post.row().await.0, "lost");
    post.at_rest().await;
    assert_eq!(post.story(&id).await.audit.len(), 2);
}

#[tokio::test]
async fn a_fault_after_the_pivot_is_passed_over_by_hand_and_the_rest_is_done() {
    let post = Post::with(4_000_000_000).await;
    assert_eq!(post.run("square").await.err().as_deref(), Some("internal"));
    let id = post.flows().await[0].id.clone();
    let story = post.story(&id).await;
    assert_eq!(story.flow.at, "at `change Parcel`");
    assert_eq!(
        story.undo,
        Vec::<String>::new(),
        "behind its pivot nothing is taken back"
    );
    let skip = Ask::Skip {
        id,
        output: None,
        by: by(),
    };
    let line = post.decided(skip).await.flow.expect("a flow");
    assert_eq!(line.stage, "done");
    let (_, slip, weight) = post.row().await;
    assert_eq!(slip.as_deref(), Some("squared"));
    assert_eq!(weight, Value::Int(4_000_000_000));
    post.at_rest().await;
}

#[tokio::test]
async fn a_flow_is_given_up_as_it_stands_and_lets_its_rows_go() {
    let (post, id) = Post::in_doubt().await;
    let line = post.decided(Ask::End { id, by: by() }).await.flow;
    assert_eq!(line.expect("a flow").stage, "refused");
    assert_eq!(post.row().await.0, "ready", "nothing is taken back");
    post.at_rest().await;
    post.run("lose").await.expect("nobody holds it");
}

#[tokio::test]
async fn a_flow_that_called_one_in_doubt_waits_and_goes_on_with_what_became_of_it() {
    for happens in [true, false] {
        let post = Post::with(1).await;
        post.house.others.then(Does::Swallows);
        let input = json!({"parcel": post.parcel, "weight": 2});
        let answer = post.house.run("user/una", "send-with-note", input).await;
        assert_eq!(answer.err().as_deref(), Some("internal"));
        let flows = post.flows().await;
        let of = |name: &str| {
            let mut named = flows.iter().filter(|flow| flow.name == name);
            named.next().expect("a flow").clone()
        };
        let (caller, called) = (of("send-with-note"), of("send"));
        assert_eq!(
            (caller.stage.as_str(), called.stage.as_str()),
            ("parked", "in-doubt")
        );
        let why = caller.why.expect("a reason");
        assert!(why.contains(&called.id), "{why}");
        let verdict = match happens {
            true => happened(json!({"slip": "s-3"})),
            false => Verdict::DidNotHappen,
        };
        post.decided(resolve(&called.id, verdict)).await;
        let retry = Ask::Retry {
            id: caller.id,
            by: by(),
        };
        let line = post.decided(retry).await.flow.expect("a flow");
        assert_eq!(line.stage, if happens { "done" } else { "refused" });
        let rows = post.house.rows("user/una", "parcels").await;
        assert_eq!(rows.len(), if happens { 2 } else { 1 });
        post.at_rest().await;
    }
}
