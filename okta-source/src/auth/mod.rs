//! How a request shows who is asking.

mod api_token;
mod credentials;
mod dpop;
mod env;
mod jws;
mod key;
mod oauth;
mod oauth_error;
mod redact;
mod service_app;
mod token_cache;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use okta_coralogix_core::transport::{ExchangeLimits, Transport, exchange};
use okta_coralogix_core::{Clock, Result};

pub use api_token::{ApiToken, ApiTokenError};
pub use credentials::Credentials;
pub use key::{PrivateKey, PrivateKeyError, SigningAlgorithm};
pub use service_app::{ServiceApp, ServiceAppError};

use crate::api::org_url::OrgUrl;
use crate::client::RequestError;
use credentials::Kind;
use oauth::OAuth;
use redact::redacted;

/// A way to authenticate, at work for one org.
#[derive(Debug)]
pub(crate) enum Auth {
    /// An API token.
    ApiToken(ApiToken),
    /// A service app, and its access token.
    OAuth(Box<OAuth>),
}

/// How the org is reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpContext<'a> {
    pub(crate) org: &'a OrgUrl,
    pub(crate) transport: &'a dyn Transport,
    pub(crate) limits: ExchangeLimits,
    pub(crate) agent: &'a HeaderValue,
}

impl Auth {
    pub(crate) fn new(credentials: Credentials, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(match credentials.0 {
            Kind::ApiToken(token) => Self::ApiToken(token),
            Kind::ServiceApp(app) => Self::OAuth(Box::new(OAuth::new(*app, clock)?)),
        })
    }

    /// Sends a request to the org with what shows who is asking, and reads the whole answer. What was sent is redacted out of it.
    ///
    /// # Errors
    /// Temporary, if there is no complete answer. With a service app also if there is no access token, or if the token is refused;
    /// an API token that is refused is an answer like any other.
    pub(crate) async fn send(
        &self,
        context: HttpContext<'_>,
        mut request: Request<Bytes>,
    ) -> Result<Response<Bytes>, RequestError> {
        match self {
            Self::OAuth(oauth) => oauth.send(context, &request).await,
            Self::ApiToken(token) => {
                token.authorize(request.headers_mut());
                let response =
                    exchange_with(context.transport, request, context.bounds, context.head).await?;
                Ok(redacted(response, &[token.secret()]))
            }
        }
    }
}
