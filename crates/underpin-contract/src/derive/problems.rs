//! The catalogue of problems: those of the protocol, and the refusals that a brief names.

use crate::contract::Problem;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Problems of one operation: codes by status.
pub(super) type ByStatus = BTreeMap<u16, BTreeSet<Arc<str>>>;

/// Code, status, title, what it means and what to do, whether waiting helps.
type Row = (&'static str, u16, &'static str, &'static str, bool);

/// What the protocol and the language can answer, whatever the brief says.
const PROTOCOL: &[Row] = &[
    (
        "malformed-request",
        400,
        "Malformed request",
        "The body is not JSON, or the query string is not percent-encoded UTF-8.",
        false,
    ),
    (
        "invalid-parameter",
        400,
        "Invalid parameter",
        "A parameter or a header is unknown, missing, or not of the described form; `errors` names each.",
        false,
    ),
    (
        "unauthenticated",
        401,
        "Not authenticated",
        "Send a valid token: `Authorization: Bearer …`.",
        false,
    ),
    (
        "forbidden",
        403,
        "Forbidden",
        "The caller may not do this.",
        false,
    ),
    (
        "not-found",
        404,
        "Not found",
        "There is no such thing, or none that the caller may see.",
        false,
    ),
    (
        "method-not-allowed",
        405,
        "Method not allowed",
        "`Allow` names the methods of this path.",
        false,
    ),
    (
        "conflict",
        409,
        "Conflict",
        "Others changed the same rows again and again; repeat the request with the same Idempotency-Key.",
        true,
    ),
    (
        "busy",
        409,
        "Busy",
        "Something in progress holds the row; repeat the request with the same Idempotency-Key.",
        true,
    ),
    (
        "in-progress",
        409,
        "In progress",
        "A request with this Idempotency-Key is still in progress.",
        true,
    ),
    (
        "cancelled",
        409,
        "Cancelled",
        "The flow was cancelled before it was done; everything was taken back.",
        false,
    ),
    (
        "not-cancellable",
        409,
        "Not cancellable",
        "The flow is past the point from which it can only go on.",
        false,
    ),
    (
        "exists",
        409,
        "Exists already",
        "A row with this key, or with a value that must be unique, exists.",
        false,
    ),
    (
        "illegal-move",
        409,
        "Illegal move",
        "The state of the row does not admit this; `links` of the row name what is open.",
        false,
    ),
    (
        "precondition-failed",
        412,
        "Precondition failed",
        "The row has changed since the version in If-Match; read it again.",
        false,
    ),
    (
        "too-large",
        413,
        "Too large",
        "The body is larger than this operation accepts.",
        false,
    ),
    (
        "unsupported-media-type",
        415,
        "Unsupported media type",
        "Send the body as application/json.",
        false,
    ),
    (
        "invalid-input",
        422,
        "Invalid input",
        "The body is JSON, but not what this operation takes; `errors` names each place.",
        false,
    ),
    (
        "address-not-allowed",
        422,
        "Address not allowed",
        "Messages are sent to public addresses by https only.",
        false,
    ),
    (
        "key-reused",
        422,
        "Key reused",
        "This Idempotency-Key was used with another body.",
        false,
    ),
    (
        "arithmetic",
        422,
        "Arithmetic",
        "A value does not fit: overflow, division by zero, or unequal currencies.",
        false,
    ),
    (
        "precondition-required",
        428,
        "Precondition required",
        "Say in If-Match which version of the row you saw.",
        false,
    ),
    (
        "too-many-requests",
        429,
        "Too many requests",
        "A limit is reached; `Retry-After` says when to come again.",
        true,
    ),
    (
        "internal",
        500,
        "Internal error",
        "A defect on this side; nothing was done that is not finished or taken back.",
        false,
    ),
    (
        "in-doubt",
        500,
        "In doubt",
        "The answer of a system outside was lost for good; a person looks at it.",
        false,
    ),
    (
        "unavailable",
        503,
        "Unavailable",
        "A system that is needed does not answer, or this one is starting, stopping or full.",
        true,
    ),
    (
        "deadline-exceeded",
        504,
        "Deadline exceeded",
        "It took too long; everything was taken back.",
        true,
    ),
];

/// The catalogue of the protocol, by code.
pub(super) fn protocol() -> BTreeMap<Arc<str>, Problem> {
    let problem = |(code, status, title, description, retry): &Row| {
        let problem = Problem {
            code: (*code).into(),
            status: *status,
            title: (*title).to_owned(),
            description: (*description).to_owned(),
            declared: false,
            retry: *retry,
        };
        (Arc::from(*code), problem)
    };
    PROTOCOL.iter().map(problem).collect()
}

/// Why a brief refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ground {
    /// A limit per time.
    Rate,
    /// What was sent, or what a system outside said.
    Request,
    /// What is stored.
    State,
}

/// A refusal that the brief names. One code has one status everywhere: 409 where anywhere what is
/// stored is in the way, 422 where it is always the request, 429 where it is always a rate.
pub(super) fn declared(code: &Arc<str>, ground: Ground) -> Problem {
    let (status, description) = match ground {
        Ground::State => (
            409,
            "Refused because of what is stored; the same request may succeed later.",
        ),
        Ground::Request => (
            422,
            "Refused because of what was asked; the same request is refused again.",
        ),
        Ground::Rate => (
            429,
            "A limit is reached; `Retry-After` says when to come again.",
        ),
    };
    Problem {
        code: code.clone(),
        status,
        title: super::names::sentence(code),
        description: description.to_owned(),
        declared: true,
        retry: ground == Ground::Rate,
    }
}

/// Sorts codes by their status.
pub(super) fn by_status<'a>(
    codes: impl IntoIterator<Item = &'a str>,
    catalogue: &BTreeMap<Arc<str>, Problem>,
) -> ByStatus {
    let mut sorted = ByStatus::new();
    for code in codes {
        if let Some(problem) = catalogue.get(code) {
            sorted
                .entry(problem.status)
                .or_default()
                .insert(problem.code.clone());
        }
    }
    sorted
}
