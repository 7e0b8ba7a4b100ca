//! Classifies answers other than 200. The message advises the operator.

use http::{HeaderMap, Response, StatusCode};
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::transport::{TransportError, retry_after};
use okta_coralogix_core::{Error, ErrorKind, RetryHint};
use serde::Deserialize;

use crate::api::advice::advice;
use crate::api::rate_limit::{self, RateHeaders};

/// The error body of the API and of the token endpoint. Any member may be absent, and the texts may repeat the request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ErrorBody {
    pub(crate) error: Option<String>,
    pub(crate) error_description: Option<String>,
    #[serde(rename = "errorCode")]
    pub(crate) code: Option<String>,
    #[serde(rename = "errorSummary")]
    pub(crate) summary: Option<String>,
}

impl ErrorBody {
    pub(crate) fn read(response: &Response<impl AsRef<[u8]>>) -> Self {
        serde_json::from_slice(response.body().as_ref()).unwrap_or_default()
    }
}

/// The error of a response that is not 200: by its status first, since Okta uses the same code for a refusal and for a fault of
/// its own (`E0000053`).
pub(crate) fn refused(response: &Response<impl AsRef<[u8]>>) -> Error {
    let status = response.status();
    let summary = summary(response);
    let body = ErrorBody::read(response);
    let (what, advice) = advice(status, body.code.as_deref());
    let detail = format!("{what} ({summary}): {advice}");
    let kind = match status {
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
        StatusCode::FORBIDDEN => ErrorKind::Forbidden,
        StatusCode::NOT_FOUND => ErrorKind::WrongEndpoint,
        StatusCode::TOO_MANY_REQUESTS => {
            let advice = ": if this lasts, see in the Admin Console under Reports > Rate Limits who uses it up, or set a lower \
                          rate_share";
            return rate_limited(response, "requests", advice);
        }
        StatusCode::REQUEST_TIMEOUT => return unavailable(response, detail),
        status if status.is_server_error() => return unavailable(response, detail),
        status if status.is_redirection() => ErrorKind::WrongEndpoint,
        status if status.is_client_error() => ErrorKind::Rejected,
        _ => {
            let what = format!("an answer other than a page of the System Log ({summary})");
            return unreadable(&HeaderMap::new(), &what);
        }
    };
    Error::new(kind, detail)
}

/// True if the org's own query took too long, so that a smaller page may do.
pub(crate) fn is_query_timeout(response: &Response<impl AsRef<[u8]>>) -> bool {
    response.status() == StatusCode::INTERNAL_SERVER_ERROR
        && ErrorBody::read(response).code.as_deref() == Some("E0000009")
}

/// A page of one event is still too large: retry after the maximum wait.
pub(crate) fn blocked(error: &Error) -> Error {
    let detail = format!(
        "the next event of the org cannot be read, and nothing behind it: {error}, although only one event was asked for; \
         raise max_body_bytes if events can be that long, or ask Okta's support"
    );
    Error::temporary(error.kind(), detail).with_retry(RetryHint::After(rate_limit::MAX_WAIT))
}

/// A 200 that cannot be used. It is temporary, since a maintenance page looks like this.
pub(crate) fn unreadable(headers: &HeaderMap, what: &str) -> Error {
    Error::temporary(
        ErrorKind::UnexpectedResponse,
        format!("the org sent {what}{}", request_id(headers)),
    )
}

/// An exchange without a complete answer.
pub(crate) fn incomplete(error: &TransportError) -> Error {
    let kind = match error {
        TransportError::TooLong(_) => ErrorKind::UnexpectedResponse,
        _ => ErrorKind::Network,
    };
    let detail = match error {
        TransportError::Connect(cause) => format!("the org cannot be reached: {cause}"),
        TransportError::Interrupted(cause) => format!("the org's answer breaks off: {cause}"),
        TransportError::TimedOut(_) => format!("the org does not answer in time: {error}"),
        TransportError::TooLong(_) => format!("the org's answer is too long: {error}"),
        other => format!("the org's answer breaks off: {other}"),
    };
    Error::temporary(kind, detail)
}

/// A 429. `requests` names the kind of the limited requests; `advice` is added where the limit is used up.
pub(crate) fn rate_limited(
    response: &Response<impl AsRef<[u8]>>,
    requests: &str,
    advice: &str,
) -> Error {
    let headers = response.headers();
    let summary = summary(response);
    let wait = rate_limit::asked_wait(headers);
    let detail = match wait {
        Some(wait) => format!(
            "the org's limit of {requests} is used up for {} s ({summary}){advice}",
            wait.as_secs()
        ),
        None if RateHeaders::read(headers).is_some_and(|rate| rate.is_concurrency()) => format!(
            "the org gets too many {requests} at the same time ({summary}): if this lasts, see who else sends them"
        ),
        None => format!("the org takes no more {requests} at the moment ({summary})"),
    };
    Error::temporary(ErrorKind::RateLimited, detail).with_retry(RetryHint::rate_limited(wait))
}

