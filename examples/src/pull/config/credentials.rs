//! The credentials of an integration: the same rules as for the environment variables, with the names of the keys in errors.

use std::cell::RefCell;
use std::ffi::OsString;

use okta_coralogix_core::{Error, Result, Secret};
use okta_source::Credentials;

use super::file::IntegrationTable;
use super::secrets::{OrgSecrets, PLACEHOLDER, PRIVATE_KEY, SecretValues, kind_of};
use crate::program::secrets::SecretJudge;

/// The keys, and the environment variables of the same meaning.
const KEYS: [(&str, &str); 6] = [
    (API_TOKEN, "OKTA_API_TOKEN"),
    ("client_id", "OKTA_API_CLIENT_ID"),
    // Before the key that its name begins with.
    ("private_key_id", "OKTA_API_PRIVATE_KEY_ID"),
    (PRIVATE_KEY, "OKTA_API_PRIVATE_KEY"),
    (CLIENT_SECRET, "OKTA_API_CLIENT_SECRET"),
    ("scopes", "OKTA_API_SCOPES"),
];
pub(super) const API_TOKEN: &str = "api_token";
pub(super) const CLIENT_SECRET: &str = "client_secret";

/// The credentials, with secrets that were read.
///
/// # Errors
/// `Config`, which names the key that is missing or wrong.
pub(super) fn credentials(
    table: &IntegrationTable,
    secrets: &SecretValues,
    judge: &SecretJudge,
) -> Result<Credentials> {
    of_keys(table, judge, |key| secrets.get(key).map(exposed))
}

/// The credentials with placeholders for the secrets in files, to find what is wrong in the file of `--config` itself.
///
/// # Errors
/// As [`credentials`].
pub(super) fn without_files(
    table: &IntegrationTable,
    secrets: &OrgSecrets,
    judge: &SecretJudge,
) -> Result<Credentials> {
    let key = secrets.without_files(PRIVATE_KEY);
    let is_key_in_file = key.is_some_and(|key| key.expose() == PLACEHOLDER);
    if !is_key_in_file || table.client_secret.is_some() {
        return of_keys(table, judge, |key| {
            secrets.without_files(key).as_ref().map(exposed)
        });
    }
    // No placeholder is a private key: a client secret, which has no id, stands for it.
    let mut table = table.clone();
    table.private_key_id = None;
    of_keys(&table, judge, |key| match key {
        CLIENT_SECRET => Some(PLACEHOLDER.into()),
        PRIVATE_KEY => None,
        _ => secrets.without_files(key).as_ref().map(exposed),
    })
}

fn exposed(secret: &Secret) -> OsString {
    secret.expose().into()
}

fn of_keys(
    table: &IntegrationTable,
    judge: &SecretJudge,
    secret: impl Fn(&str) -> Option<OsString>,
) -> Result<Credentials> {
    let plain = |value: &Option<String>| value.as_ref().map(OsString::from);
    let scopes = table.scopes.as_ref().map(|scopes| scopes.join(" "));
    let lookup = |variable: &str| match key_of(variable)? {
        "client_id" => plain(&table.client_id),
        "private_key_id" => plain(&table.private_key_id),
        "scopes" => plain(&scopes),
        key => secret(key),
    };
    // Names the key already.
    let judged = RefCell::new(None);
    let check = |variable: &str, secret: &Secret| {
        let key = key_of(variable).unwrap_or_default();
        let checked = match kind_of(key) {
            Some(kind) if secret.expose() != PLACEHOLDER => judge.check(key, kind, secret),
            _ => Ok(()),
        };
        checked.map_err(|error| {
            let kind = error.kind();
            judged.replace(Some(error));
            Error::new(kind, "")
        })
    };
    let credentials = Credentials::from_env_checked(lookup, check);
    if let Some(error) = judged.take() {
        return Err(error);
    }
    let setting = match (&table.api_token, &table.private_key) {
        (Some(_), _) => API_TOKEN,
        (None, Some(_)) => "client_id and private_key",
        (None, None) => "client_id and client_secret",
    };
    match credentials {
        Ok(credentials) => Ok(credentials.with_setting(setting)),
        Err(error) => {
            let detail = error.to_string();
            let detail = KEYS.iter().fold(detail, |detail, (key, variable)| {
                detail.replace(variable, key)
            });
            Err(Error::new(error.kind(), detail))
        }
    }
}

fn key_of(variable: &str) -> Option<&'static str> {
    let found = KEYS.iter().find(|(_, known)| *known == variable);
    found.map(|(key, _)| *key)
}
