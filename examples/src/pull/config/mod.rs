//! `pull --config`: many orgs in one process, each with its own cursor, budget, credentials and failures.
//!
//! The file is read at the start, and again at a SIGHUP (`reload`). An org's secrets and its checkpoint are read each time the org is
//! opened, and no error of one org ends another one or the process.

mod activity;
mod audited;
mod beginning;
mod beside;
mod connections;
mod credentials;
mod definition;
mod down;
mod faults;
mod file;
mod integration;
mod keys;
mod misplaced;
mod missing;
mod opening;
mod org;
mod org_settings;
mod query;
mod rehearsal;
mod reload;
mod reopening;
mod run_all;
mod running;
mod same_org;
mod secrets;
mod shared_log;
mod sink_cache;
mod source_settings;
mod store_test;
mod toml_check;

pub(super) use beginning::Beginning;
pub(super) use integration::TOO_OLD_KEYS;
pub use integration::{Connect, Connection, Integration};
pub use keys::all as keys;
pub(crate) use org::LONG_RUN;
pub(crate) use query::{Queries, QueryOptions};
pub use rehearsal::Rehearsal;
pub(super) use reload::{Planned, nothing_changed};
pub(crate) use reopening::{Cause, Reopening};
pub use run_all::{RunOptions, RunReport, run_all};
pub(super) use running::Running;
pub use secrets::SecretValues;
pub use shared_log::SharedLogs;
pub(super) use shared_log::{in_shared_log, living_holder, resumes, takeover};
pub(crate) use source_settings::REREAD_EVERY;
pub use source_settings::{CHECKPOINT, SourceGroup};
pub(crate) use source_settings::{FILTER, Q, RATE_SHARE};
pub(super) use source_settings::{SINCE, SourceSettings, renamed_from};
pub use store_test::StoreTest;

use std::path::Path;

use okta_coralogix_core::internal::text::read_text_file;
use okta_coralogix_core::{Error, Result};

use crate::program::Network;
use crate::program::args::in_setting;
use crate::program::settings::Values;

/// The variable of the org's address, of a run without such a file.
pub(crate) const ORG_URL: &str = "OKTA_ORG_URL";

/// The size limit of the file.
const MAX_BYTES: u64 = 16 << 20;

/// Reads the file at `path`. Its orgs use `network`; `values` are the flags and variables of settings that the file may also have.
///
/// # Errors
/// `Config`, which names the integration and the key, and says what to write. A secret's file that is missing is no error yet.
pub fn read(path: &Path, values: &Values<'_>, network: Network) -> Result<Vec<Integration>> {
    read_for(path, values, network, &Queries::default())
}

/// As [`read`], for a program that asks Coralogix what is stored.
pub(crate) fn read_for(
    path: &Path,
    values: &Values<'_>,
    network: Network,
    queries: &Queries,
) -> Result<Vec<Integration>> {
    let text = read_text_file(path, MAX_BYTES).map_err(|error| {
        let detail = format!(
            "{} cannot be read ({error}); write the path of a TOML file with an `[[integration]]` for each org",
            path.display()
        );
        Error::config("--config", detail)
    })?;
    let parsed = parse_for(&text, folder_of(path), values, network, queries);
    parsed.map_err(in_setting(path.display()))
}

/// The folder to which relative paths in the file refer.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("."))
}

/// Reads the text of a file in `folder`, to which relative paths in it refer.
///
/// # Errors
/// As [`read`].
pub fn parse(
    text: &str,
    folder: &Path,
    values: &Values<'_>,
    network: Network,
) -> Result<Vec<Integration>> {
    parse_for(text, folder, values, network, &Queries::default())
}

fn parse_for(
    text: &str,
    folder: &Path,
    values: &Values<'_>,
    network: Network,
    queries: &Queries,
) -> Result<Vec<Integration>> {
    let environment = values.environment();
    // First of all: other errors repeat names.
    misplaced::check(text, folder, environment)?;
    let file = file::ConfigFile::parse(text)?;
    beside::check(&file, environment);
    missing::check(&file, environment)?;
    same_org::check(&file, environment.warnings())?;
    integration::all(file, folder, values, network, queries)
}

/// The integration of this name.
///
/// # Errors
/// `Config` if there is none.
pub(crate) fn find(all: Vec<Integration>, name: &str) -> Result<Integration> {
    let names: Vec<_> = all.iter().map(|one| one.name.clone()).collect();
    let found = all.into_iter().find(|one| one.name == name);
    found.ok_or_else(|| {
        let detail = format!(
            "{name:?} is not in the file of --config: {}",
            names.join(", ")
        );
        Error::config("--integration", detail)
    })
}
