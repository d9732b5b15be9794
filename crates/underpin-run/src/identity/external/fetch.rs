//! Fetching the two documents of a provider. Must not know what stands in them beyond where the
//! keys are.

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;

/// Bytes of a document that are read.
const LONGEST: usize = 512 * 1024;
/// How long one document may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client for one provider.
pub(super) struct Fetch {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Fetch {
    pub(super) fn new(issuer: &str) -> Result<Self, String> {
        address(issuer)?;
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| format!("the certificates of this machine: {error}"))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// The key set of that issuer.
    pub(super) async fn keys(&self, issuer: &str) -> Result<Value, String> {
        let place = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let configuration = self.document(&place).await?;
        let text = |name: &str| configuration.get(name).and_then(Value::as_str);
        if text("issuer") != Some(issuer) {
            let named = text("issuer").unwrap_or("nobody");
            return Err(format!(
                "it says that it is `{named}`; the names must be equal to the letter"
            ));
        }
        let keys = text("jwks_uri").ok_or("its configuration names no `jwks_uri`")?;
        self.document(keys).await
    }

    async fn document(&self, place: &str) -> Result<Value, String> {
        let target = address(place)?;
        let read = async {
            let request = Request::get(target)
                .header("accept", "application/json")
                .body(Empty::new())
                .map_err(|error| error.to_string())?;
            let response = self.client.request(request).await;
            let response = response.map_err(|_| "not reached".to_owned())?;
            if response.status() != StatusCode::OK {
                return Err(format!("answered {}", response.status()));
            }
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body.map_err(|_| "the answer is too long or broke off".to_owned())?;
            serde_json::from_slice(&body.to_bytes())
                .map_err(|_| "the answer is not JSON".to_owned())
        };
        let read = tokio::time::timeout(PATIENCE, read).await;
        read.unwrap_or_else(|_| Err("no answer in time".to_owned()))
            .map_err(|why| format!("`{place}`: {why}"))
    }
}

/// An address that may be asked: `https`, or `http` on this machine.
fn address(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|_| format!("`{text}` is no URL"))?;
    let host = uri.host().unwrap_or("").trim_matches(['[', ']']).to_owned();
    let plain = uri.query().is_none() && !text.contains(['#', '@']);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match uri.scheme_str() {
        _ if host.is_empty() || !plain => Err(format!("`{text}` is no URL of an issuer")),
        Some("https") => Ok(uri),
        Some("http") if here => Ok(uri),
        _ => Err(format!(
            "`{text}` is not https: keys that anybody on the way can change prove nothing"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn only_https_is_asked_except_on_this_machine() {
        for (text, good) in [
            ("https://id.example.org/realm", true),
            ("http://127.0.0.1:8081", true),
            ("http://[::1]:8081/x", true),
            ("http://localhost/x", true),
            ("http://id.example.org", false),
            ("http://127.0.0.1.example.org", false),
            ("https://a@b.example.org", false),
            ("https://id.example.org?x=1", false),
            ("ftp://localhost", false),
            ("id.example.org", false),
            ("", false),
        ] {
            assert_eq!(address(text).is_ok(), good, "{text}");
        }
    }
}
