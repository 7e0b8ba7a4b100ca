//! A response, and who gave it: Okta, or something between this program and Okta.

use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Response, StatusCode};
use okta_coralogix_core::internal::exchange::{Recognition, Verdict};
use okta_coralogix_core::text::sanitize;
use serde_json::Value;

/// What was asked, which decides how Okta marks its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// The System Log, with an API token.
    Log,
    /// The System Log, with an access token. Okta refuses one by a challenge. (RFC 6750 §3, RFC 9449 §7.1)
    LogWithAccessToken,
    /// The token endpoint, which has the errors of OAuth. (RFC 6749 §5.2)
    Token,
}

/// A whole response and its verdict. Made once, where it arrives, and never judged again.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) response: Response<Bytes>,
    pub(crate) endpoint: Endpoint,
    pub(crate) verdict: Verdict,
    /// Empty for a 200.
    pub(crate) error: ErrorBody,
    is_marked: bool,
    /// Where the user has set the credential that was sent, for a refusal of it.
    setting: Option<String>,
}

/// The error body of the API and of the token endpoint. Any member may be absent, and the texts may repeat the request.
#[derive(Debug, Default)]
pub(crate) struct ErrorBody {
    pub(crate) error: Option<String>,
    pub(crate) error_description: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) summary: Option<String>,
}

impl Judged {
    pub(crate) fn new(response: Response<Bytes>, endpoint: Endpoint) -> Self {
        let error = match response.status() {
            StatusCode::OK => ErrorBody::default(),
            _ => ErrorBody::read(response.body()),
        };
        let is_oauth_error = || error.error.as_deref().is_some_and(is_oauth_code);
        let is_marked = error.code.is_some()
            || match endpoint {
                Endpoint::Log => false,
                Endpoint::LogWithAccessToken => {
                    is_oauth_error() || has_challenge(response.headers())
                }
                Endpoint::Token => is_oauth_error(),
            };
        Self {
            verdict: Verdict::of(&response, Recognition::Marked(is_marked)),
            response,
            endpoint,
            error,
            is_marked,
            setting: None,
        }
    }

    pub(crate) fn with_setting(mut self, setting: &str) -> Self {
        self.setting = Some(setting.to_owned());
        self
    }

    /// `; see OKTA_API_TOKEN`, for the end of a message; empty if it is not known.
    pub(crate) fn see_setting(&self) -> String {
        self.setting.as_deref().map_or_else(String::new, see)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// True for an error that Okta itself gave.
    pub(crate) fn is_refusal(&self) -> bool {
        self.is_marked && matches!(self.verdict, Verdict::Error(_))
    }

    /// True if Okta itself gave it, as an error or as a page. Only such a response may teach anything: the clock of the org, its limits,
    /// a nonce, a request id.
    pub(crate) fn is_okta(&self) -> bool {
        let body = self.response.body();
        let is_page = self.status() == StatusCode::OK
            && self.verdict == Verdict::Success
            && body.trim_ascii_start().starts_with(b"[");
        is_page || self.is_refusal()
    }

    /// Status, codes, texts and request id, for the brackets of a message.
    pub(crate) fn summary(&self) -> String {
        let error = &self.error;
        let mut summary = format!("HTTP {}", self.status().as_u16());
        let parts = [
            &error.error,
            &error.error_description,
            &error.code,
            &error.summary,
        ];
        for part in parts.into_iter().flatten() {
            summary.push_str(", ");
            summary.push_str(&sanitize(part));
        }
        summary + &self.request_id()
    }

    /// `, request reqABC`, for the end of a message; empty without one.
    pub(crate) fn request_id(&self) -> String {
        request_id(self.headers())
    }
}

/// For the end of a message.
pub(crate) fn see(setting: &str) -> String {
    format!("; see {setting}")
}

/// `, request reqABC`, for the end of a message; empty without one.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let Some(id) = headers.get("x-okta-request-id") else {
        return String::new();
    };
    let id = String::from_utf8_lossy(id.as_bytes());
    format!(", request {}", sanitize(&id))
}

impl ErrorBody {
    fn read(body: &[u8]) -> Self {
        let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut text = |name| match body.get_mut(name).map(Value::take) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            _ => None,
        };
        Self {
            error: text("error"),
            error_description: text("error_description"),
            code: text("errorCode"),
            summary: text("errorSummary"),
        }
    }
}

