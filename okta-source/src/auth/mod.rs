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
mod session;
mod token_cache;

pub use api_token::{ApiToken, ApiTokenError};
pub use credentials::Credentials;
pub(crate) use http_context::{HttpContext, RequestError};
pub use key::{PrivateKey, PrivateKeyError, SigningAlgorithm};
pub use service_app::{ServiceApp, ServiceAppError};
pub(crate) use session::Auth;
