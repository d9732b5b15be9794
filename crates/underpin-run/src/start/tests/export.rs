//! All rows of a query over a socket, as a table and as lines of JSON.

use super::*;

const BRIEF: &str = r#"
system demo { title "Demo"; currency EUR }
actor staff kind=staff { channel web }
actor guest kind=person { channel web }
record Mark { key page int; field words text max=20 }
aggregate Book {
    key title text max=40
    field shelf text max=10
    field price money?
    field marks Mark* count="..5"
}
command add-book {
    allow staff
    input title text max=40
    input shelf text max=10
    input price money?
    input marks Mark* count="..5"
    create book Book { set title=input.title shelf=input.shelf price=input.price marks=input.marks }
    bulk 100
}
query books of=Book {
    allow staff
    allow guest when="self.shelf == 'open'"
    filter shelf; sort title
    show title price marks.page total="self.price.orValue(money('0.00'))" noted="self.marks"
    page max=2
    export csv jsonl
}
"#;

async fn begun() -> (Running, Client, TempFolder) {
    let temp = TempFolder::new();
    let started = start_embedded(prepared_from(BRIEF), quiet(&temp), false).await;
    let running = started.unwrap().running;
    let client = Client::of(&running, &temp);
    let item = |title: &str, shelf: &str, price: serde_json::Value| json!({"title": title, "shelf": shelf, "price": price, "marks": [{"page": 3, "words": "a, \"b\""}]});
    let items = json!({"items": [
        item("=cmd()", "open", json!({"amount": "1.50", "currency": "EUR"})),
        item("b,c", "open", json!(null)),
        item("d", "shut", json!({"amount": "2.00", "currency": "EUR"})),
    ]});
    let made = client
        .ask("POST", "/books/bulk", "", &items.to_string())
        .await;
    assert_eq!(content(&made)["done"], 3, "{made}");
    (running, client, temp)
}

/// The chunks of a body put together.
fn whole(answer: &str) -> String {
    let mut rest = answer.split_once("\r\n\r\n").unwrap().1;
    let mut whole = String::new();
    while let Some((size, more)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        let (chunk, behind) = more.split_at(size);
        whole.push_str(chunk);
        rest = behind.trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    whole
}

#[tokio::test]
async fn a_table_has_all_rows_and_no_formula() {
    let (running, client, _temp) = begun().await;
    let answer = client.ask("GET", "/books.csv", "", "").await;
    assert_eq!(status(&answer), "200", "{answer}");
    assert_eq!(
        header(&answer, "content-type"),
        Some("text/csv; charset=utf-8; header=present")
    );
    assert_eq!(
        header(&answer, "content-disposition"),
        Some("attachment; filename=\"books.csv\"")
    );
    let noted = r#""[{""page"":3,""words"":""a, \""b\""""}]""#;
    let expected = [
        "title,price.amount,price.currency,marks,total.amount,total.currency,noted".to_owned(),
        format!("'=cmd(),1.50,EUR,\"[{{\"\"page\"\":3}}]\",1.50,EUR,{noted}"),
        format!("\"b,c\",,,\"[{{\"\"page\"\":3}}]\",0.00,EUR,{noted}"),
        format!("d,2.00,EUR,\"[{{\"\"page\"\":3}}]\",2.00,EUR,{noted}"),
        String::new(),
    ];
    assert_eq!(whole(&answer).split("\r\n").collect::<Vec<_>>(), expected);
    running.stop().await;
}

#[tokio::test]
async fn lines_of_json_are_the_rows_of_the_pages_and_filters_hold() {
    let (running, client, _temp) = begun().await;
    let answer = client
        .ask("GET", "/books.jsonl?shelf=open&sort=-title", "", "")
        .await;
    assert_eq!(
        header(&answer, "content-type"),
        Some("application/x-ndjson")
    );
    let lines = whole(&answer);
    let rows: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let page = content(
        &client
            .ask("GET", "/books?shelf=open&sort=-title", "", "")
            .await,
    );
    assert_eq!(json!(rows), page["items"]);
    let empty = client.ask("GET", "/books.jsonl?shelf=none", "", "").await;
    assert_eq!((status(&empty), whole(&empty).as_str()), ("200", ""));
    let refused = client.ask("GET", "/books.csv?limit=5", "", "").await;
    assert_eq!(status(&refused), "400", "a file has no pages: {refused}");
    let nobody = Client {
        address: client.address,
        token: "none".to_owned(),
    };
    assert_eq!(
        status(&nobody.ask("GET", "/books.csv", "", "").await),
        "401"
    );
    running.stop().await;
}
