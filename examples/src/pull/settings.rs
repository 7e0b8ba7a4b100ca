//! The settings of `pull`, from args and environment.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::filter::AgeFilter;
use okta_coralogix_core::{Clock, CoralogixMapping, Error, Result, Secret, SystemClock};
use okta_source::{Credentials, OktaSource, OktaSourceBuilder, OrgUrl, Since};

use super::PullArgs;
use super::args::PullCommand;
use super::config::{self, ConfigSource, Integration, ORG_URL};
use super::dry_run::DryRun;
use super::position::PositionSettings;
use super::range::{RangeSettings, RangeTimes};
use super::required;
use crate::program::admin::AdminAddress;
use crate::program::args::{duration_or_off, since_of};
use crate::program::coralogix;
use crate::program::missing::Missing;
use crate::program::pipeline::PipelineSettings;
use crate::program::secrets::SecretJudge;
use crate::program::{Environment, Network, StateFiles};

/// How one writes that events which are too old are kept, and that they are restamped.
pub(super) const TOO_OLD_FLAGS: [&str; 2] = ["--too-old dead-letter", "--too-old restamp"];

/// The variables that name a file with a secret.
const SECRET_FILES: [&str; 4] = [
    "OKTA_API_TOKEN_FILE",
    "OKTA_API_CLIENT_SECRET_FILE",
    "OKTA_API_PRIVATE_KEY_FILE",
    "CORALOGIX_API_KEY_FILE",
];

/// The settings of a run.
#[derive(Debug)]
pub enum Settings {
    /// With one org.
    Org(Box<OrgSettings>),
    /// With the orgs of `--config`.
    Many(Box<ManySettings>),
    /// With a bounded range of one org.
    Range(Box<RangeSettings>),
    /// None: a position is shown or moved.
    Position(PositionSettings),
}

/// The settings of a run with many orgs.
#[derive(Debug)]
pub struct ManySettings {
    pub(super) integrations: Vec<Integration>,
    /// Where they were read, to be read again.
    pub(super) source: ConfigSource,
    pub(super) pipeline: PipelineSettings,
    /// Set: stop when caught up, and give up after this long without progress.
    pub(super) once: Option<Duration>,
    pub(super) check: bool,
    pub(super) dry_run: Option<DryRun>,
    pub(super) admin: Option<AdminAddress>,
}

/// The settings of a run with one org.
#[derive(Debug)]
pub struct OrgSettings {
    /// The address of the org.
    pub(super) org: String,
    /// Its subdomain.
    pub(super) name: String,
    /// The proxy on the way to Coralogix.
    pub(super) proxy: Option<String>,
    /// Without a checkpoint.
    pub(super) source: OktaSourceBuilder,
    pub(super) mapping: CoralogixMapping,
    /// The flag or variable that says where to begin, if one does.
    pub(super) since: Option<String>,
    pub(super) checkpoint: PathBuf,
    pub(super) pipeline: PipelineSettings,
    /// Set: stop when caught up, and give up after this long without progress.
    pub(super) once: Option<Duration>,
    pub(super) mode: Mode,
    pub(super) admin: Option<AdminAddress>,
}

/// What to do with the entries.
#[derive(Debug)]
pub(super) enum Mode {
    Send(Arc<CoralogixSink>),
    /// Write them to stdout.
    DryRun(DryRun),
    /// None are made: only Okta and Coralogix are asked.
    Check(Arc<CoralogixSink>),
}

impl Mode {
    pub(super) fn dry_run(&self) -> Option<&DryRun> {
        match self {
            Self::DryRun(dry_run) => Some(dry_run),
            Self::Send(_) | Self::Check(_) => None,
        }
    }
}

impl Settings {
    pub(super) fn read(mut args: PullArgs, environment: &Environment) -> Result<Self> {
        if let Some(PullCommand::Position(command)) = args.command.take() {
            return PositionSettings::read(command, args, environment).map(Self::Position);
        }
        if let Some(times) = RangeTimes::read(&mut args, environment)? {
            let range = RangeSettings::read(times, args, environment)?;
            return Ok(Self::Range(Box::new(range)));
        }
        if let Some((name, _)) = environment.flag("--integration", args.integration.take())? {
            let detail = "goes with pull position, and with --from and --to; leave it out to run all integrations";
            return Err(Error::config(&name, detail));
        }
        match environment.flag("--config", args.config.clone())? {
            Some((_, file)) => {
                let many = ManySettings::read(Path::new(&file), args, environment)?;
                Ok(Self::Many(Box::new(many)))
            }
            None => OrgSettings::read(args, environment).map(|org| Self::Org(Box::new(org))),
        }
    }
}

