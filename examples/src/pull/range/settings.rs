//! The settings of a range: those of its org, in the way that the org is set for polling.

use std::path::{Path, PathBuf};

use okta_coralogix_core::{Error, Result};

use super::RangeTimes;
use crate::program::{Environment, Network, StateFiles};
use crate::pull::PullArgs;
use crate::pull::config::{self, Connection, TOO_OLD_KEYS};
use crate::pull::dry_run::DryRun;
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
        mut args: PullArgs,
        environment: &Environment,
    ) -> Result<Self> {
        // The variables may be those of the program that polls beside it.
        for (flag, value) in [
            ("--since", &args.since),
            ("--reread-every", &args.reread_every),
        ] {
            if value.is_some() {
                let detail = "is for polling, and has no meaning for a range; leave it out, or --from and --to";
                return Err(Error::config(flag, detail));
            }
        }
        if environment.switch("--check", args.check)? {
            let detail = "cannot be combined with --from and --to; leave it out, or them";
            return Err(Error::config("--check", detail));
        }
        args.once = args.once.implied();
        let (org, keep) = match environment.flag("--config", args.config.clone())? {
            Some((_, file)) => (
                integration(Path::new(&file), args, environment)?,
                TOO_OLD_KEYS,
            ),
            None => (OrgSettings::read(args, environment)?, TOO_OLD_FLAGS),
        };
        let checkpoint = times.checkpoint(&org.checkpoint);
        times.check_kept(&checkpoint)?;
        let mut files = StateFiles::default();
        files.add_checkpoint("--from", &checkpoint)?;
        files.add_dead_letters("--dead-letters", &org.pipeline.dead_letters)?;
        Ok(Self {
            times,
            checkpoint,
            org,
            keep,
        })
    }
}

/// One integration of the file, as the settings of an org.
fn integration(file: &Path, args: PullArgs, environment: &Environment) -> Result<OrgSettings> {
    let Some((_, name)) = environment.flag("--integration", args.integration.clone())? else {
        let detail = "is missing: write of which integration of --config the range is to be read";
        return Err(Error::config("--integration", detail));
    };
    let dry_run = DryRun::read(&args, environment)?;
    let mut pipeline = args.pipeline.settings(environment)?;
    let network = Network::read(args.network, environment)?;
    let integration = config::find(config::read(file, environment, network)?, &name)?;
    let secrets = integration.read_secrets()?;
    let Connection {
        source,
        sink,
        mapping,
    } = integration.connect(&secrets)?;
    pipeline.too_old = integration.too_old.or(pipeline.too_old);
    let org = integration.org.as_ref().map(ToString::to_string);
    Ok(OrgSettings {
        org: org.unwrap_or_default(),
        name: integration.name,
        proxy: integration.proxy,
        source,
        mapping,
        since: None,
        checkpoint: integration.checkpoint,
        pipeline,
        once: args.once.once(environment)?,
        mode: match dry_run {
            Some(dry_run) => Mode::DryRun(dry_run),
            None => Mode::Send(sink),
        },
        admin: args.admin.address(environment)?,
    })
}
