//! A request to a function URL, in the payload format 2.0, which the HTTP APIs of API Gateway use too.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::receiver::{CredentialDigest, firehose};

/// The headers that EventBridge and Firehose give a key in.
const KEY_HEADERS: [&str; 2] = ["x-amz-event-bridge-access-key", firehose::ACCESS_KEY];

/// Who has sent a request to the function's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sender {
    /// Whether it may bring events.
    pub(super) is_authorized: bool,
    /// The id of the request, if it is of Firehose.
    pub(super) firehose_request: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UrlRequest<'a> {
    version: Cow<'a, str>,
    request_context: Context,
    #[serde(default)]
    headers: HashMap<String, String>,
    #[serde(borrow, default)]
    body: Option<Cow<'a, str>>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct Context {
    #[serde(rename = "http")]
    _http: IgnoredAny,
    #[serde(default)]
    authorizer: Option<Authorizer>,
}

#[derive(Deserialize)]
struct Authorizer {
    #[serde(default)]
    iam: Option<IgnoredAny>,
}

impl<'a> UrlRequest<'a> {
    /// `None` if the payload is something else.
    pub(super) fn read(payload: &'a [u8]) -> Option<Self> {
        let request: Self = serde_json::from_slice(payload).ok()?;
        (request.version == "2.0").then_some(request)
    }

    pub(super) fn sender(&self, keys: &[CredentialDigest]) -> Sender {
        let mut headers = self.headers.iter();
        let id = headers.find(|(name, _)| name.eq_ignore_ascii_case(firehose::REQUEST_ID));
        Sender {
            is_authorized: self.is_authorized(keys),
            firehose_request: id.map(|(_, id)| id.clone()),
        }
    }

    /// True if Lambda has checked the caller's signature (`AWS_IAM`), or the request has one of `keys`: a URL without that is open to anybody.
    fn is_authorized(&self, keys: &[CredentialDigest]) -> bool {
        let context = self.request_context.authorizer.as_ref();
        if context.is_some_and(|authorizer| authorizer.iam.is_some()) {
            return true;
        }
        let given = self.headers.iter().filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            KEY_HEADERS.contains(&&*name)
        });
        let accepted = given.map(|(_, key)| CredentialDigest::of(key.as_bytes()).is_among(keys));
        accepted.fold(false, |any, one| any | one)
    }

    /// The body, decoded. One that is not base64 stays as it is.
    pub(super) fn body(self) -> Bytes {
        let body = self.body.unwrap_or_default().into_owned();
        let decoded = match self.is_base64_encoded {
            true => STANDARD.decode(&body).ok(),
            false => None,
        };
        decoded.map_or_else(|| body.into(), Bytes::from)
    }
}
