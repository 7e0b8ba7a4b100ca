//! How a request shows who is asking.

mod ssws;

use http::HeaderMap;
use okta_coralogix_core::Secret;
pub use ssws::{ApiToken, ApiTokenError};

/// A way to authenticate.
#[derive(Debug)]
pub(crate) enum Auth {
    /// An API token.
    ApiToken(ApiToken),
}

impl Auth {
    /// What must never be shown.
    pub(crate) fn secret(&self) -> &Secret {
        match self {
            Self::ApiToken(token) => token.secret(),
        }
    }

    /// Adds what shows who is asking, marked sensitive.
    pub(crate) fn authorize(&self, headers: &mut HeaderMap) {
        match self {
            Self::ApiToken(token) => token.authorize(headers),
        }
    }
}
