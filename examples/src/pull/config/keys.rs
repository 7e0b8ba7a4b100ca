//! The keys of the file.

use super::source_settings::{CHECKPOINT, SourceGroup};
use crate::audit::ContinuousGroup;
use crate::program::entry_settings::{EntryGroup, HASH_SALT_KEY};
use crate::program::pipeline_settings::{FilterGroup, PipelineGroup};
use crate::program::settings::{About, Group};

/// The keys of tables at the top of the file.
const TABLES: &[&str] = &["coralogix", "integration"];

/// The keys of an integration that are no flags.
const INTEGRATION: &[&str] = &[
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
    HASH_SALT_KEY,
    "coralogix",
];

/// The keys of a table `coralogix`.
pub(super) const CORALOGIX: &[&str] = &[
    "domain",
    "endpoint",
    "api_key",
    "application",
    "query_endpoint",
    "query_key",
];

/// The keys at the top of the file: the settings of all integrations that do not say otherwise.
pub(super) fn common() -> Vec<&'static str> {
    // One file of the position for all would be none.
    let settings = settings().filter(|key| *key != CHECKPOINT.about.key);
    TABLES.iter().copied().chain(settings).collect()
}

/// The keys of an integration.
pub(super) fn integration() -> Vec<&'static str> {
    INTEGRATION.iter().copied().chain(settings()).collect()
}

/// All keys; those of the table `coralogix` as `coralogix.domain`.
#[must_use]
pub fn all() -> Vec<String> {
    let coralogix = CORALOGIX.iter().map(|key| format!("coralogix.{key}"));
    let mut keys: Vec<_> = common()
        .into_iter()
        .chain(integration())
        .map(Into::into)
        .collect();
    keys.extend(coralogix);
    keys.sort();
    keys.dedup();
    keys
}

/// The keys that are flags too.
fn settings() -> impl Iterator<Item = &'static str> {
    declared().map(|about| about.key)
}

/// The settings that are keys and flags.
pub(super) fn declared() -> impl Iterator<Item = &'static About> {
    let groups = [
        SourceGroup::SETTINGS,
        PipelineGroup::SETTINGS,
        FilterGroup::SETTINGS,
        EntryGroup::SETTINGS,
        ContinuousGroup::SETTINGS,
    ];
    let all = groups.into_iter().flatten().copied();
    all.filter(|about| !about.key.is_empty())
}
