//! Classifies answers: a pure function of status, headers and body.
//!
//! Coralogix publishes no table of status codes. This table follows its own clients, and is safe where they differ: only a 2xx
//! counts as delivered, and only a refusal of the content (400, 413, 422) lets the pipeline give up an entry.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, Response, StatusCode};
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::transport::{TransportError, retry_after};
use okta_coralogix_core::{Error, ErrorKind, RetryHint, Secret};

use crate::config::MAX_RESPONSE_BYTES;

/// The ingress as messages name it, and the key that no message may repeat.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IngressName<'a> {
    /// `ingress.eu2.coralogix.com (region EU2)`.
    pub(crate) name: &'a str,
    pub(crate) key: &'a Secret,
}

/// Classifies a complete answer.
pub(crate) fn classify(answer: &Response<Bytes>, ingress: IngressName<'_>) -> Result<(), Error> {
    let (status, headers) = (answer.status(), answer.headers());
    let IngressName { name, .. } = ingress;
    let said = said(headers, answer.body(), ingress.key);
    let html = is_html(headers, answer.body());
    match status.as_u16() {
        200..=299 if html => Err(wrong_endpoint(
            name,
            &format!("{status} with a web page, and no ingress answers so"),
        )),
        200..=299 if answer.body().len() >= MAX_RESPONSE_BYTES => Err(wrong_endpoint(
            name,
            &format!("{status} with {MAX_RESPONSE_BYTES} bytes or more, and no ingress answers so"),
        )),
        200..=299 => Ok(()),
        300..=399 => Err(wrong_endpoint(
            name,
            &redirect(status, headers, ingress.key),
        )),
        400 | 422 if html => Err(wrong_endpoint(
            name,
            &format!(
                "{status} with a web page, so something else than the ingress refused the request"
            ),
        )),
        400 | 422 => Err(Error::new(
            ErrorKind::Rejected,
            format!("{name} refused the entries with {status}{said}"),
        )),
        401 => Err(Error::new(
            ErrorKind::Unauthorized,
            format!(
                "{name} refused the key with {status}{said}; check that it is a Send-Your-Data API key, and of this region"
            ),
        )),
        403 => Err(Error::new(
            ErrorKind::Forbidden,
            format!(
                "{name} forbids sending with {status}{said}; check that the key is an active Send-Your-Data API key of this region, and that the team is not blocked"
            ),
        )),
        404 | 405 | 410 => Err(wrong_endpoint(name, &format!("{status}{said}"))),
        413 => Err(Error::new(
            ErrorKind::TooLarge,
            format!("{name} finds the request too large ({status}{said})"),
        )),
        _ => Err(temporary(status, headers, name, &said)),
    }
}

/// Classifies an exchange without a complete answer.
pub(crate) fn no_answer(error: &TransportError, name: &str) -> Error {
    let kind = match error {
        TransportError::TooLong(_) => ErrorKind::UnexpectedResponse,
        _ => ErrorKind::Network,
    };
    let what = match error {
        TransportError::Connect(_) => "no connection to",
        _ => "no complete answer from",
    };
    Error::temporary(kind, format!("{what} {name}: {error}")).with_ambiguity(error.is_ambiguous())
}

fn temporary(status: StatusCode, headers: &HeaderMap, name: &str, said: &str) -> Error {
    let kind = match status.as_u16() {
        429 => ErrorKind::RateLimited,
        408 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::UnexpectedResponse,
    };
    let retry = match (retry_after(headers), kind) {
        (wait, ErrorKind::RateLimited) => RetryHint::rate_limited(wait),
        (Some(wait), _) => RetryHint::After(wait),
        (None, _) => RetryHint::Backoff,
    };
    Error::temporary(kind, format!("{name} answered {status}{said}"))
        .with_retry(retry)
        .with_ambiguity(may_have_stored(status))
}

/// Only 429 and 503 say that the server did nothing with the request. After any other temporary answer (a gateway lost its
/// backend, a server failed half way) Coralogix may have stored the entries.
fn may_have_stored(status: StatusCode) -> bool {
    !matches!(status.as_u16(), 429 | 503)
}

pub(crate) fn wrong_endpoint(name: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::WrongEndpoint,
        format!(
            "{name} is not a Coralogix ingress: it answered {what}; check the domain or endpoint"
        ),
    )
}

/// The sink does not follow a redirect, since the key would go along. The message names the target host.
fn redirect(status: StatusCode, headers: &HeaderMap, key: &Secret) -> String {
    let host = headers
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| url::Url::parse(location).ok())
        .and_then(|url| url.host_str().map(|host| sanitize(&key.redact(host))));
    match host {
        Some(host) => format!("{status}, a redirect to `{host}`, which is not followed"),
        None => format!("{status}, a redirect, which is not followed"),
    }
}

/// `: "…"` with the text of the body; nothing for an empty body, or for one that is compressed, which the sink did not ask for.
fn said(headers: &HeaderMap, body: &[u8], key: &Secret) -> String {
    let text = String::from_utf8_lossy(body);
    match text.trim() {
        text if text.is_empty() || headers.contains_key(CONTENT_ENCODING) => String::new(),
        text => format!(": \"{}\"", sanitize(&key.redact(text))),
    }
}

