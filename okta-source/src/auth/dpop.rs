//! DPoP: access tokens bound to a key (RFC 9449).

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use http::header::HeaderMap;
use okta_coralogix_core::{Result, Secret};
use serde_json::{Value, json};

use super::jws;
use super::key::PrivateKey;

/// A longer value is ignored.
const MAX_NONCE_BYTES: usize = 1024;

/// The two servers at the org's address. Each gives nonces of its own (RFC 9449 §8 and §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Token,
    Resource,
}

/// A key of this process, and the nonces that came last.
#[derive(Debug)]
pub(crate) struct Dpop {
    key: PrivateKey,
    header: Value,
    nonces: Mutex<[Option<String>; 2]>,
}

impl Dpop {
    /// With a new key, which never leaves the process.
    pub(crate) fn new() -> Result<Self> {
        let key = PrivateKey::generate()?;
        let point = key.point().unwrap_or_default();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
        let header = json!({
            "typ": "dpop+jwt",
            "alg": key.algorithm().name(),
            "jwk": { "kty": "EC", "crv": "P-256", "x": jws::encode(x), "y": jws::encode(y) },
        });
        Ok(Self {
            key,
            header,
            nonces: Mutex::default(),
        })
    }

    /// A proof for one request. `url` is without query and fragment.
    pub(crate) fn proof(
        &self,
        server: Server,
        method: &str,
        url: &str,
        now: DateTime<Utc>,
        token: Option<&Secret>,
    ) -> Result<Secret> {
        let mut claims = json!({
            "jti": jws::new_id()?,
            "htm": method,
            "htu": url,
            "iat": now.timestamp(),
        });
        if let Some(nonce) = &self.nonces()[server as usize] {
            claims["nonce"] = nonce.as_str().into();
        }
        if let Some(token) = token {
            claims["ath"] = jws::hash(token.expose()).into();
        }
        jws::sign(&self.key, &self.header, &claims)
    }

    /// Keeps the nonce of an answer. True if it is a new one.
    pub(crate) fn heard(&self, server: Server, headers: &HeaderMap) -> bool {
        let nonce = headers
            .get("dpop-nonce")
            .and_then(|nonce| nonce.to_str().ok())
            .filter(|nonce| !nonce.is_empty() && nonce.len() <= MAX_NONCE_BYTES);
        let Some(nonce) = nonce else { return false };
        let kept = &mut self.nonces()[server as usize];
        if kept.as_deref() == Some(nonce) {
            return false;
        }
        *kept = Some(nonce.to_owned());
        true
    }

    fn nonces(&self) -> std::sync::MutexGuard<'_, [Option<String>; 2]> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
