//! What a response means, and who gave it: the service that was asked, or something between.
//!
//! A proxy, a web filter, a load balancer or a login page may answer in the service's place. Only the service can refuse a credential, an
//! address or a content; what something else answers passes by itself, or must be named as such. The table is in
//! `docs/delivery.md`.

use std::fmt;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, SERVER, VIA};
use http::{Response, StatusCode};

use crate::ErrorKind;
use crate::text::{quote, sanitize};

/// How a service's own errors are told from the answers of something between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognition {
    /// The service marks each of its errors; true if this response has the mark.
    Marked(bool),
    /// The service documents no mark: an error is its own unless something marks it as foreign.
    UnlessForeign,
}

/// The meaning of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// 200, 201, 202 or 204, and nothing contradicts it.
    Success,
    /// An error. `Unauthorized`, `Forbidden`, `WrongEndpoint` and `Rejected` are the service's own word; the other kinds (`TooLarge`,
    /// `RateLimited`, `Unavailable`, `UnexpectedResponse`) mean the same from the service and from a proxy.
    Error(ErrorKind),
    /// Something between answered in the service's place, or it cannot be told who did.
    Intercepted(Interception),
}

/// An answer that is not the service's own, or not recognisably.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interception {
    status: StatusCode,
    mark: Mark,
    /// `Server` or `Via`, for the message only: anybody may write them.
    server: Option<String>,
}

/// Why an answer is not taken for the service's.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    /// HTML, XHTML or XML, where the service speaks JSON. With its title.
    Markup(Option<String>),
    /// A redirect, with the host it leads to.
    Redirect(Option<String>),
    /// A status that only a gateway gives: the service has no reason for it.
    Status,
    /// A success whose JSON names an error.
    ErrorInSuccess,
    /// Nothing that the service marks its errors with.
    Unmarked,
}

impl Verdict {
    /// Judges a response by its status, headers and body.
    #[must_use]
    pub fn of(response: &Response<impl AsRef<[u8]>>, recognition: Recognition) -> Self {
        let status = response.status();
        let (headers, body) = (response.headers(), response.body().as_ref());
        // These mean the same from the service and from a proxy, with any body: split, slow down, back off.
        match status.as_u16() {
            413 => return Self::Error(ErrorKind::TooLarge),
            402 | 429 => return Self::Error(ErrorKind::RateLimited),
            408 | 500..=510 | 512..=599 => return Self::Error(ErrorKind::Unavailable),
            _ => {}
        }
        let kind = match status.as_u16() {
            400 | 422 => ErrorKind::Rejected,
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            404 | 405 | 410 => ErrorKind::WrongEndpoint,
            _ => ErrorKind::UnexpectedResponse,
        };
        let is_refusal = matches!(status.as_u16(), 400 | 401 | 403..=406 | 410 | 422);
        let mark = match foreign_mark(status, headers, body) {
            Some(mark) => mark,
            None if is_refusal && recognition == Recognition::Marked(false) => Mark::Unmarked,
            None if status.is_success() => return Self::Success,
            None => return Self::Error(kind),
        };
        Self::Intercepted(Interception::new(status, mark, headers))
    }
}

impl Interception {
    fn new(status: StatusCode, mark: Mark, headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| {
            let value = headers.get(name)?;
            Some(sanitize(&String::from_utf8_lossy(value.as_bytes())))
        };
        Self {
            status,
            mark,
            server: text(VIA).or_else(|| text(SERVER)),
        }
    }

    /// True for a web page, of which a message repeats the title only.
    #[must_use]
    pub fn is_page(&self) -> bool {
        matches!(self.mark, Mark::Markup(_))
    }

    /// True if something marks the answer as foreign; false if only the service's own mark is missing.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.mark != Mark::Unmarked
    }
}

