//! Bringing messages to endpoints: written as the contract has them, signed as Standard Webhooks
//! 1.0 says, posted once to a public address. Must not know which messages there are, nor when
//! they are tried again.

mod address;
mod post;

pub use address::{is_public, objection};

use crate::backend::Pending;
use crate::externals::signature::Secret;
use crate::feeds::{Courier, Delivered, Letter};
use crate::world::Clock;
use post::Post;
use serde_json::json;
use std::sync::Arc;
use underpin_brief::model::Value;
use underpin_contract::{Contract, Schema};

/// Which endpoints are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, by https.
    #[default]
    Public,
    /// Every address, also without encryption: for development.
    Anywhere,
}

/// A courier over HTTP.
pub struct Sender {
    contract: Arc<Contract>,
    clock: Arc<dyn Clock>,
    reach: Reach,
    post: Post,
}

impl Sender {
    /// A courier for the feeds of a contract.
    ///
    /// # Errors
    /// Where the certificates of this machine cannot be read.
    pub fn new(
        contract: Arc<Contract>,
        clock: Arc<dyn Clock>,
        reach: Reach,
    ) -> std::io::Result<Self> {
        Ok(Self {
            contract,
            clock,
            reach,
            post: Post::new(reach)?,
        })
    }

    /// The body of a message: the same in every attempt.
    fn body(&self, letter: &Letter) -> Option<String> {
        let form = self.contract.feed(letter.feed)?;
        let components = &self.contract.components;
        let at = Value::Time(letter.at);
        let message = match letter.on {
            Some(on) => form
                .messages
                .get(on)?
                .render(components, &letter.id, &at, &letter.values),
            None => json!({
                "type": format!("{}.test", form.name),
                "id": letter.id,
                "timestamp": components.write(&Schema::Time, &at),
                "data": {},
            }),
        };
        Some(message.to_string())
    }

    async fn send(&self, letter: Letter) -> Delivered {
        let not_sent = |why: String| Delivered {
            answer: Some(why),
            ..Delivered::default()
        };
        if let Some(why) = objection(&letter.url, self.reach) {
            return not_sent(why);
        }
        let Some(body) = self.body(&letter) else {
            return not_sent("the brief no longer tells this".to_owned());
        };
        let began = self.clock.now();
        let timestamp = began.unix_seconds();
        let signatures: Vec<String> = letter
            .secrets
            .iter()
            .map(|secret| Secret::shared(secret).sign(&letter.id, timestamp, body.as_bytes()))
            .collect();
        let signatures = signatures.join(" ");
        let posting = self.post.send(&letter, timestamp, &signatures, body);
        let delivered = tokio::select! {
            biased;
            delivered = posting => delivered,
            () = self.clock.until(began.plus(letter.timeout)) => not_sent("no answer in time".to_owned()),
        };
        Delivered {
            took: self.clock.now().since(began),
            ..delivered
        }
    }
}

impl Courier for Sender {
    fn deliver(&self, letter: Letter) -> Pending<'_, Delivered> {
        Box::pin(self.send(letter))
    }

    fn objection(&self, url: &str) -> Option<String> {
        objection(url, self.reach)
    }
}
