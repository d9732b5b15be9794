//! Commands that answer before they are done, over a socket.

use super::*;

const BRIEF: &str = r#"
system demo { title "Demo" }
actor staff kind=staff { channel web }
aggregate Book { key title text max=40; field checked bool default=#false }
command add-book { allow staff; input title text max=40; create book Book { set title=input.title } }
command check-books answer=accepted {
    allow staff
    input titles text* max=40 count="1..100"
    each title in=input.titles chunk=1 {
        change book Book key=title { set checked=#true }
    }
    return asked="input.titles.size()"
}
query books of=Book { allow staff; sort title; show title checked }
"#;

#[tokio::test]
async fn a_flow_is_followed_where_the_answer_points_until_it_is_done() {
    let temp = TempFolder::new();
    let started = start_embedded(prepared_from(BRIEF), quiet(&temp), false).await;
    let running = started.unwrap().running;
    let client = Client::of(&running, &temp);
    for title in ["a", "b"] {
        let book = json!({ "title": title });
        assert_eq!(
            status(&client.ask("POST", "/books", "", &book.to_string()).await),
            "201"
        );
    }
    let key = "idempotency-key: k1\r\n";
    let ask = r#"{"titles":["a","b"]}"#;
    let taken = client.ask("POST", "/check-books", key, ask).await;
    assert_eq!(status(&taken), "202", "{taken}");
    assert_eq!(header(&taken, "retry-after"), Some("1"));
    let place = header(&taken, "location").unwrap().to_owned();
    assert_eq!(content(&taken)["links"]["flow"], json!(place));
    let mut told = client.ask("GET", &place, "", "").await;
    for _ in 0..400 {
        if content(&told)["state"] == "done" {
            break;
        }
        assert_eq!(header(&told, "retry-after"), Some("1"), "{told}");
        tokio::time::sleep(Duration::from_millis(5)).await;
        told = client.ask("GET", &place, "", "").await;
    }
    let body = content(&told);
    assert_eq!(body["state"], "done", "{told}");
    assert_eq!(body["progress"], json!({"done": 2, "total": 2}), "{told}");
    assert_eq!(body["result"]["asked"], 2, "{told}");
    assert!(header(&told, "retry-after").is_none(), "{told}");
    let again = client.ask("POST", "/check-books", key, ask).await;
    assert_eq!(
        (status(&again), header(&again, "location")),
        ("202", Some(&*place))
    );
    let late = client.ask("POST", &format!("{place}/cancel"), "", "").await;
    assert_eq!(content(&late)["code"], "not-cancellable", "{late}");
    running.stop().await;
}
