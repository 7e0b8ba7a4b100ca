//! Classifies answers: a pure function of status, headers and body.
//!
//! Coralogix publishes no table of status codes. Who answered, and what a status means, says [`Verdict`]; this table is safe where
//! Coralogix's own clients differ: only a plain success counts as delivered, and only a refusal of the content (400, 413, 422) lets the
//! pipeline give up an entry.

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Response, StatusCode};
use okta_coralogix_core::internal::exchange::{
    Interception, Recognition, Verdict, may_have_been_processed, retry_after,
};
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::transport::TransportError;
use okta_coralogix_core::{Error, ErrorKind, RetryHint, Secret};

use crate::config::MAX_RESPONSE_BYTES;

/// The ingress as messages name it, and the key that no message may repeat.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IngressName<'a> {
    /// `ingress.eu2.coralogix.com (region EU2)`.
    pub(crate) name: &'a str,
    pub(crate) key: &'a Secret,
    /// The setting of the key.
    pub(crate) key_setting: &'a str,
}

/// Classifies a complete answer.
pub(crate) fn classify(answer: &Response<Bytes>, ingress: IngressName<'_>) -> Result<(), Error> {
    let status = answer.status();
    let IngressName {
        name,
        key,
        key_setting,
    } = ingress;
    let said = said(answer.headers(), answer.body(), key);
    let kind = match Verdict::of(answer, Recognition::UnlessForeign) {
        Verdict::Success if answer.body().len() >= MAX_RESPONSE_BYTES => {
            let what = format!("{status} with {MAX_RESPONSE_BYTES} bytes or more");
            return Err(intercepted(status, name, &what));
        }
        Verdict::Success => return Ok(()),
        Verdict::Intercepted(interception) => {
            let what = describe(&interception, &said, key);
            return Err(intercepted(status, name, &what));
        }
        Verdict::Error(kind) => kind,
        _ => ErrorKind::UnexpectedResponse,
    };
    Err(match kind {
        ErrorKind::Rejected => Error::new(
            kind,
            format!("{name} refused the entries with {status}{said}"),
        ),
        ErrorKind::Unauthorized => Error::new(
            kind,
            format!(
                "{name} refused the key with {status}{said}; check that {key_setting} is a Send-Your-Data API key of Coralogix, and of this region"
            ),
        ),
        ErrorKind::Forbidden => Error::new(
            kind,
            format!(
                "{name} forbids sending with {status}{said}; check that {key_setting} is an active Send-Your-Data API key of Coralogix and of this region, and that the team is not blocked"
            ),
        ),
        ErrorKind::WrongEndpoint => wrong_endpoint(name, &format!("{status}{said}")),
        ErrorKind::TooLarge => Error::new(
            kind,
            format!("{name} finds the request too large ({status}{said})"),
        ),
        kind => temporary(answer, kind, name, &said),
    })
}

/// The interception in words; of a page only its title, of any other body the text.
fn describe(interception: &Interception, said: &str, key: &Secret) -> String {
    let what = key.redact(&interception.to_string()).into_owned();
    match interception.is_page() {
        true => what,
        false => what + said,
    }
}

fn intercepted(status: StatusCode, name: &str, what: &str) -> Error {
    let advice = match status.as_u16() {
        407 => {
            "the proxy on the way wants a login: give it a user and a password that it takes, or let it pass this host without one"
        }
        _ if status.is_success() => {
            "whether the entries were stored cannot be told; if it lasts, check the proxy or web filter on the way, or the domain or \
             endpoint"
        }
        _ => "if it lasts, check the proxy or web filter on the way, or the domain or endpoint",
    };
    Error::temporary(
        ErrorKind::Intercepted,
        format!("something between this program and {name} answered {what}: {advice}"),
    )
    .with_ambiguity(may_have_been_processed(status))
}

/// Classifies an exchange without a complete answer.
pub(crate) fn no_answer(error: TransportError, name: &str) -> Error {
    let detail = match &error {
        TransportError::Connect(cause) => format!("no connection to {name}: {cause}"),
        TransportError::Interrupted(cause) => format!("no complete answer from {name}: {cause}"),
        other => format!("no complete answer from {name}: {other}"),
    };
    Error::temporary(error.kind(), detail)
        .with_ambiguity(error.is_ambiguous())
        .with_source(error)
}

