//! One integration: an org, and the destination of its log.

use std::collections::HashSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use futures::FutureExt;
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Clock, CoralogixMapping, Error, Result, SystemClock};
use okta_source::{OktaSource, OktaSourceBuilder, OrgUrl, Since};

use super::credentials::{API_TOKEN, CLIENT_SECRET, credentials, without_files};
use super::definition::Definition;
use super::file::{ConfigFile, CoralogixTable, IntegrationTable};
use super::renamed_from;
use super::secrets::{OrgSecrets, PRIVATE_KEY, SecretSource, SecretValues};
use super::sink_cache::SinkCache;
use crate::program::args::{duration_of, duration_or_off, in_setting, since_of, too_old_of};
use crate::program::secrets::SecretJudge;
use crate::program::{Environment, Network, StateFiles};

/// How often the last minutes of a log are read again, unless that is set.
pub const REREAD_EVERY: Duration = Duration::from_secs(3600);

/// How one writes that events which are too old are kept, and that they are restamped.
pub(crate) const TOO_OLD_KEYS: [&str; 2] = ["too_old = \"dead-letter\"", "too_old = \"restamp\""];

/// An org and its destination, with valid settings, not started.
#[derive(Debug)]
#[non_exhaustive]
pub struct Integration {
    /// Used in messages and file names.
    pub name: String,
    /// The file of its position.
    pub checkpoint: PathBuf,
    /// For events that are too old, where the file says it.
    pub too_old: Option<AgePolicy>,
    /// The address of the org, and the one before it was renamed, where the file says them.
    pub(crate) org: Option<OrgUrl>,
    pub(crate) renamed_from: Option<OrgUrl>,
    /// The proxy on the way to Coralogix.
    pub(crate) proxy: Option<String>,
    /// The file says where to begin.
    pub(super) has_since: bool,
    definition: Definition,
    secrets: OrgSecrets,
    connect: Box<dyn Connect>,
}

/// Makes the source and the sink of an org with its secrets, anew each time the org is opened. May block.
pub trait Connect: Debug + Send + Sync + 'static {
    /// Makes no request.
    ///
    /// # Errors
    /// `Config` for a secret that cannot be one, or if TLS cannot be set up.
    fn connect(&self, secrets: &SecretValues) -> Result<Connection>;
}

/// The source and the sink of an org.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connection {
    /// The source, without a checkpoint.
    pub source: OktaSourceBuilder,
    /// The sink, shared by integrations with the same endpoint, and the same place of the key.
    pub sink: Arc<CoralogixSink>,
    /// The mapping of events to entries.
    pub mapping: CoralogixMapping,
}

impl Connection {
    /// These three.
    #[must_use]
    pub fn new(
        source: OktaSourceBuilder,
        sink: Arc<CoralogixSink>,
        mapping: CoralogixMapping,
    ) -> Self {
        Self {
            source,
            sink,
            mapping,
        }
    }
}

impl Integration {
    /// One that does not come from a file, without a secret.
    #[must_use]
    pub fn new(name: &str, checkpoint: PathBuf, connect: impl Connect) -> Self {
        Self {
            name: name.to_owned(),
            checkpoint,
            too_old: None,
            org: None,
            renamed_from: None,
            proxy: None,
            has_since: false,
            definition: Definition::default(),
            secrets: OrgSecrets::default(),
            connect: Box::new(connect),
        }
    }

    /// Adds a secret that is in a file, with `key` as its name.
    #[must_use]
    pub fn with_secret_file(mut self, key: &'static str, path: PathBuf) -> Self {
        self.secrets.add_file(key, path);
        self
    }

    /// Adds the files of this one, by the names that its settings have.
    ///
    /// # Errors
    /// `Config` if another setting uses one of them.
    pub fn add_files(&self, files: &mut StateFiles) -> Result<()> {
        let setting = |key: &str| format!("integration {:?}: {key}", self.name);
        for (key, path) in self.secrets.files() {
            files.add_read(&setting(key), path)?;
        }
        files.add_checkpoint(&setting("checkpoint"), &self.checkpoint)
    }

    /// True if both are written in the same way, apart from the values of their secrets.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.checkpoint, &self.definition)
            == (&other.name, &other.checkpoint, &other.definition)
    }

    /// Reads the secrets. May block.
    ///
    /// # Errors
    /// `Config` for the first that cannot be read.
    pub fn read_secrets(&self) -> Result<SecretValues> {
        self.secrets.read()
    }

    /// Makes the source and the sink with `secrets`. May block.
    ///
    /// # Errors
    /// As [`Connect::connect`].
    pub fn connect(&self, secrets: &SecretValues) -> Result<Connection> {
        self.connect.connect(secrets)
    }
}