/// `403 Forbidden with a web page titled "Blocked" (server "squid")`.
impl fmt::Display for Interception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        match &self.mark {
            Mark::Markup(Some(title)) => write!(f, " with a web page titled {}", quote(title))?,
            Mark::Markup(None) => f.write_str(" with a web page")?,
            Mark::Redirect(Some(host)) => {
                write!(f, ", a redirect to `{host}`, which is not followed")?;
            }
            Mark::Redirect(None) => f.write_str(", a redirect, which is not followed")?,
            Mark::Status | Mark::Unmarked => {}
            Mark::ErrorInSuccess => f.write_str(" with an error in its body")?,
        }
        match &self.server {
            Some(server) => write!(f, " (server {})", quote(server)),
            None => Ok(()),
        }
    }
}

/// True if a service that gave this status may have done what the request asks for, so that a repeat may do it twice. A 4xx says
/// that nothing was done, and so do 429 and 503; a gateway that lost its backend (5xx, 408) knows nothing; a 2xx says that it was done,
/// a proxy's too.
#[must_use]
pub fn may_have_been_processed(status: StatusCode) -> bool {
    match status.as_u16() {
        200..=299 | 408 => true,
        503 | 511 => false,
        code => code >= 500,
    }
}

fn foreign_mark(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Mark> {
    // A compressed body was not asked for, and is not read.
    let body = match headers.contains_key(CONTENT_ENCODING) {
        true => &[][..],
        false => body,
    };
    match status.as_u16() {
        300..=399 => Some(Mark::Redirect(redirect_host(headers))),
        200..=299 | 400 | 401 | 403..=406 | 410 | 422 if is_markup(headers, body) => {
            Some(Mark::Markup(title(body)))
        }
        200 | 201 | 202 | 204 => names_error(body).then_some(Mark::ErrorInSuccess),
        // Of a proxy that wants a login or changed the answer, a filter, a portal, or a server that reads HTTP otherwise.
        200..=299 | 407 | 411 | 415 | 421 | 451 | 511 => Some(Mark::Status),
        _ => None,
    }
}

fn redirect_host(headers: &HeaderMap) -> Option<String> {
    let location: http::Uri = headers.get(LOCATION)?.to_str().ok()?.parse().ok()?;
    location.host().map(sanitize)
}

/// True for HTML, XHTML and XML, by the declared type or by how the body begins.
fn is_markup(headers: &HeaderMap, body: &[u8]) -> bool {
    let declared = headers.get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes().to_ascii_lowercase();
        let end = value.iter().position(|byte| *byte == b';');
        let essence = value[..end.unwrap_or(value.len())].trim_ascii();
        essence == b"text/html" || essence.ends_with(b"xml")
    });
    declared || begins_as_markup(body)
}

fn begins_as_markup(body: &[u8]) -> bool {
    const UTF_8: &[u8] = b"\xEF\xBB\xBF";
    const UTF_16: [&[u8]; 2] = [b"\xFF\xFE", b"\xFE\xFF"];
    let wide = UTF_16.iter().find_map(|mark| body.strip_prefix(*mark));
    let body = wide.unwrap_or_else(|| body.strip_prefix(UTF_8).unwrap_or(body));
    let mut chars = body
        .iter()
        .filter(|byte| **byte != 0 || wide.is_none())
        .skip_while(|byte| byte.is_ascii_whitespace());
    chars.next() == Some(&b'<')
        && chars
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'!' | b'?'))
}

/// The title of a web page.
fn title(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    // Lengths stay the same: only ASCII letters change.
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find('<')?;
    let title = text[start..end].split_whitespace().collect::<Vec<_>>();
    (!title.is_empty()).then(|| sanitize(&title.join(" ")))
}