/// True for an error code as OAuth and its extensions have them: lower-case words joined by underscores, such as `invalid_client`. The
/// `"error": "Forbidden"` of a web server is none.
fn is_oauth_code(text: &str) -> bool {
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    text.contains('_') && text.bytes().all(is_code)
}

/// True for `WWW-Authenticate: Bearer …` or `DPoP …` with an error, which a request that carried a token gets from the API.
fn has_challenge(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(WWW_AUTHENTICATE).iter();
    lines.filter_map(|line| line.to_str().ok()).any(|line| {
        let line = line.to_ascii_lowercase();
        let mut parts = line.split(',').map(str::trim_start);
        let is_of_tokens = |part: &str| part.starts_with("bearer ") || part.starts_with("dpop ");
        parts.any(is_of_tokens) && line.contains("error=\"") && !line.contains("error=\"\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(endpoint: Endpoint, status: u16, challenge: &str, body: &str) -> Judged {
        let mut response = Response::new(Bytes::from(body.to_owned()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        if !challenge.is_empty() {
            let headers = response.headers_mut();
            headers.insert(WWW_AUTHENTICATE, challenge.parse().unwrap());
        }
        Judged::new(response, endpoint)
    }

    #[test]
    fn okta_mark_depends_on_what_was_asked() {
        use Endpoint::{Log, LogWithAccessToken, Token};
        let dpop = "DPoP algs=\"RS256 ES256\", error=\"use_dpop_nonce\"";
        for (challenge, body, marked) in [
            (
                "",
                r#"{"errorCode":"E0000011"}"#,
                &[Log, LogWithAccessToken, Token][..],
            ),
            (
                "",
                "\n {\"errorCode\":\"E1\",\"error\":{\"a\":1},\"errorSummary\":7}",
                &[Log, LogWithAccessToken, Token],
            ),
            (
                "",
                r#"{"error":"invalid_client"}"#,
                &[LogWithAccessToken, Token],
            ),
            (dpop, "", &[LogWithAccessToken]),
            (
                "Basic realm=\"x\", Bearer error=\"invalid_token\"",
                "{}",
                &[LogWithAccessToken],
            ),
            ("Bearer realm=\"gateway\"", "", &[]),
            ("Bearer error=\"\"", "", &[]),
            ("Basic realm=\"x\", error=\"y\"", "", &[]),
            ("Negotiate", r#"{"error":"Forbidden","status":403}"#, &[]),
            ("", r#"{"error":"forbidden"}"#, &[]),
            ("", r#"{"error":{"code":"invalid_client"}}"#, &[]),
            ("", r#"{"errorCode":""}"#, &[]),
            ("", r#"{"errorCode":7}"#, &[]),
            ("", r#"{"errorCode":null}"#, &[]),
            ("", r#"[{"errorCode":"E0000011"}]"#, &[]),
            ("", r#"{"message":"no","code":"E0000011"}"#, &[]),
            ("", r#"{"errorCode":"E0000011""#, &[]),
            ("", "", &[]),
        ] {
            for endpoint in [Log, LogWithAccessToken, Token] {
                for status in [400, 401, 403, 404, 429, 503] {
                    let judged = judged(endpoint, status, challenge, body);
                    let is_marked = marked.contains(&endpoint);
                    assert_eq!(
                        judged.is_refusal(),
                        is_marked,
                        "{endpoint:?} {status} {body}"
                    );
                    assert_eq!(judged.is_okta(), is_marked, "{endpoint:?} {status} {body}");
                }
            }
        }
    }

    #[test]
    fn okta_mark_does_not_count_on_a_web_page_or_a_proxy_status() {
        let challenge = "Bearer error=\"invalid_token\"";
        let page = judged(Endpoint::LogWithAccessToken, 401, challenge, "<html>");
        assert!(!page.is_okta());
        for status in [203, 302, 407, 451, 511] {
            let body = r#"{"errorCode":"E0000011"}"#;
            assert!(
                !judged(Endpoint::Log, status, "", body).is_okta(),
                "{status}"
            );
        }
        for (body, is_okta) in [("[]", true), (" [{}]", true), ("{}", false), ("ok", false)] {
            assert_eq!(judged(Endpoint::Log, 200, "", body).is_okta(), is_okta);
        }
    }
}
