//! HTTP as the adapters see it: a request in, a response with a streamed body out.
//!
//! An HTTP client implements [`Transport`] in production, a simulator in memory does in tests. An implementation follows no
//! redirect, retries nothing, decodes no compression, and puts no URL into an error, since a URL may carry a secret.

mod exchange;
mod headers;
#[cfg(feature = "reqwest")]
mod reqwest;
mod verdict;

pub use exchange::{Excess, ExchangeLimits, exchange};
pub use headers::{date, retry_after};
#[cfg(feature = "reqwest")]
pub use reqwest::ReqwestTransport;
pub use verdict::{Interception, Recognition, Verdict, may_have_been_processed};

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use http::{Request, Response};
use thiserror::Error;

/// A response body: chunks as they arrive.
pub type Body = BoxStream<'static, Result<Bytes, TransportError>>;

/// Sends HTTP requests.
#[async_trait]
pub trait Transport: Debug + Send + Sync + 'static {
    /// Sends the request once and returns when the head of the response has arrived.
    ///
    /// # Errors
    /// If no response head arrived.
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        (**self).call(request).await
    }
}

/// Why an exchange has no complete response.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: the server has seen nothing of the request.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection ended after the server may have seen the request.
    #[error("the connection was interrupted: {0}")]
    Interrupted(String),
    /// The response, or a part of it, did not arrive in time. The server may have acted on the request.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The body is longer than [`ExchangeLimits::max_body_bytes`].
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl TransportError {
    /// True if the server may have acted on the request.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        !matches!(self, Self::Connect(_))
    }
}