/// A 408 or 5xx, which is temporary.
pub(crate) fn unavailable(response: &Response<impl AsRef<[u8]>>, detail: String) -> Error {
    let error = Error::temporary(ErrorKind::Unavailable, detail);
    match retry_after(response.headers()) {
        Some(wait) => error.with_retry(RetryHint::After(wait.min(rate_limit::MAX_WAIT))),
        None => error,
    }
}

/// Status, codes, texts and request id, for the brackets of a message.
pub(crate) fn summary(response: &Response<impl AsRef<[u8]>>) -> String {
    let body = ErrorBody::read(response);
    let mut summary = format!("HTTP {}", response.status().as_u16());
    let parts = [body.error, body.error_description, body.code, body.summary];
    for part in parts.iter().flatten() {
        summary.push_str(", ");
        summary.push_str(&sanitize(part));
    }
    summary + &request_id(response.headers())
}

pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let Some(id) = headers.get("x-okta-request-id") else {
        return String::new();
    };
    let id = String::from_utf8_lossy(id.as_bytes());
    format!(", request {}", sanitize(&id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response<Vec<u8>> {
        Response::builder()
            .status(status)
            .header("x-okta-request-id", "reqABC")
            .body(body.as_bytes().to_vec())
            .unwrap()
    }

    #[test]
    fn http_status_decides_error_kind_and_retry() {
        use ErrorKind::*;
        let code = r#"{"errorCode":"E0000053","errorSummary":"Invalid filter"}"#;
        for (status, kind, temporary) in [
            (204, UnexpectedResponse, true),
            (301, WrongEndpoint, false),
            (302, WrongEndpoint, false),
            (307, WrongEndpoint, false),
            (400, Rejected, false),
            (401, Unauthorized, false),
            (403, Forbidden, false),
            (404, WrongEndpoint, false),
            (405, Rejected, false),
            (408, Unavailable, true),
            (429, RateLimited, true),
            (500, Unavailable, true),
            (502, Unavailable, true),
            (503, Unavailable, true),
            (504, Unavailable, true),
            (599, Unavailable, true),
        ] {
            let error = refused(&answer(status, code));
            assert_eq!(
                (error.kind(), error.is_temporary()),
                (kind, temporary),
                "{status}"
            );
            for part in [&status.to_string(), "E0000053", "Invalid filter", "reqABC"] {
                assert!(error.detail().contains(part), "{error}");
            }
        }
    }

    #[test]
    fn okta_error_code_messages_say_what_to_do() {
        use ErrorKind::*;
        for (status, code, kind, temporary, what) in [
            (400, "E0000001", Rejected, false, "keywords of q"),
            (400, "E0000021", Rejected, false, "Accept or Content-Type"),
            (400, "E0000031", Rejected, false, "out of the filter"),
            (
                400,
                "E0000053",
                Rejected,
                false,
                "attribute names of the filter",
            ),
            (400, "E0000063", Rejected, false, "proxy adds parameters"),
            (401, "E0000011", Unauthorized, false, "create a new one"),
            (401, "E0000015", Unauthorized, false, "lacks the feature"),
            (401, "E0000004", Unauthorized, false, "create a new one"),
            (
                403,
                "E0000006",
                Forbidden,
                false,
                "Report Administrator role",
            ),
            (403, "E0000005", Forbidden, false, "proxy strips"),
            (
                404,
                "E0000007",
                WrongEndpoint,
                false,
                "address of the org itself",
            ),
            (
                404,
                "E0000008",
                WrongEndpoint,
                false,
                "address of the org itself",
            ),
            (405, "E0000022", Rejected, false, "gateway"),
            (429, "E0000047", RateLimited, true, "no more requests"),
            (500, "E0000009", Unavailable, true, "smaller page"),
            (500, "E0000053", Unavailable, true, "asked again"),
            (503, "E0000010", Unavailable, true, "read-only mode"),
            (503, "E0000100", Unavailable, true, "search is out of order"),
            (503, "E0000181", Unavailable, true, "asked again"),
        ] {
            let body = format!(r#"{{"errorCode":"{code}","errorSummary":"so it is"}}"#);
            let error = refused(&answer(status, &body));
            assert_eq!(
                (error.kind(), error.is_temporary()),
                (kind, temporary),
                "{error}"
            );
            let brackets = format!("(HTTP {status}, {code}, so it is, request reqABC)");
            assert!(error.detail().contains(&brackets), "{error}");
            assert!(error.detail().contains(what), "{error}");
        }
    }

    #[test]
    fn error_body_of_any_form_is_accepted() {
        for body in [
            "",
            "<html>",
            "[]",
            "{\"errorCode\":7}",
            "null",
            "{\"message\":\"x\"}",
        ] {
            assert!(
                refused(&answer(401, body))
                    .detail()
                    .contains("HTTP 401, request reqABC"),
                "{body}"
            );
        }
    }

    #[test]
    fn http_503_retry_after_is_capped_at_120_seconds() {
        for (seconds, wait) in [("7", 7), ("86400", 120)] {
            let mut answer = answer(503, "");
            answer
                .headers_mut()
                .insert("retry-after", seconds.parse().unwrap());
            let hint = refused(&answer).retry();
            assert_eq!(hint, RetryHint::After(std::time::Duration::from_secs(wait)));
        }
    }
}