/// All integrations of a file.
pub(super) fn all(
    file: ConfigFile,
    folder: &Path,
    environment: &Environment,
    network: Network,
) -> Result<Vec<Integration>> {
    let sinks = Arc::new(SinkCache::new(file.integration.len(), network));
    // For the checks, which make no request.
    let transport = sinks.transport();
    let mut checked = Vec::new();
    let mut names = HashSet::new();
    let mut checkpoints = HashSet::new();
    let mut all = Vec::new();
    for (n, table) in file.integration.into_iter().enumerate() {
        let name = match &table.name {
            Some(name) if is_plain(name) => name.clone(),
            Some(name) => {
                let detail = "has a name that is not 1 to 64 letters, digits, `-`, `_` and `.`: it names a file";
                return Err(Error::config(&format!("integration {name:?}"), detail));
            }
            None => {
                let integration = format!("integration {}", n + 1);
                return Err(Error::config(&integration, "has no name"));
            }
        };
        let at = in_setting(format!("integration {name:?}"));
        let checkpoint = match &table.checkpoint {
            Some(file) => folder.join(file),
            None => folder.join(format!("{name}.checkpoint")),
        };
        let target = table.coralogix.clone().or(&file.coralogix);
        let too_old = table.too_old.as_ref().or(file.too_old.as_ref());
        let definition = Definition::of(&table, &target, too_old);
        let too_old = too_old.map(|value| too_old_of("too_old", value));
        let too_old = too_old.transpose().map_err(&at)?;
        let has_since = table.since.is_some();
        let secrets = secrets(&table, &target, folder, environment).map_err(&at)?;
        let judge = secrets.judge(&name, environment.warnings().clone());
        let secrets_and_judge = (secrets.clone(), judge);
        let settings = OrgSettings::read(table, target, secrets_and_judge, Arc::clone(&sinks));
        let settings = settings.map_err(&at)?;
        let sink = settings.check(Arc::clone(&transport)).map_err(&at)?;
        let proxy = sinks.proxy_of(sink.endpoint().singles());
        checked.push(sink);
        if !names.insert(name.clone()) {
            return Err(at(Error::config("name", "is another integration's too")));
        }
        if !checkpoints.insert(checkpoint.clone()) {
            return Err(at(Error::config(
                "checkpoint",
                "is another integration's too",
            )));
        }
        all.push(Integration {
            name,
            checkpoint,
            too_old,
            org: Some(settings.org.clone()),
            renamed_from: settings.renamed_from.clone(),
            proxy,
            has_since,
            definition,
            secrets,
            connect: Box::new(settings),
        });
    }
    Ok(all)
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.')
}

/// The value of a setting that may be written under its name or its older one, and the key that was written.
fn required<'a>(
    [(key, value), (older, older_value)]: [(&'static str, Option<&'a str>); 2],
) -> Result<(&'static str, &'a str)> {
    let (key, value) = match (value, older_value) {
        (Some(_), Some(_)) => {
            let detail = format!("is set, and so is `{older}`, its older name: remove `{older}`");
            return Err(Error::config(key, detail));
        }
        (None, Some(value)) => (older, value),
        (Some(value), None) => (key, value),
        (None, None) => return Err(Error::config(key, "is missing")),
    };
    match value.trim() {
        "" => Err(Error::config(key, "is empty")),
        value => Ok((key, value)),
    }
}

/// The setting of the key that Coralogix takes, as messages name it.
pub(super) const API_KEY: &str = "coralogix, api_key";

fn secrets(
    table: &IntegrationTable,
    target: &CoralogixTable,
    folder: &Path,
    environment: &Environment,
) -> Result<OrgSecrets> {
    let mut secrets = OrgSecrets::default();
    for (key, secret) in [
        (API_TOKEN, &table.api_token),
        (PRIVATE_KEY, &table.private_key),
        (CLIENT_SECRET, &table.client_secret),
        (API_KEY, &target.api_key),
    ] {
        if let Some(secret) = secret {
            secrets.add(secret.locate(key, folder, environment)?);
        }
    }
    Ok(secrets)
}

