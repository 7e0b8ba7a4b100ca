//! What `pull` is asked to do, from flags and variables.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{CoralogixMapping, Error, Result};
use okta_source::{Credentials, OrgUrl, Since};

use super::Flags;
use crate::environment::Environment;
use crate::{coralogix, dry_run};

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
    /// What it is signed in to with.
    pub credentials: Credentials,
    /// Where entries go.
    pub sink: CoralogixSink,
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

/// The range of the durations of flags.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

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
        let credentials = Credentials::from_env(|name| environment.raw(name))?;
        let sink = match mode {
            Mode::DryRun => dry_run::sink()?,
            Mode::Send | Mode::Check => coralogix::sink(environment)?.build()?,
        };
        let give_up = given.duration(
            "GIVE_UP_AFTER",
            "--give-up-after",
            flags.give_up_after,
            "10m",
        )?;
        let once = given.switch("ONCE", flags.once)?.then_some(give_up);
        let settings = Self {
            mapping: coralogix::mapping(environment, org.subdomain())?.build()?,
            org,
            credentials,
            sink,
            since: given.since(flags.since)?,
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

fn required(environment: &Environment, name: &str, what: &str) -> Result<String> {
    let value = environment.get(name)?;
    value.ok_or_else(|| Error::config(name, format!("is not set; set it to {what}")))
}

/// Flags, with their twins in the environment where they are absent.
struct Given<'a> {
    environment: &'a Environment,
}

impl Given<'_> {
    /// The value, and how the user wrote its name.
    fn value(
        &self,
        twin: &str,
        flag: &str,
        value: Option<String>,
    ) -> Result<Option<(String, String)>> {
        if let Some(value) = value {
            return Ok(Some((flag.to_owned(), value)));
        }
        let name = format!("OKTA_CORALOGIX_{twin}");
        Ok(self.environment.get(&name)?.map(|value| (name, value)))
    }

    fn switch(&self, twin: &str, flag: bool) -> Result<bool> {
        match self.value(twin, "", None)? {
            _ if flag => Ok(true),
            None => Ok(false),
            Some((name, value)) => match value.as_str() {
                "1" | "true" => Ok(true),
                "0" | "false" | "" => Ok(false),
                _ => Err(Error::config(
                    &name,
                    format!("is {value:?}; write true or false"),
                )),
            },
        }
    }

    fn duration(
        &self,
        twin: &str,
        flag: &str,
        value: Option<String>,
        default: &str,
    ) -> Result<Duration> {
        let (name, value) = self
            .value(twin, flag, value)?
            .unwrap_or_else(|| (flag.to_owned(), default.to_owned()));
        match humantime::parse_duration(value.trim()) {
            Ok(time) if (SHORTEST..=LONGEST).contains(&time) => Ok(time),
            _ => Err(Error::config(
                &name,
                format!(
                    "{value:?} is no duration from 1s to 30d; write one such as {default} or 90m"
                ),
            )),
        }
    }

    fn since(&self, value: Option<String>) -> Result<Since> {
        let Some((name, value)) = self.value("SINCE", "--since", value)? else {
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

    fn file(
        &self,
        twin: &str,
        flag: &str,
        value: Option<String>,
        default: &str,
    ) -> Result<PathBuf> {
        match self.value(twin, flag, value)? {
            None => Ok(default.into()),
            Some((name, path)) if path.is_empty() => Err(Error::config(
                &name,
                format!("is empty; write a file, such as {default}"),
            )),
            Some((_, path)) => Ok(path.into()),
        }
    }
}
