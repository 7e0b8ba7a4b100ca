//! The settings of a range: those of its org, in the way that the org is set for polling.

use std::path::{Path, PathBuf};
use std::time::Duration;

use okta_coralogix_core::{Error, Result};

use super::RangeTimes;
use crate::program::check::CHECK;
use crate::program::pipeline_settings::{DEAD_LETTERS, PipelineSettings};
use crate::program::settings::WrittenNames;
use crate::program::{Environment, Network, StateFiles};
use crate::pull::PullArgs;
use crate::pull::args::{CONFIG, INTEGRATION};
use crate::pull::config::{self, CHECKPOINT, Connection, REREAD_EVERY, SINCE, TOO_OLD_KEYS};
use crate::pull::dry_run::DryRun;
use crate::pull::replicas::STATE;
use crate::pull::settings::{Mode, OrgSettings, TOO_OLD_FLAGS};

/// The settings of a range.
#[derive(Debug)]
pub struct RangeSettings {
    pub(super) times: RangeTimes,
    /// The file of its position, not that of polling.
    pub(super) checkpoint: PathBuf,
    pub(super) org: OrgSettings,
    /// How one writes that events which are too old are kept, and that they are restamped.
    pub(super) keep: [&'static str; 2],
}

impl RangeSettings {
    pub(in super::super) fn read(
        times: RangeTimes,
        args: &PullArgs,
        environment: &Environment,
    ) -> Result<Self> {
        // The variables may be those of the program that polls beside it.
        for about in [&SINCE.about, &REREAD_EVERY.about] {
            if args.source.given().get(about).is_some() {
                let detail = "is for polling, and has no meaning for a range; leave it out, or --from and --to";
                return Err(Error::config(about.flag, detail));
            }
        }
        if CHECK.get(&args.check.values(environment))? {
            let detail = "cannot be combined with --from and --to; leave it out, or them";
            return Err(Error::config(CHECK.about.flag, detail));
        }
        if let Some(written) = args.values(environment).find(&STATE.about)? {
            let detail = "is for polling: a range is read once, by one process, and keeps its position in a file; leave it out (unset the variable)";
            return Err(Error::config(&written.setting, detail));
        }
        let once = args.once.clone().implied().once(environment)?;
        let file = CONFIG.given(&args.mode.values(environment))?;
        let (org, keep) = match &file {
            Some(file) => (integration(file, args, once, environment)?, TOO_OLD_KEYS),
            None => {
                no_integration(args, environment)?;
                (OrgSettings::read(args, once, environment)?, TOO_OLD_FLAGS)
            }
        };
        let checkpoint = times.checkpoint(&org.checkpoint);
        let beside = file.as_deref().map_or(Path::new(""), config::folder_of);
        let state = &org.pipeline.state;
        // The setting that can be written as a whole path; times cannot.
        let setting = match &file {
            Some(_) => "checkpoint",
            None => CHECKPOINT.about.flag,
        };
        state.check_checkpoint(setting, beside, &checkpoint)?;
        times.check_kept(&checkpoint)?;
        let mut files = StateFiles::default();
        files.add_checkpoint("--from", &checkpoint)?;
        files.add_dead_letters(DEAD_LETTERS.about.flag, &org.pipeline.dead_letters)?;
        Ok(Self {
            times,
            checkpoint,
            org,
            keep,
        })
    }
}

/// # Errors
/// `Config` if an integration is named, and no file that has it.
fn no_integration(args: &PullArgs, environment: &Environment) -> Result<()> {
    match args.mode.values(environment).find(&INTEGRATION.about)? {
        Some(written) => {
            let detail = "names an integration of the file of --config, which is not given; add it, or leave this out";
            Err(Error::config(&written.setting, detail))
        }
        None => Ok(()),
    }
}

/// One integration of the file, as the settings of an org.
fn integration(
    file: &Path,
    args: &PullArgs,
    once: Option<Duration>,
    environment: &Environment,
) -> Result<OrgSettings> {
    let mode = args.mode.values(environment);
    let Some(name) = INTEGRATION.given(&mode)? else {
        let detail = "is missing: write of which integration of --config the range is to be read";
        return Err(Error::config(INTEGRATION.about.flag, detail));
    };
    let dry_run = DryRun::read(args, environment)?;
    let values = args.values(environment);
    let network = Network::read(&args.network, environment)?;
    let integration = config::find(config::read(file, &values, network)?, &name)?;
    let secrets = integration.read_secrets()?;
    let Connection {
        source,
        sink,
        mapping,
        clock: _,
    } = integration.connect(&secrets)?;
    let org = integration.org.as_ref().map(ToString::to_string);
    Ok(OrgSettings {
        org: org.unwrap_or_default(),
        name: integration.name,
        proxy: integration.proxy,
        source,
        mapping,
        since: None,
        names: WrittenNames::default(),
        checkpoint: integration.checkpoint,
        shared: None,
        secrets: Vec::new(),
        pipeline: PipelineSettings::of_integration(&values, integration.pipeline)?,
        once,
        mode: match dry_run {
            Some(dry_run) => Mode::DryRun(dry_run),
            None => Mode::Send(sink),
        },
        check: None,
        admin: args.admin.address(environment)?,
        audit: None,
    })
}
