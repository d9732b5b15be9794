//! Deliveries over HTTP.
