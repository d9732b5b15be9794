//! The catalogue: categories, products, stock, and the page that everybody reads.

use crate::Shared;
use crate::answers::{Once, Written, read};
use crate::store::Refused;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use rusqlite::{Connection, OptionalExtension, ToSql};
use serde::{Deserialize, Serialize};

/// An amount on the wire; all are in euros.
#[derive(Debug, Serialize, Deserialize)]
pub struct Money {
    amount: String,
    currency: String,
}

impl Money {
    /// Of cents.
    pub fn of(cents: i64) -> Self {
        let sign = if cents < 0 { "-" } else { "" };
        let cents = cents.unsigned_abs();
        let amount = format!("{sign}{}.{:02}", cents / 100, cents % 100);
        Self {
            amount,
            currency: "EUR".to_owned(),
        }
    }

    fn cents(&self) -> Option<i64> {
        if self.currency != "EUR" {
            return None;
        }
        cents(&self.amount)
    }
}

fn cents(amount: &str) -> Option<i64> {
    let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
    let whole: i64 = whole.parse().ok()?;
    let digits: i64 = part.parse().ok()?;
    let part = match part.len() {
        1 => digits * 10,
        2 => digits,
        _ => return None,
    };
    whole.checked_mul(100)?.checked_add(part)
}

#[derive(Deserialize)]
struct NewCategory {
    slug: String,
    name: String,
}

const INVALID: Refused = Refused::With(422, "invalid-input");

/// Reads a body; what does not fit is refused.
pub fn input<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|_| INVALID)
}

fn manager(caller: &crate::identity::Caller) -> Result<(), Refused> {
    let allowed = caller.roles.iter().any(|role| role == "manager");
    if allowed {
        Ok(())
    } else {
        Err(Refused::With(403, "forbidden"))
    }
}

