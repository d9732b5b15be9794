//! The running shop beside the same operations written by hand (`benches/baseline`): both get the
//! same rows through the same requests, must give the same answers, and are measured in turns.

use std::path::Path;

use serde_json::{Value, json};

use super::sides::{Programs, Side, ask, keyed, middle, ratio, request, server, turns};
use super::{released, row};
use crate::backend::Backend;
use crate::http;
use crate::proc::{Problem, program};
use crate::repo;

/// Shoppers who write; one more reads.
const SHOPPERS: usize = 16;
const PRODUCTS: usize = 200;
const CATEGORIES: usize = 5;
/// Orders of the shopper who reads: a full page and the beginning of the next.
const ORDERS: usize = 60;

/// Tokens of those who ask.
pub(super) struct Tokens {
    manager: String,
    reader: String,
    shoppers: Vec<String>,
}

/// Starts both servers, compares their answers and measures them.
pub(crate) fn run() -> Result<Vec<String>, Problem> {
    let programs = Programs::build()?;
    let binary = released(&[])?;
    let brief = brief()?;
    let slow = ["--slow", "payments=0ms", "--slow", "parcels=0ms"];
    let shop = Backend::start(&binary, &brief, &slow)?;
    let tokens = Tokens::of(&shop, &binary, &brief)?;
    let ours = Side {
        port: shop.port,
        process: shop.group.child.id(),
    };
    let keys = request("GET", "/.well-known/jwks.json", None, None);
    let keys = ask(&programs.load, &ours, &[keys])?;
    let folder = repo::scratch("baseline")?;
    let file = folder.join("jwks.json");
    let keys = keys.first().map_or("", |answer| answer.body.as_str());
    repo::write(&file, keys)?;
    let port = http::free_port()?;
    let mut command = program(&programs.baseline, &[port.to_string()]);
    command.arg(folder.join("data")).arg(&file);
    command.arg(format!("http://127.0.0.1:{}", shop.port));
    let (_group, theirs) = server(&mut command, &folder, port, "/health/ready")?;
    let orders = [
        fill(&programs.load, &ours, &tokens)?,
        fill(&programs.load, &theirs, &tokens)?,
    ];
    same(&programs.load, (&ours, &theirs), &tokens, &orders)?;
    measure(&programs.load, (&ours, &theirs), &tokens, &orders)
}

/// The shop without its limit on a client that asks too often: it is measured whether it can.
pub(super) fn brief() -> Result<String, Problem> {
    let text = repo::text("examples/shop.kdl")?;
    let limited = |line: &&str| !line.starts_with("limit ");
    let text: Vec<&str> = text.lines().filter(limited).collect();
    let file = repo::scratch("bench-shop")?.join("shop.kdl");
    repo::write(&file, &text.join("\n"))?;
    Ok(file.to_string_lossy().into_owned())
}

impl Tokens {
    /// Tokens that a running shop has signed.
    pub(super) fn of(shop: &Backend, binary: &Path, brief: &str) -> Result<Self, Problem> {
        let token = |args: &[&str]| {
            let mut token = program(binary, &["token", brief, "--data"]);
            token.arg(&shop.data).args(args);
            let said = crate::proc::read(token.current_dir(repo::root()))?;
            match said.good {
                true => Ok(said.out.trim().to_owned()),
                false => Err(format!("no token: {}", said.text)),
            }
        };
        let shopper = |name: String| token(&["--actor", "shopper", "--subject", &name]);
        let shoppers = (0..SHOPPERS).map(|number| shopper(format!("shopper-{number}")));
        Ok(Self {
            manager: token(&["--actor", "clerk", "--role", "manager", "--subject", "ada"])?,
            reader: shopper("sam".to_owned())?,
            shoppers: shoppers.collect::<Result<_, _>>()?,
        })
    }
}

fn euros(cents: usize) -> Value {
    let amount = format!("{}.{:02}", cents / 100, cents % 100);
    json!({"amount": amount, "currency": "EUR"})
}

fn order(number: usize) -> Value {
    let line = |at: usize| {
        let product = format!("sku-{}", (number * 7 + at * 61) % PRODUCTS);
        json!({"product": product, "quantity": at + 1})
    };
    json!({"lines": [line(0), line(1), line(2)], "email": "sam@example.org"})
}

