//! What the status of a response means for a query. Only a 200 has lines to read.

use bytes::Bytes;
use http::{Response, StatusCode};
use okta_coralogix_core::internal::exchange::{Recognition, Verdict, retry_after};
use okta_coralogix_core::transport::TransportError;
use okta_coralogix_core::{Error, ErrorKind, RetryHint, Secret};

use super::answer::Doubt;
use super::service::Service;
use crate::status::said;

/// Why an attempt at a query brought no answer.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// Set where a query about a shorter range may pass.
    pub(super) doubt: Option<Doubt>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, doubt: None }
    }
}

/// Passes a 200 with lines, and names what any other response means.
pub(super) fn check(
    response: &Response<Bytes>,
    service: &Service,
    key: &Secret,
) -> Result<(), Failure> {
    let status = response.status();
    let said = said(response.headers(), response.body(), key);
    let kind = match verdict(response) {
        Verdict::Success if status == StatusCode::OK => return Ok(()),
        Verdict::Intercepted(interception) => {
            let what = key.redact(&interception.to_string()).into_owned();
            let said = if interception.is_page() { "" } else { &*said };
            let detail = format!(
                "something between this program and {} answered {what}{said}: if it lasts, check the proxy or web filter on the way, or {}",
                service.name, service.settings.endpoint
            );
            return Err(Error::temporary(ErrorKind::Intercepted, detail).into());
        }
        Verdict::Error(kind) => kind,
        _ => ErrorKind::UnexpectedResponse,
    };
    let (name, settings, tier) = (&service.name, &service.settings, service.tier);
    let error = match kind {
        ErrorKind::Rejected => Error::new(
            kind,
            format!(
                "{name} refused the query with {status}{said}; check {}",
                settings.uuid_path
            ),
        ),
        ErrorKind::Unauthorized => Error::new(
            kind,
            format!(
                "{name} refused the key of {} with {status}{said}; check that it is a key with the preset DataQuerying, and of this region (a \
                 Send-Your-Data key cannot query)",
                settings.key
            ),
        ),
        ErrorKind::Forbidden => Error::new(
            kind,
            format!(
                "{name} forbids the query with {status}{said}; check that the key of {} has the preset DataQuerying, and that it may read the \
                 tier {tier} ({})",
                settings.key,
                tier.permission()
            ),
        ),
        ErrorKind::WrongEndpoint => Error::new(
            kind,
            format!(
                "{name} answers no queries: it answered {status}{said}; check {}",
                settings.endpoint
            ),
        ),
        kind => {
            let retry = match (retry_after(response.headers()), status.as_u16()) {
                (Some(wait), _) => RetryHint::After(wait.max(service.wait_when_limited)),
                (None, 429) => RetryHint::After(service.wait_when_limited),
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
        }
    };
    // A gateway that did not await the answer, or one that is too large for it: less may pass.
    let is_about_size = matches!(status.as_u16(), 408 | 413 | 504 | 524);
    let doubt = is_about_size.then(|| Doubt::NoAnswer(error.detail().to_owned()));
    Err(Failure { error, doubt })
}

/// The answer to a query that the rate limit was reached, as a line of a 200.
pub(super) fn rate_limited(text: &str, service: &Service) -> Error {
    let detail = format!(
        "{} answered that its rate limit is reached: \"{text}\"",
        service.name
    );
    Error::temporary(ErrorKind::RateLimited, detail)
        .with_retry(RetryHint::After(service.wait_when_limited))
}

/// Classifies an exchange without a complete response.
pub(super) fn no_answer(error: &TransportError, service: &Service) -> Failure {
    let name = &service.name;
    let (kind, detail) = match error {
        TransportError::Connect(cause) => (
            ErrorKind::Network,
            format!("no connection to {name}: {cause}"),
        ),
        TransportError::Interrupted(cause) => (
            ErrorKind::Network,
            format!("no complete answer from {name}: {cause}"),
        ),
        TransportError::TimedOut(_) => (
            ErrorKind::TimedOut,
            format!("no complete answer from {name}: {error}"),
        ),
        other => (
            ErrorKind::UnexpectedResponse,
            format!("no complete answer from {name}: {other}"),
        ),
    };
    let doubt = match error {
        TransportError::Connect(_) => None,
        TransportError::TooLong(bytes) => Some(Doubt::TooLong(*bytes)),
        _ => Some(Doubt::NoAnswer(detail.clone())),
    };
    Failure {
        error: Error::temporary(kind, detail),
        doubt,
    }
}

/// An answer with an error line is an answer: its lines say what it is worth, and not its first member.
fn verdict(response: &Response<Bytes>) -> Verdict {
    let is_lines =
        response.status() == StatusCode::OK && response.body().trim_ascii_start().starts_with(b"{");
    if !is_lines {
        return Verdict::of(response, Recognition::UnlessForeign);
    }
    let mut head = Response::new(Bytes::new());
    *head.status_mut() = response.status();
    *head.headers_mut() = response.headers().clone();
    Verdict::of(&head, Recognition::UnlessForeign)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::service::SettingNames;
    use super::super::tier::Tier;
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Result<(), Failure> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = response
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap();
        let service = Service {
            name: "api.eu2.coralogix.com (region EU2)".into(),
            settings: SettingNames::VARIABLES,
            tier: Tier::Archive,
            wait_when_limited: Duration::from_secs(6),
        };
        check(&response, &service, &Secret::from("hunter2"))
    }

    #[test]
    fn query_status_table_classifies_200_to_599() {
        use ErrorKind::*;
        for status in 200..=599 {
            let failure = answer(status, &[], "").err();
            let kind = failure
                .as_ref()
                .map(|f| (f.error.kind(), f.error.is_temporary()));
            let expected = match status {
                200 => None,
                201 | 202 | 204 => Some((UnexpectedResponse, true)),
                200..=399 | 407 | 411 | 415 | 421 | 451 | 511 => Some((Intercepted, true)),
                404 | 405 | 410 => Some((WrongEndpoint, false)),
                400 | 422 => Some((Rejected, false)),
                401 => Some((Unauthorized, false)),
                403 => Some((Forbidden, false)),
                413 => Some((TooLarge, true)),
                402 | 429 => Some((RateLimited, true)),
                408 | 500..=599 => Some((Unavailable, true)),
                _ => Some((UnexpectedResponse, true)),
            };
            assert_eq!(kind, expected, "{status}");
            let narrower = failure.is_some_and(|failure| failure.doubt.is_some());
            assert_eq!(
                narrower,
                matches!(status, 408 | 413 | 504 | 524),
                "{status}"
            );
        }
    }

    #[test]
    fn query_page_is_an_interception_and_an_error_line_is_not() {
        for (headers, body) in [
            (&[("content-type", "text/html")][..], "{}"),
            (&[], "<html><title>Login hunter2</title>"),
        ] {
            let failure = answer(200, headers, body).unwrap_err();
            assert_eq!(failure.error.kind(), ErrorKind::Intercepted);
            assert!(
                !failure.error.detail().contains("hunter2"),
                "{}",
                failure.error
            );
        }
        assert!(answer(200, &[], r#"{"error":{"message":"x"}}"#).is_ok());
    }

    #[test]
    fn refused_query_key_is_named_by_service_and_setting() {
        let refused = answer(401, &[], "no hunter2").unwrap_err().error;
        assert_eq!(
            refused.detail(),
            "api.eu2.coralogix.com (region EU2) refused the key of CORALOGIX_QUERY_KEY with 401 Unauthorized: \"no ***\"; check that it is a \
             key with the preset DataQuerying, and of this region (a Send-Your-Data key cannot query)"
        );
        let forbidden = answer(403, &[], "").unwrap_err().error;
        assert!(
            forbidden
                .detail()
                .contains("tier archive (LOGS.DATA-API#LOW:READDATA"),
            "{forbidden}"
        );
        let query = answer(400, &[], "Compiler error").unwrap_err().error;
        assert!(
            query
                .detail()
                .contains("\"Compiler error\"; check uuid_path"),
            "{query}"
        );
    }

    #[test]
    fn query_waits_at_least_for_its_share_of_the_rate_limit() {
        let wait = |headers| answer(429, headers, "").unwrap_err().error.retry();
        assert_eq!(wait(&[]), RetryHint::After(Duration::from_secs(6)));
        assert_eq!(
            wait(&[("retry-after", "0")]),
            RetryHint::After(Duration::from_secs(6))
        );
        assert_eq!(
            wait(&[("retry-after", "40")]),
            RetryHint::After(Duration::from_secs(40))
        );
    }
}
