//! A backend from a brief to an open port and back, with an engine that only remembers.

mod accepted;
mod blobs;
mod bounds;
mod bulk;
mod changes;
mod export;
mod feeds;
mod parts;
mod tokens;

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
    field by staff?
}
command add-book {
    allow staff
    input title text max=40
    create book Book { set title=input.title pages=0 by=caller.id }
    return book=book.id
}
query books of=Book { allow staff; filter title; sort title; show id title by.name; page max=10 }
policy note-booked { on bank.Booked; create book Book { set title=event.reference pages=event.pages } }
"#;

fn prepared() -> Prepared {
    prepared_from(BRIEF)
}

fn prepared_from(text: &str) -> Prepared {
    let checked = check_text("demo.kdl", text);
    let brief = checked
        .brief
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    let contract = underpin_contract::derive(&brief).value.unwrap();
    let openapi = underpin_contract::openapi(&contract);
    Prepared {
        services: crate::engine::Services::one(&brief),
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

/// Starts again on a folder that the last one, in the same process, is about to let go of.
async fn restarted(prepared: Prepared, temp: &TempFolder) -> Result<Running, StartError> {
    for _ in 0..200 {
        match start_embedded(prepared.clone(), quiet(temp), false).await {
            Err(error) if error.code.id == "U0695" => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            other => return other.map(|started| started.running),
        }
    }
    panic!("the folder stays in use");
}

struct Client {
    address: SocketAddr,
    token: String,
}

impl Client {
    fn of(running: &Running, temp: &TempFolder) -> Self {
        let mut request = TokenRequest::new("staff", "ada");
        request.claims.insert("name".into(), json!("Ada L."));
        let issuer = Issuer::of(&temp.folder, "demo").unwrap();
        let token = issuer.mint(&request, &World::system()).unwrap();
        Self {
            address: running.address(),
            token,
        }
    }

    async fn ask(&self, method: &str, target: &str, headers: &str, body: &str) -> String {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        sent(self.address, &request).await
    }
}

fn content(answer: &str) -> serde_json::Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn the_embedded_engine_serves_what_the_brief_describes_and_remembers_it() {
    let temp = TempFolder::new();
    let Started {
        running, recovered, ..
    } = start_embedded(prepared(), quiet(&temp), false)
        .await
        .unwrap();
    assert!(recovered.is_empty());
    let client = Client::of(&running, &temp);
    let key = "idempotency-key: k1\r\n";
    let added = client
        .ask("POST", "/books", key, r#"{"title":"Emma"}"#)
        .await;
    assert_eq!(status(&added), "201", "{added}");
    let place = header(&added, "location").unwrap().to_owned();
    let again = client
        .ask("POST", "/books", key, r#"{"title":"Emma"}"#)
        .await;
    assert_eq!((status(&again), content(&again)), ("201", content(&added)));
    let other = client
        .ask("POST", "/books", key, r#"{"title":"Persuasion"}"#)
        .await;
    assert_eq!(status(&other), "422", "{other}");
    let page = client.ask("GET", "/books?title=Emma", "", "").await;
    assert_eq!(content(&page)["items"][0]["title"], "Emma", "{page}");
    let row = client.ask("GET", &place, "", "").await;
    assert_eq!(content(&row)["title"], "Emma", "{row}");
    assert_eq!(content(&row)["by"]["name"], "Ada L.", "{row}");
    let tag = format!("if-none-match: {}\r\n", header(&row, "etag").unwrap());
    assert_eq!(status(&client.ask("GET", &place, &tag, "").await), "304");
    assert_eq!(running.stop().await, Served::Drained);
    let running = restarted(prepared(), &temp).await.unwrap();
    let client = Client::of(&running, &temp);
    assert_eq!(
        content(&client.ask("GET", &place, "", "").await)["title"],
        "Emma"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_folder_of_another_brief_is_refused_and_left_as_it_was() {
    let temp = TempFolder::new();
    let Started { running, .. } = start_embedded(prepared(), quiet(&temp), false)
        .await
        .unwrap();
    let client = Client::of(&running, &temp);
    let added = client.ask("POST", "/books", "", r#"{"title":"Emma"}"#);
    assert_eq!(status(&added.await), "201");
    let used = start_embedded(prepared(), quiet(&temp), false)
        .await
        .err()
        .unwrap();
    assert_eq!(used.code.id, "U0695", "{used}");
    running.stop().await;
    let listing = || {
        let names = std::fs::read_dir(temp.folder.path("")).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    // The store closes a moment after the engine has come to rest.
    while listing()
        .iter()
        .any(|name| name.to_string_lossy().ends_with("-wal"))
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let before = listing();
    let other = BRIEF.replace(
        "field pages int\n    field by",
        "field leaves int\n    field by",
    );
    let other = other.replace("title=input.title pages=0", "title=input.title leaves=0");
    let other = other.replace("pages=event.pages", "leaves=event.pages");
    let error = restarted(prepared_from(&other), &temp).await.err().unwrap();
    assert_eq!(error.code.id, "U0696", "{error}");
    assert!(
        error.message.contains("pages") || error.message.contains("leaves"),
        "{error}"
    );
    assert_eq!(listing(), before);
}
