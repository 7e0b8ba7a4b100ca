//! The HTTP client that stands behind the sink unless another transport is given.

use std::error::Error as _;
use std::fmt::Write;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::{Request, Response};
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{Error, Secret};
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A [`Transport`] over reqwest and rustls: no redirects, no retries of its own, no
/// decompression, no proxy unless asked for.
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: Client,
}

impl ReqwestTransport {
    /// A client that connects within 10 s.
    ///
    /// # Errors
    /// If TLS cannot be set up, or the proxy's address is no URL. The address is not repeated: it may hold a password.
    pub fn new(proxy: Option<&Secret>) -> Result<Self, Error> {
        let mut client = Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            // A crate beside this one may have turned these features on.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy();
        if let Some(address) = proxy {
            let proxy = Proxy::all(address.expose()).map_err(|_| {
                Error::config(
                    "proxy",
                    "it is not a URL; write one such as `http://proxy.example.org:3128`",
                )
            })?;
            client = client.proxy(proxy);
        }
        let client = client.build().map_err(|error| {
            Error::config("transport", "the HTTP client cannot be set up")
                .with_source(error.without_url())
        })?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let request = request
            .try_into()
            .map_err(|error: reqwest::Error| TransportError::Connect(reason(error)))?;
        let response = self.client.execute(request).await.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                TransportError::Connect(reason(error))
            } else {
                TransportError::Interrupted(reason(error))
            }
        })?;
        let mut answer = Response::new(());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        let body = response
            .bytes_stream()
            .map_err(|error| TransportError::Interrupted(reason(error)));
        Ok(answer.map(|()| body.boxed()))
    }
}

/// The error with its causes, since the outermost one seldom says what happened, and without the URL.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").expect("writing to memory does not fail");
        cause = error.source();
    }
    text
}
