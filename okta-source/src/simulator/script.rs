//! The script of faults, and the responses that it puts in place of the log.

use std::collections::VecDeque;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{Response, StatusCode};

use super::answer::{error, header};
use super::body;
use super::fault::Fault;

/// Faults waiting for their requests.
#[derive(Debug, Default)]
pub(super) struct Script(VecDeque<(usize, Fault)>);

impl Script {
    pub(super) fn add(&mut self, times: usize, fault: Fault) {
        if times > 0 {
            self.0.push_back((times, fault));
        }
    }

    /// The fault for one more request.
    pub(super) fn next(&mut self) -> Option<Fault> {
        let (times, fault) = self.0.front_mut()?;
        *times -= 1;
        let last = *times == 0;
        let fault = fault.clone();
        if last {
            self.0.pop_front();
        }
        Some(fault)
    }
}

/// The response of something before the org; `None` for a fault of the org itself.
pub(super) fn before_the_org(fault: &Fault) -> Option<Response<Bytes>> {
    let Fault::Gateway {
        status,
        headers,
        body,
    } = fault
    else {
        return None;
    };
    let mut response = Response::new(body.clone());
    *response.status_mut() = status_of(*status);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    Some(response)
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT)
}

/// The response of a fault that does not depend on the log; `None` for any other fault.
pub(super) fn scripted(fault: &Fault) -> Option<Response<Bytes>> {
    Some(match fault {
        Fault::Status(status, body) => {
            let mut response = Response::new(Bytes::from(body.clone()));
            *response.status_mut() = status_of(*status);
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
        Fault::RateLimited(_)
        | Fault::RetryAfter(_)
        | Fault::Concurrency
        | Fault::RateLimitedSilently => too_many(),
        _ => return None,
    })
}

pub(super) fn too_many() -> Response<Bytes> {
    let summary = "API call exceeded rate limit due to too many requests.";
    error(StatusCode::TOO_MANY_REQUESTS, "E0000047", summary)
}
