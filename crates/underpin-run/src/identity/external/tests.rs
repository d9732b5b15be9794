//! Tokens of a provider that lives in the test: its keys change, it is away, it lies.

use super::*;
use crate::identity::SigningKey;
use crate::testing::TempFolder;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair as Rsa, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header, encode};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const START: Moment = Moment(1_790_000_000_000_000);

fn later(seconds: u64) -> Moment {
    START.plus(Duration::from_secs(seconds))
}

/// A provider: two documents over HTTP, each asked for counted.
struct Fake {
    url: String,
    named: Mutex<String>,
    keys: Mutex<Value>,
    away: AtomicBool,
    asked: AtomicUsize,
}

impl Fake {
    fn new(keys: Value) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Arc::new(Self {
            named: Mutex::new(url.clone()),
            url,
            keys: Mutex::new(keys),
            away: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&fake);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = vec![0; 4096];
                let length = stream.read(&mut head).unwrap_or(0);
                let head = String::from_utf8_lossy(head.get(..length).unwrap()).into_owned();
                let (status, body) = shared.answer(&head);
                let answer = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        fake
    }

    fn answer(&self, head: &str) -> (&'static str, String) {
        if self.away.load(Ordering::SeqCst) {
            return ("503 Service Unavailable", String::new());
        }
        if head.starts_with("GET /.well-known/openid-configuration ") {
            let named = self.named.lock().unwrap().clone();
            let body = json!({ "issuer": named, "jwks_uri": format!("{}/keys", self.url) });
            return ("200 OK", body.to_string());
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        ("200 OK", self.keys.lock().unwrap().to_string())
    }

    fn publish(&self, keys: Value) {
        *self.keys.lock().unwrap() = keys;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn open(&self, data: &Folder, now: Moment) -> Result<Arc<Provider>, String> {
        self.open_as(data, now, |_| ()).await
    }

    async fn open_as(
        &self,
        data: &Folder,
        now: Moment,
        change: impl FnOnce(&mut ExternalIssuer),
    ) -> Result<Arc<Provider>, String> {
        let mut options = ExternalIssuer::new(&self.url);
        change(&mut options);
        let actors = vec!["reader".to_owned(), "editor".to_owned()];
        Provider::open(options, "demo", actors, data, now).await
    }

    /// The claims of a token that is accepted.
    fn claims(&self, now: Moment) -> Value {
        let now = now.unix_seconds();
        json!({
            "iss": self.url, "aud": ["other", "demo"], "sub": "ada", "actor": "reader",
            "iat": now, "exp": now + 300, "roles": ["chief"], "level": 3,
        })
    }
}

fn set(keys: &[&SigningKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

fn signed(key: &SigningKey, claims: &Value) -> String {
    let header = Header {
        kid: Some(key.id.clone()),
        ..Header::new(Algorithm::ES256)
    };
    encode(&header, claims, key.private()).unwrap()
}

fn key() -> SigningKey {
    SigningKey::of(&TempFolder::new().folder).unwrap()
}

fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

#[tokio::test]
async fn a_token_of_the_provider_says_who_asks() {
    let (temp, key) = (TempFolder::new(), key());
    let fake = Fake::new(set(&[&key]));
    let provider = fake.open(&temp.folder, START).await.unwrap();
    let caller = provider
        .verify(&signed(&key, &fake.claims(START)), START)
        .await
        .unwrap();
    assert_eq!(
        (caller.id.as_str(), caller.actor.as_str()),
        ("ada", "reader")
    );
    assert_eq!(caller.roles, ["chief".to_owned()].into());
    assert_eq!(Value::Object(caller.claims), json!({ "level": 3 }));
}

#[tokio::test]
async fn a_token_that_is_not_wholly_right_is_refused_for_its_reason() {
    let (temp, key, stranger) = (TempFolder::new(), key(), key());
    let fake = Fake::new(set(&[&key]));
    let provider = fake.open(&temp.folder, START).await.unwrap();
    let (good, now) = (fake.claims(START), START.unix_seconds());
    let cases = [
        ("iss", json!("https://elsewhere"), Rejected::Issuer),
        ("iss", json!(format!("{}/", fake.url)), Rejected::Issuer),
        ("aud", json!("other"), Rejected::Audience),
        ("aud", Value::Null, Rejected::Audience),
        ("exp", json!(now - 30), Rejected::Expired),
        ("exp", Value::Null, Rejected::Expired),
        ("nbf", json!(now + 31), Rejected::Early),
        ("iat", json!(now + 31), Rejected::Early),
        ("iat", json!(now - 24 * 3600 - 30), Rejected::Aged),
        ("iat", Value::Null, Rejected::Aged),
        ("sub", json!(""), Rejected::Incomplete),
        ("actor", Value::Null, Rejected::Incomplete),
        ("actor", json!("till"), Rejected::Actor),
    ];
    for (name, value, expected) in cases {
        let token = signed(&key, &changed(&good, name, value.clone()));
        let found = provider.verify(&token, START).await;
        assert_eq!(found.err(), Some(expected), "{name}: {value}");
    }
    for (name, value) in [
        ("exp", json!(now - 29)),
        ("nbf", json!(now + 30)),
        ("iat", json!(now + 30)),
    ] {
        let token = signed(&key, &changed(&good, name, value));
        assert!(
            provider.verify(&token, START).await.is_ok(),
            "{name} within the clocks' difference"
        );
    }
    let point = key.jwk().to_string();
    let header = |algorithm| Header {
        kid: Some(key.id.clone()),
        ..Header::new(algorithm)
    };
    let forged = [
        encode(
            &header(Algorithm::HS256),
            &good,
            &EncodingKey::from_secret(point.as_bytes()),
        )
        .unwrap(),
        encode(&header(Algorithm::ES256), &good, stranger.private()).unwrap(),
        format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": key.id}).to_string()),
            URL_SAFE_NO_PAD.encode(good.to_string())
        ),
        "x".to_owned(),
    ];
    for token in forged {
        assert_eq!(
            provider.verify(&token, START).await.err(),
            Some(Rejected::Signature),
            "{token}"
        );
    }
    let mut critical = header(Algorithm::ES256);
    critical.crit = Some(vec!["x".to_owned()]);
    let token = encode(&critical, &good, key.private()).unwrap();
    assert_eq!(
        provider.verify(&token, START).await.err(),
        Some(Rejected::Signature)
    );
}

#[tokio::test]
async fn a_new_key_is_fetched_when_it_is_seen_and_not_more_often_than_every_ten_seconds() {
    let (temp, old, new, stranger) = (TempFolder::new(), key(), key(), key());
    let fake = Fake::new(set(&[&old]));
    let provider = fake.open(&temp.folder, START).await.unwrap();
    assert_eq!(fake.asked(), 1);
    fake.publish(set(&[&old, &new]));
    let token = signed(&new, &fake.claims(START));
    assert_eq!(
        provider.verify(&token, later(9)).await.err(),
        Some(Rejected::Signature)
    );
    assert!(provider.verify(&token, later(10)).await.is_ok());
    assert_eq!(fake.asked(), 2);
    for second in 11..20 {
        let unknown = signed(&stranger, &fake.claims(START));
        assert_eq!(
            provider.verify(&unknown, later(second)).await.err(),
            Some(Rejected::Signature)
        );
    }
    assert_eq!(
        fake.asked(),
        2,
        "strangers do not make the provider be asked"
    );
    fake.publish(set(&[&new]));
    let taken_back = signed(&old, &fake.claims(START));
    assert!(provider.verify(&taken_back, later(30)).await.is_ok());
    let unknown = signed(&stranger, &fake.claims(START));
    assert_eq!(
        provider.verify(&unknown, later(31)).await.err(),
        Some(Rejected::Signature)
    );
    assert_eq!(
        provider.verify(&taken_back, later(32)).await.err(),
        Some(Rejected::Signature)
    );
}

#[tokio::test]
async fn while_the_provider_is_away_known_keys_go_on_for_a_day_also_after_a_restart() {
    let (temp, key) = (TempFolder::new(), key());
    let fake = Fake::new(set(&[&key]));
    let provider = fake.open(&temp.folder, START).await.unwrap();
    fake.away.store(true, Ordering::SeqCst);
    let hour = 3600;
    for now in [later(700), later(23 * hour)] {
        let token = signed(&key, &fake.claims(now));
        assert!(provider.verify(&token, now).await.is_ok());
    }
    let restarted = fake.open(&temp.folder, later(23 * hour)).await.unwrap();
    let token = signed(&key, &fake.claims(later(23 * hour)));
    assert!(restarted.verify(&token, later(23 * hour)).await.is_ok());
    let token = signed(&key, &fake.claims(later(25 * hour)));
    let late = provider.verify(&token, later(25 * hour)).await;
    assert_eq!(late.err(), Some(Rejected::Unready));
    assert!(fake.open(&temp.folder, later(25 * hour)).await.is_err());
    fake.away.store(false, Ordering::SeqCst);
    let token = signed(&key, &fake.claims(later(26 * hour)));
    assert!(
        provider.verify(&token, later(26 * hour)).await.is_ok(),
        "it recovers by itself"
    );
}

#[tokio::test]
async fn a_provider_that_cannot_be_right_is_not_opened() {
    let (temp, key) = (TempFolder::new(), key());
    let fake = Fake::new(set(&[&key]));
    *fake.named.lock().unwrap() = "https://elsewhere".to_owned();
    let why = fake.open(&temp.folder, START).await.err().unwrap();
    assert!(why.contains("https://elsewhere"), "{why}");
    *fake.named.lock().unwrap() = fake.url.clone();
    let secret = json!({"kty": "oct", "k": "AAAA", "kid": "a", "alg": "HS256"});
    let small = Rsa::generate(KeySize::Rsa2048).unwrap();
    let mut small = rsa_jwk(&small);
    small["n"] = json!(small["n"].as_str().unwrap().split_at(171).0);
    let mut encrypts = key.jwk();
    encrypts["use"] = json!("enc");
    fake.publish(json!({ "keys": [secret, small, encrypts, {"kty": "EC"}, 3] }));
    let why = fake.open(&temp.folder, START).await.err().unwrap();
    assert!(why.contains("no key of an allowed kind"), "{why}");
    fake.publish(json!({ "keys": "none" }));
    assert!(fake.open(&temp.folder, START).await.is_err());
}

fn rsa_jwk(pair: &Rsa) -> Value {
    let public = pair.public_key();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({
        "kty": "RSA", "kid": "rsa", "n": part(public.modulus().big_endian_without_leading_zero()),
        "e": part(public.exponent().big_endian_without_leading_zero()),
    })
}

#[tokio::test]
async fn the_key_says_which_algorithm_it_signs_with() {
    let temp = TempFolder::new();
    let pair = Rsa::generate(KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
    // The library wants the PKCS #1 part: what stands after the 26 bytes of the PKCS #8 head.
    let private = EncodingKey::from_rsa_der(der.as_ref().get(26..).unwrap());
    let fake = Fake::new(json!({ "keys": [rsa_jwk(&pair)] }));
    let provider = fake.open(&temp.folder, START).await.unwrap();
    let signed = |algorithm| {
        let header = Header {
            kid: Some("rsa".to_owned()),
            ..Header::new(algorithm)
        };
        encode(&header, &fake.claims(START), &private).unwrap()
    };
    for algorithm in [Algorithm::RS256, Algorithm::PS256] {
        assert!(
            provider.verify(&signed(algorithm), START).await.is_ok(),
            "{algorithm:?}"
        );
    }
    let mut only = rsa_jwk(&pair);
    only["alg"] = json!("PS256");
    fake.publish(json!({ "keys": [only] }));
    let strict = fake.open(&temp.folder, START).await.unwrap();
    assert!(
        strict
            .verify(&signed(Algorithm::PS256), START)
            .await
            .is_ok()
    );
    assert_eq!(
        strict.verify(&signed(Algorithm::RS256), START).await.err(),
        Some(Rejected::Signature)
    );
}

#[tokio::test]
async fn claims_mean_what_the_options_say() {
    let (temp, key) = (TempFolder::new(), key());
    let fake = Fake::new(set(&[&key]));
    let provider = fake.open_as(&temp.folder, START, |options| {
        options.audience = Some("other".to_owned());
        for (word, claim) in [
            ("actor", "https://demo/kind"),
            ("roles", "realm.roles"),
            ("tenant", "org.id"),
        ] {
            assert!(options.claims.set(word, claim));
        }
        assert!(!options.claims.set("subject", "x"));
    });
    let provider = provider.await.unwrap();
    let mut claims = fake.claims(START);
    claims["https://demo/kind"] = json!("editor");
    claims["realm"] = json!({ "roles": "chief second" });
    claims["org"] = json!({ "id": "t1" });
    let caller = provider
        .verify(&signed(&key, &claims), START)
        .await
        .unwrap();
    assert_eq!(
        (caller.actor.as_str(), caller.tenant.as_deref()),
        ("editor", Some("t1"))
    );
    assert_eq!(
        caller.roles,
        ["chief".to_owned(), "second".to_owned()].into()
    );
    assert!(!caller.claims.contains_key("https://demo/kind"));
}