/// Fills a shop through ordinary requests; the ids of the reader's orders.
pub(super) fn fill(load: &Path, side: &Side, tokens: &Tokens) -> Result<Vec<String>, Problem> {
    let mut requests = Vec::new();
    let mut add = |path: &str, token: &str, name: String, body: &Value| {
        let request = request("POST", path, Some(token), Some(body));
        requests.push(keyed(request, &name));
    };
    for number in 0..CATEGORIES {
        let body =
            json!({"slug": format!("category-{number}"), "name": format!("Category {number}")});
        add("/categories", &tokens.manager, format!("c{number}"), &body);
    }
    for number in 0..PRODUCTS {
        let body = json!({
            "sku": format!("sku-{number}"), "name": format!("Product {:03}", number * 37 % PRODUCTS),
            "category": format!("category-{}", number % CATEGORIES),
            "price": euros(100 + number * 13), "stock": 100_000,
        });
        add("/products", &tokens.manager, format!("p{number}"), &body);
        // The stock of a product has a limit per request, not in all: ten times as much.
        for time in 0..9 {
            let body = json!({"quantity": 100_000});
            let path = format!("/products/sku-{number}/restock");
            add(&path, &tokens.manager, format!("r{number}-{time}"), &body);
        }
    }
    for number in 0..ORDERS {
        add(
            "/orders",
            &tokens.reader,
            format!("o{number}"),
            &order(number),
        );
    }
    let answers = ask(load, side, &requests)?;
    if let Some(refused) = answers.iter().find(|answer| answer.status >= 300) {
        return Err(format!("not filled: {} {}", refused.status, refused.body));
    }
    let order = |text: &str| -> Option<String> {
        let body: Value = serde_json::from_str(text).ok()?;
        Some(body.get("order")?.as_str()?.to_owned())
    };
    let orders = answers.iter().filter_map(|answer| order(&answer.body));
    Ok(orders.collect())
}

/// A case: its name, the status of a good answer, and the requests to each side.
struct Case {
    name: &'static str,
    status: &'static str,
    ours: Vec<Value>,
    theirs: Vec<Value>,
}

fn both(name: &'static str, status: &'static str, requests: Vec<Value>) -> Case {
    Case {
        name,
        status,
        ours: requests.clone(),
        theirs: requests,
    }
}

fn reads(tokens: &Tokens, orders: &[Vec<String>; 2]) -> Vec<Case> {
    let mine = |path: &str| request("GET", path, Some(&tokens.reader), None);
    let browse = |number: usize| {
        let path =
            format!("/browse-products?category=category-{number}&price.max=20.00&sort=-price");
        request("GET", &path, None, None)
    };
    let one = |ids: &Vec<String>| {
        ids.iter()
            .map(|id| mine(&format!("/orders/{id}")))
            .collect()
    };
    let [ours, theirs] = orders;
    vec![
        both(
            "read: own orders, a page of 50 with joined names",
            "200",
            vec![mine("/my-orders")],
        ),
        both(
            "read: products, a filtered and sorted page",
            "200",
            (0..CATEGORIES).map(browse).collect(),
        ),
        both(
            "read: products, a page of 50 with joined names",
            "200",
            vec![request("GET", "/browse-products", None, None)],
        ),
        Case {
            name: "read: one own order with links",
            status: "200",
            ours: one(ours),
            theirs: one(theirs),
        },
    ]
}

fn writes(tokens: &Tokens) -> Vec<Case> {
    let shopper = |number: usize| tokens.shoppers.get(number % SHOPPERS).map(String::as_str);
    let cart = |number: usize| {
        let body = json!({"product": format!("sku-{}", number % 20), "quantity": number % 9 + 1});
        request("POST", "/put-in-cart", shopper(number), Some(&body))
    };
    let restock = |number: usize| {
        let path = format!("/products/sku-{}/restock", number % PRODUCTS);
        request(
            "POST",
            &path,
            Some(&tokens.manager),
            Some(&json!({"quantity": 1})),
        )
    };
    vec![
        both(
            "durable write: into the cart",
            "204",
            (0..320).map(cart).collect(),
        ),
        both(
            "durable write: restock",
            "200",
            (0..400).map(restock).collect(),
        ),
        both(
            "durable write: place an order, with payment",
            "201",
            orders(tokens),
        ),
    ]
}

/// Orders of all shoppers.
pub(super) fn orders(tokens: &Tokens) -> Vec<Value> {
    let shopper = |number: usize| tokens.shoppers.get(number % SHOPPERS).map(String::as_str);
    let place = |number: usize| request("POST", "/orders", shopper(number), Some(&order(number)));
    (0..400).map(place).collect()
}

