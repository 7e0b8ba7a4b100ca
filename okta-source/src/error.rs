//! What an answer other than 200 means, and what the operator should do about it.

use http::{HeaderMap, Response, StatusCode};
use okta_coralogix_core::transport::TransportError;
use okta_coralogix_core::{Error, ErrorKind, RetryHint};
use serde::Deserialize;

use crate::rate;

/// The longest piece of foreign text that goes into a message, in characters.
const FOREIGN_TEXT: usize = 200;

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
    let said = said(status, headers, response.body().as_ref());
    match status {
        StatusCode::UNAUTHORIZED => Error::new(
            ErrorKind::Unauthorized,
            format!(
                "Okta refuses the API token ({said}): it is wrong, revoked, or has expired after 30 days without use; \
                 create a new one in the Admin Console under Security > API > Tokens"
            ),
        ),
        StatusCode::FORBIDDEN => Error::new(
            ErrorKind::Forbidden,
            format!(
                "the API token may not read the System Log ({said}): give the administrator it belongs to the Read-only \
                 or Report Administrator role, and check whether the token is bound to another network zone"
            ),
        ),
        StatusCode::NOT_FOUND => Error::new(
            ErrorKind::WrongEndpoint,
            format!(
                "this address does not serve the Okta System Log ({said}): write the address of the org itself, such as \
                 https://example.okta.com"
            ),
        ),
        StatusCode::TOO_MANY_REQUESTS => rate_limited(headers, &said),
        StatusCode::REQUEST_TIMEOUT => unavailable(headers, &said),
        status if status.is_server_error() => unavailable(headers, &said),
        status if status.is_redirection() => Error::new(
            ErrorKind::WrongEndpoint,
            format!(
                "this address answers with a redirect ({said}), which is not followed so that the token goes nowhere else: \
                 write the address of the org itself, such as https://example.okta.com"
            ),
        ),
        status if status.is_client_error() => Error::new(
            ErrorKind::Rejected,
            format!(
                "Okta refuses the request for the System Log ({said}): check the start time that was asked for"
            ),
        ),
        _ => unreadable(
            headers,
            &format!("an answer other than a page of the System Log ({said})"),
        ),
    }
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
    let wait = rate::asked_wait(headers);
    let detail = match wait {
        Some(wait) => format!(
            "the org's request limit is used up for {} s ({said})",
            wait.as_secs()
        ),
        None => format!("the org takes no more requests at the moment ({said})"),
    };
    Error::temporary(ErrorKind::RateLimited, detail)
        .with_retry(wait.map_or(RetryHint::Backoff, RetryHint::After))
}

fn unavailable(headers: &HeaderMap, said: &str) -> Error {
    let wait = okta_coralogix_core::transport::retry_after(headers);
    let error = Error::temporary(
        ErrorKind::Unavailable,
        format!("the org cannot answer at the moment ({said})"),
    );
    match wait {
        Some(wait) => error.with_retry(RetryHint::After(wait.min(rate::LONGEST_WAIT))),
        None => error,
    }
}

/// Status, error code, summary and request id, for the brackets of a message.
fn said(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> String {
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let mut said = format!("HTTP {}", status.as_u16());
    for part in [body.error_code, body.error_summary].iter().flatten() {
        said.push_str(", ");
        said.push_str(&foreign(part));
    }
    said + &request_id(headers)
}

pub(crate) fn request_id(headers: &HeaderMap) -> String {
    headers
        .get("x-okta-request-id")
        .map(|id| {
            format!(
                ", request {}",
                foreign(&String::from_utf8_lossy(id.as_bytes()))
            )
        })
        .unwrap_or_default()
}

/// Foreign text made harmless for a log: bounded, and whatever is not plainly printable escaped.
pub(crate) fn foreign(text: &str) -> String {
    let mut harmless: String = text
        .chars()
        .take(FOREIGN_TEXT)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(FOREIGN_TEXT).is_some() {
        harmless.push('…');
    }
    harmless
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
    fn foreign_text_is_bounded_and_escaped() {
        let text = format!("\u{1b}[31m\n\u{202e}{}", "x".repeat(1000));
        let harmless = foreign(&text);
        assert!(
            harmless.starts_with("\\u{1b}[31m\\n\\u{202e}xxx"),
            "{harmless}"
        );
        assert!(harmless.chars().count() < 230);
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
