//! A backend in a process of its own: what a client sees, and what survives `kill -9`.

use crate::support::{Backend, Folder, eventually, example};
use serde_json::json;

/// The shop with one article in stock, and tokens of its people.
struct Shop {
    backend: Backend,
    manager: String,
    ada: String,
    folder: Folder,
}

impl Shop {
    fn open(extra: &[&str]) -> Self {
        let folder = Folder::new();
        let backend = Backend::start(&example("shop"), &folder.path("data"), extra);
        let shop = Self::of(backend, folder);
        shop.post(
            &shop.manager,
            "/categories",
            "",
            &json!({"slug": "tea", "name": "Tea"}),
            201,
        );
        let product = json!({"sku": "tea-01", "name": "Green tea", "category": "tea",
            "price": {"amount": "4.90", "currency": "EUR"}, "stock": 10});
        shop.post(&shop.manager, "/products", "", &product, 201);
        shop
    }

    fn of(backend: Backend, folder: Folder) -> Self {
        let manager = backend.token("clerk", "max", &["--role", "manager"]);
        let ada = backend.token("shopper", "ada", &[]);
        Self {
            backend,
            manager,
            ada,
            folder,
        }
    }

    /// `kill -9`, and the same data folder again.
    fn crash(self, extra: &[&str]) -> Self {
        let Self {
            backend, folder, ..
        } = self;
        backend.kill();
        let backend = Backend::start(&example("shop"), &folder.path("data"), extra);
        Self::of(backend, folder)
    }

    fn post(
        &self,
        token: &str,
        path: &str,
        key: &str,
        body: &serde_json::Value,
        status: u16,
    ) -> Said {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Authorization", bearer.as_str())];
        if !key.is_empty() {
            headers.push(("Idempotency-Key", key));
        }
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = self.backend.ask("POST", path, &headers, &text);
        assert_eq!(answer.status, status, "POST {path}: {answer:?}");
        Said {
            location: answer.header("location").to_owned(),
            body: answer.body,
        }
    }

    fn get(&self, token: &str, path: &str) -> serde_json::Value {
        let bearer = format!("Bearer {token}");
        let answer = self
            .backend
            .ask("GET", path, &[("Authorization", &bearer)], "");
        assert_eq!(answer.status, 200, "GET {path}: {answer:?}");
        answer.json()
    }

    /// What is left of the article, as a restock by one tells it.
    fn stock(&self) -> i64 {
        let said = self.post(
            &self.manager,
            "/products/tea-01/restock",
            "",
            &json!({"quantity": 1}),
            200,
        );
        said.json()["stock"].as_i64().expect("a number") - 1
    }
}

struct Said {
    location: String,
    body: String,
}