fn is_html(headers: &HeaderMap, body: &[u8]) -> bool {
    let declared = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| starts_with(value.as_bytes(), b"text/html"));
    let body = body.trim_ascii_start();
    declared || starts_with(body, b"<!doctype html") || starts_with(body, b"<html")
}

fn starts_with(text: &[u8], lower: &[u8]) -> bool {
    text.get(..lower.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(lower))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Result<(), Error> {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let answer = answer
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap();
        let ingress = IngressName {
            name: "ingress.eu2.coralogix.com (region EU2)",
            key: &Secret::from("hunter2"),
        };
        classify(&answer, ingress)
    }

    #[test]
    fn status_table_classifies_200_to_599() {
        use ErrorKind::*;
        for status in 200..=599 {
            let kind = answer(status, &[], "")
                .err()
                .map(|e| (e.kind(), e.is_temporary()));
            let expected = match status {
                200..=299 => None,
                300..=399 | 404 | 405 | 410 => Some((WrongEndpoint, false)),
                400 | 422 => Some((Rejected, false)),
                401 => Some((Unauthorized, false)),
                403 => Some((Forbidden, false)),
                413 => Some((TooLarge, false)),
                429 => Some((RateLimited, true)),
                408 | 500..=599 => Some((Unavailable, true)),
                _ => Some((UnexpectedResponse, true)),
            };
            assert_eq!(kind, expected, "{status}");
        }
    }

    #[test]
    fn ambiguous_answers_are_temporary_and_neither_429_nor_503() {
        for status in 200..=599 {
            let Err(error) = answer(status, &[], "") else {
                continue;
            };
            let expected = error.is_temporary() && status != 429 && status != 503;
            assert_eq!(error.is_ambiguous(), expected, "{status}");
        }
    }

    #[test]
    fn html_answer_is_a_wrong_endpoint_unless_the_status_decides() {
        use ErrorKind::*;
        let declared = [("content-type", "Text/HTML; charset=utf-8")];
        let cases = [
            (200, WrongEndpoint),
            (204, WrongEndpoint),
            (400, WrongEndpoint),
            (422, WrongEndpoint),
            (404, WrongEndpoint),
            (401, Unauthorized),
            (403, Forbidden),
            (413, TooLarge),
            (429, RateLimited),
            (502, Unavailable),
        ];
        for (status, kind) in cases {
            assert_eq!(answer(status, &declared, "x").unwrap_err().kind(), kind);
            let page = " \n<!DOCTYPE html><p>";
            assert_eq!(answer(status, &[], page).unwrap_err().kind(), kind);
        }
        assert!(answer(200, &[("content-type", "text/plain")], "<p>").is_ok());
    }

    #[test]
    fn retry_after_is_passed_on_in_both_forms() {
        for headers in [&[][..], &[("retry-after", "0")], &[("retry-after", "-5")]] {
            let at_once = answer(429, headers, "").unwrap_err();
            assert_eq!(at_once.retry(), RetryHint::After(Duration::from_secs(1)));
        }
        let seconds = answer(429, &[("retry-after", "7")], "").unwrap_err();
        assert_eq!(seconds.retry(), RetryHint::After(Duration::from_secs(7)));
        let date = [
            ("date", "Sun, 22 Nov 2026 10:00:00 GMT"),
            ("retry-after", "Sun, 22 Nov 2026 10:00:09 GMT"),
        ];
        let dated = answer(503, &date, "").unwrap_err();
        assert_eq!(dated.retry(), RetryHint::After(Duration::from_secs(9)));
        assert_eq!(
            answer(500, &[], "").unwrap_err().retry(),
            RetryHint::Backoff
        );
    }

    #[test]
    fn compressed_answer_is_not_quoted_in_the_error() {
        let error = answer(503, &[("content-encoding", "gzip")], "\u{1f}bomb").unwrap_err();
        let expected = "ingress.eu2.coralogix.com (region EU2) answered 503 Service Unavailable";
        assert_eq!(error.detail(), expected);
    }

    #[test]
    fn echoed_key_is_redacted_before_the_text_is_cut() {
        let body = format!("{}hunter2", "x".repeat(296));
        let error = answer(503, &[], &body).unwrap_err();
        assert!(!error.detail().contains("hunt"), "{error}");
        assert!(error.detail().contains("***"), "{error}");
    }

    #[test]
    fn messages_name_the_ingress_and_never_the_key() {
        let refused = answer(401, &[], "bad key hunter2").unwrap_err();
        assert_eq!(
            refused.detail(),
            "ingress.eu2.coralogix.com (region EU2) refused the key with 401 Unauthorized: \"bad key ***\"; \
             check that it is a Send-Your-Data API key, and of this region"
        );
        let moved = answer(302, &[("location", "https://evil.example/x?k=1")], "");
        let moved = moved.unwrap_err();
        assert!(moved.detail().contains("`evil.example`"), "{moved}");
        assert!(!moved.detail().contains("k=1"), "{moved}");
    }
}
