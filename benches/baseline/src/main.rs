//! What the running shop is measured against: the operations of `examples/shop.kdl` that the
//! measurement asks for, written by hand with axum and rusqlite as a person would who knows both.
//! Same tokens, ownership, tags, idempotency, outbox and durability; no description of anything.
//!
//! `baseline PORT FOLDER JWKS ISSUER`: serves on 127.0.0.1 until it is ended. `JWKS` is the file of
//! public keys of the shop that mints the tokens.

mod answers;
mod background;
mod identity;
mod orders;
mod products;
mod store;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use identity::Issuer;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use store::Store;

/// Everything that a request needs.
pub struct Shop {
    store: Store,
    issuer: Issuer,
    payments: orders::Payments,
    wake: tokio::sync::Notify,
}

/// The handle that handlers share.
pub type Shared = State<Arc<Shop>>;

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, folder, keys, issuer] = words.as_slice() else {
        return Err("baseline PORT FOLDER JWKS ISSUER".into());
    };
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    let shop = Arc::new(Shop {
        store: Store::open(&folder.join("store.sqlite"))?,
        issuer: Issuer::new(&std::fs::read_to_string(keys)?, issuer)?,
        payments: orders::Payments::default(),
        wake: tokio::sync::Notify::new(),
    });
    tokio::spawn(background::run(Arc::clone(&shop)));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    let app = Router::new()
        .route("/health/ready", get(|| async { "ready" }))
        .route("/health/live", get(|| async { "live" }))
        .route("/categories", post(products::add_category))
        .route("/products", post(products::add_product))
        .route("/products/{sku}/restock", post(products::restock))
        .route("/browse-products", get(products::browse))
        .route("/put-in-cart", post(orders::put_in_cart))
        .route("/my-cart", get(orders::my_cart))
        .route("/orders", post(orders::place))
        .route("/orders/{id}", get(orders::one))
        .route("/my-orders", get(orders::mine))
        .layer(from_fn(log))
        .with_state(shop);
    axum::serve(listener, app).await?;
    Ok(())
}

/// A line per request on standard error, as the shop writes one.
async fn log(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let line = serde_json::json!({
        "time": store::now(), "level": "info", "message": "request",
        "operation": path.as_ref().map_or("other", |path| path.as_str()),
        "method": method.as_str(), "status": response.status().as_u16(),
        "duration_ms": start.elapsed().as_secs_f64() * 1000.0,
    });
    // A log that cannot be written is no reason to fail.
    let _ = std::io::stderr()
        .lock()
        .write_all(format!("{line}\n").as_bytes());
    response
}