impl Said {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

fn two() -> serde_json::Value {
    json!({"email": "ada@example.org", "lines": [{"product": "tea-01", "quantity": 2}]})
}

#[test]
fn a_client_orders_once_and_is_refused_where_the_brief_says_so() {
    let shop = Shop::open(&[]);
    let placed = shop.post(&shop.ada, "/orders", "k1", &two(), 201);
    assert_eq!(
        placed.json()["total"],
        json!({"amount": "9.80", "currency": "EUR"})
    );
    assert!(
        placed.location.starts_with("/orders/"),
        "{}",
        placed.location
    );
    let again = shop.post(&shop.ada, "/orders", "k1", &two(), 201);
    assert_eq!(
        again.body, placed.body,
        "a repetition gets the stored answer"
    );
    let other =
        json!({"email": "eve@example.org", "lines": [{"product": "tea-01", "quantity": 1}]});
    shop.post(&shop.ada, "/orders", "k1", &other, 422);
    assert_eq!(shop.stock(), 8, "one order took two");
    assert_eq!(shop.get(&shop.ada, &placed.location)["state"], "paid");

    let many =
        json!({"email": "ada@example.org", "lines": [{"product": "tea-01", "quantity": 90}]});
    let short = shop.backend.ask(
        "POST",
        "/orders",
        &[("Authorization", &format!("Bearer {}", shop.ada))],
        &many.to_string(),
    );
    assert_eq!(short.json()["code"], "out-of-stock", "{short:?}");
    assert_eq!(shop.stock(), 9, "a refused order took nothing");

    let late = shop.backend.ask(
        "POST",
        &format!("{}/cancel-order", placed.location),
        &[("Authorization", &format!("Bearer {}", shop.ada))],
        "",
    );
    assert!(late.status < 300, "{late:?}");
    assert_eq!(shop.get(&shop.ada, &placed.location)["state"], "cancelled");
    assert_eq!(shop.stock(), 12, "cancelling gives back");
}

#[test]
fn strangers_see_and_do_nothing() {
    let shop = Shop::open(&[]);
    let placed = shop.post(&shop.ada, "/orders", "", &two(), 201);
    let eve = shop.backend.token("shopper", "eve", &[]);
    let bearer = format!("Bearer {eve}");
    let seen = shop
        .backend
        .ask("GET", &placed.location, &[("Authorization", &bearer)], "");
    assert_eq!(seen.status, 404, "{seen:?}");
    let cancel = format!("{}/cancel-order", placed.location);
    assert_eq!(
        shop.post(&eve, &cancel, "", &serde_json::Value::Null, 404)
            .code(),
        "not-found"
    );
    assert_eq!(shop.backend.ask("POST", &cancel, &[], "").status, 401);
    let add = json!({"slug": "x", "name": "X"});
    assert_eq!(
        shop.post(&eve, "/categories", "", &add, 403).code(),
        "forbidden"
    );
}

#[test]
fn an_order_that_was_killed_in_the_middle_of_a_payment_is_paid_once() {
    for cut in ["--one", "--finest"] {
        killed_in_a_payment(cut);
    }
}

fn killed_in_a_payment(cut: &str) {
    let shop = Shop::open(&["--slow", "payments=2s", cut]);
    let (address, bearer) = (shop.backend.address.clone(), format!("Bearer {}", shop.ada));
    let asking = std::thread::spawn(move || {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Idempotency-Key", "k1"),
        ];
        Backend::try_ask(&address, "POST", "/orders", &headers, &two().to_string())
    });
    std::thread::sleep(std::time::Duration::from_millis(700));
    let shop = shop.crash(&[cut]);
    assert!(
        asking
            .join()
            .expect("the asking thread")
            .is_none_or(|answer| answer.status >= 500)
    );
    let bearer = format!("Bearer {}", shop.ada);
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Idempotency-Key", "k1"),
    ];
    let placed = eventually("the order is placed", || {
        let answer = shop
            .backend
            .ask("POST", "/orders", &headers, &two().to_string());
        (answer.status == 201).then_some(answer)
    });
    let seen = shop.get(&shop.ada, placed.header("location"));
    assert_eq!(seen["state"], "paid");
    assert_eq!(shop.stock(), 8, "the order took its two once");
    let mine = shop.get(&shop.ada, "/my-orders");
    assert_eq!(mine["items"].as_array().map(Vec::len), Some(1), "{mine}");
}

#[test]
fn a_data_folder_of_another_brief_is_refused_untouched() {
    let folder = Folder::new();
    let backend = Backend::start(&example("notes"), &folder.path("data"), &[]);
    let bearer = format!("Bearer {}", backend.token("writer", "ada", &[]));
    let headers = [("Authorization", bearer.as_str())];
    let made = backend.ask("POST", "/notebooks", &headers, r#"{"name":"diary"}"#);
    assert_eq!(made.status, 201, "{made:?}");
    backend.kill();
    let before = content(&folder.path("data"));
    assert!(
        before.iter().any(|(name, _)| name.ends_with("-wal")),
        "killed with a log: {before:?}"
    );
    let data = folder.path("data").display().to_string();
    let shop = example("shop").display().to_string();
    let said = crate::support::underpin(["run", &shop, "--port", "0", "--data", &data]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.err.contains("U06"), "{}", said.err);
    assert!(
        content(&folder.path("data")) == before,
        "every file is as it was"
    );
    Backend::start(&example("notes"), &folder.path("data"), &[]).kill();
}

/// Names and bytes of the files of a folder, without the index of the log, which holds no rows.
fn content(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() && !name.ends_with("-shm") {
            files.push((name, std::fs::read(entry.path()).expect("a file")));
        }
    }
    files.sort();
    files
}

