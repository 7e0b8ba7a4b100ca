//! The file as it is written.

use okta_coralogix_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use toml::Table;

use super::keys::{self, COMMON, CORALOGIX, INTEGRATION};
use super::secrets::SecretFrom;

/// The whole file.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    /// What holds for all integrations that do not say otherwise.
    #[serde(default)]
    pub(super) coralogix: Target,
    #[serde(default)]
    pub(super) integration: Vec<Written>,
}

/// An integration.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    pub(super) name: Option<String>,
    pub(super) account: Option<String>,
    pub(super) okta_domain: Option<String>,
    pub(super) api_token: Option<SecretFrom>,
    pub(super) client_id: Option<String>,
    pub(super) private_key: Option<SecretFrom>,
    pub(super) private_key_id: Option<String>,
    pub(super) client_secret: Option<SecretFrom>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) filter: Option<String>,
    pub(super) q: Option<String>,
    pub(super) since: Option<String>,
    pub(super) poll_interval: Option<String>,
    pub(super) checkpoint: Option<String>,
    #[serde(default)]
    pub(super) coralogix: Target,
}

/// Where entries go.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Target {
    pub(super) domain: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) api_key: Option<SecretFrom>,
    pub(super) application: Option<String>,
}

impl Target {
    /// This, and what `other` says where this says nothing.
    pub(super) fn or(self, other: &Self) -> Self {
        // A domain and an endpoint are two ways to say the same.
        let place = match (&self.domain, &self.endpoint) {
            (None, None) => (other.domain.clone(), other.endpoint.clone()),
            _ => (self.domain, self.endpoint),
        };
        Self {
            domain: place.0,
            endpoint: place.1,
            api_key: self.api_key.or_else(|| other.api_key.clone()),
            application: self.application.or_else(|| other.application.clone()),
        }
    }
}

impl File {
    /// # Errors
    /// `Config`: no TOML, an unknown key, a value of another type, no integration at all.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = |error: toml::de::Error| Error::new(ErrorKind::Config, told(&error, text));
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

/// What is wrong in which line, without the line itself, which may hold a secret in the wrong place.
fn told(error: &toml::de::Error, text: &str) -> String {
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
