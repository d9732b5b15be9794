//! Every operation of the examples over HTTP, with every kind of token that must not be believed.
//! Which rows a believed caller may touch is the matrix beside the engine.

use super::super::*;
use super::{quiet, status};
use crate::identity::{SigningKey, TokenRequest};
use crate::testing::{TempFolder, sent};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::sync::Arc;
use underpin_brief::model::Brief;
use underpin_contract::Method;

const EXAMPLES: &[(&str, &str)] = &[
    ("notes", include_str!("../../../../../examples/notes.kdl")),
    ("clinic", include_str!("../../../../../examples/clinic.kdl")),
    ("shop", include_str!("../../../../../examples/shop.kdl")),
];

/// What forges tokens: the true key, and everything that an attacker can know.
struct Forge {
    key: SigningKey,
    stranger: SigningKey,
    claims: Json,
    now: i64,
}

impl Forge {
    fn header(&self) -> Header {
        Header {
            kid: Some(self.key.id.clone()),
            ..Header::new(Algorithm::ES256)
        }
    }

    fn signed(&self, change: &[(&str, Json)]) -> String {
        let mut claims = self.claims.clone();
        for (name, value) in change {
            claims[*name] = value.clone();
        }
        encode(&self.header(), &claims, self.key.private()).unwrap()
    }

