//! Composed answers over a socket: the form that the document describes for each channel.

use super::*;

const BRIEF: &str = r#"
system demo { title "Demo" }
actor staff kind=staff { channel web mobile }
external catalogue { operation product read { input sku text; output name text; output price int } }
aggregate Shelf { key id; field label text max=20; field skus text* }
command add-shelf {
    allow staff
    input label text max=20
    input skus text*
    create shelf Shelf { set label=input.label skus=input.skus }
    return shelf=shelf.id
}
query shelves of=Shelf {
    allow staff
    sort label
    show label skus
    page max=10
    shape mobile { show label; page max=1 }
    part first catalogue.product { set sku="self.skus[0]"; show name }
}
query home {
    allow staff
    part all shelves { show label }
    part empty shelf { show label }
}
query shelf of=Shelf one { allow staff; show label skus }
"#;

#[tokio::test]
async fn each_channel_gets_the_answer_that_is_described_for_it() {
    let temp = TempFolder::new();
    let prepared = prepared_from(BRIEF);
    let described = prepared.openapi.pointer("/paths/~1shelves/get/responses/200/content/application~1json/schema/properties/items/items/anyOf");
    assert_eq!(
        described.and_then(|all| all.as_array()).map(Vec::len),
        Some(2)
    );
    let started = start_embedded(prepared, quiet(&temp), false).await;
    let running = started.unwrap().running;
    let client = Client::of(&running, &temp);
    for label in ["a", "b"] {
        let shelf = json!({"label": label, "skus": ["x", "y"]});
        let made = client.ask("POST", "/shelves", "", &shelf.to_string()).await;
        assert_eq!(status(&made), "201", "{made}");
    }
    let page = content(&client.ask("GET", "/shelves", "", "").await);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2), "{page}");
    assert_eq!(page["items"][0]["skus"], json!(["x", "y"]));
    assert!(page["items"][0]["first"]["name"].is_string(), "{page}");
    assert!(page["items"][0]["first"].get("price").is_none(), "{page}");
    let mut request = TokenRequest::new("staff", "ada");
    request.channel = Some("mobile".to_owned());
    let issuer = Issuer::of(&temp.folder, "demo").unwrap();
    let mobile = Client {
        address: running.address(),
        token: issuer.mint(&request, &World::system()).unwrap(),
    };
    let page = content(&mobile.ask("GET", "/shelves?limit=5", "", "").await);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page}");
    assert!(page["items"][0].get("skus").is_none(), "{page}");
    let home = client.ask("GET", "/home", "", "").await;
    assert_eq!(
        content(&home)["all"],
        json!([{"label": "a"}, {"label": "b"}]),
        "{home}"
    );
    assert_eq!(content(&home)["empty"], json!({"label": "a"}), "{home}");
    assert!(header(&home, "missing-parts").is_none(), "{home}");
    running.stop().await;
}