/// The settings of an org in the file.
#[derive(Debug)]
struct OrgSettings {
    org: OrgUrl,
    renamed_from: Option<OrgUrl>,
    subsystem: String,
    since: Option<Since>,
    poll_interval: Option<Duration>,
    /// `None`: never.
    reread_every: Option<Duration>,
    table: IntegrationTable,
    /// The secrets that the table names.
    okta_secrets: OrgSecrets,
    target: CoralogixTable,
    api_key: SecretSource,
    /// Of these secrets, before they are sent.
    judge: SecretJudge,
    sinks: Arc<SinkCache>,
}

impl OrgSettings {
    fn read(
        mut table: IntegrationTable,
        target: CoralogixTable,
        (secrets, judge): (OrgSecrets, SecretJudge),
        sinks: Arc<SinkCache>,
    ) -> Result<Self> {
        let (okta_secrets, api_key) = secrets.split(API_KEY);
        // Taken out, so that an older name leaves no trace.
        let (subsystem, account) = (table.subsystem.take(), table.account.take());
        let names = [
            ("subsystem", subsystem.as_deref()),
            ("account", account.as_deref()),
        ];
        let (_, subsystem) = required(names)?;
        let (org_url, domain) = (table.org_url.take(), table.okta_domain.take());
        let names = [
            ("org_url", org_url.as_deref()),
            ("okta_domain", domain.as_deref()),
        ];
        let (key, org) = required(names)?;
        let since = table.since.as_deref();
        let interval = table.poll_interval.as_deref();
        let reread_every = match table.reread_every.as_deref() {
            None => Some(REREAD_EVERY),
            Some(every) => duration_or_off("reread_every", every, "1h")?,
        };
        let org = OrgUrl::parse(org).map_err(|error| Error::config(key, error))?;
        let before = table.renamed_from.as_deref();
        let before = before.map(|before| renamed_from("renamed_from", before, Some(&org)));
        Ok(Self {
            renamed_from: before.transpose()?,
            org,
            subsystem: subsystem.to_owned(),
            since: since
                .map(|since| since_of("since", since, SystemClock.now()))
                .transpose()?,
            poll_interval: interval
                .map(|interval| duration_of("poll_interval", interval, "30s"))
                .transpose()?,
            reread_every,
            table,
            okta_secrets,
            target,
            api_key: api_key.ok_or_else(|| Error::config(API_KEY, "is missing"))?,
            judge,
            sinks,
        })
    }

    /// Finds what is wrong in the file itself: secrets in files of their own may still be missing. Returns the sink, which
    /// integrations share as long as it is kept.
    fn check(&self, transport: Arc<dyn Transport>) -> Result<Arc<CoralogixSink>> {
        let credentials = without_files(&self.table, &self.okta_secrets, &self.judge)?;
        let source = self.source().credentials(credentials).transport(transport);
        // Opening makes no request, and this checkpoint never waits.
        let opened = source.checkpoint(MemoryCheckpoint::default()).open();
        opened.now_or_never().transpose()?;
        self.mapping()?;
        let api_key = self.api_key.without_file();
        self.sinks.get(&self.target, &api_key, &self.judge)
    }

    fn mapping(&self) -> Result<CoralogixMapping> {
        let mapping = CoralogixMapping::builder().subsystem(&self.subsystem);
        match &self.target.application {
            Some(application) => mapping.application(application).build(),
            None => mapping.build(),
        }
    }

    fn source(&self) -> OktaSourceBuilder {
        let mut source = OktaSource::builder().org_url(&self.org);
        if let Some(filter) = &self.table.filter {
            source = source.filter(filter);
        }
        if let Some(q) = &self.table.q {
            source = source.q(q);
        }
        if let Some(interval) = self.poll_interval {
            source = source.poll_interval(interval);
        }
        if let Some(every) = self.reread_every {
            source = source.reread_every(every);
        }
        if let Some(before) = &self.renamed_from {
            source = source.renamed_from(before.clone());
        }
        source
    }
}

impl Connect for OrgSettings {
    /// Reads the secrets itself, also when a remote refuses one later: a changed one is tried at once.
    fn connect(&self, _: &SecretValues) -> Result<Connection> {
        let (table, secrets) = (self.table.clone(), self.okta_secrets.clone());
        let judge = self.judge.clone();
        let mut source = self
            .source()
            .transport(self.sinks.transport())
            .credentials_from(move || credentials(&table, &secrets.read()?, &judge))?;
        if let Some(since) = self.since {
            source = source.since(since);
        }
        let sink = self.sinks.get(&self.target, &self.api_key, &self.judge)?;
        Ok(Connection::new(source, sink, self.mapping()?))
    }
}