#[test]
fn every_example_starts_and_answers() {
    let cuts = ["--one", "--finest"];
    let cases = ["shop", "notes", "clinic"].map(|name| cuts.map(|cut| (name, cut)));
    for (name, cut) in cases.into_iter().flatten() {
        let folder = Folder::new();
        let backend = Backend::start(&example(name), &folder.path("data"), &["--sample", cut]);
        for path in [
            "/health/live",
            "/health/ready",
            "/openapi.json",
            "/metrics",
            "/docs",
        ] {
            let answer = backend.ask("GET", path, &[], "");
            assert_eq!(answer.status, 200, "{name} {cut} {path}: {answer:?}");
        }
        assert_eq!(backend.ask("GET", "/nowhere", &[], "").status, 404);
    }
}

#[test]
fn killed_again_and_again_under_load_nothing_is_lost_or_doubled() {
    killed_under_load("--one");
}

#[test]
fn killed_with_several_services_under_load_nothing_is_lost_or_doubled() {
    killed_under_load("--finest");
}

/// Clients order in loops while the process is killed again and again; then everything adds up.
fn killed_under_load(cut: &str) {
    // `cargo xtask nightly kills` does it a thousand times.
    let kills = std::env::var("UNDERPIN_KILLS").ok();
    let kills: u64 = kills.and_then(|text| text.parse().ok()).unwrap_or(6);
    let slow = ["--seed", "3", "--slow", "payments=40ms", cut];
    let mut shop = Shop::open(&slow);
    shop.post(
        &shop.manager,
        "/products/tea-01/restock",
        "",
        &json!({"quantity": 90_000}),
        200,
    );
    let before = shop.stock();
    let mut restocked = 0;
    let orders = std::sync::Arc::new(Orders::new(&shop.backend.address, &shop.ada));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let orders = std::sync::Arc::clone(&orders);
            std::thread::spawn(move || orders.place(client))
        })
        .collect();
    for kill in 0..kills {
        // Spread over the steps of a flow; which step is hit does not matter.
        std::thread::sleep(std::time::Duration::from_millis(60 + 389 * kill % 641));
        shop = shop.crash(&slow);
        orders.moved(&shop.backend.address);
        // Each order takes one to three.
        let more = json!({"quantity": 1_000});
        shop.post(&shop.manager, "/products/tea-01/restock", "", &more, 200);
        restocked += 1_000;
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    orders.stop();
    let placed: Vec<(String, i64)> = clients
        .into_iter()
        .flat_map(|client| client.join().expect("a client"))
        .collect();
    assert!(
        placed.len() > 10,
        "the clients got through: {}",
        placed.len()
    );
    let sold: i64 = placed.iter().map(|(_, quantity)| quantity).sum();
    // Reading the stock adds one each time; an unpaid order may still be on its way back.
    let mut reads = 0;
    eventually("what was sold is what is missing", || {
        reads += 1;
        (shop.stock() - (reads - 1) == before + 1 + restocked - sold).then_some(())
    });
    for (location, _) in &placed {
        assert_eq!(shop.get(&shop.ada, location)["state"], "paid", "{location}");
    }
    let distinct: std::collections::BTreeSet<_> = placed.iter().map(|(place, _)| place).collect();
    assert_eq!(distinct.len(), placed.len(), "each key made one order");
    let data = shop.folder.path("data").display().to_string();
    for (question, nothing) in [("flows", "no flow is"), ("holds", "no row is held")] {
        let said = crate::support::underpin(["admin", "--data", &data, question]);
        assert!(said.out.starts_with(nothing), "{}{}", said.out, said.err);
    }
    println!("{kills} kills, {} orders acknowledged", placed.len());
}

