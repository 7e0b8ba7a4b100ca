//! How EventBridge reacts to a response.

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use okta_coralogix_core::internal::exchange::retry_after;
use okta_coralogix_core::transport::TransportError;

use super::ErrorCode;

/// The result of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AttemptOutcome {
    /// 2xx.
    Accepted,
    /// Sent again, not before the wait.
    Retry(Fault, Duration),
    /// Not sent again.
    Failed(Fault),
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

/// Classifies a response as AWS documents it for API destinations.
pub(super) fn classify(response: Result<Response<Bytes>, TransportError>) -> AttemptOutcome {
    let response = match response {
        Ok(response) => response,
        Err(error) => {
            let code = match error {
                TransportError::TimedOut(_) => ErrorCode::Timeout,
                _ => ErrorCode::Network,
            };
            let message = error.to_string();
            return AttemptOutcome::Retry(Fault { code, message }, Duration::ZERO);
        }
    };
    let status = response.status();
    let fault = Fault {
        code: ErrorCode::Status(status.as_u16()),
        message: String::from_utf8_lossy(response.body()).into_owned(),
    };
    let is_retried = status.is_server_error()
        || matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::PROXY_AUTHENTICATION_REQUIRED
                | StatusCode::CONFLICT
                | StatusCode::TOO_MANY_REQUESTS
        );
    let asked = response.headers().get(RETRY_AFTER);
    let is_negative = asked.is_some_and(|value| value.as_bytes().starts_with(b"-"));
    match is_retried && !is_negative {
        _ if status.is_success() => AttemptOutcome::Accepted,
        true => AttemptOutcome::Retry(fault, retry_after(response.headers()).unwrap_or_default()),
        false => AttemptOutcome::Failed(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, asked: Option<&str>) -> AttemptOutcome {
        let mut response = Response::builder().status(status);
        if let Some(asked) = asked {
            response = response.header(RETRY_AFTER, asked);
        }
        classify(Ok(response.body(Bytes::new()).unwrap()))
    }

    #[test]
    fn statuses_mean_what_aws_says() {
        for status in [200, 202, 204] {
            assert_eq!(outcome(status, None), AttemptOutcome::Accepted);
        }
        for status in [401, 407, 409, 429, 500, 502, 503, 504] {
            assert!(
                matches!(
                    outcome(status, None),
                    AttemptOutcome::Retry(_, Duration::ZERO)
                ),
                "{status}"
            );
        }
        for status in [301, 307, 400, 403, 404, 405, 408, 413, 415, 422] {
            assert!(
                matches!(outcome(status, None), AttemptOutcome::Failed(_)),
                "{status}"
            );
        }
    }

    #[test]
    fn a_retry_after_is_waited_for_and_a_negative_one_ends_it() {
        let wait = |asked| match outcome(503, Some(asked)) {
            AttemptOutcome::Retry(_, wait) => Some(wait.as_secs()),
            _ => None,
        };
        assert_eq!(wait("7"), Some(7));
        assert_eq!(wait("-1"), None);
    }
}
