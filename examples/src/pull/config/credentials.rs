//! The credentials of an integration: the same rules as for the environment variables, with the names of the keys in errors.

use std::path::Path;

use okta_coralogix_core::{Error, Result, Secret};
use okta_source::Credentials;

use super::file::IntegrationTable;
use super::secrets::SecretRef;
use crate::program::Environment;

/// The keys, and the environment variables of the same meaning.
const KEYS: [(&str, &str); 6] = [
    ("api_token", "OKTA_API_TOKEN"),
    ("client_id", "OKTA_API_CLIENT_ID"),
    // Before the key that its name begins with.
    ("private_key_id", "OKTA_API_PRIVATE_KEY_ID"),
    ("private_key", "OKTA_API_PRIVATE_KEY"),
    ("client_secret", "OKTA_API_CLIENT_SECRET"),
    ("scopes", "OKTA_API_SCOPES"),
];

pub(super) fn credentials(
    table: &IntegrationTable,
    folder: &Path,
    environment: &Environment,
) -> Result<Credentials> {
    let read = |key: &str, secret: &Option<SecretRef>| {
        let secret = secret.as_ref();
        let secret = secret.map(|secret| secret.read(key, folder, environment));
        secret.transpose()
    };
    let api_token = read("api_token", &table.api_token)?;
    let private_key = read("private_key", &table.private_key)?;
    let client_secret = read("client_secret", &table.client_secret)?;
    let scopes = table.scopes.as_ref().map(|scopes| scopes.join(" "));
    let exposed = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().into());
    let plain = |value: &Option<String>| value.as_ref().map(Into::into);
    let credentials = Credentials::from_env(|variable| {
        let (key, _) = KEYS.iter().find(|(_, known)| *known == variable)?;
        match *key {
            "api_token" => exposed(&api_token),
            "client_id" => plain(&table.client_id),
            "private_key_id" => plain(&table.private_key_id),
            "private_key" => exposed(&private_key),
            "client_secret" => exposed(&client_secret),
            _ => plain(&scopes),
        }
    });
    credentials.map_err(|error| {
        let detail = error.to_string();
        let detail = KEYS.iter().fold(detail, |detail, (key, variable)| {
            detail.replace(variable, key)
        });
        Error::new(error.kind(), detail)
    })
}