/// A copy is taken while clients order. On the copy everything that was acknowledged before is
/// there; asked again under their keys, all orders are there once, and the stock adds up.
#[test]
fn a_backup_under_load_starts_and_adds_up() {
    for cut in ["--one", "--finest"] {
        let shop = Shop::open(&[cut]);
        let more = json!({"quantity": 9_000});
        shop.post(&shop.manager, "/products/tea-01/restock", "", &more, 200);
        let before = shop.stock() + 1;
        let orders = std::sync::Arc::new(Orders::new(&shop.backend.address, &shop.ada));
        let acknowledged = backed_up_under_load(&shop, &orders);
        let Shop {
            backend, folder, ..
        } = shop;
        backend.kill();
        let copy = folder.path("copy").display().to_string();
        let wrong = admin(&folder.path("data"), &["restore", &copy]);
        assert!(wrong.err.contains("is not empty"), "{}", wrong.err);
        let new = folder.path("new");
        let said = admin(&new, &["restore", &copy]);
        assert_eq!(said.code, 0, "{cut}: {}", said.err);
        let backend = Backend::start(&example("shop"), &new, &[cut]);
        let shop = Shop::of(backend, folder);
        for location in &acknowledged {
            let seen = shop.get(&shop.ada, location);
            assert_eq!(seen["state"], "paid", "{location}");
        }
        let (count, sold) = orders.again(&shop.backend.address);
        let mut reads = 0;
        eventually("what was sold is what is missing", || {
            reads += 1;
            (shop.stock() - (reads - 1) == before - sold).then_some(())
        });
        let flows = admin(&new, &["flows"]);
        assert!(flows.out.starts_with("no flow is"), "{}", flows.out);
        println!(
            "{cut}: {} orders before, {count} in all",
            acknowledged.len()
        );
    }
}

#[test]
fn a_backup_without_its_list_is_not_whole() {
    let shop = Shop::open(&[]);
    let copy = shop.folder.path("copy");
    let target = copy.display().to_string();
    let said = admin(&shop.folder.path("data"), &["backup", &target]);
    assert_eq!(said.code, 0, "{}", said.err);
    let store = std::fs::read(copy.join("store.sqlite"));
    let new = shop.folder.path("new");
    if let Ok(mut bytes) = store {
        bytes[100] ^= 1;
        std::fs::write(copy.join("store.sqlite"), bytes).expect("a changed file");
        let said = admin(&new, &["restore", &target]);
        assert!(said.err.contains("not what was written"), "{}", said.err);
        assert!(!new.exists(), "nothing is left of it");
    }
    std::fs::remove_file(copy.join("backup.json")).expect("a list");
    let said = admin(&new, &["restore", &target]);
    assert!(said.err.contains("is no whole backup"), "{}", said.err);
    assert!(!new.exists());
}

fn admin(data: &std::path::Path, args: &[&str]) -> crate::support::Said {
    let data = data.display().to_string();
    let mut all = vec!["admin", "--data", &data];
    all.extend(args);
    crate::support::underpin(all)
}

/// Takes a copy while clients order; what was acknowledged before.
fn backed_up_under_load(shop: &Shop, orders: &std::sync::Arc<Orders>) -> Vec<String> {
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let orders = std::sync::Arc::clone(orders);
            std::thread::spawn(move || orders.place(client))
        })
        .collect();
    let acknowledged = eventually("some orders", || {
        let known = orders.known.lock().expect("the list").clone();
        (known.len() > 8).then_some(known)
    });
    let target = shop.folder.path("copy").display().to_string();
    let data = shop.folder.path("data");
    let said = admin(&data, &["backup", &target]);
    assert_eq!(said.code, 0, "{}", said.err);
    let twice = admin(&data, &["backup", &target]);
    assert!(twice.err.contains("is not empty"), "{}", twice.err);
    eventually("more orders", || {
        let known = orders.known.lock().expect("the list").len();
        (known > acknowledged.len() + 4).then_some(())
    });
    orders.stop();
    for client in clients {
        client.join().expect("a client");
    }
    acknowledged
}

/// Clients that repeat each request under its key until it is answered for good.
struct Orders {
    /// Every key that was asked with, and its quantity.
    tried: std::sync::Mutex<Vec<(String, i64)>>,
    /// Where the orders are that were acknowledged.
    known: std::sync::Mutex<Vec<String>>,
    address: std::sync::Mutex<String>,
    bearer: String,
    stopped: std::sync::atomic::AtomicBool,
}

