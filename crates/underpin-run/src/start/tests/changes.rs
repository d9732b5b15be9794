//! Clients that keep rows and ask for what has changed, over a socket.

use super::*;
use std::collections::BTreeMap;

const BRIEF: &str = r#"
system demo { title "Demo" }
actor staff kind=staff { channel web }
aggregate Book {
    key title text max=40
    field shelf text max=10
    field pages int
}
command add-book {
    allow staff
    input title text max=40
    input shelf text max=10
    create book Book { set title=input.title shelf=input.shelf pages=0 }
    bulk 1000
}
command move-book {
    allow staff
    input book Book
    input shelf text max=10
    change book Book key=input.book { set shelf=input.shelf }
}
command drop-book { allow staff; input book Book; delete book Book key=input.book }
query books of=Book where="self.shelf == 'open'" {
    allow staff
    sort title
    show title shelf
    page max=10
    changes keep="24h"
}
"#;

/// A client that keeps what it is told.
struct Keeper {
    client: Client,
    next: String,
    rows: BTreeMap<String, serde_json::Value>,
    resets: u32,
}

impl Keeper {
    async fn once(&mut self) -> bool {
        let answer = self.client.ask("GET", &self.next, "", "").await;
        assert_eq!(status(&answer), "200", "{answer}");
        let told = content(&answer);
        if told["reset"] == json!(true) {
            self.resets += 1;
            self.rows.clear();
        }
        for item in told["items"].as_array().unwrap() {
            self.rows.insert(
                item["tag"].as_str().unwrap().to_owned(),
                item["row"].clone(),
            );
        }
        for tag in told["deleted"].as_array().unwrap() {
            self.rows.remove(tag.as_str().unwrap());
        }
        self.next = told["next"].as_str().unwrap().to_owned();
        told["more"] == json!(true)
    }

    /// Asks until there is no more; the titles that it has then.
    async fn sync(&mut self) -> Vec<String> {
        while self.once().await {}
        let title = |row: &serde_json::Value| row["title"].as_str().unwrap().to_owned();
        let mut titles: Vec<String> = self.rows.values().map(title).collect();
        titles.sort();
        titles
    }
}

async fn begun() -> (Running, Client, Keeper, TempFolder) {
    let temp = TempFolder::new();
    let started = start_embedded(prepared_from(BRIEF), quiet(&temp), false).await;
    let running = started.unwrap().running;
    let keeper = Keeper {
        client: Client::of(&running, &temp),
        next: "/books.changes".to_owned(),
        rows: BTreeMap::new(),
        resets: 0,
    };
    let client = Client::of(&running, &temp);
    (running, client, keeper, temp)
}

async fn add(client: &Client, titles: &[&str]) {
    let item = |title: &&str| json!({"title": title, "shelf": "open"});
    let items = json!({"items": titles.iter().map(item).collect::<Vec<_>>()});
    let made = client
        .ask("POST", "/books/bulk", "", &items.to_string())
        .await;
    assert_eq!(status(&made), "207", "{made}");
}

#[tokio::test]
async fn what_was_created_changed_deleted_or_left_is_told_once() {
    let (running, client, mut keeper, _temp) = begun().await;
    add(&client, &["a", "b", "c"]).await;
    assert_eq!(keeper.sync().await, ["a", "b", "c"]);
    assert!(
        !keeper.once().await && keeper.rows.len() == 3,
        "nothing more"
    );
    add(&client, &["d"]).await;
    client.ask("POST", "/books/a/drop-book", "", "{}").await;
    client
        .ask("POST", "/books/b/move-book", "", r#"{"shelf":"shut"}"#)
        .await;
    assert_eq!(
        keeper.sync().await,
        ["c", "d"],
        "deleted, and no longer shown"
    );
    client
        .ask("POST", "/books/b/move-book", "", r#"{"shelf":"open"}"#)
        .await;
    assert_eq!(keeper.sync().await, ["b", "c", "d"]);
    assert_eq!(keeper.resets, 1);
    running.stop().await;
}

#[tokio::test]
async fn writes_between_the_pages_of_all_rows_are_not_missed() {
    let (running, client, mut keeper, _temp) = begun().await;
    let titles: Vec<String> = (0..40).map(|at| format!("t{at:02}")).collect();
    add(
        &client,
        &titles.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    keeper.next = "/books.changes?limit=7".to_owned();
    assert!(keeper.once().await, "more pages");
    client.ask("POST", "/books/t00/drop-book", "", "{}").await;
    add(&client, &["a first one"]).await;
    let found = keeper.sync().await;
    let more = keeper.sync().await;
    assert_eq!(more.len(), 40, "{found:?} {more:?}");
    assert!(more.contains(&"a first one".to_owned()) && !more.contains(&"t00".to_owned()));
    running.stop().await;
}

#[tokio::test]
async fn positions_are_good_for_their_question_only() {
    let (running, client, mut keeper, _temp) = begun().await;
    add(&client, &["a"]).await;
    keeper.sync().await;
    let position = keeper.next.split_once("since=").unwrap().1.to_owned();
    for wrong in [
        format!("/books?after={position}"),
        "/books.changes?since=AAAA".to_owned(),
    ] {
        let answer = client.ask("GET", &wrong, "", "").await;
        assert_eq!(status(&answer), "400", "{answer}");
    }
    running.stop().await;
}
