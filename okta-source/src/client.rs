//! One request to the org, one whole answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::{Request, Response};
use okta_coralogix_core::transport::{Excess, ExchangeLimits, Transport, TransportError};
use okta_coralogix_core::{Error, ErrorKind, Result};

use crate::api::error::broken_off;
use crate::api::org_url::OrgUrl;
use crate::auth::{Auth, HttpContext};

/// Okta answers `E0000009` when its query took 30 s; a whole answer with 1,000 events may take longer.
const TOTAL: Duration = Duration::from_secs(60);
/// Until the answer begins: the query itself, and something on top.
const HEAD: Duration = Duration::from_secs(40);
const SILENCE: Duration = Duration::from_secs(15);

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue = HeaderValue::from_static(concat!(
    env!("CARGO_PKG_NAME"),
    "/",
    env!("CARGO_PKG_VERSION")
));

/// Asks one org, with its credential. Every request it makes goes to the org's own origin.
#[derive(Debug)]
pub(crate) struct Client {
    org: OrgUrl,
    auth: Auth,
    transport: Arc<dyn Transport>,
    limits: ExchangeLimits,
}

impl Client {
    pub(crate) fn new(org: OrgUrl, auth: Auth, transport: Arc<dyn Transport>, body: usize) -> Self {
        let limits = ExchangeLimits {
            total_timeout: TOTAL,
            head_timeout: HEAD,
            idle_timeout: SILENCE,
            max_body_bytes: body,
            excess: Excess::Fail,
        };
        Self {
            org,
            auth,
            transport,
            limits,
        }
    }

    pub(crate) fn org(&self) -> &OrgUrl {
        &self.org
    }

    /// Asks for `path` (with its query) and reads the whole answer, whatever its status. `more` are further headers.
    ///
    /// # Errors
    /// Temporary, if there is no complete answer; what [`Auth::send`] says.
    pub(crate) async fn get(
        &self,
        path: &str,
        more: HeaderMap,
    ) -> Result<Response<Bytes>, RequestError> {
        let mut request = Request::get(format!("{}{path}", self.org.as_str()))
            .body(Bytes::new())
            .map_err(|_| {
                Error::new(
                    ErrorKind::Corrupt,
                    "the stored position is no path of a URL",
                )
            })?;
        let headers = request.headers_mut();
        headers.extend(more);
        headers.insert(ACCEPT, JSON);
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(USER_AGENT, AGENT);
        let context = HttpContext {
            org: &self.org,
            transport: &*self.transport,
            limits: self.limits,
            agent: &AGENT,
        };
        self.auth.send(context, request).await
    }
}

/// Why a request has no complete answer.
#[derive(Debug)]
pub(crate) struct RequestError {
    pub(crate) error: Error,
    /// It was too long, or took too long: fewer events may do.
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
                TransportError::TimedOut(time) => time == TOTAL,
                _ => false,
            },
            error: broken_off(&error),
        }
    }
}

impl From<RequestError> for Error {
    fn from(answer: RequestError) -> Self {
        answer.error
    }
}
