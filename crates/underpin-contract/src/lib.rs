//! The contract: what clients see, derived once for the router and for the documents.
//!
//! [`derive`](derive()) makes a [`Contract`] of a checked brief. The router finds an operation by
//! [`Router`], reads a request by [`read_request`] and writes answers by the operation's
//! [`Reply`]; the OpenAPI document is written by [`openapi`] from the same value, so neither can
//! promise what the other does not do. This crate knows no store, no sockets and no tokens.

mod blobs;
mod composed;
mod contract;
mod derive;
mod feed;
mod many;
mod openapi;
mod path;
mod projection;
mod request;
mod schema;
mod table;

pub use blobs::{BlobAction, BlobInput, BlobInputs};
pub use composed::{ClientReply, PartContent, PartForm, ShownPart};
pub use contract::*;
pub use derive::{declared, derive, named_row};
pub use feed::{EndpointAction, FeedData, FeedForm, FeedMessage};
pub use many::{BulkReply, ChangesReply, ExportFormat, ExportReply};
pub use openapi::openapi;
pub use path::{Found, PathTemplate, Router, Segment};
pub use projection::{Column, Node, Projection, ShownProjection};
pub use request::{Arguments, Filter, Headers, IfMatch, Rejection, Request, Sort, read_request};
pub use schema::{
    Components, Field, MoneyForm, Object, Schema, Shown, TextFormat, Violation, canonical_json,
};
pub use table::Table;
