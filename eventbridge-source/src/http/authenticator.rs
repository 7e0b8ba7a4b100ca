//! Authenticates requests by the credentials of an EventBridge connection.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use okta_coralogix_core::{Result, Secret};

use crate::receiver::CredentialDigest;
use crate::receiver::firehose;

/// Whether a bearer token is valid. An error means that it cannot be checked now.
pub(super) type BearerCheck = dyn Fn(Secret) -> BoxFuture<'static, Result<bool>> + Send + Sync;

/// The accepted credentials. A request must have one of them.
pub(super) struct Authenticator {
    pub(super) header: HeaderName,
    pub(super) keys: Vec<CredentialDigest>,
    pub(super) basic: Vec<CredentialDigest>,
    pub(super) tokens: Vec<CredentialDigest>,
    pub(super) bearer_check: Option<Arc<BearerCheck>>,
    /// Requests need no credential.
    pub(super) accept_all: bool,
}

/// Whether a request has a valid credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Rejected,
    /// It cannot be checked now.
    Unknown,
}

impl Authenticator {
    /// True if a request can be accepted at all.
    pub(super) fn has_credential(&self) -> bool {
        let known = [&self.keys, &self.basic, &self.tokens];
        self.accept_all
            || self.bearer_check.is_some()
            || known.iter().any(|known| !known.is_empty())
    }

    pub(super) async fn authenticate(&self, headers: &HeaderMap) -> Verdict {
        if self.accept_all || self.has_key(headers) {
            return Verdict::Accepted;
        }
        let Some((scheme, credential)) = authorization(headers) else {
            return Verdict::Rejected;
        };
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = STANDARD.decode(credential).unwrap_or_default();
            return match CredentialDigest::of(&decoded).is_among(&self.basic) {
                true => Verdict::Accepted,
                false => Verdict::Rejected,
            };
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Verdict::Rejected;
        }
        if CredentialDigest::of(credential.as_bytes()).is_among(&self.tokens) {
            return Verdict::Accepted;
        }
        match &self.bearer_check {
            Some(check) => match check(Secret::from(credential)).await {
                Ok(true) => Verdict::Accepted,
                Ok(false) => Verdict::Rejected,
                Err(error) => {
                    tracing::warn!(%error, "a bearer token could not be checked");
                    Verdict::Unknown
                }
            },
            None => Verdict::Rejected,
        }
    }

    fn has_key(&self, headers: &HeaderMap) -> bool {
        let given = headers.get_all(&self.header).iter();
        given
            .chain(headers.get_all(firehose::ACCESS_KEY))
            .map(|key| CredentialDigest::of(key.as_bytes()).is_among(&self.keys))
            .fold(false, |any, one| any | one)
    }

    /// The `WWW-Authenticate` header of a 401.
    pub(super) fn challenge(&self) -> HeaderValue {
        let takes_tokens = self.bearer_check.is_some() || !self.tokens.is_empty();
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
            .field("bearer_check", &self.bearer_check.is_some())
            .field("accept_all", &self.accept_all)
            .finish()
    }
}
