//! Who may send.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use okta_coralogix_core::{Result, Secret};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// Tells whether a bearer token is good. An error means that it cannot be told now.
pub(super) type BearerCheck = dyn Fn(Secret) -> BoxFuture<'static, Result<bool>> + Send + Sync;

/// What the sender must show: any one of what is configured.
pub(super) struct Authenticator {
    pub(super) header: HeaderName,
    pub(super) keys: Vec<CredentialDigest>,
    pub(super) basic: Vec<CredentialDigest>,
    pub(super) tokens: Vec<CredentialDigest>,
    pub(super) bearer: Option<Arc<BearerCheck>>,
    pub(super) open: bool,
}

/// The digest of a credential: of one length whatever the credential's, so that comparing tells nothing of that either.
#[derive(Clone, Copy)]
pub(super) struct CredentialDigest([u8; 32]);

/// What came of a request's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    Refused,
    /// It cannot be told now.
    Unknown,
}

impl CredentialDigest {
    pub(super) fn of(credential: &[u8]) -> Self {
        Self(Sha256::digest(credential).into())
    }

    /// Compares with every one of `known`, in constant time.
    fn is_among(self, known: &[Self]) -> bool {
        let equal = |known: &Self| known.0.ct_eq(&self.0);
        let any = |any: Choice, equal: Choice| any | equal;
        known.iter().map(equal).fold(Choice::from(0), any).into()
    }
}

impl Authenticator {
    pub(super) async fn judge(&self, headers: &HeaderMap) -> Verdict {
        if self.open || self.has_key(headers) {
            return Verdict::Allowed;
        }
        let Some((scheme, credential)) = authorization(headers) else {
            return Verdict::Refused;
        };
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = STANDARD.decode(credential).unwrap_or_default();
            return match CredentialDigest::of(&decoded).is_among(&self.basic) {
                true => Verdict::Allowed,
                false => Verdict::Refused,
            };
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Verdict::Refused;
        }
        if CredentialDigest::of(credential.as_bytes()).is_among(&self.tokens) {
            return Verdict::Allowed;
        }
        match &self.bearer {
            Some(check) => match check(Secret::from(credential)).await {
                Ok(true) => Verdict::Allowed,
                Ok(false) => Verdict::Refused,
                Err(error) => {
                    tracing::warn!(%error, "a bearer token could not be checked");
                    Verdict::Unknown
                }
            },
            None => Verdict::Refused,
        }
    }

    fn has_key(&self, headers: &HeaderMap) -> bool {
        let given = headers.get_all(&self.header).iter();
        given
            .map(|key| CredentialDigest::of(key.as_bytes()).is_among(&self.keys))
            .fold(false, |any, one| any | one)
    }

    /// What a refused sender is told to show.
    pub(super) fn challenge(&self) -> HeaderValue {
        let takes_tokens = self.bearer.is_some() || !self.tokens.is_empty();
        HeaderValue::from_static(match (self.basic.is_empty(), takes_tokens) {
            (false, _) => r#"Basic realm="event-bridge", charset="UTF-8""#,
            (true, true) => r#"Bearer realm="event-bridge""#,
            (true, false) => r#"ApiKey realm="event-bridge""#,
        })
    }
}

/// Scheme and credential of the `Authorization` header.
fn authorization(headers: &HeaderMap) -> Option<(&str, &str)> {
    let (scheme, credential) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some((scheme, credential.trim()))
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("header", &self.header)
            .field("keys", &self.keys.len())
            .field("basic", &self.basic.len())
            .field("tokens", &self.tokens.len())
            .field("bearer", &self.bearer.is_some())
            .field("open", &self.open)
            .finish()
    }
}
