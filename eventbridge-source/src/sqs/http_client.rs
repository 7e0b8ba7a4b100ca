//! The HTTP client of AWS's SDKs, over a [`Transport`].

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::config::http::{HttpRequest, HttpResponse};
use aws_sdk_sqs::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_sdk_sqs::error::ConnectorError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use http::Request;
use okta_coralogix_core::internal::exchange::{ExchangeLimits, exchange};
use okta_coralogix_core::transport::{Transport, TransportError};

/// SQS answers a long poll within 20 s. A call that must not take as long has a time limit of its own.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Ten messages of 1 MiB each, which is the most that SQS gives, are twice as long as JSON in JSON.
const MAX_RESPONSE_BYTES: usize = 64 * 1024 * 1024;

/// The HTTP client for a [`Client`](aws_sdk_sqs::Client) of SQS, and for those of STS and SSO, which sends its requests through
/// `transport`: its proxy, root certificates and connections are used.
///
/// A request goes out as it was signed; the client retries nothing and follows no redirect. Requests and responses are held in memory,
/// those of up to 64 MiB. A connection has as long to be opened as the transport says, whatever the SDK's settings are; its time to read
/// is kept, and is 60 s where it is not set.
#[must_use]
pub fn http_client(transport: impl Transport) -> SharedHttpClient {
    SharedHttpClient::new(TransportClient(Arc::new(transport)))
}

#[derive(Debug)]
struct TransportClient(Arc<dyn Transport>);

impl HttpClient for TransportClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            transport: Arc::clone(&self.0),
            read_timeout: settings.read_timeout().unwrap_or(READ_TIMEOUT),
        })
    }
}

/// For requests with the same time limit. The connections are those of the transport.
#[derive(Debug, Clone)]
struct Connector {
    transport: Arc<dyn Transport>,
    read_timeout: Duration,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.send(request).await })
    }
}

impl Connector {
    async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request
            .try_into_http1x()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let (head, body) = request.into_parts();
        let body = ByteStream::new(body).collect().await;
        let body = body.map_err(|error| ConnectorError::user(error.into()))?;
        let request = Request::from_parts(head, body.into_bytes());
        let limits = ExchangeLimits::new(self.read_timeout, MAX_RESPONSE_BYTES);
        let response = exchange(&*self.transport, request, limits).await;
        let response = response.map_err(connector_error)?.map(SdkBody::from);
        HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
    }
}

/// The error for the SDK, which keeps the one of the transport as its cause.
fn connector_error(error: TransportError) -> ConnectorError {
    match error {
        TransportError::TimedOut(_) => ConnectorError::timeout(error.into()),
        TransportError::Connect(_) | TransportError::Interrupted(_) => {
            ConnectorError::io(error.into())
        }
        _ => ConnectorError::other(error.into(), None),
    }
}
