//! What an answer other than 200 means, and what the operator should do about it.

use http::{HeaderMap, Response, StatusCode};
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::transport::TransportError;
use okta_coralogix_core::{Error, ErrorKind, RetryHint};
use serde::Deserialize;

use crate::api::advice::advice;
use crate::api::rate_limit::{self, RateHeaders};

/// Okta's error body. Any member may be absent, and `errorSummary` may repeat what a user typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    error_code: Option<String>,
    error_summary: Option<String>,
}

/// Judges a response that is not 200: by its status first, since Okta uses the same code for a refusal and for a fault of its own
/// (`E0000053`).
pub(crate) fn refused(response: &Response<impl AsRef<[u8]>>) -> Error {
    let status = response.status();
    let headers = response.headers();
    let body = body(response);
    let said = said(status, headers, &body);
    let (what, advice) = advice(status, body.error_code.as_deref());
    let kind = match status {
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
        StatusCode::FORBIDDEN => ErrorKind::Forbidden,
        StatusCode::NOT_FOUND => ErrorKind::WrongEndpoint,
        StatusCode::TOO_MANY_REQUESTS => return rate_limited(headers, &said),
        StatusCode::REQUEST_TIMEOUT => return unavailable(headers, what, &said, advice),
        status if status.is_server_error() => return unavailable(headers, what, &said, advice),
        status if status.is_redirection() => ErrorKind::WrongEndpoint,
        status if status.is_client_error() => ErrorKind::Rejected,
        _ => {
            let what = format!("an answer other than a page of the System Log ({said})");
            return unreadable(&HeaderMap::new(), &what);
        }
    };
    Error::new(kind, format!("{what} ({said}): {advice}"))
}

/// True if the org's own query took too long, so that a smaller page may do.
pub(crate) fn is_query_timeout(response: &Response<impl AsRef<[u8]>>) -> bool {
    response.status() == StatusCode::INTERNAL_SERVER_ERROR
        && body(response).error_code.as_deref() == Some("E0000009")
}

/// Not even one event can be had. Whoever can mend it is not here, and it may pass: it is asked for again after a while.
pub(crate) fn blocked(error: &Error) -> Error {
    let detail = format!(
        "the next event of the org cannot be read, and nothing behind it: {error}, although only one event was asked for;          raise max_body_bytes if events can be that long, or ask Okta's support"
    );
    Error::temporary(error.kind(), detail).with_retry(RetryHint::After(rate_limit::LONGEST_WAIT))
}

/// A 200 that cannot be used. It passes: a maintenance page looks like this.
pub(crate) fn unreadable(headers: &HeaderMap, what: &str) -> Error {
    Error::temporary(
        ErrorKind::UnexpectedAnswer,
        format!("the org sent {what}{}", request_id(headers)),
    )
}

/// An exchange without a complete answer.
pub(crate) fn broken_off(error: &TransportError) -> Error {
    let (kind, what) = match error {
        TransportError::Connect(_) => (ErrorKind::Network, "the org cannot be reached"),
        TransportError::TimedOut(_) => (ErrorKind::Network, "the org does not answer in time"),
        TransportError::TooLong(_) => (ErrorKind::UnexpectedAnswer, "the org's answer is too long"),
        _ => (ErrorKind::Network, "the org's answer breaks off"),
    };
    Error::temporary(kind, format!("{what}: {error}"))
}

fn rate_limited(headers: &HeaderMap, said: &str) -> Error {
    let wait = rate_limit::asked_wait(headers);
    let rate = RateHeaders::read(headers);
    let detail = match wait {
        Some(wait) => format!(
            "the org's request limit is used up for {} s ({said}): if this lasts, see in the Admin Console under Reports > Rate \
             Limits who uses it up, or set a lower rate_share",
            wait.as_secs()
        ),
        None if rate.is_some_and(|rate| rate.is_concurrency()) => format!(
            "the org is being asked too much at the same time ({said}): if this lasts, see who else asks it"
        ),
        None => format!("the org takes no more requests at the moment ({said})"),
    };
    Error::temporary(ErrorKind::RateLimited, detail)
        .with_retry(wait.map_or(RetryHint::Backoff, RetryHint::After))
}

fn unavailable(headers: &HeaderMap, what: &str, said: &str, advice: &str) -> Error {
    let wait = okta_coralogix_core::transport::retry_after(headers);
    let detail = format!("{what} ({said}): {advice}");
    let error = Error::temporary(ErrorKind::Unavailable, detail);
    match wait {
        Some(wait) => error.with_retry(RetryHint::After(wait.min(rate_limit::LONGEST_WAIT))),
        None => error,
    }
}

fn body(response: &Response<impl AsRef<[u8]>>) -> Body {
    serde_json::from_slice(response.body().as_ref()).unwrap_or_default()
}

/// Status, error code, summary and request id, for the brackets of a message.
fn said(status: StatusCode, headers: &HeaderMap, body: &Body) -> String {
    let mut said = format!("HTTP {}", status.as_u16());
    for part in [&body.error_code, &body.error_summary]
        .into_iter()
        .flatten()
    {
        said.push_str(", ");
        said.push_str(&sanitize(part));
    }
    said + &request_id(headers)
}

pub(crate) fn request_id(headers: &HeaderMap) -> String {
    headers
        .get("x-okta-request-id")
        .map(|id| {
            format!(
                ", request {}",
                sanitize(&String::from_utf8_lossy(id.as_bytes()))
            )
        })
        .unwrap_or_default()
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
    fn the_status_decides_who_has_to_act() {
        use ErrorKind::*;
        let code = r#"{"errorCode":"E0000053","errorSummary":"Invalid filter"}"#;
        for (status, kind, temporary) in [
            (204, UnexpectedAnswer, true),
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
    fn each_error_of_okta_says_what_to_do() {
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
    fn a_body_of_any_kind_is_taken() {
        for body in [
            "",
            "<html>",
            "[]",
            "{\"errorCode\":7}",
            "null",
            "{\"error\":\"x\"}",
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
    fn an_org_that_says_when_to_come_back_is_heard_within_reason() {
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
