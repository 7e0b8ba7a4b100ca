//! How EventBridge reacts to a response.

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use okta_coralogix_core::transport::{TransportError, retry_after};

use super::ErrorCode;

/// The result of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// 2xx.
    Taken,
    /// Tried again, not before the wait.
    Again(Fault, Duration),
    /// Not tried again.
    Final(Fault),
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

pub(super) fn judge(answer: Result<Response<Bytes>, TransportError>) -> Answer {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let code = match error {
                TransportError::TimedOut(_) => ErrorCode::Timeout,
                _ => ErrorCode::Network,
            };
            let message = error.to_string();
            return Answer::Again(Fault { code, message }, Duration::ZERO);
        }
    };
    let status = answer.status();
    let fault = Fault {
        code: ErrorCode::Status(status.as_u16()),
        message: String::from_utf8_lossy(answer.body()).into_owned(),
    };
    let again = status.is_server_error()
        || matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::PROXY_AUTHENTICATION_REQUIRED
                | StatusCode::CONFLICT
                | StatusCode::TOO_MANY_REQUESTS
        );
    let asked = answer.headers().get(RETRY_AFTER);
    let is_negative = asked.is_some_and(|value| value.as_bytes().starts_with(b"-"));
    match again && !is_negative {
        _ if status.is_success() => Answer::Taken,
        true => Answer::Again(fault, retry_after(answer.headers()).unwrap_or_default()),
        false => Answer::Final(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, asked: Option<&str>) -> Answer {
        let mut answer = Response::builder().status(status);
        if let Some(asked) = asked {
            answer = answer.header(RETRY_AFTER, asked);
        }
        judge(Ok(answer.body(Bytes::new()).unwrap()))
    }

    #[test]
    fn statuses_mean_what_aws_says() {
        for status in [200, 202, 204] {
            assert_eq!(judged(status, None), Answer::Taken);
        }
        for status in [401, 407, 409, 429, 500, 502, 503, 504] {
            assert!(
                matches!(judged(status, None), Answer::Again(_, Duration::ZERO)),
                "{status}"
            );
        }
        for status in [301, 307, 400, 403, 404, 405, 408, 413, 415, 422] {
            assert!(matches!(judged(status, None), Answer::Final(_)), "{status}");
        }
    }

    #[test]
    fn a_retry_after_is_waited_for_and_a_negative_one_ends_it() {
        let wait = |asked| match judged(503, Some(asked)) {
            Answer::Again(_, wait) => Some(wait.as_secs()),
            _ => None,
        };
        assert_eq!(wait("7"), Some(7));
        assert_eq!(wait("-1"), None);
    }
}
