//! Feeds over a socket: a stream of events, and messages that arrive at an endpoint.

use super::*;
use crate::world::Moment;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

const BRIEF: &str = r#"
system demo { title "Demo" }
actor staff kind=staff { channel web }
actor guest kind=person { channel web }
aggregate Board { key name text max=20; field open bool }
aggregate Note { key id; field board Board; field text text }
event Noted about=Note { key board; field note Note; field board Board; field text text }
command add-board { allow staff; input name text max=20; create b Board { set name=input.name open=#true } }
command shut { allow staff; input board Board; change b Board key=input.board { set open=#false } }
command note {
    allow staff
    input board Board
    input text text
    create n Note { set board=input.board text=input.text }
    emit Noted { set note=n.id board=input.board text=input.text }
    return note=n.id
}
query notes of=Note where="self.board == input.board" { allow staff guest; input board Board; show id text; sort id }
feed news start=notes where="event.board == input.board" {
    input board Board
    allow staff
    allow guest when=input.board.open
    on Noted
    show text
    deliver live
    keep "1h"
}
feed posts { allow staff; on Noted; deliver webhook }
"#;

struct Demo {
    running: Running,
    client: Client,
    temp: TempFolder,
}

async fn begun() -> Demo {
    let temp = TempFolder::new();
    begun_in(temp).await
}

async fn begun_in(temp: TempFolder) -> Demo {
    let options = Options {
        reach: Reach::Anywhere,
        ..quiet(&temp)
    };
    let started = start_embedded(prepared_from(BRIEF), options, false).await;
    let running = started.unwrap().running;
    let client = Client::of(&running, &temp);
    Demo {
        running,
        client,
        temp,
    }
}

impl Demo {
    async fn post(&self, path: &str, body: &serde_json::Value) -> String {
        let answer = self.client.ask("POST", path, "", &body.to_string()).await;
        assert!(status(&answer).starts_with('2'), "{path}: {answer}");
        answer
    }

    async fn note(&self, text: &str) {
        self.post("/notes", &json!({"board": "b", "text": text}))
            .await;
    }

    fn token(&self, actor: &str) -> String {
        let issuer = Issuer::of(&self.temp.folder, "demo").unwrap();
        issuer
            .mint(&TokenRequest::new(actor, "someone"), &World::system())
            .unwrap()
    }

    fn stream(&self, actor: &str, last: Option<&str>) -> Stream {
        let last = last.map_or(String::new(), |id| format!("last-event-id: {id}\r\n"));
        let token = self.token(actor);
        // Without chunks the bytes are the events.
        let request = format!(
            "GET /feeds/news?board=b HTTP/1.0\r\nhost: x\r\nauthorization: Bearer {token}\r\n{last}\r\n"
        );
        Stream::open(self.running.address(), &request)
    }
}

/// One event as it stood in the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Event {
    id: String,
    name: String,
    data: String,
}

impl Event {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

/// A client of a stream, read by a thread of its own.
struct Stream {
    socket: TcpStream,
    events: mpsc::Receiver<Event>,
}

impl Stream {
    fn open(address: SocketAddr, request: &str) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let (told, events) = mpsc::channel();
        let lines = BufReader::new(socket.try_clone().unwrap()).lines();
        std::thread::spawn(move || {
            let mut event = Event::default();
            for line in lines.map_while(Result::ok) {
                match line.split_once(": ") {
                    Some(("id", id)) => event.id = id.to_owned(),
                    Some(("event", name)) => event.name = name.to_owned(),
                    Some(("data", data)) => event.data = data.to_owned(),
                    _ if !line.is_empty() => {}
                    _ => match told.send(std::mem::take(&mut event)) {
                        Ok(()) => {}
                        Err(_) => return,
                    },
                }
            }
        });
        Self { socket, events }
    }

    /// The next event that a client would be told; none at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            match self.events.try_recv() {
                Ok(event) if event.name.is_empty() => {}
                Ok(event) => return Some(event),
                Err(mpsc::TryRecvError::Disconnected) => return None,
                Err(mpsc::TryRecvError::Empty) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }

    async fn within(&mut self) -> Option<Event> {
        tokio::time::timeout(Duration::from_secs(30), self.next())
            .await
            .expect("something happens")
    }

    async fn text(&mut self) -> (String, Event) {
        let event = self.within().await.expect("an event");
        let text = event.json()["data"]["text"]
            .as_str()
            .unwrap_or("")
            .to_owned();
        (text, event)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

#[tokio::test]
async fn a_stream_begins_with_its_snapshot_and_goes_on_where_the_client_was() {
    let demo = begun().await;
    demo.post("/boards", &json!({"name": "b"})).await;
    demo.note("zero").await;
    let mut first = demo.stream("staff", None);
    let snapshot = first.within().await.expect("a snapshot");
    assert_eq!(snapshot.name, "snapshot");
    assert_eq!(snapshot.json()["items"][0]["text"], "zero");
    assert_eq!(snapshot.json()["last"], true);
    demo.note("one").await;
    let (text, event) = first.text().await;
    assert_eq!((text.as_str(), event.name.as_str()), ("one", "Noted"));
    assert_eq!(event.json()["type"], "Noted");
    assert!(event.json()["id"].is_string() && event.json()["timestamp"].is_string());
    drop(first);
    demo.note("two").await;
    let mut again = demo.stream("staff", Some(&event.id));
    assert_eq!(again.text().await.0, "two");
    demo.note("three").await;
    assert_eq!(again.text().await.0, "three");
    // What nobody here gave is a reset, told before anything else.
    let mut foreign = demo.stream("staff", Some("AAAAAAAAAAAAAAAAAAAAAAAA"));
    assert_eq!(foreign.within().await.expect("an event").name, "reset");
    let snapshot = foreign.within().await.expect("an event");
    assert_eq!(snapshot.json()["items"].as_array().map(Vec::len), Some(4));
    demo.running.stop().await;
}

#[tokio::test]
async fn a_stream_ends_with_a_reason() {
    let demo = begun().await;
    demo.post("/boards", &json!({"name": "b"})).await;
    let mut guest = demo.stream("guest", None);
    let mut staff = demo.stream("staff", None);
    assert_eq!(guest.within().await.expect("an event").name, "snapshot");
    assert_eq!(staff.within().await.expect("an event").name, "snapshot");
    demo.post("/boards/b/shut", &json!({})).await;
    demo.note("not for guests").await;
    let last = guest.within().await.expect("an event");
    assert_eq!(
        (last.name.as_str(), &last.json()["reason"]),
        ("closed", &json!("revoked"))
    );
    assert_eq!(guest.within().await, None);
    assert_eq!(staff.text().await.0, "not for guests");
    let refused = demo.stream("guest", None);
    drop(refused);
    assert_eq!(demo.running.stop().await, Served::Drained);
    let last = staff.within().await.expect("an event");
    assert_eq!(
        (last.name.as_str(), &last.json()["reason"]),
        ("closed", &json!("draining"))
    );
    assert_eq!(staff.within().await, None);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go_and_resumes() {
    let demo = begun().await;
    demo.post("/boards", &json!({"name": "b"})).await;
    let address = demo.running.address();
    let request = format!(
        "GET /feeds/news?board=b HTTP/1.0\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        demo.token("staff")
    );
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut reading = demo.stream("staff", None);
    // More than the buffers of both ends and the queue between them hold.
    let long = "x".repeat(60_000);
    for _ in 0..320 {
        demo.note(&long).await;
    }
    let all = async {
        let mut count = 0;
        while count < 320 {
            let event = reading.within().await.expect("an event");
            assert_ne!(event.name, "closed");
            count += usize::from(event.name == "Noted");
        }
    };
    // One that reads is told everything meanwhile.
    all.await;
    let slow = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        text
    });
    let text = slow.await.unwrap();
    assert!(text.ends_with("event: closed\ndata: {\"reason\":\"slow\"}\n\n"));
    let told = text.matches("event: Noted").count();
    assert!(told < 320, "{told}");
    let last = text
        .rsplit("\nid: ")
        .next()
        .and_then(|rest| rest.lines().next())
        .unwrap();
    let mut again = demo.stream("staff", Some(last));
    for _ in told..320 {
        assert_eq!(again.within().await.expect("an event").name, "Noted");
    }
    demo.running.stop().await;
}

#[tokio::test]
async fn who_may_not_is_refused_and_head_opens_nothing() {
    let demo = begun().await;
    demo.post("/boards", &json!({"name": "b"})).await;
    demo.post("/boards/b/shut", &json!({})).await;
    let ask = |method: &str, path: &str, token: &str| {
        let line = if token.is_empty() {
            String::new()
        } else {
            format!("authorization: Bearer {token}\r\n")
        };
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{line}connection: close\r\n\r\n")
    };
    let address = demo.running.address();
    let table = [
        ("GET", "/feeds/news?board=b", String::new(), "401"),
        ("GET", "/feeds/news?board=b", demo.token("guest"), "403"),
        ("GET", "/feeds/news", demo.token("staff"), "400"),
        (
            "GET",
            "/feeds/news?board=b&more=1",
            demo.token("staff"),
            "400",
        ),
        ("POST", "/feeds/news?board=b", demo.token("staff"), "405"),
        ("GET", "/feeds/other", demo.token("staff"), "404"),
        ("HEAD", "/feeds/news?board=b", demo.token("staff"), "200"),
    ];
    for (method, path, token, expected) in table {
        let answer = sent(address, &ask(method, path, &token)).await;
        assert_eq!(status(&answer), expected, "{method} {path}: {answer}");
    }
    demo.running.stop().await;
}

/// Takes one request and answers it.
fn take(listener: &TcpListener, answer: &str) -> (String, String) {
    let (mut socket, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    socket.write_all(answer.as_bytes()).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn header<'h>(head: &'h str, name: &str) -> &'h str {
    let found = head.lines().find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then_some(value)
    });
    found.unwrap_or("")
}

#[tokio::test]
async fn a_registered_endpoint_gets_signed_messages() {
    let demo = begun().await;
    demo.post("/boards", &json!({"name": "b"})).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let made = demo
        .post("/feeds/posts/endpoints", &json!({"url": url}))
        .await;
    assert_eq!(status(&made), "201");
    let endpoint = content(&made);
    let secret = endpoint["secret"].as_str().expect("a secret").to_owned();
    let shown = demo
        .client
        .ask("GET", endpoint["links"]["self"].as_str().unwrap(), "", "")
        .await;
    assert_eq!(
        (&content(&shown)["state"], content(&shown).get("secret")),
        (&json!("active"), None)
    );
    let second = demo
        .post(endpoint["links"]["rotate"].as_str().unwrap(), &json!({}))
        .await;
    let second = content(&second)["secret"]
        .as_str()
        .expect("a secret")
        .to_owned();
    demo.note("hello").await;
    let taking = tokio::task::spawn_blocking(move || take(&listener, "204 No Content"));
    let (head, body) = tokio::time::timeout(Duration::from_secs(30), taking)
        .await
        .unwrap()
        .unwrap();
    assert!(head.starts_with("POST /hook "), "{head}");
    let message: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(message["type"], "Noted");
    assert_eq!(message["data"]["text"], "hello");
    assert_eq!(message["id"], header(&head, "webhook-id"));
    // Either secret believes it.
    let now: Moment = World::system().now();
    for secret in [&secret, &second] {
        let signed = crate::externals::signature::Signed {
            id: header(&head, "webhook-id"),
            timestamp: header(&head, "webhook-timestamp"),
            signatures: header(&head, "webhook-signature"),
        };
        let believed = Secret::parse(secret)
            .unwrap()
            .check(signed, body.as_bytes(), now);
        assert_eq!(believed, Ok(()));
    }
    demo.running.stop().await;
}

#[tokio::test]
async fn private_addresses_are_refused_unless_it_is_allowed() {
    let temp = TempFolder::new();
    let started = start_embedded(prepared_from(BRIEF), quiet(&temp), false).await;
    let running = started.unwrap().running;
    let client = Client::of(&running, &temp);
    for url in [
        "http://127.0.0.1:1/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "http://example.org/",
    ] {
        let body = json!({"url": url}).to_string();
        let answer = client
            .ask("POST", "/feeds/posts/endpoints", "", &body)
            .await;
        assert_eq!(status(&answer), "422", "{url}: {answer}");
        let code = content(&answer)["code"].clone();
        assert!(
            code == "address-not-allowed" || code == "invalid-input",
            "{url}: {answer}"
        );
    }
    running.stop().await;
}
