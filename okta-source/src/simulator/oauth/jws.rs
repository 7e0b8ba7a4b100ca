//! Signed JSON, taken apart and verified.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// A JWT in its parts, not verified yet.
#[derive(Debug)]
pub(super) struct Jws {
    pub(super) header: Value,
    pub(super) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jws {
    /// `None` if it is no compact JWS with JSON in it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice(&decode(part)?).ok();
        Some(Self {
            header: json(header)?,
            claims: json(claims)?,
            signed: signed.to_owned(),
            signature: decode(signature)?,
        })
    }

    pub(super) fn claim(&self, name: &str) -> Option<&str> {
        self.claims[name].as_str()
    }

    /// True if the private half of this public JWK signed it, with the algorithm that the header names.
    pub(super) fn is_signed_by(&self, jwk: &Value) -> bool {
        self.verify(jwk).is_some()
    }

    fn verify(&self, jwk: &Value) -> Option<()> {
        let (message, signature) = (self.signed.as_bytes(), &*self.signature);
        let member = |name: &str| decode(jwk[name].as_str()?);
        match (self.header["alg"].as_str()?, jwk["kty"].as_str()?) {
            (alg @ ("RS256" | "RS384" | "RS512"), "RSA") => {
                let parameters = match alg {
                    "RS256" => &RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &RSA_PKCS1_2048_8192_SHA384,
                    _ => &RSA_PKCS1_2048_8192_SHA512,
                };
                let key = PublicKeyComponents {
                    n: member("n")?,
                    e: member("e")?,
                };
                key.verify(parameters, message, signature).ok()
            }
            (alg, "EC") => {
                let algorithm = match (alg, jwk["crv"].as_str()?) {
                    ("ES256", "P-256") => &ECDSA_P256_SHA256_FIXED,
                    ("ES384", "P-384") => &ECDSA_P384_SHA384_FIXED,
                    ("ES512", "P-521") => &ECDSA_P521_SHA512_FIXED,
                    _ => return None,
                };
                let point = [vec![4], member("x")?, member("y")?].concat();
                let key = UnparsedPublicKey::new(algorithm, point);
                key.verify(message, signature).ok()
            }
            _ => None,
        }
    }
}

/// The thumbprint of a public key (RFC 7638); `None` if it is none that signs.
pub(super) fn thumbprint(jwk: &Value) -> Option<String> {
    let members: &[&str] = match jwk["kty"].as_str()? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        _ => return None,
    };
    let mut parts = Vec::new();
    for name in members {
        let value = jwk[*name].as_str()?;
        parts.push(format!("\"{name}\":{}", Value::from(value)));
    }
    Some(hash(&format!("{{{}}}", parts.join(","))))
}

/// The base64url of the SHA-256 of the text.
pub(super) fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
