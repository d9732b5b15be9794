//! Carts and orders. An order is placed in two transactions with the payment between them: the
//! first holds the stock, the second says that it is paid.

use crate::Shared;
use crate::answers::{Once, Written, read};
use crate::products::{Money, Page, input};
use crate::store::{Refused, now, publish};
use aws_lc_rs::rand;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// An order that is not paid is given up after this time, µs.
const UNPAID: i64 = 30 * 60 * 1_000_000;

const INVALID: Refused = Refused::With(422, "invalid-input");

/// The payment service, simulated in this process: the same order is charged once.
#[derive(Default)]
pub struct Payments {
    charged: Mutex<HashMap<String, String>>,
}

impl Payments {
    async fn charge(&self, order: &str, _cents: i64) -> String {
        let mut charged = self.charged.lock().unwrap_or_else(PoisonError::into_inner);
        let receipt = || format!("receipt-{order}");
        charged
            .entry(order.to_owned())
            .or_insert_with(receipt)
            .clone()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wanted {
    product: String,
    quantity: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    product: String,
    quantity: i64,
    price: i64,
}

/// An identifier that sorts by time: 64 bits of microseconds, 64 random ones.
fn identifier() -> Result<String, Refused> {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).map_err(|_| Refused::Internal("no random bytes".to_owned()))?;
    let random = u128::from_be_bytes(bytes) >> 64;
    let mut rest = (u128::from(now().unsigned_abs()) << 64) | random;
    let mut text = vec![b'0'; 26];
    for place in text.iter_mut().rev() {
        *place = *DIGITS.get((rest & 31) as usize).unwrap_or(&b'0');
        rest >>= 5;
    }
    String::from_utf8(text).map_err(|error| Refused::Internal(error.to_string()))
}

/// `POST /put-in-cart`.
pub async fn put_in_cart(
    State(shop): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Written, Refused> {
    let caller = shop.issuer.caller(&headers, "shopper")?;
    let wanted: Wanted = input(&body)?;
    if !(1..=99).contains(&wanted.quantity) {
        return Err(INVALID);
    }
    let once = Once::of(&headers, &caller.sub, "put-in-cart", &body)?;
    let done = shop.store.write(move |connection| {
        if let Some(known) = once.known(connection)? {
            return Ok(known);
        }
        let (mut lines, version) = cart(connection, &caller.sub)?;
        match lines.iter_mut().find(|line| line.product == wanted.product) {
            Some(line) => *line = wanted,
            None => lines.push(wanted),
        }
        if lines.len() > 100 {
            return Err(INVALID);
        }
        connection
            .prepare_cached("INSERT OR REPLACE INTO cart VALUES (?1, ?2, ?3)")?
            .execute((&caller.sub, serde_json::to_string(&lines)?, version + 1))?;
        let written = Written {
            status: 204,
            tag: format!("\"{}\"", version + 1),
            ..Written::default()
        };
        once.keep(connection, Some(&written))?;
        Ok(written)
    });
    done.await
}

fn cart(connection: &Connection, owner: &str) -> Result<(Vec<Wanted>, i64), Refused> {
    let found: Option<(String, i64)> = connection
        .prepare_cached("SELECT lines, version FROM cart WHERE owner = ?1")?
        .query_row([owner], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match found {
        Some((lines, version)) => (serde_json::from_str(&lines)?, version),
        None => (Vec::new(), 0),
    })
}

/// Empties the cart of whoever paid.
pub fn empty_cart(connection: &Connection, owner: &str) -> Result<(), Refused> {
    let (_, version) = cart(connection, owner)?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO cart VALUES (?1, '[]', ?2)")?
        .execute((owner, version + 1))?;
    Ok(())
}

#[derive(Serialize)]
struct ShownCart {
    owner: String,
    lines: Vec<ShownLine>,
    links: Own,
}

#[derive(Serialize)]
struct Own {
    #[serde(rename = "self")]
    own: String,
}

/// `GET /my-cart`.
pub async fn my_cart(State(shop): Shared, headers: HeaderMap) -> Result<Response, Refused> {
    let caller = shop.issuer.caller(&headers, "shopper")?;
    let found = shop.store.read(move |connection| {
        let (lines, version) = cart(connection, &caller.sub)?;
        if version == 0 {
            return Err(Refused::With(404, "not-found"));
        }
        let mut names = HashMap::new();
        let lines = lines
            .iter()
            .map(|line| (line.product.as_str(), line.quantity));
        let lines = shown_lines(connection, &mut names, lines)?;
        let own = format!("/carts/{}", caller.sub);
        let cart = ShownCart {
            owner: caller.sub,
            lines,
            links: Own { own },
        };
        Ok((serde_json::to_string(&cart)?, version))
    });
    let (text, version) = found.await?;
    Ok(read(&headers, Some(version), text))
}

#[derive(Deserialize)]
struct NewOrder {
    lines: Vec<Wanted>,
    email: String,
}

/// What stands of a request before its payment.
enum Placed {
    Known(Written),
    New { order: String, total: i64 },
}

/// `POST /orders`.
pub async fn place(
    State(shop): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Written, Refused> {
    let caller = shop.issuer.caller(&headers, "shopper")?;
    let new: NewOrder = input(&body)?;
    let quantities = new
        .lines
        .iter()
        .all(|line| (1..=99).contains(&line.quantity));
    if !(1..=100).contains(&new.lines.len()) || !quantities || !new.email.contains('@') {
        return Err(INVALID);
    }
    let once = Once::of(&headers, &caller.sub, "place-order", &body)?;
    let (first, customer) = (once.clone(), caller.sub.clone());
    let placed = shop
        .store
        .write(move |connection| hold(connection, &first, &customer, &new))
        .await?;
    let (order, total) = match placed {
        Placed::Known(written) => return Ok(written),
        Placed::New { order, total } => (order, total),
    };
    let receipt = shop.payments.charge(&order, total).await;
    let channel = caller.channel.unwrap_or_else(|| "web".to_owned());
    let written = shop.store.write(move |connection| {
        pay(
            connection,
            &once,
            &Paid {
                order,
                total,
                receipt,
                channel,
                customer: caller.sub,
            },
        )
    });
    let written = written.await?;
    shop.wake.notify_one();
    Ok(written)
}

fn hold(
    connection: &Connection,
    once: &Once,
    customer: &str,
    new: &NewOrder,
) -> Result<Placed, Refused> {
    if let Some(known) = once.known(connection)? {
        return Ok(Placed::Known(known));
    }
    let mut lines = Vec::with_capacity(new.lines.len());
    let mut total: i64 = 0;
    for line in &new.lines {
        let (price, stock): (i64, i64) = connection
            .prepare_cached("SELECT price, stock FROM product WHERE sku = ?1")?
            .query_row([&line.product], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or(Refused::With(404, "not-found"))?;
        if stock < line.quantity {
            return Err(Refused::With(409, "out-of-stock"));
        }
        connection
            .prepare_cached(
                "UPDATE product SET stock = stock - ?2, version = version + 1 WHERE sku = ?1",
            )?
            .execute((&line.product, line.quantity))?;
        let sum = price
            .checked_mul(line.quantity)
            .and_then(|sum| total.checked_add(sum));
        total = sum.ok_or(Refused::With(422, "arithmetic"))?;
        let (product, quantity) = (line.product.clone(), line.quantity);
        lines.push(Line {
            product,
            quantity,
            price,
        });
    }
    let (order, at) = (identifier()?, now());
    connection
        .prepare_cached("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, 'placed', ?6, 1)")?
        .execute((
            &order,
            customer,
            serde_json::to_string(&lines)?,
            total,
            &new.email,
            at,
        ))?;
    // Who restarts after a crash finds here what is unpaid: it is given up, and the stock goes back.
    publish(connection, ("placed", &order), (at, at + UNPAID), "{}")?;
    once.keep(connection, None)?;
    Ok(Placed::New { order, total })
}

struct Paid {
    order: String,
    total: i64,
    receipt: String,
    channel: String,
    customer: String,
}

fn pay(connection: &Connection, once: &Once, paid: &Paid) -> Result<Written, Refused> {
    connection
        .prepare_cached("UPDATE orders SET state = 'paid', version = version + 1 WHERE id = ?1 AND state = 'placed'")?
        .execute([&paid.order])?;
    let at = now();
    let event = serde_json::json!({
        "order": paid.order, "total": paid.total, "channel": paid.channel, "receipt": paid.receipt,
    });
    publish(
        connection,
        ("OrderPaid", &paid.order),
        (at, i64::MAX),
        &event.to_string(),
    )?;
    let event = serde_json::json!({"customer": paid.customer});
    publish(
        connection,
        ("paid", &paid.order),
        (at, at),
        &event.to_string(),
    )?;
    let links = links(&paid.order);
    let body = serde_json::json!({
        "order": paid.order, "total": Money::of(paid.total), "links": links,
    });
    let written = Written {
        status: 201,
        body: Some(body.to_string()),
        tag: "\"2\"".to_owned(),
        location: Some(format!("/orders/{}", paid.order)),
    };
    once.keep(connection, Some(&written))?;
    Ok(written)
}

fn links(order: &str) -> serde_json::Value {
    serde_json::json!({
        "self": format!("/orders/{order}"), "cancel": format!("/orders/{order}/cancel-order"),
    })
}

#[derive(Serialize)]
struct ShownLine {
    quantity: i64,
    product: ProductName,
}

#[derive(Serialize)]
struct ProductName {
    name: Option<String>,
}

#[derive(Serialize)]
struct ShownOrder {
    id: String,
    state: String,
    total: Money,
    lines: Vec<ShownLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<serde_json::Value>,
}

/// Lines with the names of their products, each of which is looked up once.
fn shown_lines<'l>(
    connection: &Connection,
    names: &mut HashMap<String, Option<String>>,
    lines: impl Iterator<Item = (&'l str, i64)>,
) -> Result<Vec<ShownLine>, Refused> {
    let mut find = connection.prepare_cached("SELECT name FROM product WHERE sku = ?1")?;
    let mut shown = Vec::new();
    for (product, quantity) in lines {
        let name = match names.get(product) {
            Some(name) => name.clone(),
            None => {
                let name: Option<String> =
                    find.query_row([product], |row| row.get(0)).optional()?;
                names.insert(product.to_owned(), name.clone());
                name
            }
        };
        shown.push(ShownLine {
            quantity,
            product: ProductName { name },
        });
    }
    Ok(shown)
}

fn shown(
    connection: &Connection,
    names: &mut HashMap<String, Option<String>>,
    row: &rusqlite::Row<'_>,
) -> Result<ShownOrder, Refused> {
    let lines: String = row.get(3)?;
    let lines: Vec<Line> = serde_json::from_str(&lines)?;
    let lines = lines
        .iter()
        .map(|line| (line.product.as_str(), line.quantity));
    Ok(ShownOrder {
        id: row.get(0)?,
        state: row.get(1)?,
        total: Money::of(row.get(2)?),
        lines: shown_lines(connection, names, lines)?,
        links: None,
    })
}

const PAGE: usize = 50;

/// `GET /my-orders`.
pub async fn mine(State(shop): Shared, headers: HeaderMap) -> Result<Response, Refused> {
    let caller = shop.issuer.caller(&headers, "shopper")?;
    let text = shop.store.read(move |connection| {
        let mut statement = connection.prepare_cached(
            "SELECT id, state, total, lines FROM orders WHERE customer = ?1 ORDER BY id LIMIT 51",
        )?;
        let mut names = HashMap::new();
        let mut items = Vec::with_capacity(PAGE + 1);
        let mut rows = statement.query([&caller.sub])?;
        while let Some(row) = rows.next()? {
            items.push(shown(connection, &mut names, row)?);
        }
        let more = items.len() > PAGE;
        items.truncate(PAGE);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| format!("/my-orders?after={}", last.id));
        Ok(serde_json::to_string(&Page { items, next })?)
    });
    Ok(read(&headers, None, text.await?))
}

/// `GET /orders/{id}`.
pub async fn one(
    State(shop): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let caller = shop.issuer.caller(&headers, "shopper")?;
    let found = shop.store.read(move |connection| {
        let mut statement = connection.prepare_cached(
            "SELECT id, state, total, lines, version FROM orders WHERE id = ?1 AND customer = ?2",
        )?;
        let mut rows = statement.query((&id, &caller.sub))?;
        let Some(row) = rows.next()? else {
            return Err(Refused::With(404, "not-found"));
        };
        let mut order = shown(connection, &mut HashMap::new(), row)?;
        let total: i64 = row.get(2)?;
        let open = matches!(order.state.as_str(), "placed" | "paid") && total < 50_000;
        let own = serde_json::json!({"self": format!("/orders/{id}")});
        order.links = Some(if open { links(&id) } else { own });
        Ok((serde_json::to_string(&order)?, row.get::<_, i64>(4)?))
    });
    let (text, version) = found.await?;
    Ok(read(&headers, Some(version), text))
}
