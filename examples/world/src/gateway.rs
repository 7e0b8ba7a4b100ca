//! What stands between a program and a server, and answers in its place: a proxy, a web filter, a load balancer, a login page.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

/// One answer of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayAnswer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: GatewayBody,
    /// What its headers say.
    pub header: GatewayHeader,
    /// The request reaches the server all the same: only the server's own answer is lost.
    pub passes_on: bool,
    /// A check of the ingress, which has no entries, is answered by the ingress: the gateway looks at what is sent.
    pub spares_checks: bool,
}

/// The body of a gateway's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayBody {
    /// Nothing.
    Empty,
    /// JSON without a mark of the service.
    Json,
    /// JSON that names an error.
    JsonError,
    /// A web page.
    Html,
    /// XHTML behind a byte order mark, without a content type.
    Xhtml,
}

/// What a gateway says in its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayHeader {
    /// Nothing.
    Silent,
    /// A `Date` that is wrong by this many seconds.
    Date(i64),
    /// That a request limit is used up for an hour.
    RateLimit,
    /// `Retry-After` with these seconds.
    RetryAfter(i64),
    /// `Retry-After` with a date in the past.
    RetryAfterPast,
}

impl GatewayAnswer {
    /// A sign-in page in the place of the answer.
    pub const SIGN_IN_PAGE: Self = Self::new(200, GatewayBody::Html);

    /// An answer without particular headers, to a request that does not reach the server.
    #[must_use]
    pub const fn new(status: u16, body: GatewayBody) -> Self {
        Self {
            status,
            body,
            header: GatewayHeader::Silent,
            passes_on: false,
            spares_checks: false,
        }
    }

    /// The same with a header.
    #[must_use]
    pub const fn with(self, header: GatewayHeader) -> Self {
        Self { header, ..self }
    }

    /// The same to a request that has reached the server.
    #[must_use]
    pub const fn passed_on(self) -> Self {
        Self {
            passes_on: true,
            ..self
        }
    }

    /// The same to a request with entries only.
    #[must_use]
    pub const fn sparing_checks(self) -> Self {
        Self {
            spares_checks: true,
            ..self
        }
    }

    /// The wait that a 429 asks for.
    pub(crate) fn asked_wait(self) -> Duration {
        match self.header {
            GatewayHeader::RetryAfter(seconds) => {
                Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
            }
            _ => Duration::ZERO,
        }
    }

    /// The response, by the right time.
    pub(crate) fn response(self, now: DateTime<Utc>) -> Response<Bytes> {
        let (body, content_type) = match self.body {
            GatewayBody::Empty => ("", None),
            GatewayBody::Json => (
                "{\"said\":\"by something on the way\"}",
                Some("application/json"),
            ),
            GatewayBody::JsonError => ("{\"errors\":[\"no route\"]}", Some("application/json")),
            GatewayBody::Html => ("<html><title>Blocked</title></html>", Some("text/html")),
            GatewayBody::Xhtml => ("\u{feff}<?xml version=\"1.0\"?><html/>", None),
        };
        let mut response = Response::new(Bytes::from_static(body.as_bytes()));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        };
        if let Some(content_type) = content_type {
            set(CONTENT_TYPE, content_type);
        }
        let http_date = |time: DateTime<Utc>| time.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        match self.header {
            GatewayHeader::Silent => {}
            GatewayHeader::Date(wrong_by) => {
                set(DATE, &http_date(now + TimeDelta::seconds(wrong_by)));
            }
            GatewayHeader::RateLimit => {
                let reset = (now + TimeDelta::hours(1)).timestamp().to_string();
                set(DATE, &http_date(now));
                set(HeaderName::from_static("x-rate-limit-limit"), "1");
                set(HeaderName::from_static("x-rate-limit-remaining"), "0");
                set(HeaderName::from_static("x-rate-limit-reset"), &reset);
            }
            GatewayHeader::RetryAfter(seconds) => set(RETRY_AFTER, &seconds.to_string()),
            GatewayHeader::RetryAfterPast => {
                set(RETRY_AFTER, &http_date(now - TimeDelta::hours(1)));
            }
        }
        response
    }
}
