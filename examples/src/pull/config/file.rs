//! The tables of the file.

use okta_coralogix_core::{Error, ErrorKind, Result};
use serde::Deserialize;

use super::secrets::SecretRef;
use super::toml_check;
use crate::program::settings::KeyValues;

#[derive(Debug, Deserialize)]
pub(super) struct ConfigFile {
    /// The defaults of all integrations.
    #[serde(default)]
    pub(super) coralogix: CoralogixTable,
    /// Settings of all integrations that do not say otherwise.
    #[serde(flatten)]
    pub(super) settings: KeyValues,
    #[serde(default)]
    pub(super) integration: Vec<IntegrationTable>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct IntegrationTable {
    pub(super) name: Option<String>,
    pub(super) subsystem: Option<String>,
    /// The older name of `subsystem`.
    pub(super) account: Option<String>,
    pub(super) org_url: Option<String>,
    /// The older name of `org_url`.
    pub(super) okta_domain: Option<String>,
    pub(super) api_token: Option<SecretRef>,
    pub(super) client_id: Option<String>,
    pub(super) private_key: Option<SecretRef>,
    pub(super) private_key_id: Option<String>,
    pub(super) client_secret: Option<SecretRef>,
    pub(super) scopes: Option<Vec<String>>,
    /// The salt of the fields that are hashed.
    pub(super) hash_salt: Option<SecretRef>,
    /// Settings that are flags too.
    #[serde(flatten)]
    pub(super) settings: KeyValues,
    #[serde(default)]
    pub(super) coralogix: CoralogixTable,
}

/// The Coralogix endpoint and application.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(super) struct CoralogixTable {
    pub(super) domain: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) api_key: Option<SecretRef>,
    pub(super) application: Option<String>,
    /// For queries, of `audit_every`.
    pub(super) query_endpoint: Option<String>,
    pub(super) query_key: Option<SecretRef>,
}

impl CoralogixTable {
    /// This table, with the values of `other` for keys that are not set.
    pub(super) fn or(self, other: &Self) -> Self {
        // A domain and an endpoint are two forms of one setting.
        let address = match (&self.domain, &self.endpoint) {
            (None, None) => (other.domain.clone(), other.endpoint.clone()),
            _ => (self.domain, self.endpoint),
        };
        Self {
            domain: address.0,
            endpoint: address.1,
            api_key: self.api_key.or_else(|| other.api_key.clone()),
            application: self.application.or_else(|| other.application.clone()),
            query_endpoint: (self.query_endpoint).or_else(|| other.query_endpoint.clone()),
            query_key: self.query_key.or_else(|| other.query_key.clone()),
        }
    }
}

impl ConfigFile {
    /// # Errors
    /// `Config`: not TOML, an unknown key, a value of a wrong type, no integration.
    pub(super) fn parse(text: &str) -> Result<Self> {
        toml_check::check(text)?;
        let file: Self =
            toml::from_str(text).map_err(|error| toml_check::of_parser(&error, text))?;
        if file.integration.is_empty() {
            let detail = "there is no [[integration]] in it: write one for each org";
            return Err(Error::new(ErrorKind::Config, detail));
        }
        Ok(file)
    }
}
