//! A real external over HTTP: `POST {url}/{operation}` with the input as JSON and the key as
//! `Idempotency-Key`. Must not know flows.
//!
//! 2xx is the output. 4xx with a problem whose `code` stands under `fails` is that refusal; any
//! other 4xx but 409, a redirect, and a connection that was never made certainly had no effect.
//! Everything else is unknown: nobody here can tell what the other side did.

use super::{ExternalCall, ExternalOutcome, Externals};
use crate::backend::Pending;
use crate::forms::Form;
use crate::world::Clock;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use underpin_brief::model::{Brief, External, ExternalOperation, Id, Named};

/// Bytes of an answer that are read.
const LONGEST: usize = 1024 * 1024;

/// One external with a URL.
pub struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    clock: Arc<dyn Clock>,
    operations: BTreeMap<Id<ExternalOperation>, Operation>,
}

struct Operation {
    target: Uri,
    input: Form,
    output: Form,
    codes: Vec<String>,
}

/// Why a URL cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Not an absolute `http` or `https` URL.
    Url(String),
    /// The certificates of the machine cannot be read.
    Certificates(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "`{url}` is not an absolute http or https URL"),
            Self::Certificates(why) => write!(f, "the certificates of this machine: {why}"),
        }
    }
}

impl Http {
    /// The external of `brief` at `url`.
    ///
    /// # Errors
    /// A URL that cannot be used, certificates that cannot be read.
    pub fn new(
        brief: &Brief,
        external: Id<External>,
        url: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Unusable> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| Unusable::Certificates(error.to_string()))?
            .https_or_http()
            .enable_http1()
            .build();
        let mut operations = BTreeMap::new();
        for (id, operation) in brief.externals.get(external).operations.iter() {
            let made = Operation {
                target: target(url, operation.name())?,
                input: Form::of(brief, &operation.input),
                output: Form::of(brief, &operation.output),
                codes: operation
                    .fails
                    .iter()
                    .map(|fails| fails.code.text.to_string())
                    .collect(),
            };
            operations.insert(id, made);
        }
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            clock,
            operations,
        })
    }

    async fn exchange(&self, operation: &Operation, call: &ExternalCall) -> ExternalOutcome {
        let body = operation.input.write(&call.input).to_string();
        let request = Request::post(operation.target.clone())
            .header("content-type", "application/json")
            .header("accept", "application/json, application/problem+json")
            .header("idempotency-key", &call.key)
            .header("traceparent", call.trace.to_string())
            .body(Full::from(body));
        let Ok(request) = request else {
            return ExternalOutcome::Failed("the key cannot stand in a header".to_owned());
        };
        match self.client.request(request).await {
            Ok(response) => operation.outcome(response).await,
            Err(error) if error.is_connect() => ExternalOutcome::Failed("not reached".to_owned()),
            Err(_) => ExternalOutcome::Unknown("the connection broke".to_owned()),
        }
    }
}

impl Operation {
    async fn outcome(&self, response: Response<Incoming>) -> ExternalOutcome {
        let status = response.status();
        let read = Limited::new(response.into_body(), LONGEST).collect().await;
        let Ok(body) = read else {
            return ExternalOutcome::Unknown("the answer broke off".to_owned());
        };
        let json: Option<Json> = serde_json::from_slice(&body.to_bytes()).ok();
        self.read(status, json.as_ref())
    }

    fn read(&self, status: StatusCode, body: Option<&Json>) -> ExternalOutcome {
        let text = format!("answered {status}");
        if status.is_success() {
            let empty = Json::Object(serde_json::Map::new());
            let read = self.output.read(body.unwrap_or(&empty));
            return match read {
                Ok(output) => ExternalOutcome::Answered(output),
                Err(_) => ExternalOutcome::Unknown(format!("{text}, but not as declared")),
            };
        }
        let code = body.and_then(|problem| problem.get("code")?.as_str());
        let known = code.filter(|code| self.codes.iter().any(|known| known == code));
        match (status, known) {
            (_, Some(code)) if status.is_client_error() => {
                ExternalOutcome::Refused(code.to_owned())
            }
            (StatusCode::CONFLICT, _) => ExternalOutcome::Unknown(text),
            _ if status.is_client_error() || status.is_redirection() => {
                ExternalOutcome::Failed(text)
            }
            _ => ExternalOutcome::Unknown(text),
        }
    }
}

impl Externals for Http {
    fn call(&self, call: ExternalCall) -> Pending<'_, ExternalOutcome> {
        Box::pin(async move {
            let Some(operation) = self.operations.get(&call.operation) else {
                return ExternalOutcome::Failed("no such operation".to_owned());
            };
            let end = self.clock.now().plus(call.timeout);
            tokio::select! {
                biased;
                outcome = self.exchange(operation, &call) => outcome,
                () = self.clock.until(end) => ExternalOutcome::Unknown("no answer in time".to_owned()),
            }
        })
    }
}

fn target(url: &str, operation: &str) -> Result<Uri, Unusable> {
    let unusable = || Unusable::Url(url.to_owned());
    let whole = format!("{}/{operation}", url.trim_end_matches('/'));
    let target: Uri = whole.parse().map_err(|_| unusable())?;
    let known = matches!(target.scheme_str(), Some("http" | "https")) && target.query().is_none();
    (known && target.host().is_some_and(|host| !host.is_empty()))
        .then_some(target)
        .ok_or_else(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use underpin_contract::{Components, Schema};

    fn operation() -> Operation {
        let form = Form {
            components: Components::default(),
            schema: Schema::Any { max_bytes: None },
        };
        let target = target("http://localhost:1/", "charge").unwrap();
        Operation {
            target,
            input: form.clone(),
            output: form,
            codes: vec!["declined".into()],
        }
    }

    fn read(status: u16, body: &Json) -> ExternalOutcome {
        operation().read(StatusCode::from_u16(status).unwrap(), Some(body))
    }

    #[test]
    fn statuses_are_read_as_what_they_say_about_the_effect() {
        let declined = json!({ "code": "declined" });
        let kind = |outcome| match outcome {
            ExternalOutcome::Answered(_) => "answered",
            ExternalOutcome::Refused(_) => "refused",
            ExternalOutcome::Failed(_) => "failed",
            ExternalOutcome::Unknown(_) => "unknown",
        };
        for (status, body, expected) in [
            (200, json!({}), "answered"),
            (402, declined.clone(), "refused"),
            (409, declined.clone(), "refused"),
            (422, json!({ "code": "other" }), "failed"),
            (429, json!({}), "failed"),
            (307, json!({}), "failed"),
            (409, json!({}), "unknown"),
            (500, declined, "unknown"),
            (503, json!({}), "unknown"),
        ] {
            assert_eq!(kind(read(status, &body)), expected, "{status} {body}");
        }
    }

    #[test]
    fn only_absolute_http_urls_are_used() {
        assert_eq!(operation().target.to_string(), "http://localhost:1/charge");
        assert_eq!(
            target("https://x/v1", "a").unwrap().to_string(),
            "https://x/v1/a"
        );
        for bad in [
            "",
            "localhost:1",
            "/x",
            "ftp://x",
            "http://",
            "http://x/?a=b",
            "http:// x",
        ] {
            assert!(target(bad, "a").is_err(), "{bad}");
        }
    }
}
