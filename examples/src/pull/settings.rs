//! The settings of `pull`, from args and environment.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{CoralogixMapping, Error, Result, Secret, SharedClockOffset};
use okta_source::{Credentials, OktaSource, OktaSourceBuilder, OrgUrl};

use super::PullArgs;
use super::args::{CONFIG, DRY_RUN, FROM, INTEGRATION, PullCommand};
use super::audited::refill_sides;
use super::config::{CHECKPOINT, Integration, ORG_URL, Queries, SourceGroup, SourceSettings};
use super::config_source::ConfigSource;
use super::dry_run::DryRun;
use super::position::PositionSettings;
use super::range::{RangeSettings, RangeTimes};
use super::replicas::{SharedState, audit_by_replicas, check_letters};
use super::required;
use super::shared_org::SharedOrg;
use crate::audit::continuous::{AuditSides, ContinuousSettings, state_beside};
use crate::program::check::CHECK;
use crate::program::coralogix;
use crate::program::entry_settings::EntrySettings;
use crate::program::listen::ListenAddress;
use crate::program::missing::Missing;
use crate::program::pipeline::ONCE;
use crate::program::pipeline_settings::{DEAD_LETTERS, PipelineSettings};
use crate::program::secrets::SecretJudge;
use crate::program::settings::{Group, Values, WrittenNames};
use crate::program::{Environment, Network, StateFiles};

/// How one writes that events which are too old are kept, and that they are restamped.
pub(super) const TOO_OLD_FLAGS: [&str; 2] = ["--too-old dead-letter", "--too-old restamp"];

/// Where the uuid is in a stored event.
pub(super) const UUID_PATH: &str = "$d.uuid";

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
    /// With the orgs of `--config`, or with one org that replicas share.
    Many(Box<ManySettings>),
    /// With a bounded range of one org.
    Range(Box<RangeSettings>),
    /// None: a position is shown or moved.
    Position(PositionSettings),
}

