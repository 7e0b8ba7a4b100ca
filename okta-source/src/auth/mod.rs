//! How a request shows who is asking.

mod ssws;

use http::HeaderMap;
use okta_coralogix_core::{Result, Secret};

use ssws::Ssws;

/// A way to authenticate.
#[derive(Debug)]
pub(crate) enum Auth {
    /// An API token.
    Ssws(Ssws),
}

impl Auth {
    /// With an API token.
    ///
    /// # Errors
    /// `Config` if it cannot be one.
    pub(crate) fn api_token(token: &Secret) -> Result<Self> {
        Ssws::new(token).map(Self::Ssws)
    }

    /// Adds what shows who is asking, marked sensitive.
    pub(crate) fn authorize(&self, headers: &mut HeaderMap) {
        match self {
            Self::Ssws(ssws) => ssws.authorize(headers),
        }
    }
}