fn temporary(answer: &Response<Bytes>, kind: ErrorKind, name: &str, said: &str) -> Error {
    let status = answer.status();
    let retry = match (retry_after(answer.headers()), status.as_u16()) {
        (wait, 429) => RetryHint::rate_limited(wait),
        (Some(wait), _) => RetryHint::After(wait),
        (None, _) => RetryHint::Backoff,
    };
    let advice = match status.as_u16() {
        402 => {
            "; a quota is used up, or the plan does not cover it: check the team's quota and plan in Coralogix"
        }
        _ => "",
    };
    Error::temporary(kind, format!("{name} answered {status}{said}{advice}"))
        .with_retry(retry)
        .with_ambiguity(may_have_been_processed(status))
}

pub(crate) fn wrong_endpoint(name: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::WrongEndpoint,
        format!(
            "{name} is not a Coralogix ingress: it answered {what}; check the domain or endpoint"
        ),
    )
}

/// `: "…"` with the text of the body; nothing for an empty body, or for one that is compressed, which nobody asked for.
pub(crate) fn said(headers: &HeaderMap, body: &[u8], key: &Secret) -> String {
    let text = String::from_utf8_lossy(body);
    match text.trim() {
        text if text.is_empty() || headers.contains_key(CONTENT_ENCODING) => String::new(),
        text => format!(": \"{}\"", sanitize(&key.redact(text))),
    }
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
            key_setting: "CORALOGIX_API_KEY",
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
                200..=202 | 204 => None,
                200..=399 | 407 | 411 | 415 | 421 | 451 | 511 => Some((Intercepted, true)),
                404 | 405 | 410 => Some((WrongEndpoint, false)),
                400 | 422 => Some((Rejected, false)),
                401 => Some((Unauthorized, false)),
                403 => Some((Forbidden, false)),
                413 => Some((TooLarge, false)),
                402 | 429 => Some((RateLimited, true)),
                408 | 500..=599 => Some((Unavailable, true)),
                _ => Some((UnexpectedResponse, true)),
            };
            assert_eq!(kind, expected, "{status}");
        }
    }

    #[test]
    fn ambiguous_answers_are_odd_successes_timeouts_and_server_errors() {
        for status in 200..=599 {
            let Err(error) = answer(status, &[], "") else {
                continue;
            };
            let expected = matches!(status, 203 | 205..=299 | 408 | 500..=502 | 504..=510 | 512..);
            assert_eq!(error.is_ambiguous(), expected, "{status}");
        }
    }

    #[test]
    fn web_page_is_an_interception_unless_the_status_decides() {
        use ErrorKind::*;
        let declared = [("content-type", "Text/HTML; charset=utf-8")];
        for status in [200, 201, 204, 400, 401, 403, 404, 405, 406, 410, 422] {
            let error = answer(status, &declared, "x").unwrap_err();
            assert_eq!((error.kind(), error.is_temporary()), (Intercepted, true));
            assert_eq!(error.is_ambiguous(), status < 300, "{status}");
        }
        for (status, kind) in [(413, TooLarge), (429, RateLimited), (502, Unavailable)] {
            let page = "\u{feff} \n<!DOCTYPE html><p>";
            assert_eq!(answer(status, &[], page).unwrap_err().kind(), kind);
        }
        assert!(answer(200, &[("content-type", "text/plain")], "ok").is_ok());
    }

    #[test]
    fn interception_names_page_proxy_and_what_to_check() {
        let page = "<html><title>Blocked hunter2</title>secret policy";
        let blocked = answer(403, &[("server", "gw")], page).unwrap_err();
        assert_eq!(
            blocked.detail(),
            "something between this program and ingress.eu2.coralogix.com (region EU2) answered 403 Forbidden with a web page titled \
             \"Blocked ***\" (server \"gw\"): if it lasts, check the proxy or web filter on the way, or the domain or endpoint"
        );
        let login = answer(407, &[], "").unwrap_err();
        assert!(login.detail().contains("wants a login"), "{login}");
        let quota = answer(402, &[], "").unwrap_err();
        assert!(quota.detail().contains("quota"), "{quota}");
        let odd = answer(200, &[], r#"{"errors":["x"]}"#).unwrap_err();
        assert!(odd.detail().contains("cannot be told") && odd.is_ambiguous());
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
             check that CORALOGIX_API_KEY is a Send-Your-Data API key of Coralogix, and of this region"
        );
        let moved = answer(302, &[("location", "https://evil.example/x?k=1")], "");
        let moved = moved.unwrap_err();
        assert!(moved.detail().contains("`evil.example`"), "{moved}");
        assert!(!moved.detail().contains("k=1"), "{moved}");
    }
}