impl ManySettings {
    fn read(file: &Path, args: PullArgs, environment: &Environment) -> Result<Self> {
        let (dry_run, check) = dry_run_or_check(&args, environment)?;
        for (flag, value) in [
            ("--since", args.since),
            ("--poll-interval", args.poll_interval),
            ("--reread-every", args.reread_every),
            ("--checkpoint", args.checkpoint),
            ("--renamed-from", args.renamed_from),
        ] {
            if let Some((name, _)) = environment.flag(flag, value)? {
                let detail = "belongs into the file of --config, to each integration";
                return Err(Error::config(&name, detail));
            }
        }
        let pipeline = args.pipeline.settings(environment)?;
        let network = Network::read(args.network, environment)?;
        let source = ConfigSource {
            file: file.to_owned(),
            network,
            dead_letters: pipeline.dead_letters.clone(),
        };
        Ok(Self {
            integrations: source.read(environment)?,
            source,
            pipeline,
            once: args.once.once(environment)?,
            check,
            dry_run,
            admin: args.admin.address(environment)?,
        })
    }
}

impl OrgSettings {
    pub(super) fn read(args: PullArgs, environment: &Environment) -> Result<Self> {
        let (dry_run, check) = dry_run_or_check(&args, environment)?;
        required::check(environment, dry_run.is_none())?;
        let org = org_url(environment)?;
        // The variables stay as they are; the files that they name may change.
        let variables = Credentials::VARIABLES.map(|name| (name, environment.raw(name)));
        let variables = HashMap::from(variables);
        let lookup = move |name: &str| variables.get(name).cloned().flatten();
        let network = Network::read(args.network, environment)?;
        let judge = SecretJudge::of_variables(environment);
        let judged = move |name: &str, secret: &Secret| judge.check_variable(name, secret);
        let source = OktaSource::builder()
            .org_url(&org)
            .transport(network.transport())
            .credentials_from(move || Credentials::from_env_checked(&lookup, &judged))?;
        let sink = || {
            coralogix::sink(environment, &network)?
                .build()
                .map(Arc::new)
        };
        let mode = match (dry_run, check) {
            (Some(dry_run), _) => Mode::DryRun(dry_run),
            (None, true) => Mode::Check(sink()?),
            (None, false) => Mode::Send(sink()?),
        };
        let proxy = match &mode {
            Mode::Send(sink) => network.proxy_of(sink.endpoint().singles()).map(Into::into),
            _ => None,
        };
        let once = args.once.once(environment)?;
        let mapping = coralogix::mapping(environment, Some(org.subdomain()))?.build()?;
        let mut since_setting = None;
        let since = match environment.flag("--since", args.since)? {
            None => Since::Ago(AgeFilter::DEFAULT_LIMIT),
            Some((name, value)) => {
                since_setting = Some(name.clone());
                since_of(&name, &value, SystemClock.now())?
            }
        };
        let interval = environment.duration("--poll-interval", args.poll_interval, "30s")?;
        let reread = match environment.flag("--reread-every", args.reread_every)? {
            None => Some(config::REREAD_EVERY),
            Some((name, value)) => duration_or_off(&name, &value, "1h")?,
        };
        let source = source
            .since(since)
            .poll_interval(interval)
            .once(once.is_some());
        let source = reread
            .into_iter()
            .fold(source, OktaSourceBuilder::reread_every);
        let before = renamed_from(environment, args.renamed_from, Some(&org))?;
        let source = before
            .into_iter()
            .fold(source, OktaSourceBuilder::renamed_from);
        let checkpoint = checkpoint_file(environment, args.checkpoint)?;
        let pipeline = args.pipeline.settings(environment)?;
        let mut files = StateFiles::default();
        for name in SECRET_FILES {
            if let Some(path) = environment.raw(name) {
                files.add_read(name, Path::new(&path))?;
            }
        }
        files.add_checkpoint("--checkpoint", &checkpoint)?;
        files.add_dead_letters("--dead-letters", &pipeline.dead_letters)?;
        Ok(Self {
            name: org.subdomain().to_owned(),
            admin: args.admin.address(environment)?,
            org: org.to_string(),
            proxy,
            source,
            mapping,
            since: since_setting,
            checkpoint,
            pipeline,
            once,
            mode,
        })
    }
}

/// The address of the org.
pub(super) fn org_url(environment: &Environment) -> Result<OrgUrl> {
    let mut missing = Missing::default();
    missing.require(environment, &[ORG_URL], required::ORG);
    missing.check()?;
    let org = environment.get(ORG_URL)?.unwrap_or_default();
    OrgUrl::parse(&org).map_err(|error| Error::config(ORG_URL, error))
}

/// The file of the position.
pub(super) fn checkpoint_file(environment: &Environment, given: Option<String>) -> Result<PathBuf> {
    environment.file("--checkpoint", given, "okta-coralogix.checkpoint")
}

/// The domain of the org before it was changed.
pub(super) fn renamed_from(
    environment: &Environment,
    given: Option<String>,
    org: Option<&OrgUrl>,
) -> Result<Option<OrgUrl>> {
    match environment.flag("--renamed-from", given)? {
        Some((name, before)) => config::renamed_from(&name, &before, org).map(Some),
        None => Ok(None),
    }
}

/// At most one of `--dry-run` and `--check`.
fn dry_run_or_check(args: &PullArgs, environment: &Environment) -> Result<(Option<DryRun>, bool)> {
    let check = environment.switch("--check", args.check)?;
    if check && environment.switch("--dry-run", args.dry_run)? {
        let detail = "cannot be combined with --check; give one of them";
        return Err(Error::config("--dry-run", detail));
    }
    Ok((DryRun::read(args, environment)?, check))
}
