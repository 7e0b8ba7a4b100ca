//! Answers that a script asks for in place of the log.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Response, StatusCode};

use super::answer::{error, header};
use super::body;
use super::fault::Fault;

impl Fault {
    /// True if the answer has nothing to do with the log.
    pub(super) fn is_an_answer(&self) -> bool {
        match self {
            Self::NotUtf8
            | Self::NextLink(_)
            | Self::NoNextLink
            | Self::HalfBody
            | Self::StalledBody
            | Self::SlowBody(_)
            | Self::EndlessArray
            | Self::WrongCharset
            | Self::Silence
            | Self::Unreachable => false,
            Self::Status(..)
            | Self::RateLimited(_)
            | Self::RetryAfter(_)
            | Self::Concurrency
            | Self::RateLimitedSilently
            | Self::Unavailable
            | Self::Html
            | Self::TruncatedGzip
            | Self::QueryTimeout
            | Self::Redirect(_) => true,
        }
    }
}

pub(super) fn scripted(fault: &Fault) -> Response<Bytes> {
    match fault {
        Fault::Status(status, body) => {
            let mut response = Response::new(Bytes::from(body.clone()));
            *response.status_mut() =
                StatusCode::from_u16(*status).unwrap_or(StatusCode::IM_A_TEAPOT);
            response
        }
        Fault::Html => {
            let page = "<!DOCTYPE html><html><body>Okta is being maintained</body></html>";
            let mut response = Response::new(Bytes::from_static(page.as_bytes()));
            let html = HeaderValue::from_static("text/html");
            response.headers_mut().insert(CONTENT_TYPE, html);
            response
        }
        Fault::TruncatedGzip => {
            let mut response = Response::new(Bytes::from_static(body::TRUNCATED_GZIP));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        Fault::QueryTimeout => error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "E0000009",
            "Internal Server Error: the query took too long",
        ),
        Fault::Redirect(to) => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert(LOCATION, header(to));
            response
        }
        Fault::Unavailable => error(
            StatusCode::SERVICE_UNAVAILABLE,
            "E0000181",
            "Service is unavailable",
        ),
        _ => too_many(),
    }
}

pub(super) fn too_many() -> Response<Bytes> {
    let summary = "API call exceeded rate limit due to too many requests.";
    error(StatusCode::TOO_MANY_REQUESTS, "E0000047", summary)
}