impl Orders {
    fn new(address: &str, token: &str) -> Self {
        Self {
            address: std::sync::Mutex::new(address.to_owned()),
            bearer: format!("Bearer {token}"),
            stopped: std::sync::atomic::AtomicBool::new(false),
            tried: std::sync::Mutex::default(),
            known: std::sync::Mutex::default(),
        }
    }

    fn moved(&self, address: &str) {
        address.clone_into(&mut self.address.lock().expect("the address"));
    }

    fn stop(&self) {
        self.stopped
            .store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Locations and quantities of the orders that were placed.
    fn place(&self, client: i64) -> Vec<(String, i64)> {
        let mut placed = Vec::new();
        let mut number = 0;
        while !self.stopped.load(std::sync::atomic::Ordering::Relaxed) {
            number += 1;
            let quantity = number % 3 + 1;
            let key = format!("{client}-{number}");
            self.tried
                .lock()
                .expect("the list")
                .push((key.clone(), quantity));
            if let Some(location) = self.until_answered(&key, &Self::body(quantity)) {
                self.known.lock().expect("the list").push(location.clone());
                placed.push((location, quantity));
            }
        }
        placed
    }

    fn body(quantity: i64) -> serde_json::Value {
        json!({"email": "ada@example.org",
            "lines": [{"product": "tea-01", "quantity": quantity}]})
    }

    /// Asks again under every key, elsewhere: how many orders there are, and of how many pieces.
    fn again(&self, address: &str) -> (usize, i64) {
        self.moved(address);
        let tried = self.tried.lock().expect("the list").clone();
        let again: std::collections::BTreeSet<String> = tried
            .iter()
            .filter_map(|(key, quantity)| self.until_answered(key, &Self::body(*quantity)))
            .collect();
        assert_eq!(again.len(), tried.len(), "each key made one order");
        (
            tried.len(),
            tried.iter().map(|(_, quantity)| quantity).sum(),
        )
    }

    fn until_answered(&self, key: &str, body: &serde_json::Value) -> Option<String> {
        let headers = [
            ("Authorization", self.bearer.as_str()),
            ("Idempotency-Key", key),
        ];
        loop {
            let address = self.address.lock().expect("the address").clone();
            let answer = Backend::try_ask(&address, "POST", "/orders", &headers, &body.to_string());
            match answer {
                Some(answer) if answer.status == 201 => {
                    return Some(answer.header("location").to_owned());
                }
                Some(answer) if answer.body.contains("card-declined") => return None,
                _ => std::thread::sleep(std::time::Duration::from_millis(20)),
            }
        }
    }
}

#[test]
fn a_change_names_the_version_that_it_saw() {
    let folder = Folder::new();
    let backend = Backend::start(&example("notes"), &folder.path("data"), &[]);
    let bearer = format!("Bearer {}", backend.token("writer", "ada", &[]));
    let ask = |method: &str, path: &str, tag: &str, body: &str| {
        let mut headers = vec![("Authorization", bearer.as_str())];
        if !tag.is_empty() {
            headers.push(("If-Match", tag));
        }
        backend.ask(method, path, &headers, body)
    };
    let notebook = ask("POST", "/notebooks", "", r#"{"name":"diary"}"#);
    let body = json!({"notebook": notebook.json()["notebook"], "title": "one", "body": "text"});
    let note = ask("POST", "/notes", "", &body.to_string());
    let place = note.header("location").to_owned();
    let edit = format!("{place}/edit-note");
    let new = r#"{"title":"two"}"#;
    let without = ask("POST", &edit, "", new);
    assert_eq!(without.status, 428, "{without:?}");
    let seen = ask("GET", &place, "", "").header("etag").to_owned();
    let changed = ask("POST", &edit, &seen, new);
    assert!(changed.status < 300, "{changed:?}");
    let late = ask("POST", &edit, &seen, r#"{"title":"three"}"#);
    assert_eq!(late.status, 412, "{late:?}");
    assert_eq!(ask("GET", &place, "", "").json()["title"], "two");
}