/// True for a JSON object with a member `errors` or `error` that is not empty.
fn names_error(body: &[u8]) -> bool {
    use serde_json::Value;
    if !body.trim_ascii_start().starts_with(b"{") {
        return false;
    }
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
        return false;
    };
    let is_filled = |name| match answer.get(name) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(members)) => !members.is_empty(),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::Bool(true)) => true,
    };
    is_filled("errors") || is_filled("error")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Response<Vec<u8>> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(body.to_vec()).unwrap()
    }

    fn of(status: u16, headers: &[(&str, &str)], body: &[u8], recognition: Recognition) -> Verdict {
        Verdict::of(&response(status, headers, body), recognition)
    }

    /// The kind of an error, or `Intercepted`; `None` for a success.
    fn kind(verdict: &Verdict) -> Option<ErrorKind> {
        match verdict {
            Verdict::Success => None,
            Verdict::Error(kind) => Some(*kind),
            Verdict::Intercepted(_) => Some(ErrorKind::Intercepted),
        }
    }

    #[test]
    fn markup_of_any_kind_is_foreign() {
        let bodies: [&[u8]; 8] = [
            b"<html>",
            b" \r\n<!DOCTYPE html><p>",
            b"\xEF\xBB\xBF<!doctype HTML>",
            b"<?xml version=\"1.0\"?><Error/>",
            b"<p>blocked</p>",
            b"<!-- x -->",
            b"\xFF\xFE<\0h\0t\0m\0l\0>\0",
            b"\xFE\xFF\0<\0h\0t\0m\0l\0>",
        ];
        let page = |headers: &[(&str, &str)], body: &[u8]| {
            let verdict = of(200, headers, body, Recognition::UnlessForeign);
            kind(&verdict) == Some(ErrorKind::Intercepted)
        };
        for body in bodies {
            assert!(page(&[], body), "{}", String::from_utf8_lossy(body));
        }
        for declared in [
            "Text/HTML; charset=utf-8",
            "application/xhtml+xml",
            "text/xml",
            "application/xml;x",
        ] {
            assert!(page(&[("content-type", declared)], b"x"), "{declared}");
        }
        for body in [&b""[..], b"ok", b"<", b"< 5", b"{\"a\":\"<html>\"}", b"[]"] {
            let headers = [("content-type", "text/plain")];
            assert!(!page(&headers, body), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn success_that_names_an_error_is_no_success() {
        let success = |body: &str| {
            of(200, &[], body.as_bytes(), Recognition::UnlessForeign) == Verdict::Success
        };
        for body in [
            r#"{"errors":["x"]}"#,
            r#" {"error":"x"}"#,
            r#"{"error":{"code":1}}"#,
            r#"{"error":true}"#,
            r#"{"ok":1,"error":7}"#,
        ] {
            assert!(!success(body), "{body}");
        }
        for body in [
            "",
            "{}",
            r#"{"errors":[],"error":null}"#,
            r#"{"error":""}"#,
            r#"{"error":{}}"#,
            r#"{"error":false}"#,
            r#"{"error":0}"#,
            r#"{"data":{"error":"x"}}"#,
            r#"[{"error":"x"}]"#,
            r#"{"error":"x""#,
        ] {
            assert!(success(body), "{body}");
        }
    }

    #[test]
    fn interception_is_described_by_title_redirect_and_server() {
        let cases = [
            (
                403,
                &[("server", "squid/6")][..],
                "<html><TITLE lang=en>\n Blocked \"by\"\n policy </title>",
                r#"403 Forbidden with a web page titled "Blocked \"by\" policy""#,
            ),
            (407, &[], "", "407 Proxy Authentication Required"),
            (
                302,
                &[("location", "https://portal.example/login?token=x")],
                "",
                "302 Found, a redirect to `portal.example`, which is not followed",
            ),
            (
                301,
                &[("location", "/x")],
                "",
                "301 Moved Permanently, a redirect, which is not followed",
            ),
            (
                200,
                &[],
                r#"{"error":"x"}"#,
                "200 OK with an error in its body",
            ),
            (
                401,
                &[("via", "1.1 gw"), ("server", "nginx")],
                "",
                r#"401 Unauthorized (server "1.1 gw")"#,
            ),
        ];
        for (status, headers, body, text) in cases {
            let Verdict::Intercepted(found) =
                of(status, headers, body.as_bytes(), Recognition::Marked(false))
            else {
                panic!("{status}");
            };
            let found = found.to_string();
            assert!(found.starts_with(text), "{found}");
            assert!(!found.contains("token"), "{found}");
        }
    }

    #[test]
    fn compressed_body_is_not_judged() {
        let headers = [("content-encoding", "gzip")];
        let verdict = of(403, &headers, b"<html>", Recognition::UnlessForeign);
        assert_eq!(verdict, Verdict::Error(ErrorKind::Forbidden));
    }
}
