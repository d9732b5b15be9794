//! Bytes beside rows, over a socket: handle, upload, attach, download.

use super::*;

const BRIEF: &str = r#"
system demo { title "Demo" }
actor staff kind=staff { channel web; role desk }
actor guest kind=person { channel web }
aggregate Card {
    key id
    field title text max=40
    field open bool
    field picture blob? max="40 B" media="image/*"
}
command add-card {
    allow staff
    input title text max=40
    input open bool
    input picture blob?
    create card Card { set title=input.title open=input.open picture=input.picture }
    return card=card.id
}
query cards of=Card { allow staff; allow guest when="self.open"; sort title; show id title picture }
"#;

async fn begun() -> (Running, Client, TempFolder) {
    let temp = TempFolder::new();
    let started = start_embedded(prepared_from(BRIEF), quiet(&temp), false).await;
    let running = started.unwrap().running;
    let client = Client::of(&running, &temp);
    (running, client, temp)
}

async fn put(client: &Client, place: &str, media: &str, bytes: &str) -> String {
    let request = format!(
        "PUT {place} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: {media}\r\ncontent-length: {}\r\n\r\n{bytes}",
        client.token,
        bytes.len()
    );
    sent(client.address, &request).await
}

async fn ticket(client: &Client) -> (String, String) {
    let answer = client.ask("POST", "/blobs", "", "").await;
    assert_eq!(status(&answer), "201", "{answer}");
    let body = content(&answer);
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("blob"), text("upload"))
}

async fn add(client: &Client, open: bool, blob: &str) -> String {
    let card = json!({"title": "t", "open": open, "picture": blob});
    client.ask("POST", "/cards", "", &card.to_string()).await
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn bytes_are_attached_and_come_back_whole_or_in_part() {
    let (running, client, _temp) = begun().await;
    let (blob, place) = ticket(&client).await;
    let early = add(&client, true, &blob).await;
    assert_eq!(status(&early), "422", "they have not come: {early}");
    let taken = put(&client, &place, "image/png", "0123456789").await;
    assert_eq!(status(&taken), "204", "{taken}");
    let tag = header(&taken, "etag").unwrap().to_owned();
    assert_eq!(
        status(&put(&client, &place, "image/png", "x").await),
        "409",
        "once"
    );
    assert_eq!(status(&add(&client, true, &blob).await), "201");
    let whole = client.ask("GET", &place, "", "").await;
    assert_eq!(
        (status(&whole), body(&whole)),
        ("200", "0123456789"),
        "{whole}"
    );
    assert_eq!(header(&whole, "content-type"), Some("image/png"));
    assert_eq!(header(&whole, "content-disposition"), Some("inline"));
    assert_eq!(header(&whole, "x-content-type-options"), Some("nosniff"));
    assert_eq!(header(&whole, "etag"), Some(&*tag));
    let part = client.ask("GET", &place, "range: bytes=2-4\r\n", "").await;
    assert_eq!((status(&part), body(&part)), ("206", "234"), "{part}");
    assert_eq!(header(&part, "content-range"), Some("bytes 2-4/10"));
    assert_eq!(
        status(&client.ask("GET", &place, "range: bytes=10-\r\n", "").await),
        "416"
    );
    let known = format!("if-none-match: {tag}\r\n");
    assert_eq!(status(&client.ask("GET", &place, &known, "").await), "304");
    running.stop().await;
}

#[tokio::test]
async fn a_place_takes_what_it_says_and_nothing_else() {
    let (running, client, _temp) = begun().await;
    for (media, bytes, expected) in [
        ("text/html", "<b>".to_owned(), "204 422"),
        ("image/png", "x".repeat(41), "413 422"),
        ("nonsense", "x".to_owned(), "415 422"),
        ("image/svg+xml", "<svg/>".to_owned(), "204 201"),
    ] {
        let (blob, place) = ticket(&client).await;
        let taken = put(&client, &place, media, &bytes).await;
        let added = add(&client, true, &blob).await;
        assert_eq!(
            format!("{} {}", status(&taken), status(&added)),
            expected,
            "{media}"
        );
    }
    assert_eq!(status(&add(&client, true, "unknown").await), "422");
    running.stop().await;
}

#[tokio::test]
async fn who_sees_the_row_sees_the_bytes_and_nobody_else() {
    let (running, client, temp) = begun().await;
    let issuer = Issuer::of(&temp.folder, "demo").unwrap();
    let token = |actor| {
        issuer
            .mint(&TokenRequest::new(actor, "gus"), &World::system())
            .unwrap()
    };
    let other = |actor| Client {
        address: running.address(),
        token: token(actor),
    };
    let (guest, colleague) = (other("guest"), other("staff"));
    let refused = guest.ask("POST", "/blobs", "", "").await;
    assert_eq!(status(&refused), "403", "{refused}");
    for open in [true, false] {
        let (blob, place) = ticket(&client).await;
        assert_eq!(
            status(&put(&colleague, &place, "image/gif", "x").await),
            "404",
            "not theirs"
        );
        assert_eq!(
            status(&put(&client, &place, "image/gif", "gif").await),
            "204"
        );
        assert_eq!(
            status(&colleague.ask("GET", &place, "", "").await),
            "404",
            "in no row"
        );
        assert_eq!(
            status(&client.ask("GET", &place, "", "").await),
            "200",
            "one's own"
        );
        assert_eq!(
            status(&add(&colleague, open, &blob).await),
            "422",
            "not theirs to attach"
        );
        assert_eq!(status(&add(&client, open, &blob).await), "201");
        assert_eq!(status(&colleague.ask("GET", &place, "", "").await), "200");
        let expected = if open { "200" } else { "404" };
        assert_eq!(status(&guest.ask("GET", &place, "", "").await), expected);
    }
    running.stop().await;
}
