//! Classifies answers other than 200. The message advises the operator.

use http::{HeaderMap, StatusCode};
use okta_coralogix_core::internal::exchange::{Verdict, retry_after};
use okta_coralogix_core::transport::TransportError;
use okta_coralogix_core::{Error, ErrorKind, RetryHint};

use crate::api::advice::advice;
use crate::api::interception::{intercepted, out_of_quota, unexplained};
use crate::api::judged::{Judged, request_id};
use crate::api::rate_limit::{self, RateHeaders};

/// The error of a response of the API that is not 200: by its status first, since Okta uses the same code for a refusal and for a
/// fault of its own (`E0000053`). Only Okta itself refuses: any other answer is temporary.
pub(crate) fn refused(judged: &Judged) -> Error {
    let summary = judged.summary();
    let (what, advice) = advice(judged.status(), judged.error.code.as_deref());
    let detail = format!("{what} ({summary}): {advice}");
    if let Some(error) = passing(judged, &detail) {
        return error;
    }
    match &judged.verdict {
        Verdict::Error(ErrorKind::RateLimited) => {
            let advice = ": if this lasts, see in the Admin Console under Reports > Rate Limits who uses it up, or set a lower \
                          rate_share";
            rate_limited(judged, "requests", advice)
        }
        Verdict::Error(ErrorKind::UnexpectedResponse) => Error::new(ErrorKind::Rejected, detail),
        Verdict::Error(kind @ (ErrorKind::Unauthorized | ErrorKind::Forbidden)) => {
            Error::new(*kind, detail + &judged.see_setting())
        }
        Verdict::Error(kind) => Error::new(*kind, detail),
        _ => {
            let what = format!("an answer other than a page of the System Log ({summary})");
            unreadable(&HeaderMap::new(), &what)
        }
    }
}

/// The error of an answer that passes by itself, whichever endpoint was asked: it is not Okta's, or Okta cannot answer now. `unable`
/// describes the latter. `None`: a success, a 429, or a refusal of Okta.
pub(crate) fn passing(judged: &Judged, unable: &str) -> Option<Error> {
    match &judged.verdict {
        Verdict::Intercepted(interception) => Some(intercepted(judged, interception)),
        Verdict::Error(ErrorKind::RateLimited)
            if judged.status() == StatusCode::PAYMENT_REQUIRED =>
        {
            Some(out_of_quota(judged))
        }
        Verdict::Error(ErrorKind::Unavailable) => Some(unavailable(judged, unable.to_owned())),
        Verdict::Error(kind @ (ErrorKind::TooLarge | ErrorKind::UnexpectedResponse))
            if !judged.is_refusal() =>
        {
            Some(unexplained(judged, *kind))
        }
        _ => None,
    }
}

/// True if the org's own query took too long, so that a smaller page may do.
pub(crate) fn is_query_timeout(judged: &Judged) -> bool {
    judged.status() == StatusCode::INTERNAL_SERVER_ERROR
        && judged.error.code.as_deref() == Some("E0000009")
}

/// A page of one event is still too large: retry after the maximum wait.
pub(crate) fn blocked(error: &Error) -> Error {
    let detail = format!(
        "the next event of the org cannot be read, and nothing behind it: {error}, although only one event was asked for; \
         raise max_body_bytes if events can be that long, or ask Okta's support"
    );
    Error::temporary(error.kind(), detail)
        .with_retry(RetryHint::After(rate_limit::MAX_WAIT))
        .with_source(error.clone())
}

/// A 200 that cannot be used. It is temporary, since a maintenance page looks like this.
pub(crate) fn unreadable(headers: &HeaderMap, what: &str) -> Error {
    Error::temporary(
        ErrorKind::UnexpectedResponse,
        format!("the org sent {what}{}", request_id(headers)),
    )
}

/// An exchange without a complete answer.
pub(crate) fn incomplete(error: TransportError) -> Error {
    let detail = match &error {
        TransportError::Connect(cause) => format!("the org cannot be reached: {cause}"),
        TransportError::Interrupted(cause) => format!("the org's answer breaks off: {cause}"),
        TransportError::TimedOut(_) => format!("the org does not answer in time: {error}"),
        TransportError::TooLong(_) => format!("the org's answer is too long: {error}"),
        other => format!("the org's answer breaks off: {other}"),
    };
    Error::temporary(error.kind(), detail).with_source(error)
}