    /// The public half, as an attacker would hand it to a library that takes any algorithm.
    fn symmetric(&self, secret: &[u8]) -> String {
        let header = Header {
            kid: Some(self.key.id.clone()),
            ..Header::new(Algorithm::HS256)
        };
        encode(&header, &self.claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    fn unsigned(&self, header: &Json, signature: &str) -> String {
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        format!("{}.{}.{signature}", part(header), part(&self.claims))
    }

    /// The header lines of each kind of token that must be refused.
    fn bad(&self) -> Vec<(&'static str, String)> {
        let bearer = |(kind, token)| (kind, format!("authorization: Bearer {token}\r\n"));
        let good = self.signed(&[]);
        let all = self.misfits().into_iter().chain(self.forgeries(&good));
        let mut all: Vec<_> = all.map(bearer).collect();
        all.push((
            "of another scheme",
            format!("authorization: Basic {good}\r\n"),
        ));
        all
    }

    /// Signed by the true key, and not meant for this.
    fn misfits(&self) -> Vec<(&'static str, String)> {
        vec![
            ("expired", self.signed(&[("exp", json!(self.now - 31))])),
            ("without an end", self.signed(&[("exp", Json::Null)])),
            (
                "of the future",
                self.signed(&[("nbf", json!(self.now + 600))]),
            ),
            (
                "for another audience",
                self.signed(&[("aud", json!("elsewhere"))]),
            ),
            ("for no audience", self.signed(&[("aud", Json::Null)])),
            (
                "of another issuer",
                self.signed(&[("iss", json!("https://elsewhere"))]),
            ),
            ("without subject", self.signed(&[("sub", json!(""))])),
            ("without actor", self.signed(&[("actor", Json::Null)])),
        ]
    }

    /// Not signed by the true key, or not as they stand.
    fn forgeries(&self, good: &str) -> Vec<(&'static str, String)> {
        let jwk = self.key.jwk();
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let point: Vec<u8> = [vec![4], bytes("x"), bytes("y")].concat();
        let kid = &self.key.id;
        let (head, rest) = good.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let mut other = self.claims.clone();
        other["sub"] = json!("somebody-else");
        let other = URL_SAFE_NO_PAD.encode(other.to_string());
        let by = |header: &Header, key: &SigningKey| {
            encode(header, &self.claims, key.private()).unwrap()
        };
        let unknown = Header {
            kid: Some(self.stranger.id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        vec![
            ("signed by another key", by(&self.header(), &self.stranger)),
            ("of an unknown key", by(&unknown, &self.stranger)),
            (
                "without a key's name",
                by(&Header::new(Algorithm::ES256), &self.key),
            ),
            ("HS256 with the public point", self.symmetric(&point)),
            (
                "HS256 with the public JWK",
                self.symmetric(jwk.to_string().as_bytes()),
            ),
            (
                "alg none",
                self.unsigned(&json!({"alg": "none", "kid": kid}), ""),
            ),
            (
                "alg None, signed",
                self.unsigned(&json!({"alg": "None", "kid": kid}), signature),
            ),
            (
                "unsigned",
                self.unsigned(&json!({"alg": "ES256", "kid": kid}), ""),
            ),
            (
                "changed after signing",
                format!("{head}.{other}.{signature}"),
            ),
            (
                "cut off",
                good.strip_suffix(|_: char| true).unwrap().to_owned(),
            ),
            ("no token", "x".to_owned()),
        ]
    }
}

fn forge(temp: &TempFolder, address: std::net::SocketAddr, audience: &str, actor: &str) -> Forge {
    let stranger = TempFolder::new();
    let now = World::system().now().unix_seconds();
    Forge {
        key: SigningKey::of(&temp.folder.inner("identity").unwrap()).unwrap(),
        stranger: SigningKey::of(&stranger.folder).unwrap(),
        now,
        claims: json!({
            "iss": format!("http://{address}"), "aud": audience, "sub": "ada", "actor": actor,
            "roles": [], "iat": now, "nbf": now, "exp": now + 600,
        }),
    }
}

fn request(method: Method, path: &str, headers: &str) -> String {
    let body = if method == Method::Post { "{}" } else { "" };
    format!(
        "{} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}\
         content-length: {}\r\n\r\n{body}",
        method.as_str(),
        body.len()
    )
}

async fn example(name: &str, text: &str) -> (usize, Vec<String>) {
    let temp = TempFolder::new();
    let prepared = super::prepared_from(text);
    let (brief, contract): (Arc<Brief>, _) =
        (Arc::clone(&prepared.brief), Arc::clone(&prepared.contract));
    let started = start_embedded(prepared, quiet(&temp), false).await.unwrap();
    let address = started.running.address();
    let (mut cells, mut wrong) = (0, Vec::new());
    for operation in &contract.operations {
        for object in ["own", "foreign", "elsewhere"] {
            let values = vec![object.to_owned(); 4];
            let path = operation.path.fill(&values);
            let mut check = async |kind: &str, headers: &str, refused: bool| {
                let answer = sent(address, &request(operation.method, &path, headers)).await;
                let told = !refused || answer.contains("www-authenticate: Bearer");
                if (status(&answer) == "401") != refused
                    || !told
                    || status(&answer).starts_with('5')
                {
                    wrong.push(format!(
                        "{name} {} {path}, {kind}: {answer}",
                        operation.method.as_str()
                    ));
                }
                cells += 1;
            };
            check("no token", "", !operation.access.anyone).await;
            for actor in brief.actors.rows() {
                let forge = forge(&temp, address, &brief.system.name.text, &actor.name.text);
                let good = format!("authorization: Bearer {}\r\n", forge.signed(&[]));
                check("a good token", &good, false).await;
                let first = brief.actors.rows().first().map(|first| &first.name.text);
                if object == "own" || first == Some(&actor.name.text) {
                    for (kind, headers) in forge.bad() {
                        check(kind, &headers, true).await;
                    }
                }
            }
        }
    }
    let hidden = TokenRequest::new("staff", "ada");
    let issuer = Issuer::of(&temp.folder, &brief.system.name.text).unwrap();
    let token = issuer.mint(&hidden, &World::system()).unwrap();
    let aside = sent(
        address,
        &request(Method::Get, &format!("/{name}?access_token={token}"), ""),
    )
    .await;
    assert_ne!(status(&aside), "200", "a token in an address is no token");
    started.running.stop().await;
    (cells, wrong)
}

#[tokio::test]
async fn no_operation_believes_a_token_that_is_not_wholly_right() {
    let mut all = Vec::new();
    for (name, text) in EXAMPLES {
        let (cells, wrong) = example(name, text).await;
        println!("tokens: {name}: {cells} cells, {} wrong", wrong.len());
        all.extend(wrong);
    }
    let count = all.len();
    all.truncate(10);
    assert!(all.is_empty(), "{count} wrong:\n{}", all.join("\n"));
}

#[tokio::test]
async fn with_an_issuer_elsewhere_development_tokens_are_worth_nothing() {
    let elsewhere = TempFolder::new();
    let key = SigningKey::of(&elsewhere.folder).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let documents = (
        json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }).to_string(),
        json!({ "keys": [key.jwk()] }).to_string(),
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut head) = (stream.unwrap(), vec![0; 2048]);
            let length = stream.read(&mut head).unwrap_or(0);
            let keys = String::from_utf8_lossy(&head[..length]).starts_with("GET /keys");
            let body = if keys { &documents.1 } else { &documents.0 };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let temp = TempFolder::new();
    let mut options = quiet(&temp);
    options.issuer = Some(crate::identity::ExternalIssuer::new(&url));
    options.address = "0.0.0.0".parse().unwrap();
    let (_, text) = EXAMPLES[0];
    let started = start_embedded(super::prepared_from(text), options, false)
        .await
        .unwrap();
    let port = started.running.address().port();
    let address: SocketAddr = ([127, 0, 0, 1], port).into();
    let now = World::system().now().unix_seconds();
    let claims = json!({ "iss": url, "aud": "notes", "sub": "ada", "iat": now, "exp": now + 60 });
    let header = Header {
        kid: Some(key.id.clone()),
        ..Header::new(Algorithm::ES256)
    };
    let theirs = encode(&header, &claims, key.private()).unwrap();
    let issuer = Issuer::of(&temp.folder, "notes").unwrap();
    let ours = issuer
        .mint(&TokenRequest::new("writer", "ada"), &World::system())
        .unwrap();
    for (token, expected) in [(theirs, "200"), (ours, "401")] {
        let headers = format!("authorization: Bearer {token}\r\n");
        let answer = sent(address, &request(Method::Get, "/notebooks", &headers)).await;
        assert_eq!(status(&answer), expected, "{answer}");
    }
    for (path, expected, part) in [
        (
            "/.well-known/openid-configuration",
            "307",
            format!("location: {url}/.well-known/openid-configuration"),
        ),
        (
            "/.well-known/oauth-protected-resource",
            "200",
            format!("[\"{url}\"]"),
        ),
        ("/.well-known/jwks.json", "404", String::new()),
    ] {
        let answer = sent(address, &request(Method::Get, path, "")).await;
        assert_eq!(status(&answer), expected, "{answer}");
        assert!(answer.contains(&part), "{answer}");
    }
    started.running.stop().await;
}
