//! The tables of the file.

use okta_coralogix_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use toml::Table;

use super::keys::{self, COMMON, CORALOGIX, INTEGRATION};
use super::secrets::SecretRef;

#[derive(Debug, Deserialize)]
pub(super) struct ConfigFile {
    /// The defaults of all integrations.
    #[serde(default)]
    pub(super) coralogix: CoralogixTable,
    /// For events that are too old.
    pub(super) too_old: Option<String>,
    #[serde(default)]
    pub(super) integration: Vec<IntegrationTable>,
}

#[derive(Debug, Clone, Deserialize)]
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
    pub(super) filter: Option<String>,
    pub(super) q: Option<String>,
    pub(super) since: Option<String>,
    pub(super) poll_interval: Option<String>,
    pub(super) reread_every: Option<String>,
    pub(super) checkpoint: Option<String>,
    pub(super) renamed_from: Option<String>,
    pub(super) too_old: Option<String>,
    #[serde(default)]
    pub(super) coralogix: CoralogixTable,
}

/// The Coralogix endpoint and application.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct CoralogixTable {
    pub(super) domain: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) api_key: Option<SecretRef>,
    pub(super) application: Option<String>,
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
        }
    }
}

impl ConfigFile {
    /// # Errors
    /// `Config`: not TOML, an unknown key, a value of a wrong type, no integration.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = |error: toml::de::Error| Error::new(ErrorKind::Config, describe(&error, text));
        let table: Table = text.parse().map_err(wrong)?;
        keys::check("", &table, COMMON)?;
        keys::check_tables(&table, "coralogix", "coralogix", CORALOGIX)?;
        if let Some(integrations) = table.get("integration").and_then(|value| value.as_array()) {
            for integration in integrations.iter().filter_map(|value| value.as_table()) {
                let name = integration.get("name").and_then(|name| name.as_str());
                let at = format!("integration {:?}", name.unwrap_or("without a name"));
                keys::check(&at, integration, INTEGRATION)?;
                let below = format!("{at}, coralogix");
                keys::check_tables(integration, "coralogix", &below, CORALOGIX)?;
            }
        }
        let file: Self = toml::from_str(text).map_err(wrong)?;
        if file.integration.is_empty() {
            let detail = "there is no [[integration]] in it: write one for each org";
            return Err(Error::new(ErrorKind::Config, detail));
        }
        Ok(file)
    }
}

/// The message and the line's number, without its text, which may hold a secret in the wrong place.
fn describe(error: &toml::de::Error, text: &str) -> String {
    let message = error.message();
    match error.span() {
        None => message.to_owned(),
        Some(span) => {
            let before = text.get(..span.start).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            format!("line {line}: {message}")
        }
    }
}
