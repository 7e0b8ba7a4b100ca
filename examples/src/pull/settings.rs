//! What `pull` is asked to do, from flags and variables.

use std::path::{Path, PathBuf};
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{CoralogixMapping, Error, Result};
use okta_source::{Credentials, OrgUrl, Since};

use super::Flags;
use super::config::{self, Integration};
use crate::coralogix;
use crate::program::Environment;
use crate::program::args::{Args, required, since_of};

/// What the user wants.
#[derive(Debug)]
pub enum Wanted {
    /// Nothing was set.
    Demonstration,
    /// Something was set.
    Real(Box<Settings>),
    /// Many orgs.
    Many(Box<Many>),
}

/// The settings of a run with many orgs.
#[derive(Debug)]
pub struct Many {
    /// The orgs.
    pub integrations: Vec<Integration>,
    /// The file of what cannot be delivered.
    pub dead_letters: PathBuf,
    /// Set: stop when caught up, and give up after this long without progress.
    pub once: Option<Duration>,
    /// Test both ends of each, and send nothing.
    pub check: bool,
}

/// The settings of a real run.
#[derive(Debug)]
pub struct Settings {
    /// The org.
    pub org: OrgUrl,
    /// What it is signed in to with.
    pub credentials: Credentials,
    /// Where entries go; `None`: to standard output.
    pub sink: Option<CoralogixSink>,
    /// How they are made.
    pub mapping: CoralogixMapping,
    /// Where to begin without a checkpoint.
    pub since: Since,
    /// How often to ask.
    pub poll_interval: Duration,
    /// The file of the position.
    pub checkpoint: PathBuf,
    /// The file of what cannot be delivered.
    pub dead_letters: PathBuf,
    /// Set: stop when caught up, and give up after this long without progress.
    pub once: Option<Duration>,
    /// What to do.
    pub mode: Mode,
}

/// What to do with the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Send to Coralogix.
    Send,
    /// Write entries to stdout.
    DryRun,
    /// Test both ends.
    Check,
}

const ORG_URL: &str = "OKTA_ORG_URL";

impl Wanted {
    /// Reads what was set. Any variable or argument at all means a real run.
    ///
    /// # Errors
    /// `Config`, which names what is missing or wrong and says what to write.
    pub fn read(flags: Flags, any_argument: bool, environment: &Environment) -> Result<Self> {
        let mut variables = [ORG_URL]
            .into_iter()
            .chain(Credentials::VARIABLES)
            .chain(coralogix::VARIABLES)
            .chain(Flags::VARIABLES);
        if !any_argument && !variables.any(|name| environment.has(name)) {
            return Ok(Self::Demonstration);
        }
        let given = Args { environment };
        match given.value("CONFIG", "--config", flags.config.clone())? {
            Some((_, file)) => Many::read(Path::new(&file), flags, environment)
                .map(|many| Self::Many(Box::new(many))),
            None => {
                Settings::read(flags, environment).map(|settings| Self::Real(Box::new(settings)))
            }
        }
    }
}

impl Many {
    fn read(file: &Path, flags: Flags, environment: &Environment) -> Result<Self> {
        let given = Args { environment };
        for (twin, flag, value) in [
            ("SINCE", "--since", &flags.since),
            ("POLL_INTERVAL", "--poll-interval", &flags.poll_interval),
            ("CHECKPOINT", "--checkpoint", &flags.checkpoint),
        ] {
            if let Some((name, _)) = given.value(twin, flag, value.clone())? {
                let detail = "belongs into the file of --config, to each integration";
                return Err(Error::config(&name, detail));
            }
        }
        if given.switch("DRY_RUN", flags.dry_run)? {
            let detail = "cannot be combined with --config; leave one of them out";
            return Err(Error::config("--dry-run", detail));
        }
        Ok(Self {
            integrations: config::read(file, environment)?,
            dead_letters: dead_letters(given, flags.dead_letters)?,
            once: once(given, flags.once, flags.give_up_after)?,
            check: given.switch("CHECK", flags.check)?,
        })
    }
}

fn dead_letters(given: Args<'_>, value: Option<String>) -> Result<PathBuf> {
    given.file(
        "DEAD_LETTERS",
        "--dead-letters",
        value,
        "okta-coralogix.dead-letters.ndjson",
    )
}

fn once(given: Args<'_>, once: bool, give_up: Option<String>) -> Result<Option<Duration>> {
    let give_up = given.duration("GIVE_UP_AFTER", "--give-up-after", give_up, "10m")?;
    Ok(given.switch("ONCE", once)?.then_some(give_up))
}

impl Settings {
    fn read(flags: Flags, environment: &Environment) -> Result<Self> {
        let given = Args { environment };
        let mode = match (
            given.switch("DRY_RUN", flags.dry_run)?,
            given.switch("CHECK", flags.check)?,
        ) {
            (true, true) => {
                return Err(Error::config(
                    "--dry-run",
                    "cannot be combined with --check; give one of them",
                ));
            }
            (true, false) => Mode::DryRun,
            (false, true) => Mode::Check,
            (false, false) => Mode::Send,
        };
        let org = required(
            environment,
            ORG_URL,
            "the address of your org, such as https://example.okta.com",
        )?;
        let org = OrgUrl::parse(&org).map_err(|error| Error::config(ORG_URL, error))?;
        let credentials = Credentials::from_env(|name| environment.raw(name))?;
        let sink = match mode {
            Mode::DryRun => None,
            Mode::Send | Mode::Check => Some(coralogix::sink(environment)?.build()?),
        };
        let once = once(given, flags.once, flags.give_up_after)?;
        let settings = Self {
            mapping: coralogix::mapping(environment, Some(org.subdomain()))?.build()?,
            org,
            credentials,
            sink,
            since: since(given, flags.since)?,
            poll_interval: given.duration(
                "POLL_INTERVAL",
                "--poll-interval",
                flags.poll_interval,
                "30s",
            )?,
            checkpoint: given.file(
                "CHECKPOINT",
                "--checkpoint",
                flags.checkpoint,
                "okta-coralogix.checkpoint",
            )?,
            dead_letters: dead_letters(given, flags.dead_letters)?,
            once,
            mode,
        };
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        if absolute(&settings.checkpoint) == absolute(&settings.dead_letters) {
            return Err(Error::config(
                "--dead-letters",
                "is the same file as --checkpoint; give them different ones",
            ));
        }
        Ok(settings)
    }
}

fn since(given: Args<'_>, value: Option<String>) -> Result<Since> {
    match given.value("SINCE", "--since", value)? {
        None => Ok(Since::Ago(Duration::from_secs(24 * 3600))),
        Some((name, value)) => since_of(&name, &value),
    }
}
