//! Signed JSON in its compact form (RFC 7515).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_coralogix_core::{Error, ErrorKind, Result, Secret};
use serde_json::Value;

use super::key::PrivateKey;

/// `header.claims.signature`.
pub(crate) fn sign(key: &PrivateKey, header: &Value, claims: &Value) -> Result<Secret> {
    let mut jws = encode(header.to_string().as_bytes());
    jws.push('.');
    jws.push_str(&encode(claims.to_string().as_bytes()));
    let signature = key.sign(jws.as_bytes())?;
    jws.push('.');
    jws.push_str(&encode(&signature));
    Ok(Secret::from(jws))
}

/// base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The base64url of the SHA-256 of the text.
pub(crate) fn hash(text: &str) -> String {
    encode(digest(&SHA256, text.as_bytes()).as_ref())
}

/// A random identifier from the OS, because it must be unpredictable.
pub(crate) fn new_id() -> Result<String> {
    let mut id = [0; 16];
    rand::fill(&mut id)
        .map_err(|_| Error::new(ErrorKind::Config, "the system gives no random numbers"))?;
    Ok(encode(&id))
}
