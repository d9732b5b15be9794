//! The key that signs development tokens: ECDSA on P-256 (`ES256`), kept as PKCS #8 in a file that
//! only its owner may read. Must not know what is signed.

use crate::folder::Folder;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};
use std::io;

const FILE: &str = "signing-key.p8";

/// A key pair with its name.
pub struct SigningKey {
    /// The key's name: its RFC 7638 thumbprint.
    pub id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    x: String,
    y: String,
}

impl SigningKey {
    /// The key of that folder, born where there is none.
    ///
    /// # Errors
    /// What the disk says; a file that holds no such key.
    pub fn of(folder: &Folder) -> io::Result<Self> {
        let text = folder.read_or_born(FILE, || STANDARD.encode(born()))?;
        let der = STANDARD.decode(text.trim()).map_err(|_| damaged(folder))?;
        Self::from_der(&der).ok_or_else(|| damaged(folder))
    }

    fn from_der(der: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok()?;
        // An uncompressed point: 4, then x and y of 32 bytes each.
        let (&kind, point) = pair.public_key().as_ref().split_first()?;
        let (x, y) = point.split_at_checked(32)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let decoding = DecodingKey::from_ec_components(&x, &y).ok()?;
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(digest(&SHA256, thumbprint.as_bytes()));
        (kind == 4).then(|| Self {
            id,
            encoding: EncodingKey::from_ec_der(der),
            decoding,
            x,
            y,
        })
    }

    /// What signs.
    #[must_use]
    pub fn private(&self) -> &EncodingKey {
        &self.encoding
    }

    /// What verifies.
    #[must_use]
    pub fn public(&self) -> &DecodingKey {
        &self.decoding
    }

    /// The public half as a JSON Web Key.
    #[must_use]
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y,
            "kid": self.id, "use": "sig", "alg": "ES256",
        })
    }
}

fn born() -> Vec<u8> {
    // Generation fails only where the machine gives no randomness; the file is then empty and
    // reading it says so.
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
        .and_then(|pair| pair.to_pkcs8v1())
        .map(|document| document.as_ref().to_vec())
        .unwrap_or_default()
}

fn damaged(folder: &Folder) -> io::Error {
    let path = folder.path(FILE);
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "`{}` holds no P-256 key; remove it and a new one is born",
            path.display()
        ),
    )
}
