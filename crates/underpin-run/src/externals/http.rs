//! A real external over HTTP: `POST {url}/{operation}` with the input as JSON and the key as
//! `Idempotency-Key`. Must not know flows.
//!
//! 2xx is the output. 4xx with a problem whose `code` stands under `fails` is that refusal; 408,
//! 425 and 429, and a connection that was never made, certainly had no effect. Everything else is
//! unknown, since nobody can tell what the other side did.
