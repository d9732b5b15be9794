//! Serving over HTTP/1.1: connections, limits, drain, observation and what every backend answers
//! besides its contract. Must not know how anything is executed: it asks a
//! [`Handler`](http::Handler), which asks the [`Backend`](crate::backend::Backend).

pub mod api;
pub mod blobs;
pub mod builtin;
mod connection;
pub mod docs;
pub mod front;
pub mod http;
pub mod log;
pub mod metrics;
pub mod problem;
mod stall;
pub mod stream;
pub mod sweep;

pub use connection::{Drain, Limits, Served, serve};

#[cfg(test)]
mod tests;
