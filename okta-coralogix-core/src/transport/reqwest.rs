//! The HTTP client of the adapters, unless another transport is given.

use std::error::Error as _;
use std::fmt::Write;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::{Request, Response};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Proxy};

use super::{Body, Transport, TransportError};
use crate::{Error, ErrorKind, Result, Secret};

/// Opening a connection may take this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A [`Transport`] over reqwest and rustls, with the root certificates of the system.
///
/// It does nothing by itself that a client which carries a credential must decide: it follows no redirect, retries nothing,
/// keeps no cookie, decompresses nothing, and uses no proxy unless it was told to.
#[derive(Debug, Clone)]
pub struct ReqwestTransport(Client);

impl ReqwestTransport {
    /// A transport that connects directly, also where the environment names a proxy.
    ///
    /// # Errors
    /// `Config` if TLS cannot be set up, for one since the system has no root certificates.
    pub fn new() -> Result<Self> {
        Self::build(Client::builder().no_proxy())
    }

    /// A transport that sends everything through the proxy at the URL `proxy`.
    ///
    /// # Errors
    /// `Config` if `proxy` is no URL, which the error does not repeat, since it may hold a password; or if TLS cannot be set up.
    pub fn with_proxy(proxy: &Secret) -> Result<Self> {
        let proxy = Proxy::all(proxy.expose()).map_err(|_| {
            let detail = "it is not a URL; write one such as `http://proxy.example.org:3128`";
            Error::config("proxy", detail)
        })?;
        Self::build(Client::builder().no_proxy().proxy(proxy))
    }

    /// A transport that uses the proxy which `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    ///
    /// # Errors
    /// `Config` if TLS cannot be set up.
    pub fn with_environment_proxy() -> Result<Self> {
        Self::build(Client::builder())
    }

    fn build(client: ClientBuilder) -> Result<Self> {
        client
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            // Another crate of the program may have enabled these features.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map(Self)
            .map_err(|error| {
                let detail = "the HTTPS client cannot be set up: install the root certificates of the system";
                Error::new(ErrorKind::Config, detail).with_source(error.without_url())
            })
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let request = request
            .try_into()
            .map_err(|error| TransportError::Connect(with_causes(error)))?;
        let mut response = self.0.execute(request).await.map_err(|error| {
            match error.is_connect() || error.is_builder() {
                true => TransportError::Connect(with_causes(error)),
                false => TransportError::Interrupted(with_causes(error)),
            }
        })?;
        let mut head = Response::new(());
        *head.status_mut() = response.status();
        *head.headers_mut() = std::mem::take(response.headers_mut());
        let body = response
            .bytes_stream()
            .map_err(|error| TransportError::Interrupted(with_causes(error)));
        Ok(head.map(|()| body.boxed()))
    }
}

/// The error with its causes, without the URL: the outermost error seldom says what happened.
fn with_causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").expect("writing to memory does not fail");
        cause = error.source();
    }
    text
}
