//! The keys of the file.

use okta_coralogix_core::{Error, ErrorKind, Result};
use toml::Table;

pub(super) const COMMON: &[&str] = &["coralogix", "integration", "too_old"];

pub(super) const INTEGRATION: &[&str] = &[
    "name",
    "subsystem",
    // The older name of `subsystem`.
    "account",
    "org_url",
    // The older name of `org_url`.
    "okta_domain",
    "api_token",
    "client_id",
    "private_key",
    "private_key_id",
    "client_secret",
    "scopes",
    "filter",
    "q",
    "since",
    "poll_interval",
    "reread_every",
    "checkpoint",
    "renamed_from",
    "too_old",
    "coralogix",
];

pub(super) const CORALOGIX: &[&str] = &["domain", "endpoint", "api_key", "application"];

/// The similarity, from 0 to 1, from which on an unknown key is taken for a misspelt known one.
const ALIKE: f64 = 0.75;

/// Refuses an unknown key: a setting without effect.
pub(super) fn check(at: &str, table: &Table, known: &[&str]) -> Result<()> {
    let Some(unknown) = table.keys().find(|key| !known.contains(&key.as_str())) else {
        return Ok(());
    };
    let alike = |key: &&&str| strsim::jaro_winkler(unknown, key);
    let nearest = known
        .iter()
        .max_by(|one, other| alike(one).total_cmp(&alike(other)))
        .filter(|key| alike(key) >= ALIKE);
    let meant = match nearest {
        Some(key) => format!("`{key}` is meant, perhaps"),
        None => format!("there are {}", known.join(", ")),
    };
    let at = match at {
        "" => String::new(),
        at => format!("{at}: "),
    };
    Err(Error::new(
        ErrorKind::Config,
        format!("{at}the key `{unknown}` is unknown; {meant}"),
    ))
}

/// [`check`] for a table within a table.
pub(super) fn check_tables(table: &Table, key: &str, at: &str, known: &[&str]) -> Result<()> {
    match table.get(key).and_then(|value| value.as_table()) {
        Some(inner) => check(at, inner, known),
        None => Ok(()),
    }
}