/// A 429. `requests` names the kind of the limited requests; `advice` is added where the limit is used up.
pub(crate) fn rate_limited(judged: &Judged, requests: &str, advice: &str) -> Error {
    let headers = judged.headers();
    let summary = judged.summary();
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
fn unavailable(judged: &Judged, detail: String) -> Error {
    let error = Error::temporary(ErrorKind::Unavailable, detail);
    match retry_after(judged.headers()) {
        Some(wait) => error.with_retry(RetryHint::After(wait.min(rate_limit::MAX_WAIT))),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::api::judged::Endpoint;

    fn answer(status: u16, body: &str) -> Judged {
        answer_with(status, &[("x-okta-request-id", "reqABC")], body)
    }

    fn answer_with(status: u16, headers: &[(&str, &str)], body: &str) -> Judged {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = response.body(Bytes::from(body.to_owned())).unwrap();
        Judged::new(response, Endpoint::Log)
    }

    #[test]
    fn http_status_decides_error_kind_and_retry() {
        use ErrorKind::*;
        let code = r#"{"errorCode":"E0000053","errorSummary":"Invalid filter"}"#;
        for (status, kind, temporary) in [
            (204, UnexpectedResponse, true),
            (400, Rejected, false),
            (401, Unauthorized, false),
            (403, Forbidden, false),
            (402, RateLimited, true),
            (404, WrongEndpoint, false),
            (405, WrongEndpoint, false),
            (406, Rejected, false),
            (408, Unavailable, true),
            (409, Rejected, false),
            (410, WrongEndpoint, false),
            (413, TooLarge, false),
            (414, Rejected, false),
            (418, Rejected, false),
            (422, Rejected, false),
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
            (405, "E0000022", WrongEndpoint, false, "gateway"),
            (429, "E0000047", RateLimited, true, "no more requests"),
            (500, "E0000009", Unavailable, true, "smaller page"),
            (500, "E0000053", Unavailable, true, "asks again"),
            (503, "E0000010", Unavailable, true, "read-only mode"),
            (503, "E0000100", Unavailable, true, "search is out of order"),
            (503, "E0000181", Unavailable, true, "asks again"),
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
            let error = refused(&answer(401, body));
            for part in ["401 Unauthorized", "request reqABC"] {
                assert!(error.detail().contains(part), "{body}: {error}");
            }
        }
    }

    #[test]
    fn answer_of_something_between_is_never_a_refusal() {
        use ErrorKind::*;
        let page = "<html><head><title>Access denied</title></head></html>";
        let marked = r#"{"errorCode":"E0000011"}"#;
        for (statuses, body, kind) in [
            (
                &[
                    200, 302, 400, 401, 403, 404, 405, 406, 407, 410, 422, 451, 511,
                ][..],
                page,
                Intercepted,
            ),
            (
                &[203, 205, 206, 207, 301, 307, 407, 411, 415, 421, 451, 511],
                marked,
                Intercepted,
            ),
            (&[400, 401, 403, 404, 405, 406, 410, 422], "", Intercepted),
            (&[400, 401, 403, 404], r#"{"message":"no"}"#, Intercepted),
            (
                &[400, 401, 403, 404],
                r#"{"error":"invalid_client"}"#,
                Intercepted,
            ),
            (&[409, 412, 414, 418, 431, 494], page, UnexpectedResponse),
            (&[413], page, TooLarge),
            (&[402, 429], page, RateLimited),
            (&[408, 500, 502, 503, 504, 599], page, Unavailable),
        ] {
            for status in statuses {
                let judged = answer(*status, body);
                let error = refused(&judged);
                assert_eq!(
                    (error.kind(), error.is_temporary()),
                    (kind, true),
                    "{status} {body}"
                );
                assert!(!judged.is_refusal());
                assert!(error.detail().contains(&status.to_string()), "{error}");
            }
        }
    }

    #[test]
    fn interception_messages_name_who_answered_and_what_to_check() {
        let page = "<html><title>Access\u{1b}[31m denied</title></html>";
        for (status, headers, body, message) in [
            (
                403,
                &[("server", "squid/6")][..],
                page,
                "something between this program and Okta answered 403 Forbidden with a web page titled \"Access\\\\u{1b}[31m denied\" \
                 (server \"squid/6\"); if it lasts, check the proxy or web filter, or the API token (OKTA_API_TOKEN)",
            ),
            (
                302,
                &[("location", "https://portal.example/login?from=x")],
                "",
                "something between this program and Okta answered 302 Found, a redirect to `portal.example`, which is not followed; \
                 if it lasts, check the proxy or web filter, or the address of the org (OKTA_ORG_URL)",
            ),
            (
                407,
                &[],
                "",
                "a proxy between this program and Okta answered 407 Proxy Authentication Required: it wants a login of its own; ask \
                 its administrator for the login settings, or to let this program through without one",
            ),
            (
                402,
                &[],
                "",
                "a quota or plan is used up (HTTP 402): if this lasts, check the plan of the org, and that of a proxy or gateway on the \
                 way",
            ),
            (
                404,
                &[],
                "",
                "Okta, or something between this program and Okta, answered 404 Not Found, without an error code and without a request \
                 id of Okta; if it lasts, check the proxy or web filter; if it is Okta's answer, write the address of the org itself, \
                 such as https://example.okta.com",
            ),
        ] {
            let error = refused(&answer_with(status, headers, body));
            assert_eq!(error.detail(), message, "{status}");
        }
        let unmarked = refused(&answer(401, "{}"));
        for part in [
            "request reqABC, without an error code of Okta;",
            "create a new one",
        ] {
            assert!(unmarked.detail().contains(part), "{unmarked}");
        }
    }

    #[test]
    fn http_503_retry_after_is_capped_at_120_seconds() {
        for (seconds, wait) in [("7", 7), ("86400", 120)] {
            let hint = refused(&answer_with(503, &[("retry-after", seconds)], "")).retry();
            assert_eq!(hint, RetryHint::After(std::time::Duration::from_secs(wait)));
        }
    }

    #[test]
    fn http_429_with_a_reset_alone_waits_a_second_at_least() {
        let date = ("date", "Sun, 22 Nov 2026 10:00:00 GMT");
        for reset in ["1795341600", "1795341630", "0", "-5"] {
            let error = refused(&answer_with(
                429,
                &[date, ("x-rate-limit-reset", reset)],
                "",
            ));
            let second = std::time::Duration::from_secs(1);
            assert_eq!(error.retry(), RetryHint::After(second), "{reset}");
        }
    }
}
