//! The HTTP client of an org where descriptors are few.

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use okta_coralogix_core::Result;
use okta_coralogix_core::transport::{Body, ReqwestTransport, Transport, TransportError};

/// Opens a connection for each request and closes it behind the response: idle ones would take the descriptors that other orgs need.
#[derive(Debug)]
pub(super) struct ClosingTransport(pub(super) ReqwestTransport);

#[async_trait]
impl Transport for ClosingTransport {
    async fn call(&self, mut request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        self.0.call(request).await
    }
    fn check_scheme(&self, scheme: &str) -> Result<()> {
        self.0.check_scheme(scheme)
    }
}
