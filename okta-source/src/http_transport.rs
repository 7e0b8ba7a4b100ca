//! The network, through reqwest.

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::{Request, Response};
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{Error, ErrorKind, Result};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// HTTPS as a client that carries a token should speak it: no redirects, no cookies, no proxy unless asked for.
#[derive(Debug, Clone)]
pub struct HttpTransport(reqwest::Client);

impl HttpTransport {
    /// A transport that connects directly, whatever the environment says about proxies.
    ///
    /// # Errors
    /// `Config` if TLS cannot be set up: no trusted root certificates, for one.
    pub fn new() -> Result<Self> {
        Self::build(reqwest::Client::builder().no_proxy())
    }

    /// A transport that goes through the proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    ///
    /// # Errors
    /// `Config` if TLS cannot be set up.
    pub fn with_environment_proxy() -> Result<Self> {
        Self::build(reqwest::Client::builder())
    }

    fn build(builder: reqwest::ClientBuilder) -> Result<Self> {
        builder
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map(Self)
            .map_err(|error| {
                Error::new(
                    ErrorKind::Config,
                    "the HTTPS client cannot be set up: install the system's root certificates",
                )
                .with_source(error.without_url())
            })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::Connect(causes(error)))?;
        let mut answer = self.0.execute(request).await.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                TransportError::Connect(causes(error))
            } else {
                TransportError::Interrupted(causes(error))
            }
        })?;
        let headers = std::mem::take(answer.headers_mut());
        let mut response = Response::new(());
        *response.status_mut() = answer.status();
        *response.headers_mut() = headers;
        let body = answer
            .bytes_stream()
            .map_err(|error| TransportError::Interrupted(causes(error)))
            .boxed();
        Ok(response.map(|()| body))
    }
}

/// The error and what lies behind it, without the URL: reqwest's own text stops at "error sending request".
fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
