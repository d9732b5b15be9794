//! `underpin admin` against a running backend: what a person sees and decides from the shell.

use crate::support::{Backend, Folder, Said, underpin};
use serde_json::{Value, json};

const POST: &str = r#"
system post
actor user kind=person
external courier {
    operation hand-over { input parcel text; output slip text }
    latency p50="10ms" p99="50ms"
}
aggregate Parcel {
    key id
    field slip text?
    states made ready sent {
        move prepare made to=ready
        move back ready to=made
        move send ready to=sent
    }
}
command pack { allow user; create parcel Parcel; return parcel=parcel.id }
command send {
    allow user
    input parcel Parcel
    change parcel Parcel key=input.parcel { move prepare; undo { move back } }
    call handed courier.hand-over once="the courier takes a parcel once" { set parcel=input.parcel }
    change parcel { move send; set slip=handed.slip }
    return slip=parcel.slip
}
query parcels of=Parcel { allow user; show id state slip }
"#;

struct Post {
    backend: Backend,
    folder: Folder,
}

impl Post {
    fn open(extra: &[&str]) -> Self {
        let folder = Folder::new();
        let brief = folder.write("post.kdl", POST);
        let backend = Backend::start(&brief, &folder.path("data"), extra);
        Self { backend, folder }
    }

    fn admin(&self, args: &[&str]) -> Said {
        let data = self.folder.path("data").display().to_string();
        let mut all = vec!["admin", "--data", &data];
        all.extend(args);
        underpin(all)
    }

    fn asked(&self, args: &[&str]) -> Value {
        let mut all = vec!["--format", "json"];
        all.extend(args);
        let said = self.admin(&all);
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("not JSON: {}", said.out))
    }

    fn post(&self, path: &str, body: &Value) -> crate::support::Answer {
        let bearer = format!("Bearer {}", self.backend.token("user", "una", &[]));
        let headers = [("Authorization", bearer.as_str())];
        self.backend.ask("POST", path, &headers, &body.to_string())
    }
}

#[test]
fn a_flow_in_doubt_is_found_read_and_resolved_from_the_shell() {
    let post = Post::open(&["--slow", "courier=60s"]);
    let packed = post.post("/parcels", &json!({})).json();
    let parcel = packed["parcel"].as_str().expect("an id").to_owned();
    let path = format!("/parcels/{parcel}/send");
    let sent = post.post(&path, &json!({}));
    assert_eq!(sent.json()["code"], "in-doubt", "{sent:?}");
    let flows = post.asked(&["flows", "--stage", "in-doubt"]);
    let id = flows["flows"][0]["id"].as_str().expect("an id").to_owned();
    let read = post.admin(&["flow", &id]);
    for part in [
        "in-doubt",
        "calls courier.hand-over",
        "→ call courier.hand-over   (pivot: what follows is not taken back)",
        &format!("change Parcel `{parcel}` back"),
        &format!("underpin admin resolve {id} --happened '{{\"slip\": …}}'"),
    ] {
        assert!(read.out.contains(part), "{part}: {}", read.out);
    }
    assert!(post.admin(&["holds"]).out.contains(&id));
    let short = post.admin(&["resolve", &id, "--happened", "--why", "called them"]);
    assert_eq!(short.code, 1, "an answer is missing: {}", short.out);
    let both = post.admin(&["resolve", &id, "--why", "no verdict"]);
    assert_eq!(both.code, 2, "a verdict is asked for");
    let done = post.admin(&[
        "resolve",
        &id,
        "--happened",
        r#"{"slip": "s-7"}"#,
        "--why",
        "called them",
        "--who",
        "ada",
    ]);
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{}", done.out);
    assert!(done.out.contains("done"), "{}", done.out);
    let audit = &post.asked(&["audit"])["audit"][0];
    assert_eq!(
        (&audit["who"], &audit["why"]),
        (&json!("ada"), &json!("called them"))
    );
    assert!(post.admin(&["flows"]).out.starts_with("no flow is"));
    assert!(post.admin(&["holds"]).out.starts_with("no row is held"));
}

#[test]
fn only_who_reads_the_data_folder_gets_in_and_a_dead_backend_is_told() {
    let post = Post::open(&[]);
    let file = post.folder.path("data").join("admin.json");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let text = std::fs::read_to_string(&file).expect("a file");
    let door: Value = serde_json::from_str(&text).expect("JSON");
    let address = door["address"].as_str().expect("an address").to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let ask = json!({"ask": "holds"}).to_string();
    let user = format!("Bearer {}", post.backend.token("user", "una", &[]));
    for headers in [vec![], vec![("Authorization", user.as_str())]] {
        let said = Backend::try_ask(&address, "POST", "/", &headers, &ask).expect("an answer");
        assert_eq!(said.status, 401, "{said:?}");
    }
    let key = format!("Bearer {}", door["key"].as_str().expect("a key"));
    let headers = [("Authorization", key.as_str())];
    let said = Backend::try_ask(&address, "POST", "/", &headers, &ask).expect("an answer");
    assert_eq!((said.status, said.body.as_str()), (200, r#"{"holds":[]}"#));
    let public = post.backend.ask("POST", "/", &headers, &ask);
    assert_ne!(public.status, 200, "never on the contract's paths");
    let Post { backend, folder } = post;
    backend.kill();
    let data = folder.path("data").display().to_string();
    let said = underpin(["admin", "--data", &data, "flows"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("no backend runs on the data folder"),
        "{}",
        said.err
    );
}

#[test]
fn a_simulated_external_is_made_to_fail_and_healed_while_it_runs() {
    let post = Post::open(&[]);
    let packed = post.post("/parcels", &json!({})).json();
    let parcel = packed["parcel"].as_str().expect("an id").to_owned();
    let path = format!("/parcels/{parcel}/send");
    for (fault, wrong) in [
        (vec!["fault", "courir", "down"], "did you mean `courier`?"),
        (
            vec!["fault", "courier.hand", "down"],
            "the brief has: hand-over",
        ),
    ] {
        let said = post.admin(&fault);
        assert_eq!(said.code, 1);
        assert!(said.err.contains(wrong), "{}", said.err);
    }
    assert_eq!(post.admin(&["fault", "courier", "doen"]).code, 2);
    let set = post.admin(&["fault", "courier", "lost=100%", "for=1h"]);
    assert_eq!(set.code, 0, "{}", set.err);
    let faults = post.admin(&["faults"]).out;
    assert!(
        faults.contains("courier · loses 100 % of its answers · until "),
        "{faults}"
    );
    assert_eq!(post.post(&path, &json!({})).json()["code"], "in-doubt");
    let flows = post.asked(&["flows"]);
    let id = flows["flows"][0]["id"].as_str().expect("an id").to_owned();
    post.admin(&["resolve", &id, "--did-not-happen", "--why", "a trial"]);
    assert_eq!(post.admin(&["heal"]).code, 0);
    assert!(post.admin(&["faults"]).out.starts_with("no fault is set"));
    let sent = post.post(&path, &json!({}));
    assert_eq!(sent.status, 200, "{sent:?}");
    let audit = post.admin(&["audit"]).out;
    assert_eq!(audit.lines().count(), 3, "{audit}");
}

#[test]
fn a_backend_that_is_drained_ends_in_order() {
    let mut post = Post::open(&[]);
    assert_eq!(post.admin(&["drain", "--why", "maintenance"]).code, 0);
    assert!(post.backend.ended().success());
    assert!(!post.folder.path("data").join("admin.json").exists());
}
