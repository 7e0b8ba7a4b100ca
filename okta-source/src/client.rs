//! One request to the System Log, one whole answer.

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use okta_coralogix_core::{Error, ErrorKind, Result};

use crate::api::judged::Judged;
use crate::api::org_url::OrgUrl;
use crate::auth::{Auth, HttpContext, RequestError};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Asks one org, with its credential. Every request it makes goes to the org's own origin.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) auth: Auth,
    pub(crate) context: HttpContext,
}

impl Client {
    pub(crate) fn org(&self) -> &OrgUrl {
        &self.context.org
    }

    /// Asks for `path` (with its query) and reads the whole answer, whatever its status. `more` are further headers.
    ///
    /// # Errors
    /// Temporary, if there is no complete answer; those of [`Auth::send`].
    pub(crate) async fn get(&self, path: &str, more: HeaderMap) -> Result<Judged, RequestError> {
        let mut request = Request::get(format!("{}{path}", self.org().as_str()))
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
        self.auth.send(&self.context, request).await
    }
}
