//! The keys of the file.

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
