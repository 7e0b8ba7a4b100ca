//! One exchange with the org: its address, its timeouts, and its errors.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, USER_AGENT};
use http::{Request, Response};
use okta_coralogix_core::Error;
use okta_coralogix_core::internal::exchange::{Excess, ExchangeLimits, exchange};
use okta_coralogix_core::transport::{Transport, TransportError};

use crate::api::error::incomplete;
use crate::api::org_url::OrgUrl;

/// Okta answers `E0000009` when its query took 30 s; a whole answer with 1,000 events may take longer.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(60);
/// The 30 s of the query, and a margin.
const HEAD_TIMEOUT: Duration = Duration::from_secs(40);
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

const AGENT: HeaderValue = HeaderValue::from_static(concat!(
    env!("CARGO_PKG_NAME"),
    "/",
    env!("CARGO_PKG_VERSION")
));

/// The address of the org, and the transport.
#[derive(Debug)]
pub(crate) struct HttpContext {
    pub(crate) org: OrgUrl,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) max_body_bytes: usize,
}

impl HttpContext {
    /// Sends a request and reads its whole answer, whatever its status.
    pub(crate) async fn exchange(
        &self,
        mut request: Request<Bytes>,
        max_body_bytes: usize,
    ) -> Result<Response<Bytes>, RequestError> {
        request.headers_mut().insert(USER_AGENT, AGENT);
        let limits = ExchangeLimits {
            total_timeout: TOTAL_TIMEOUT,
            head_timeout: HEAD_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            max_body_bytes,
            excess: Excess::Fail,
        };
        Ok(exchange(&*self.transport, request, limits).await?)
    }
}

/// Why a request has no complete answer.
#[derive(Debug)]
pub(crate) struct RequestError {
    pub(crate) error: Error,
    /// The answer was too long, or took too long: a smaller page may do.
    pub(crate) wants_smaller_page: bool,
}

impl From<Error> for RequestError {
    fn from(error: Error) -> Self {
        Self {
            error,
            wants_smaller_page: false,
        }
    }
}

impl From<TransportError> for RequestError {
    fn from(error: TransportError) -> Self {
        Self {
            wants_smaller_page: match error {
                TransportError::TooLong(_) => true,
                TransportError::TimedOut(time) => time == TOTAL_TIMEOUT,
                _ => false,
            },
            error: incomplete(error),
        }
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        error.error
    }
}