/// The settings of a run with many orgs, or of one that replicas share.
#[derive(Debug)]
pub struct ManySettings {
    pub(super) integrations: Vec<Integration>,
    /// Where they were read, to be read again; `None`: one org, of variables.
    pub(super) source: Option<ConfigSource>,
    /// Set: several replicas share the positions.
    pub(super) shared: Option<SharedState>,
    pub(super) pipeline: PipelineSettings,
    /// Set: stop when caught up, and give up after this long without progress.
    pub(super) once: Option<Duration>,
    pub(super) check: bool,
    pub(super) dry_run: Option<DryRun>,
    pub(super) admin: Option<ListenAddress>,
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
    pub(super) names: WrittenNames,
    pub(super) checkpoint: PathBuf,
    /// Set: several replicas share the position, which is in no file.
    pub(super) shared: Option<SharedOrg>,
    /// The files of its secrets, by their variables.
    pub(super) secrets: Vec<(&'static str, PathBuf)>,
    pub(super) pipeline: PipelineSettings,
    /// Set: stop when caught up, and give up after this long without progress.
    pub(super) once: Option<Duration>,
    pub(super) mode: Mode,
    /// Set: no run, but a check.
    pub(super) check: Option<Box<OrgCheck>>,
    pub(super) admin: Option<ListenAddress>,
    /// Set: it is audited beside the delivery, between these sides.
    pub(super) audit: Option<(ContinuousSettings, AuditSides)>,
}

/// What a check needs beside the settings of a run.
#[derive(Debug)]
pub(super) struct OrgCheck {
    pub(super) sink: Arc<CoralogixSink>,
    /// The offset of Coralogix's clock, which the sink stores.
    pub(super) clock: SharedClockOffset,
    /// Another source, to be opened at the saved position.
    pub(super) position: OktaSourceBuilder,
}

/// What to do with the entries.
#[derive(Debug)]
pub(super) enum Mode {
    Send(Arc<CoralogixSink>),
    /// Write them to stdout.
    DryRun(DryRun),
}

impl Mode {
    pub(super) fn dry_run(&self) -> Option<&DryRun> {
        match self {
            Self::DryRun(dry_run) => Some(dry_run),
            Self::Send(_) => None,
        }
    }
}

impl Settings {
    pub(super) fn read(args: &PullArgs, environment: &Environment) -> Result<Self> {
        if let Some(PullCommand::Position(command)) = &args.command {
            return PositionSettings::read(command, args, environment).map(Self::Position);
        }
        if let Some(times) = RangeTimes::read(args, environment)? {
            let range = RangeSettings::read(times, args, environment)?;
            return Ok(Self::Range(Box::new(range)));
        }
        let mode = args.mode.values(environment);
        if let Some(written) = mode.find(&INTEGRATION.about)? {
            let detail = "goes with pull position, and with --from and --to; leave it out to run all integrations";
            return Err(Error::config(&written.setting, detail));
        }
        match CONFIG.given(&mode)? {
            Some(file) => {
                let many = ManySettings::read(&file, args, environment)?;
                Ok(Self::Many(Box::new(many)))
            }
            None => {
                let org = OrgSettings::read(args, args.once.once(environment)?, environment)?;
                Ok(match org.into_shared() {
                    Ok(shared) => Self::Many(Box::new(shared)),
                    Err(org) => Self::Org(org),
                })
            }
        }
    }
}

impl ManySettings {
    fn read(file: &Path, args: &PullArgs, environment: &Environment) -> Result<Self> {
        let (dry_run, check) = dry_run_or_check(args, environment)?;
        for about in SourceGroup::SETTINGS {
            if let Some(written) = args.source.values(environment).find(about)? {
                let detail = format!(
                    "belongs into the file of --config, as the key `{}` of each integration",
                    about.key
                );
                return Err(Error::config(&written.setting, detail));
            }
        }
        let values = args.values(environment);
        let pipeline = PipelineSettings::read(&values)?;
        let network = Network::read(&args.network, environment)?;
        let shared = SharedState::read(&values, &network)?;
        check_letters(&pipeline.dead_letters, shared.is_some())?;
        let source = ConfigSource {
            file: file.to_owned(),
            flags: values.given(),
            network,
            queries: Queries::default(),
            state: pipeline.state.clone(),
            dead_letters: pipeline.dead_letters.clone(),
            is_shared: shared.is_some(),
        };
        let integrations = source.read(environment)?;
        let once = args.once.once(environment)?;
        ContinuousSettings::beside(
            &args.audit.values(environment),
            args.ends(once, environment)?,
        )?;
        Ok(Self {
            integrations,
            source: Some(source),
            shared,
            pipeline,
            once,
            check,
            dry_run,
            admin: args.admin.address(environment)?,
        })
    }
}

/// The source of the org of the variables, over `network`. Its credentials are read again when Okta refuses them.
///
/// # Errors
/// `Config`, which names the variable that is missing or wrong.
pub(crate) fn org_source(
    org: &OrgUrl,
    environment: &Environment,
    network: &Network,
) -> Result<OktaSourceBuilder> {
    // The variables stay as they are; the files that they name may change.
    let variables = Credentials::VARIABLES.map(|name| (name, environment.raw(name)));
    let variables = HashMap::from(variables);
    let lookup = move |name: &str| variables.get(name).cloned().flatten();
    let judge = SecretJudge::of_variables(environment);
    let judged = move |name: &str, secret: &Secret| judge.check_variable(name, secret);
    OktaSource::builder()
        .org_url(org)
        .transport(network.transport())
        .credentials_from(move || Credentials::from_env_checked(&lookup, &judged))
}

impl OrgSettings {
    /// `once` as [`OrgSettings::once`].
    pub(super) fn read(
        args: &PullArgs,
        once: Option<Duration>,
        environment: &Environment,
    ) -> Result<Self> {
        let (dry_run, check) = dry_run_or_check(args, environment)?;
        let values = args.values(environment);
        let ends = args.ends(once, environment)?;
        let audit = ContinuousSettings::beside(&values, ends)?;
        required::check(environment, dry_run.is_none(), audit.is_some())?;
        let org = org_url(environment)?;
        let network = Network::read(&args.network, environment)?;
        let shared = SharedState::read(&values, &network)?;
        let source_settings = SourceSettings::read(&values, Some(&org))?;
        let entry = EntrySettings::read(&values)?;
        let clock = SharedClockOffset::unknown();
        let sink = || {
            let sink = coralogix::sink(environment, &network, &entry, &clock)?;
            sink.build().map(Arc::new)
        };
        // Before the sink: a secret of Okta that is wrong is named as that.
        let okta = source_settings.apply(org_source(&org, environment, &network)?);
        let mode = match dry_run {
            Some(dry_run) => Mode::DryRun(dry_run),
            None => Mode::Send(sink()?),
        };
        let proxy = match &mode {
            Mode::Send(sink) => network.proxy_of(sink.endpoint().singles()).map(Into::into),
            Mode::DryRun(_) => None,
        };
        let check = match &mode {
            Mode::Send(sink) if check => Some(Box::new(OrgCheck {
                sink: Arc::clone(sink),
                clock: clock.clone(),
                position: okta.clone(),
            })),
            _ => None,
        };
        let mapping = coralogix::mapping(environment, &entry, Some(org.subdomain()))?;
        let shared = shared.map(|state| SharedOrg {
            state,
            mapping: mapping.clone(),
        });
        let audit = match audit {
            Some(_) if shared.is_some() => return Err(audit_by_replicas()),
            Some(audit) => {
                let address = org.to_string();
                let names = (UUID_PATH, Some(org.subdomain()));
                let mut sides =
                    audit.sides(environment, &network, (&address, okta.clone()), names)?;
                sides.refill = refill_sides(&audit, &mode, &mapping)?;
                Some((audit, sides))
            }
            None => None,
        };
        let mapping = mapping.build()?;
        let source = okta.once(once.is_some());
        let pipeline = PipelineSettings::read(&values)?;
        check_letters(&pipeline.dead_letters, shared.is_some())?;
        let here = Path::new("");
        let checkpoint = pipeline.state.place(here, &CHECKPOINT.get(&values)?);
        let mut files = StateFiles::default();
        let mut secrets = Vec::new();
        for name in SECRET_FILES {
            if let Some(path) = environment.raw(name) {
                files.add_read(name, Path::new(&path))?;
                secrets.push((name, PathBuf::from(path)));
            }
        }
        if shared.is_none() {
            let setting = CHECKPOINT.about.flag;
            let state = &pipeline.state;
            state.check_checkpoint(setting, here, &checkpoint)?;
            files.add_checkpoint(setting, &checkpoint)?;
        }
        files.add_dead_letters(DEAD_LETTERS.about.flag, &pipeline.dead_letters)?;
        if audit.is_some() {
            files.add_checkpoint("--audit-every", &state_beside(&checkpoint))?;
        }
        Ok(Self {
            name: org.subdomain().to_owned(),
            admin: args.admin.address(environment)?,
            org: org.to_string(),
            proxy,
            source,
            mapping,
            since: source_settings.since_setting,
            names: source_settings.names,
            checkpoint,
            shared,
            secrets,
            pipeline,
            once,
            mode,
            check,
            audit,
        })
    }
}

impl PullArgs {
    /// The flag with which the program ends by itself, if it does.
    fn ends(&self, once: Option<Duration>, environment: &Environment) -> Result<Option<&str>> {
        if FROM.given(&self.range.values(environment))?.is_some() {
            return Ok(Some(FROM.about.flag));
        }
        if DRY_RUN.get(&self.mode.values(environment))? {
            return Ok(Some(DRY_RUN.about.flag));
        }
        Ok(once.map(|_| ONCE.about.flag))
    }

    /// The settings that one org has, and integrations each.
    pub(super) fn values<'a>(&'a self, environment: &'a Environment) -> Values<'a> {
        self.source
            .values(environment)
            .flags(self.replicas.given())
            .flags(self.pipeline.given())
            .flags(self.filter.given())
            .flags(self.entry.given())
            .flags(self.audit.given())
    }
}

/// The address of the org.
pub(crate) fn org_url(environment: &Environment) -> Result<OrgUrl> {
    let mut missing = Missing::default();
    missing.require(environment, &[ORG_URL], required::ORG);
    missing.check()?;
    let org = environment.get(ORG_URL)?.unwrap_or_default();
    OrgUrl::parse(&org).map_err(|error| Error::config(ORG_URL, error))
}

/// At most one of `--dry-run` and `--check`.
fn dry_run_or_check(args: &PullArgs, environment: &Environment) -> Result<(Option<DryRun>, bool)> {
    let check = CHECK.get(&args.check.values(environment))?;
    if check && DRY_RUN.get(&args.mode.values(environment))? {
        let detail = "cannot be combined with --check; give one of them";
        return Err(Error::config(DRY_RUN.about.flag, detail));
    }
    Ok((DryRun::read(args, environment)?, check))
}
