//! Signatures of webhooks as the Standard Webhooks specification has them (`v1`: HMAC-SHA256 over
//! id, time and body). Must not know what the body says.

use crate::folder::Folder;
use crate::world::{Moment, Randomness};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io;

/// How far the time of a message may be from now, in seconds.
const TOLERANCE: u64 = 300;
const PREFIX: &str = "whsec_";

/// A secret shared with a sender.
pub struct Secret {
    key: Key,
}

/// Why a message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unbelieved {
    /// A header is missing or not what it should be.
    Headers,
    /// It is too old or too new.
    Time,
    /// No signature fits.
    Signature,
}

impl Unbelieved {
    /// What the sender is told.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Headers => "webhook-id, webhook-timestamp and webhook-signature are needed",
            Self::Time => "the message is too old or too new",
            Self::Signature => "no signature of the message is valid",
        }
    }
}

/// The headers of a message.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`, in seconds.
    pub timestamp: &'a str,
    /// `webhook-signature`: `v1,…`, several separated by blanks.
    pub signatures: &'a str,
}

impl Secret {
    /// The secret of that sender, born in the data folder (`secrets/webhook-NAME`) where there is
    /// none: give its text to the sender.
    ///
    /// # Errors
    /// What the disk says; a damaged file.
    pub fn of(data: &Folder, sender: &str, random: &dyn Randomness) -> io::Result<Self> {
        let born = || {
            let mut bytes = [0; 24];
            random.fill(&mut bytes);
            format!("{PREFIX}{}\n", STANDARD.encode(bytes))
        };
        let text = data
            .inner("secrets")?
            .read_or_born(&format!("webhook-{sender}"), born)?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "not a webhook secret");
        Self::parse(text.trim()).ok_or_else(damaged)
    }

    /// Reads `whsec_…`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        (!bytes.is_empty()).then(|| Self {
            key: Key::new(HMAC_SHA256, &bytes),
        })
    }

    /// A secret as two systems share it: `whsec_…`, or any other text as it is.
    #[must_use]
    pub fn shared(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self {
            key: Key::new(HMAC_SHA256, text.as_bytes()),
        })
    }

    /// The `webhook-signature` of a message.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let tag = sign(&self.key, &content(id, &timestamp.to_string(), body));
        format!("v1,{}", STANDARD.encode(tag))
    }

    /// Whether the message is the sender's and of this time.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn check(&self, signed: Signed<'_>, body: &[u8], now: Moment) -> Result<(), Unbelieved> {
        let sent: i64 = signed.timestamp.parse().map_err(|_| Unbelieved::Headers)?;
        if signed.id.is_empty() || signed.id.contains('.') {
            return Err(Unbelieved::Headers);
        }
        if sent.abs_diff(now.unix_seconds()) > TOLERANCE {
            return Err(Unbelieved::Time);
        }
        let content = content(signed.id, signed.timestamp, body);
        let fits = |signature: &str| {
            let tag = signature
                .strip_prefix("v1,")
                .and_then(|tag| STANDARD.decode(tag).ok());
            tag.is_some_and(|tag| verify(&self.key, &content, &tag).is_ok())
        };
        let found = signed.signatures.split(' ').any(fits);
        found.then_some(()).ok_or(Unbelieved::Signature)
    }
}

fn content(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempFolder;
    use crate::world::SeededRandom;

    const NOW: Moment = Moment(1_614_265_330_000_000);

    fn signed<'a>(timestamp: &'a str, signatures: &'a str) -> Signed<'a> {
        Signed {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp,
            signatures,
        }
    }

    /// The example of the specification's reference implementations.
    #[test]
    fn the_published_example_is_believed() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(
            secret.check(signed("1614265330", signature), body, NOW),
            Ok(())
        );
        assert_eq!(
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            signature
        );
        let several = format!("v1a,x v1,AAAA {signature}");
        assert_eq!(
            secret.check(signed("1614265330", &several), body, NOW),
            Ok(())
        );
        let changed = secret.check(signed("1614265330", signature), b"{}", NOW);
        assert_eq!(changed, Err(Unbelieved::Signature));
        let later = Moment(NOW.0 + 301_000_000);
        let old = secret.check(signed("1614265330", signature), body, later);
        assert_eq!(old, Err(Unbelieved::Time));
        assert_eq!(
            secret.check(signed("x", signature), body, NOW),
            Err(Unbelieved::Headers)
        );
    }

    #[test]
    fn a_secret_is_born_once() {
        let temp = TempFolder::new();
        let sign = |seed| {
            let random = SeededRandom::new(seed);
            Secret::of(&temp.folder, "them", &random)
                .unwrap()
                .sign("a", 1, b"")
        };
        assert_eq!(sign(1), sign(2));
    }
}
