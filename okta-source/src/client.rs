//! One request to the org, one whole answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::{Request, Response, StatusCode};
use okta_coralogix_core::transport::{Bounds, Transport, TransportError, exchange_with};
use okta_coralogix_core::{Error, ErrorKind, Result, Secret};

use crate::auth::Auth;
use crate::error::broken_off;
use crate::org::OrgUrl;

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
    bounds: Bounds,
}

impl Client {
    pub(crate) fn new(org: OrgUrl, auth: Auth, transport: Arc<dyn Transport>, body: usize) -> Self {
        let bounds = Bounds {
            total: TOTAL,
            silence: SILENCE,
            body,
        };
        Self {
            org,
            auth,
            transport,
            bounds,
        }
    }

    pub(crate) fn org(&self) -> &OrgUrl {
        &self.org
    }

    /// Asks for `path` (with its query) and reads the whole answer, whatever its status. `more` are further headers.
    ///
    /// # Errors
    /// Temporary, if there is no complete answer.
    pub(crate) async fn get(
        &self,
        path: &str,
        more: HeaderMap,
    ) -> Result<Response<Bytes>, NoAnswer> {
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
        self.auth.authorize(headers);
        exchange_with(&*self.transport, request, self.bounds, HEAD)
            .await
            .map(|response| blotted(response, self.auth.secret()))
            .map_err(|error| NoAnswer {
                error: broken_off(&error),
                too_much: match error {
                    TransportError::TooLong(_) => true,
                    TransportError::TimedOut(time) => time == TOTAL,
                    _ => false,
                },
            })
    }
}

/// Why a request has no complete answer.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    pub(crate) error: Error,
    /// It was too long, or took too long: fewer events may do.
    pub(crate) too_much: bool,
}

impl From<Error> for NoAnswer {
    fn from(error: Error) -> Self {
        Self {
            error,
            too_much: false,
        }
    }
}

impl From<NoAnswer> for Error {
    fn from(answer: NoAnswer) -> Self {
        answer.error
    }
}

/// The answer without copies of the credential, in case the far side echoes it: what is said of an answer goes into logs. The
/// events themselves stay as they are.
fn blotted(mut response: Response<Bytes>, secret: &Secret) -> Response<Bytes> {
    for value in response.headers_mut().values_mut() {
        let text = String::from_utf8_lossy(value.as_bytes());
        if let Cow::Owned(clean) = secret.blot(&text) {
            *value = HeaderValue::from_str(&clean).unwrap_or(HeaderValue::from_static("***"));
        }
    }
    let is_page =
        response.status() == StatusCode::OK && response.body().trim_ascii_start().starts_with(b"[");
    if !is_page && let Cow::Owned(clean) = secret.blot(&String::from_utf8_lossy(response.body())) {
        *response.body_mut() = clean.into();
    }
    response
}