/// Both must say the same, but for the ids that they draw and what is signed or hashed of them.
fn same(
    load: &Path,
    (ours, theirs): (&Side, &Side),
    tokens: &Tokens,
    orders: &[Vec<String>; 2],
) -> Result<(), Problem> {
    let stranger = tokens.shoppers.first().map(String::as_str);
    let foreign = |ids: &Vec<String>| {
        let path = format!("/orders/{}", ids.first().map_or("", String::as_str));
        vec![
            request("GET", &path, stranger, None),
            request("GET", &path, None, None),
        ]
    };
    let [own, other] = orders;
    let mut cases = reads(tokens, orders);
    cases.push(Case {
        name: "refused: somebody else's order, and nobody's token",
        status: "4xx",
        ours: foreign(own),
        theirs: foreign(other),
    });
    let place = |number| {
        let request = request("POST", "/orders", stranger, Some(&order(number)));
        keyed(request, "twice")
    };
    let requests = vec![place(1), place(1), place(2)];
    cases.push(both(
        "an order, again, and its key for another one",
        "201",
        requests,
    ));
    for case in cases {
        let one = ask(load, ours, &case.ours)?;
        let other = ask(load, theirs, &case.theirs)?;
        for (one, other) in one.iter().zip(&other) {
            let shown = |text: &str, ids: &[String]| plain(text, ids);
            let (left, right) = (shown(&one.body, own), shown(&other.body, other_ids(orders)));
            let good = one.status < 300;
            if one.status != other.status || (good && left != right) {
                let (left, right) = parted(&left.to_string(), &right.to_string());
                return Err(format!(
                    "{}: the answers differ\n{} {left}\n{} {right}",
                    case.name, one.status, other.status
                ));
            }
        }
    }
    Ok(())
}

/// Both texts from where they part.
fn parted(one: &str, other: &str) -> (String, String) {
    let pairs = one.chars().zip(other.chars());
    let same = pairs.take_while(|(one, other)| one == other).count();
    let from = |text: &str| {
        text.chars()
            .skip(same.saturating_sub(20))
            .take(200)
            .collect()
    };
    (from(one), from(other))
}

fn other_ids(orders: &[Vec<String>; 2]) -> &[String] {
    let [_, theirs] = orders;
    theirs
}

/// The body with ids as their numbers, and without where the next page is.
fn plain(text: &str, ids: &[String]) -> Value {
    let mut text = text.to_owned();
    for (number, id) in ids.iter().enumerate() {
        text = text.replace(id, &format!("order-{number}"));
    }
    let Ok(mut body) = serde_json::from_str::<Value>(&text) else {
        return Value::from(text);
    };
    if let Some(next) = body.get_mut("next").filter(|next| next.is_string()) {
        *next = json!("there");
    }
    if let Some(order) = body.get("order").and_then(Value::as_str) {
        let drawn = order.to_owned();
        let text = body.to_string().replace(&drawn, "drawn");
        return serde_json::from_str(&text).unwrap_or(body);
    }
    body
}

fn measure(
    load: &Path,
    (ours, theirs): (&Side, &Side),
    tokens: &Tokens,
    orders: &[Vec<String>; 2],
) -> Result<Vec<String>, Problem> {
    let mut rows = Vec::new();
    let cases = reads(tokens, orders).into_iter().chain(writes(tokens));
    for case in cases {
        let sides = [
            (ours, case.ours.as_slice()),
            (theirs, case.theirs.as_slice()),
        ];
        let taken = turns(load, &sides, case.status)?;
        let [one, other] = taken.as_slice() else {
            continue;
        };
        rows.push(row(
            case.name,
            &format!(
                "{:.2} × the baseline's rate, {:.2} × its processor time",
                ratio(one, other, |turn| turn.rate),
                ratio(one, other, |turn| turn.cpu)
            ),
            &format!(
                "{:.0}/s beside {:.0}/s; {:.0} µs beside {:.0} µs of processor; middle latency {:.1} ms beside {:.1} ms",
                middle(one, |turn| turn.rate),
                middle(other, |turn| turn.rate),
                middle(one, |turn| turn.cpu),
                middle(other, |turn| turn.cpu),
                middle(one, |turn| turn.middle),
                middle(other, |turn| turn.middle),
            ),
        ));
        crate::report::say(rows.last().map_or("", String::as_str));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::plain;
    use serde_json::json;

    #[test]
    fn answers_are_compared_without_the_ids_that_each_side_draws() {
        let ids = ["X1".to_owned(), "X2".to_owned()];
        let page = plain(
            "{\"items\":[{\"id\":\"X2\"}],\"next\":\"/a?after=9\"}",
            &ids,
        );
        assert_eq!(page, json!({"items": [{"id": "order-1"}], "next": "there"}));
        let made = plain("{\"order\":\"N\",\"links\":{\"self\":\"/orders/N\"}}", &ids);
        assert_eq!(made["links"]["self"], "/orders/drawn");
    }
}
