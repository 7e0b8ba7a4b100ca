//! An app that is registered with the org.

use okta_coralogix_core::{Error, Result, Secret};
use serde_json::Value;

/// A service app of the org, or an API service integration. It is granted `okta.logs.read`, has a role that reads the System Log,
/// and demands DPoP if it has keys, as new apps of Okta's do.
#[derive(Debug, Clone)]
pub struct OAuthApp {
    pub(super) client_id: String,
    pub(super) shows: Shows,
    pub(super) scopes: Vec<String>,
    pub(super) has_role: bool,
    pub(super) demands_dpop: bool,
}

/// How the app authenticates.
#[derive(Debug, Clone)]
pub(super) enum Shows {
    Keys(Vec<Value>),
    Secret(Secret),
}

impl OAuthApp {
    /// An app with public keys: the text of a JWK set.
    ///
    /// # Errors
    /// `Config` if it is none.
    pub fn with_keys(client_id: impl Into<String>, jwks: &str) -> Result<Self> {
        let set: Value = serde_json::from_str(jwks).unwrap_or_default();
        let Some(keys) = set["keys"].as_array() else {
            return Err(Error::config("jwks", "is no set of keys"));
        };
        Ok(Self::new(client_id.into(), Shows::Keys(keys.clone())))
    }

    /// An API service integration: a client secret, and no DPoP.
    #[must_use]
    pub fn with_secret(client_id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self {
            demands_dpop: false,
            ..Self::new(client_id.into(), Shows::Secret(secret.into()))
        }
    }

    fn new(client_id: String, shows: Shows) -> Self {
        Self {
            client_id,
            shows,
            scopes: vec!["okta.logs.read".to_owned()],
            has_role: true,
            demands_dpop: true,
        }
    }

    /// The scopes it is granted, in place of `okta.logs.read`.
    #[must_use]
    pub fn granted<'a>(mut self, scopes: impl IntoIterator<Item = &'a str>) -> Self {
        self.scopes = scopes.into_iter().map(str::to_owned).collect();
        self
    }

    /// Removes its role, so that the org gives a token and refuses the log.
    #[must_use]
    pub fn without_role(mut self) -> Self {
        self.has_role = false;
        self
    }

    /// Whether a token request without a proof is refused. A proof that comes is looked at in any case.
    #[must_use]
    pub fn demands_dpop(mut self, demands: bool) -> Self {
        self.demands_dpop = demands;
        self
    }
}
