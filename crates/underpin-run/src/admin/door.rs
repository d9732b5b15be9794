//! The door of the admin surface: an own listener on loopback with a key that is drawn anew at
//! every start. Address and key stand in one file of the data folder that only its owner can read,
//! so whoever may read the data may also administer it, and nobody else.

use super::{Admin, Ask, Refused};
use crate::backend::Pending;
use crate::folder::Folder;
use crate::serve::Drain;
use crate::serve::http::{Answer, Handler, Request};
use crate::world::Randomness;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// The file in the data folder.
pub(super) const FILE: &str = "admin.json";

/// Where a running backend can be administered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The loopback address.
    pub address: SocketAddr,
    /// What every request must carry.
    pub key: String,
}

/// Draws a key and writes it with the address into the data folder.
///
/// # Errors
/// What the disk says.
pub fn publish(
    data: &Folder,
    address: SocketAddr,
    random: &dyn Randomness,
) -> io::Result<Published> {
    let mut key = [0_u8; 32];
    random.fill(&mut key);
    let published = Published {
        address,
        key: URL_SAFE_NO_PAD.encode(key),
    };
    let text = serde_json::to_string(&published).map_err(io::Error::other)?;
    data.replace(FILE, &text)?;
    Ok(published)
}

/// Takes the file away again; where that fails it names a door that is closed.
pub fn withdraw(data: &Folder) {
    let _ = std::fs::remove_file(data.path(FILE));
}

/// Answers admins who show the key.
pub struct Desk {
    admin: Arc<dyn Admin>,
    expected: String,
    drain: Drain,
}

impl Desk {
    /// A desk before `admin`.
    #[must_use]
    pub fn new(admin: Arc<dyn Admin>, published: &Published, drain: Drain) -> Self {
        Self {
            drain,
            admin,
            expected: format!("Bearer {}", published.key),
        }
    }

    fn known(&self, request: &Request) -> bool {
        let shown = request.header("authorization").unwrap_or("");
        let same = aws_lc_rs::constant_time::verify_slices_are_equal;
        same(shown.as_bytes(), self.expected.as_bytes()).is_ok()
    }
}

fn refused(status: StatusCode, refused: &Refused) -> Answer {
    Answer::json(status, &json!(refused)).of("admin")
}

impl Handler for Desk {
    fn handle(&self, request: Request) -> Pending<'_, Answer> {
        Box::pin(async move {
            if !self.known(&request) {
                let why = Refused::new(
                    "unauthenticated",
                    "this is the admin surface of a backend",
                    "ask through `underpin admin`, which reads the key in the data folder",
                );
                return refused(StatusCode::UNAUTHORIZED, &why);
            }
            let ask = match (request.method, serde_json::from_slice::<Ask>(&request.body)) {
                (Method::POST, Ok(ask)) => ask,
                (_, Err(error)) => {
                    let help = "use the `underpin` that the backend was started with";
                    let why = Refused::new("bad-request", error.to_string(), help);
                    return refused(StatusCode::BAD_REQUEST, &why);
                }
                _ => {
                    let why = Refused::new("bad-request", "only POST is answered", "");
                    return refused(StatusCode::METHOD_NOT_ALLOWED, &why);
                }
            };
            let word = format!("admin {}", ask.word());
            let ends = matches!(ask, Ask::Drain { .. });
            let told = self.admin.ask(ask).await;
            if ends && told.is_ok() {
                self.drain.begin();
            }
            match told {
                Ok(told) => Answer::json(StatusCode::OK, &json!(told)).of(word),
                Err(why) => {
                    let status = match why.code.as_str() {
                        "unknown" => StatusCode::NOT_FOUND,
                        "bad-output" => StatusCode::UNPROCESSABLE_ENTITY,
                        "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
                        _ => StatusCode::CONFLICT,
                    };
                    refused(status, &why).of(word)
                }
            }
        })
    }
}
