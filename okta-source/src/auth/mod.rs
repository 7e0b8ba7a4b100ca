//! Authenticates requests: by API tokens, and by access tokens of service apps.
//!
//! Uses `api`; is independent of `position`, `poll` and `metrics`.

mod api_token;
mod credentials;
mod dpop;
mod env;
mod http_context;
mod jws;
mod key;
mod oauth;
mod oauth_error;
mod redact;
mod service_app;
mod token_cache;

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use okta_coralogix_core::{Clock, Result};

pub use api_token::{ApiToken, ApiTokenError};
pub use credentials::Credentials;
pub(crate) use http_context::{HttpContext, RequestError};
pub use key::{PrivateKey, PrivateKeyError, SigningAlgorithm};
pub use service_app::{ServiceApp, ServiceAppError};

use crate::api::judged::{Endpoint, Judged};
use credentials::Kind;
use oauth::OAuth;
use redact::redacted;

/// The authentication for one org.
#[derive(Debug)]
pub(crate) enum Auth {
    /// An API token.
    ApiToken(ApiToken),
    /// A service app, and its access token.
    OAuth(Box<OAuth>),
}

impl Auth {
    pub(crate) fn new(credentials: Credentials, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(match credentials.0 {
            Kind::ApiToken(token) => Self::ApiToken(token),
            Kind::ServiceApp(app) => Self::OAuth(Box::new(OAuth::new(*app, clock)?)),
        })
    }

    /// Sends a request to the org with the credential, and reads the whole answer. Copies of the credential are redacted out of it.
    ///
    /// # Errors
    /// Temporary, if there is no complete answer. With a service app also if there is no access token, or if the token is refused;
    /// an API token that is refused is an answer like any other.
    pub(crate) async fn send(
        &self,
        context: &HttpContext,
        mut request: Request<Bytes>,
    ) -> Result<Judged, RequestError> {
        match self {
            Self::OAuth(oauth) => oauth.send(context, &request).await,
            Self::ApiToken(token) => {
                token.authorize(request.headers_mut());
                let response = context.exchange(request, context.max_body_bytes).await?;
                let response = redacted(response, &[token.secret()]);
                Ok(Judged::new(response, Endpoint::Log))
            }
        }
    }
}
