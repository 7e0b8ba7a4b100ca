//! The service as messages name it, and the settings by the names the user knows.

use std::time::Duration;

use super::tier::Tier;

/// What messages say about the service that is asked.
#[derive(Debug)]
pub(super) struct Service {
    /// `api.eu2.coralogix.com (region EU2)`.
    pub(super) name: String,
    pub(super) settings: SettingNames,
    pub(super) tier: Tier,
    /// The least wait after an answer that the rate limit is reached.
    pub(super) wait_when_limited: Duration,
}

/// The names of the settings, as the user wrote them.
#[derive(Debug, Clone, Copy)]
pub(super) struct SettingNames {
    pub(super) domain: &'static str,
    pub(super) endpoint: &'static str,
    pub(super) key: &'static str,
    pub(super) uuid_path: &'static str,
}

impl SettingNames {
    pub(super) const FIELDS: Self = Self {
        domain: "domain",
        endpoint: "query_endpoint",
        key: "query_key",
        uuid_path: "uuid_path",
    };

    pub(super) const VARIABLES: Self = Self {
        domain: "CORALOGIX_DOMAIN",
        endpoint: "CORALOGIX_QUERY_ENDPOINT",
        key: "CORALOGIX_QUERY_KEY",
        uuid_path: "uuid_path",
    };
}

/// The variable with the path of the key's file.
pub(super) const KEY_FILE: &str = "CORALOGIX_QUERY_KEY_FILE";
