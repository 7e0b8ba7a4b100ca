//! One request to the org, one whole answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Request, Response};
use okta_coralogix_core::transport::{Bounds, Transport};
use okta_coralogix_core::{Error, ErrorKind, Result};

use crate::auth::{Auth, Wire};
use crate::org::OrgUrl;

/// Okta answers `E0000009` when its query took 30 s; a whole answer with 1,000 events may take longer.
const TOTAL: Duration = Duration::from_secs(60);
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

    /// Asks for `path` (with its query) and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// Temporary, if there is no complete answer; what [`Auth::send`] says.
    pub(crate) async fn get(&self, path: &str) -> Result<Response<Bytes>> {
        let mut request = Request::get(format!("{}{path}", self.org.as_str()))
            .body(Bytes::new())
            .map_err(|_| {
                Error::new(
                    ErrorKind::Corrupt,
                    "the stored position is no path of a URL",
                )
            })?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, JSON);
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(USER_AGENT, AGENT);
        let wire = Wire {
            org: &self.org,
            transport: &*self.transport,
            bounds: self.bounds,
            agent: &AGENT,
        };
        self.auth.send(wire, request).await
    }
}
