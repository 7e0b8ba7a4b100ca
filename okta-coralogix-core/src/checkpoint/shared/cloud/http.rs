//! The HTTP client of object stores, over a [`Transport`]: its proxy, root certificates and connections are used.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Request;
use http_body_util::BodyExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};

use crate::transport::exchange::{ExchangeLimits, exchange};
use crate::transport::{Transport, TransportError};

/// A call that must not take as long has a time limit of its own.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A window of a million uuids has 16 MB.
const MAX_RESPONSE_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct TransportConnector(pub(super) Arc<dyn Transport>);

impl HttpConnector for TransportConnector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Service(Arc::clone(&self.0))))
    }
}

#[derive(Debug)]
struct Service(Arc<dyn Transport>);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let limits = ExchangeLimits::new(TIMEOUT, MAX_RESPONSE_BYTES);
        let response = exchange(&*self.0, Request::from_parts(head, body), limits).await;
        Ok(response.map_err(http_error)?.map(Into::into))
    }
}

fn http_error(error: TransportError) -> HttpError {
    let kind = match &error {
        TransportError::TimedOut(_) => HttpErrorKind::Timeout,
        TransportError::Connect(_) => HttpErrorKind::Connect,
        TransportError::Interrupted(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}
