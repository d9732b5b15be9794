//! A backend from a brief to an open port and back, with an engine that only remembers.

use super::*;
use crate::externals::signature::Secret;
use crate::identity::TokenRequest;
use crate::testing::{FakeBackend, TempFolder, sent, status};
use serde_json::json;
use underpin_brief::model::Value;
use underpin_brief::resolve::check_text;

const BRIEF: &str = r#"
system demo { title "Demo"; purpose "To be started." }
actor staff kind=staff { channel web }
external bank {
    operation book idempotent=reference { input reference text; output receipt text }
    sends Booked via=webhook { field reference text; field pages int }
}
aggregate Book {
    key id
    field title text max=40
    field pages int
}
command add-book {
    allow staff
    input title text max=40
    create book Book { set title=input.title pages=0 }
    return book=book.id
}
query books of=Book { allow staff; filter title; sort title; show id title; page max=10 }
policy note-booked { on bank.Booked; create book Book { set title=event.reference pages=event.pages } }
"#;

fn prepared() -> Prepared {
    let checked = check_text("demo.kdl", BRIEF);
    let brief = checked
        .brief
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    let contract = underpin_contract::derive(&brief).value.unwrap();
    let openapi = underpin_contract::openapi(&contract);
    Prepared {
        brief: Arc::new(brief),
        contract: Arc::new(contract),
        openapi,
    }
}

struct Demo {
    running: Running,
    backend: Arc<FakeBackend>,
    temp: TempFolder,
}

async fn demo() -> Demo {
    let temp = TempFolder::new();
    let backend = Arc::new(FakeBackend::default());
    let (options, engine) = (quiet(&temp), Arc::clone(&backend));
    let running = start(prepared(), options, World::system(), |_| async {
        Ok(engine as Arc<dyn Backend>)
    });
    Demo {
        running: running.await.unwrap(),
        backend,
        temp,
    }
}

fn quiet(temp: &TempFolder) -> Options {
    Options {
        port: 0,
        log: false,
        ..Options::new(temp.folder.path(""))
    }
}

async fn refused(change: impl FnOnce(&mut Options)) -> StartError {
    let temp = TempFolder::new();
    let mut options = quiet(&temp);
    change(&mut options);
    let engine = |_| async { panic!("the engine is not asked") };
    start(prepared(), options, World::system(), engine)
        .await
        .err()
        .unwrap()
}

#[tokio::test]
async fn a_started_backend_answers_and_comes_to_rest_when_stopped() {
    let demo = demo().await;
    let address = demo.running.address();
    assert_eq!(demo.running.simulated(), ["bank"]);
    for path in [
        "/health/ready",
        "/docs",
        "/openapi.json",
        "/metrics",
        "/problems/not-found",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = sent(address, &request).await;
        assert_eq!(status(&answer), "200", "{path}");
    }
    assert_eq!(demo.running.stop().await, Served::Drained);
}

#[tokio::test]
async fn a_token_made_without_the_server_is_accepted_by_it() {
    let demo = demo().await;
    let issuer = Issuer::of(&demo.temp.folder, "demo").unwrap();
    let token = issuer
        .mint(&TokenRequest::new("staff", "ada"), &World::system())
        .unwrap();
    let request = format!(
        "GET /books?title=a&sort=-title HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         connection: close\r\n\r\n"
    );
    let answer = sent(demo.running.address(), &request).await;
    // The engine of this test knows nothing: the refusal is its own.
    assert_eq!(status(&answer), "404", "{answer}");
    let asked = demo.backend.queries.lock().unwrap();
    assert_eq!(asked[0].asked.caller.as_ref().unwrap().actor, "staff");
    assert_eq!(asked[0].filters.len(), 1);
    assert!(asked[0].sorts[0].descending);
}

#[tokio::test]
async fn a_signed_message_reaches_the_engine_and_a_forged_one_does_not() {
    let demo = demo().await;
    let world = World::system();
    let secret = Secret::of(&demo.temp.folder, "bank", &*world.random).unwrap();
    let body = json!({ "reference": "r1", "pages": 3, "more": true }).to_string();
    let now = world.now().unix_seconds();
    let signature = secret.sign("m1", now, body.as_bytes());
    let post = |signature: &str| {
        format!(
            "POST /webhooks/bank/Booked HTTP/1.1\r\nhost: x\r\nconnection: close\r\nwebhook-id: m1\r\n\
             webhook-timestamp: {now}\r\nwebhook-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let forged = sent(demo.running.address(), &post("v1,AAAA")).await;
    assert_eq!(status(&forged), "401");
    let believed = sent(demo.running.address(), &post(&signature)).await;
    assert_eq!(status(&believed), "204", "{believed}");
    let messages = demo.backend.messages.lock().unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].id, "m1");
    assert_eq!(
        messages[0].content,
        Value::record(vec![Value::text("r1"), Value::Int(3)])
    );
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_with_a_code_and_a_help() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let pair = |name: &str, url: &str| [(name.to_owned(), url.to_owned())].into();
    let slow = |name: &str| [(name.to_owned(), Duration::from_secs(1))].into();
    let cases: [(&str, &str, StartError); 7] = [
        (
            "U0690",
            "127.0.0.1",
            refused(|o| o.address = "0.0.0.0".parse().unwrap()).await,
        ),
        ("U0691", "--port", refused(|o| o.port = port).await),
        (
            "U0692",
            "",
            refused(|o| o.data = "/dev/null/x".into()).await,
        ),
        (
            "U0693",
            "did you mean `bank`",
            refused(|o| o.with = pair("bamk", "http://x")).await,
        ),
        (
            "U0693",
            "`bank`",
            refused(|o| o.slow = slow("weather")).await,
        ),
        (
            "U0693",
            "",
            refused(|o| o.slow = slow("bank.nothing")).await,
        ),
        (
            "U0694",
            "http://",
            refused(|o| o.with = pair("bank", "localhost")).await,
        ),
    ];
    for (code, help, error) in cases {
        assert_eq!(error.code.id, code, "{error}");
        assert!(
            error.help.as_deref().unwrap_or("").contains(help),
            "{error}"
        );
    }
}
