//! Answers without copies of the credentials that were sent.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use okta_coralogix_core::Secret;

/// The answer without copies of the credentials, in case Okta or a proxy echoes them: parts of an answer go into logs. The
/// events themselves stay as they are.
pub(crate) fn redacted(mut response: Response<Bytes>, secrets: &[&Secret]) -> Response<Bytes> {
    for value in response.headers_mut().values_mut() {
        let text = String::from_utf8_lossy(value.as_bytes());
        if let Some(clean) = redact(&text, secrets) {
            *value = HeaderValue::from_str(&clean).unwrap_or(HeaderValue::from_static("***"));
        }
    }
    let is_page =
        response.status() == StatusCode::OK && response.body().trim_ascii_start().starts_with(b"[");
    if !is_page {
        // Written anew, JSON has no escapes behind which a copy could hide.
        let text = match serde_json::from_slice::<serde_json::Value>(response.body()) {
            Ok(json) => Cow::Owned(json.to_string()),
            Err(_) => String::from_utf8_lossy(response.body()),
        };
        if let Some(clean) = redact(&text, secrets) {
            *response.body_mut() = clean.into();
        }
    }
    response
}

/// `None` if there is nothing to redact.
fn redact(text: &str, secrets: &[&Secret]) -> Option<String> {
    let mut clean = None;
    for secret in secrets {
        let redacted = secret.redact(clean.as_deref().unwrap_or(text));
        if let Cow::Owned(redacted) = redacted {
            clean = Some(redacted);
        }
    }
    clean
}
