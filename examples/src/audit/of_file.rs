//! The settings of `audit --config`: those of the orgs in the file of `pull --config`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coralogix_sink::query::TimeSlice;
use okta_coralogix_core::internal::OsDisk;
use okta_coralogix_core::{Error, Result, SystemClock};

use super::args::{
    AuditArgs, CONFIG, INTEGRATION, JSON, MAX_LOOKUPS, QUERIES_PER_MINUTE, TIER, UUID_PATH,
    VISIBILITY_DELAY,
};
use super::continuous::ledger_of;
use super::refill::{LEDGER, RefillSettings};
use super::settings::{OrgSettings, check_letters, forced, range, require_range};
use crate::program::args::in_setting;
use crate::program::missing::Missing;
use crate::program::pipeline_settings::{DEAD_LETTERS, PipelineSettings};
use crate::program::settings::{Values, WrittenNames};
use crate::program::{Environment, Network, StateFiles};
use crate::pull::config::{
    self, Connection, FILTER, Integration, Q, Queries, QueryOptions, RATE_SHARE, folder_of,
    read_for,
};

/// The orgs of a file, in its order.
#[derive(Debug, Default)]
pub(super) struct FileOrgs {
    pub(super) orgs: Vec<OrgSettings>,
    /// Integrations that cannot be audited, by name, such as those with a secret that cannot be read: the others are all the same.
    pub(super) failed: Vec<(String, Error)>,
}

/// The integrations of `file` that are audited.
///
/// # Errors
/// `Config`, which names the integration and the key, or the flag, that is missing or wrong. What is wrong outside the file, such as a
/// secret that cannot be read, is an error of its integration only.
pub(super) fn read(file: &Path, args: &AuditArgs, environment: &Environment) -> Result<FileOrgs> {
    let own = args.audit.values(environment);
    let okta = args.okta.values(environment);
    for about in [&FILTER.about, &Q.about] {
        if let Some(written) = okta.find(about)? {
            let detail = format!(
                "belongs into the file of --config, as the key `{}` of each integration",
                about.key
            );
            return Err(Error::config(&written.setting, detail));
        }
    }
    let mut missing = Missing::default();
    require_range(&mut missing, &own)?;
    missing.check()?;
    let queries = QueryOptions {
        tier: TIER.get(&own)?,
        uuid_path: UUID_PATH.get(&own)?,
        per_minute: Some(QUERIES_PER_MINUTE.get(&own)?),
        give_up_after: None,
    };
    let wanted = INTEGRATION.given(&own)?;
    let queries = Queries::by_hand(wanted.clone(), queries);
    let values = Values::of(environment)
        .flags(args.filter.given())
        .flags(args.pipeline.given())
        .flags(args.entry.given());
    let network = Network::read(&args.network, environment)?;
    let all = read_for(file, &values, network, &queries)?;
    let mut files = StateFiles::default();
    files.add_read(CONFIG.about.flag, file)?;
    let common = PipelineSettings::read(&values)?;
    check_letters(&values, &common)?;
    files.add_dead_letters(DEAD_LETTERS.about.flag, &common.dead_letters)?;
    // Of all: the ledger of one may not be the file of another one.
    for integration in &all {
        integration.add_files(&mut files)?;
    }
    let integrations = match wanted {
        Some(name) => vec![config::find(all, &name)?],
        None => all,
    };
    let ledger = ledger(args, environment, integrations.len())?;
    let delay = VISIBILITY_DELAY.get(&own)?;
    let share = RATE_SHARE.given(&okta)?;
    let of_all = OfAll {
        folder: folder_of(file),
        range: range(&own, delay)?,
        visibility_delay: delay,
        rate_share: share.unwrap_or_else(|| RATE_SHARE.default_in("audit")),
        names: WrittenNames::of(&okta, &[&RATE_SHARE.about])?,
        force: forced(&args.refill.values(environment))?,
        ledger,
        max_lookups: MAX_LOOKUPS.get(&own)?,
        json: JSON.get(&own)?,
        values,
    };
    let mut read = FileOrgs::default();
    for integration in integrations {
        let name = integration.name.clone();
        match of_all.org(integration, &mut files) {
            Ok(org) => read.orgs.push(org),
            Err(error) => {
                let error = in_setting(format!("integration {name:?}"))(error);
                read.failed.push((name, error));
            }
        }
    }
    Ok(read)
}

/// The ledger of `--refill-ledger`, if it is given.
fn ledger(
    args: &AuditArgs,
    environment: &Environment,
    integrations: usize,
) -> Result<Option<PathBuf>> {
    let refill = args.refill.values(environment);
    let Some(written) = refill.find(&LEDGER.about)? else {
        return Ok(None);
    };
    if integrations > 1 {
        let detail = "is the file of one integration, and each has its own beside its checkpoint; name one with --integration, or leave this \
                      out";
        return Err(Error::config(&written.setting, detail));
    }
    LEDGER.given(&refill)
}

/// What the audits of all integrations have in common.
struct OfAll<'a> {
    values: Values<'a>,
    folder: &'a Path,
    range: TimeSlice,
    visibility_delay: Duration,
    rate_share: f64,
    names: WrittenNames,
    /// Set: what is missing is sent, and whether as many as there are.
    force: Option<bool>,
    ledger: Option<PathBuf>,
    max_lookups: usize,
    json: bool,
}

impl OfAll<'_> {
    /// # Errors
    /// `Config` for what keeps this org from its audit.
    fn org(&self, integration: Integration, files: &mut StateFiles) -> Result<OrgSettings> {
        let sides = integration.sides_by_hand()?;
        let options = integration.pipeline.clone();
        let pipeline = PipelineSettings::of_integration(&self.values, options)?;
        // A ledger that was left where the checkpoint was would be begun anew.
        integration.check_left_behind(&pipeline.state, self.folder)?;
        let refill = match self.force {
            None => None,
            Some(force) => {
                let secrets = integration.read_secrets()?;
                let Connection { sink, mapping, .. } = integration.connect(&secrets)?;
                let ledger = match &self.ledger {
                    Some(written) => pipeline.state.place(Path::new(""), written),
                    None => ledger_of(&integration.checkpoint),
                };
                files.add_checkpoint(LEDGER.about.flag, &ledger)?;
                Some(RefillSettings {
                    integration: integration.name.clone(),
                    sink,
                    mapping: Arc::new(mapping),
                    options: pipeline.options.clone(),
                    ledger,
                    disk: Arc::new(OsDisk),
                    force,
                })
            }
        };
        Ok(OrgSettings {
            integration: Some(integration.name),
            range: self.range,
            org: sides.org,
            source: sides.source.rate_share(self.rate_share),
            names: self.names.clone(),
            client: sides.client,
            filter: sides.filter,
            target: sides.target,
            has_one_key: false,
            pipeline,
            refill,
            clock: Arc::new(SystemClock),
            visibility_delay: self.visibility_delay,
            max_lookups: self.max_lookups,
            json: self.json,
        })
    }
}
