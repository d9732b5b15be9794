//! The keys of a provider and what each may sign. Symmetric keys, keys for encryption and weak ones
//! do not exist here. Must not know how the set was fetched.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// Keys of a set that are looked at.
const MOST: usize = 100;
/// Letters of the modulus of an RSA key of 2,048 bits, in base64url.
const SHORTEST_MODULUS: usize = 342;

/// A key that verifies.
#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    pub(super) decoding: DecodingKey,
}

impl Key {
    /// Whether it may have signed with that algorithm: the key decides, never the token.
    pub(super) fn admits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    fn read(json: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(json.clone()).ok()?;
        let signs = jwk.common.public_key_use.as_ref();
        if signs.is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
            return None;
        }
        let mut algorithms = kinds(&jwk.algorithm)?;
        if let Some(declared) = jwk.common.key_algorithm {
            let declared: Algorithm = declared.to_string().parse().ok()?;
            algorithms.retain(|algorithm| *algorithm == declared);
        }
        (!algorithms.is_empty()).then_some(())?;
        Some(Self {
            id: jwk.common.key_id.clone(),
            algorithms,
            decoding: DecodingKey::from_jwk(&jwk).ok()?,
        })
    }
}

fn kinds(parameters: &AlgorithmParameters) -> Option<Vec<Algorithm>> {
    match parameters {
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => Some(vec![Algorithm::ES256]),
            EllipticCurve::P384 => Some(vec![Algorithm::ES384]),
            _ => None,
        },
        AlgorithmParameters::RSA(rsa) => (rsa.n.len() >= SHORTEST_MODULUS).then(|| {
            vec![
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ]
        }),
        AlgorithmParameters::OctetKeyPair(pair) => {
            (pair.curve == EllipticCurve::Ed25519).then(|| vec![Algorithm::EdDSA])
        }
        _ => None,
    }
}

/// The usable keys of a set.
#[derive(Default)]
pub(super) struct KeySet(Vec<Key>);

impl KeySet {
    pub(super) fn read(document: &Value) -> Self {
        let keys = document.get("keys").and_then(Value::as_array);
        Self(
            keys.into_iter()
                .flatten()
                .take(MOST)
                .filter_map(Key::read)
                .collect(),
        )
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of that name; without a name, the only one there is.
    pub(super) fn find(&self, id: Option<&str>) -> Option<Key> {
        match (id, self.0.as_slice()) {
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
            (Some(id), keys) => keys
                .iter()
                .find(|key| key.id.as_deref() == Some(id))
                .cloned(),
        }
    }
}