/// `POST /categories`.
pub async fn add_category(
    State(shop): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Written, Refused> {
    let caller = shop.issuer.caller(&headers, "clerk")?;
    manager(&caller)?;
    let new: NewCategory = input(&body)?;
    let once = Once::of(&headers, &caller.sub, "add-category", &body)?;
    let done = shop.store.write(move |connection| {
        if let Some(known) = once.known(connection)? {
            return Ok(known);
        }
        let made = connection
            .prepare_cached("INSERT OR IGNORE INTO category VALUES (?1, ?2)")?
            .execute((&new.slug, &new.name))?;
        if made == 0 {
            return Err(Refused::With(409, "exists"));
        }
        let at = format!("/categories/{}", new.slug);
        let body = serde_json::json!({"category": new.slug, "links": {"self": at}});
        let written = Written {
            status: 201,
            body: Some(body.to_string()),
            tag: "\"1\"".to_owned(),
            location: Some(at),
        };
        once.keep(connection, Some(&written))?;
        Ok(written)
    });
    done.await
}

#[derive(Deserialize)]
struct NewProduct {
    sku: String,
    name: String,
    category: String,
    price: Money,
    stock: i64,
}

fn links(sku: &str) -> serde_json::Value {
    serde_json::json!({"self": format!("/products/{sku}"), "restock": format!("/products/{sku}/restock")})
}

/// `POST /products`.
pub async fn add_product(
    State(shop): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Written, Refused> {
    let caller = shop.issuer.caller(&headers, "clerk")?;
    manager(&caller)?;
    let new: NewProduct = input(&body)?;
    let price = new
        .price
        .cents()
        .filter(|price| *price >= 0)
        .ok_or(INVALID)?;
    if new.name.chars().count() > 200 || !(0..=100_000).contains(&new.stock) {
        return Err(INVALID);
    }
    let once = Once::of(&headers, &caller.sub, "add-product", &body)?;
    let done = shop.store.write(move |connection| {
        if let Some(known) = once.known(connection)? {
            return Ok(known);
        }
        let known: Option<i64> = connection
            .prepare_cached("SELECT 1 FROM category WHERE slug = ?1")?
            .query_row([&new.category], |row| row.get(0))
            .optional()?;
        known.ok_or(Refused::With(404, "not-found"))?;
        let made = connection
            .prepare_cached("INSERT OR IGNORE INTO product VALUES (?1, ?2, ?3, ?4, ?5, 1)")?
            .execute((&new.sku, &new.name, &new.category, price, new.stock))?;
        if made == 0 {
            return Err(Refused::With(409, "exists"));
        }
        let body = serde_json::json!({"product": new.sku, "links": links(&new.sku)});
        let written = Written {
            status: 201,
            body: Some(body.to_string()),
            tag: "\"1\"".to_owned(),
            location: Some(format!("/products/{}", new.sku)),
        };
        once.keep(connection, Some(&written))?;
        Ok(written)
    });
    done.await
}

#[derive(Deserialize)]
struct Restock {
    quantity: i64,
}

/// `POST /products/{sku}/restock`.
pub async fn restock(
    State(shop): Shared,
    Path(sku): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Written, Refused> {
    let caller = shop.issuer.caller(&headers, "clerk")?;
    let more = input::<Restock>(&body)?.quantity;
    if !(1..=100_000).contains(&more) {
        return Err(INVALID);
    }
    let expected = expected(&headers);
    let once = Once::of(
        &headers,
        &caller.sub,
        "restock",
        &[sku.as_bytes(), &body].concat(),
    )?;
    let done = shop.store.write(move |connection| {
        if let Some(known) = once.known(connection)? {
            return Ok(known);
        }
        let (stock, version): (i64, i64) = connection
            .prepare_cached("SELECT stock, version FROM product WHERE sku = ?1")?
            .query_row([&sku], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or(Refused::With(404, "not-found"))?;
        if expected.is_some_and(|expected| expected != version) {
            return Err(Refused::With(412, "precondition-failed"));
        }
        let stock = stock
            .checked_add(more)
            .ok_or(Refused::With(422, "arithmetic"))?;
        connection
            .prepare_cached("UPDATE product SET stock = ?2, version = ?3 WHERE sku = ?1")?
            .execute((&sku, stock, version + 1))?;
        let body = serde_json::json!({"stock": stock, "links": links(&sku)});
        let written = Written {
            status: 200,
            body: Some(body.to_string()),
            tag: format!("\"{}\"", version + 1),
            location: None,
        };
        once.keep(connection, Some(&written))?;
        Ok(written)
    });
    done.await
}

/// The version that `If-Match` names.
fn expected(headers: &HeaderMap) -> Option<i64> {
    let given = headers.get("if-match")?.to_str().ok()?;
    let inner = given.trim().trim_matches('"');
    // A tag that is no version fits no row.
    (inner != "*")
        .then(|| inner.split('.').next()?.parse().ok())
        .map(|version| version.unwrap_or(-1))
}

/// What a page of products may be asked for.
#[derive(Deserialize)]
pub struct Browse {
    category: Option<String>,
    #[serde(rename = "price.min")]
    least: Option<String>,
    #[serde(rename = "price.max")]
    most: Option<String>,
    sort: Option<String>,
}

#[derive(Serialize)]
struct Named {
    name: String,
}

#[derive(Serialize)]
struct Shown {
    sku: String,
    name: String,
    price: Money,
    category: Named,
    in_stock: bool,
}

/// A page of rows.
#[derive(Serialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page is; this measurement asks for first pages only.
    pub next: Option<String>,
}

/// Rows of a page.
const PAGE: usize = 50;

fn browsed(connection: &Connection, asked: &Browse) -> Result<Page<Shown>, Refused> {
    let mut text = "SELECT p.sku, p.name, p.price, c.name, p.stock > 0 FROM product AS p
         JOIN category AS c ON c.slug = p.category WHERE 1"
        .to_owned();
    let mut values: Vec<&dyn ToSql> = Vec::new();
    let bound = |text: &Option<String>| text.as_deref().map(|text| cents(text).ok_or(INVALID));
    let (least, most) = (
        bound(&asked.least).transpose()?,
        bound(&asked.most).transpose()?,
    );
    if let Some(category) = &asked.category {
        values.push(category);
        text.push_str(&format!(" AND p.category = ?{}", values.len()));
    }
    if let Some(least) = &least {
        values.push(least);
        text.push_str(&format!(" AND p.price >= ?{}", values.len()));
    }
    if let Some(most) = &most {
        values.push(most);
        text.push_str(&format!(" AND p.price <= ?{}", values.len()));
    }
    text.push_str(match asked.sort.as_deref() {
        None | Some("name") => " ORDER BY p.name, p.sku LIMIT 51",
        Some("-name") => " ORDER BY p.name DESC, p.sku LIMIT 51",
        Some("price") => " ORDER BY p.price, p.sku LIMIT 51",
        Some("-price") => " ORDER BY p.price DESC, p.sku LIMIT 51",
        Some(_) => return Err(Refused::With(400, "invalid-parameter")),
    });
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement.query_map(values.as_slice(), |row| {
        Ok(Shown {
            sku: row.get(0)?,
            name: row.get(1)?,
            price: Money::of(row.get(2)?),
            category: Named { name: row.get(3)? },
            in_stock: row.get(4)?,
        })
    })?;
    let mut items = rows.collect::<Result<Vec<_>, _>>()?;
    let more = items.len() > PAGE;
    items.truncate(PAGE);
    let next = items.last().filter(|_| more);
    let next = next.map(|last| format!("/browse-products?after={}", last.sku));
    Ok(Page { items, next })
}

/// `GET /browse-products`.
pub async fn browse(
    State(shop): Shared,
    headers: HeaderMap,
    Query(asked): Query<Browse>,
) -> Result<Response, Refused> {
    let text = shop
        .store
        .read(move |connection| Ok(serde_json::to_string(&browsed(connection, &asked)?)?));
    Ok(read(&headers, None, text.await?))
}
