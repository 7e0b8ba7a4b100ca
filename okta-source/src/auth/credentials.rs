//! The credentials of a source, as they are configured.

use std::ffi::OsString;

use okta_coralogix_core::Result;

use super::api_token::ApiToken;
use super::env;
use super::service_app::ServiceApp;

/// The credentials of a source: an API token, or a service app.
#[derive(Debug, Clone)]
pub struct Credentials(pub(super) Kind);

#[derive(Debug, Clone)]
pub(super) enum Kind {
    ApiToken(ApiToken),
    ServiceApp(Box<ServiceApp>),
}

impl Credentials {
    /// The variables that [`from_env`](Self::from_env) looks at.
    pub const VARIABLES: [&str; 6] = env::VARIABLES;

    /// Reads the credentials from variables, as the Okta Terraform provider names them: either `OKTA_API_TOKEN`, or
    /// `OKTA_API_CLIENT_ID` with `OKTA_API_PRIVATE_KEY` (PEM, a JWK, or the path of a file with one of them) and, if wanted,
    /// `OKTA_API_PRIVATE_KEY_ID` and `OKTA_API_SCOPES`. An API service integration has `OKTA_API_CLIENT_SECRET` in place of
    /// the key.
    ///
    /// ```no_run
    /// # fn main() -> okta_coralogix_core::Result<()> {
    /// let credentials = okta_source::Credentials::from_env(|name| std::env::var_os(name))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `Config` names the variable that is missing, wrong or contradicts another, and the valid values. It repeats no secret.
    pub fn from_env(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        env::read(lookup)
    }
}

impl From<ApiToken> for Credentials {
    fn from(token: ApiToken) -> Self {
        Self(Kind::ApiToken(token))
    }
}

impl From<ServiceApp> for Credentials {
    fn from(app: ServiceApp) -> Self {
        Self(Kind::ServiceApp(Box::new(app)))
    }
}
