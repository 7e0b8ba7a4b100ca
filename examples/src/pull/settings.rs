//! What `pull` is asked to do, from flags and variables.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{CoralogixMapping, Error, Result, Secret};
use okta_source::{ApiToken, OrgUrl, Since};

use super::Flags;
use crate::coralogix;
use crate::environment::Environment;
use crate::given::{Given, required};

/// What the user wants.
#[derive(Debug)]
pub enum Wanted {
    /// Nothing was set.
    Demonstration,
    /// Something was set.
    Real(Box<Settings>),
}

/// The settings of a real run.
#[derive(Debug)]
pub struct Settings {
    /// The org.
    pub org: OrgUrl,
    /// Its token.
    pub token: Secret,
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
const API_TOKEN: &str = "OKTA_API_TOKEN";

impl Wanted {
    /// Reads what was set. Any variable or argument at all means a real run.
    ///
    /// # Errors
    /// `Config`, which names what is missing or wrong and says what to write.
    pub fn read(flags: Flags, any_argument: bool, environment: &Environment) -> Result<Self> {
        let mut variables = [ORG_URL, API_TOKEN]
            .into_iter()
            .chain(coralogix::VARIABLES)
            .chain(Flags::VARIABLES);
        if !any_argument && !variables.any(|name| environment.has(name)) {
            return Ok(Self::Demonstration);
        }
        Settings::read(flags, environment).map(|settings| Self::Real(Box::new(settings)))
    }
}

impl Settings {
    fn read(flags: Flags, environment: &Environment) -> Result<Self> {
        let given = Given { environment };
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
        let token = required(
            environment,
            API_TOKEN,
            "the API token of a Read-only or Report Administrator",
        )?;
        let token =
            ApiToken::parse(&token.into()).map_err(|error| Error::config(API_TOKEN, error))?;
        let sink = match mode {
            Mode::DryRun => None,
            Mode::Send | Mode::Check => Some(coralogix::sink(environment)?.build()?),
        };
        let give_up = given.duration(
            "GIVE_UP_AFTER",
            "--give-up-after",
            flags.give_up_after,
            "10m",
        )?;
        let once = given.switch("ONCE", flags.once)?.then_some(give_up);
        let settings = Self {
            mapping: coralogix::mapping(environment, Some(org.subdomain()))?.build()?,
            org,
            token: token.into(),
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
                "okta-coralogix.checkpoint.json",
            )?,
            dead_letters: given.file(
                "DEAD_LETTERS",
                "--dead-letters",
                flags.dead_letters,
                "okta-coralogix.dead-letters.ndjson",
            )?,
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

fn since(given: Given<'_>, value: Option<String>) -> Result<Since> {
    let Some((name, value)) = given.value("SINCE", "--since", value)? else {
        return Ok(Since::Ago(Duration::from_secs(24 * 3600)));
    };
    if let Ok(time) = value.trim().parse::<DateTime<Utc>>() {
        return Ok(Since::At(time));
    }
    humantime::parse_duration(value.trim()).map(Since::Ago).map_err(|_| {
        let what = "is neither a time nor a duration; write an RFC 3339 time such as 2026-11-22T10:00:00Z, or 90m, or 24h";
        Error::config(&name, format!("{value:?} {what}"))
    })
}
