//! HTTP as the adapters see it: a request in, a response with a streamed body out.
//!
//! An HTTP client implements [`Transport`] in production, a simulator in memory does in tests. An implementation follows no
//! redirect, retries nothing, decodes no compression, and puts no URL into an error, since a URL may carry a secret. It hands over
//! the version and all headers of a response, by which the adapters tell whether the body arrived whole, and fails where a body ends
//! before its `Content-Length` or its last chunk.

mod encoding;
mod error;
pub(crate) mod exchange;
pub(crate) mod framing;
pub(crate) mod headers;
#[cfg(feature = "reqwest")]
mod reqwest;
mod upload;
pub(crate) mod verdict;

pub use error::{TransportCause, TransportError};
#[cfg(feature = "reqwest")]
pub use reqwest::{ProxySettings, ReqwestTransport, ReqwestTransportBuilder};

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use http::{Request, Response};

/// A response body: chunks as they arrive.
pub type Body = BoxStream<'static, Result<Bytes, TransportError>>;

/// Sends HTTP requests.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends the request once and returns when the head of the response has arrived.
    ///
    /// # Errors
    /// If no response head arrived.
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError>;

    /// Checks, before the first request, that it can send to URLs of `scheme`: `https` needs root certificates. Default: it can.
    ///
    /// # Errors
    /// `Config`, with what is missing on this machine.
    fn check_scheme(&self, _scheme: &str) -> crate::Result<()> {
        Ok(())
    }

    /// Makes the next request go out on a new connection: the caller doubts the present ones. Default: nothing.
    fn reconnect(&self) {}
}

debug_by_name!(Transport);

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: Transport + ?Sized> Transport for $pointer<T> {
            async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
                (**self).call(request).await
            }

            fn check_scheme(&self, scheme: &str) -> crate::Result<()> {
                (**self).check_scheme(scheme)
            }

            fn reconnect(&self) {
                (**self).reconnect();
            }
        }
    )*};
}

forward!(Arc Box);
