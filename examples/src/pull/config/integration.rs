//! One integration: an org, and the destination of its log.

use std::collections::HashSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use futures::FutureExt;
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{CoralogixMapping, Error, Result, Secret, SharedClockOffset};
use okta_source::{OktaSource, OktaSourceBuilder, OrgUrl};

use super::credentials::{API_TOKEN, CLIENT_SECRET, credentials, without_files};
use super::definition::Definition;
use super::file::{ConfigFile, CoralogixTable, IntegrationTable};
use super::secrets::{OrgSecrets, PRIVATE_KEY, SecretSource, SecretValues};
use super::sink_cache::{SharedSink, SinkCache};
use super::source_settings::{CHECKPOINT, SourceSettings};
use crate::program::args::in_setting;
use crate::program::entry_settings::{EntrySettings, HASH_SALT_KEY};
use crate::program::pipeline_settings::PipelineOptions;
use crate::program::secrets::SecretJudge;
use crate::program::settings::Values;
use crate::program::{Environment, Network, StateDir, StateFiles};

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
    /// What its pipeline has of its own, or of all integrations.
    pub pipeline: PipelineOptions,
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
    /// The offset of Coralogix's clock, which the sink stores; unknown if it does not.
    pub clock: SharedClockOffset,
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
            clock: SharedClockOffset::unknown(),
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
            pipeline: PipelineOptions::default(),
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

    /// Makes sure that its checkpoint was not left in `folder`, that of the file.
    ///
    /// # Errors
    /// `Config`, which says what to move.
    pub(crate) fn check_left_behind(&self, state: &StateDir, folder: &Path) -> Result<()> {
        let setting = format!("integration {:?}: checkpoint", self.name);
        state.check_checkpoint(&setting, folder, &self.checkpoint)
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
    values: &Values<'_>,
    network: Network,
) -> Result<Vec<Integration>> {
    let environment = values.environment();
    let state = StateDir::read(values)?;
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
        let written = table.settings.clone();
        let values = values.clone().table(&written).table(&file.settings);
        let written = CHECKPOINT.given(&values.clone().only_tables());
        let written = written.map_err(&at)?;
        let written = written.unwrap_or_else(|| format!("{name}.checkpoint").into());
        let checkpoint = state.place(folder, &written);
        let target = table.coralogix.clone().or(&file.coralogix);
        let definition = Definition::of(&table, &target, &file.settings);
        let pipeline = PipelineOptions::read(&values).map_err(&at)?;
        let secrets = secrets(&table, &target, folder, environment).map_err(&at)?;
        let judge = secrets.judge(&name, environment.warnings().clone());
        let of_file = (secrets.clone(), judge, Arc::clone(&sinks));
        let settings = OrgSettings::read(table, target, of_file, &values);
        let settings = settings.map_err(&at)?;
        let has_since = settings.source_settings.since_setting.is_some();
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
            pipeline,
            org: Some(settings.org.clone()),
            renamed_from: settings.source_settings.renamed_from.clone(),
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
        (HASH_SALT_KEY, &table.hash_salt),
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
    subsystem: String,
    source_settings: SourceSettings,
    entry: EntrySettings,
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
        (secrets, judge, sinks): (OrgSecrets, SecretJudge, Arc<SinkCache>),
        values: &Values<'_>,
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
        let org = OrgUrl::parse(org).map_err(|error| Error::config(key, error))?;
        Ok(Self {
            source_settings: SourceSettings::read(&values.clone().only_tables(), Some(&org))?,
            org,
            subsystem: subsystem.to_owned(),
            entry: EntrySettings::read(values)?,
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
        self.mapping(self.okta_secrets.without_files(HASH_SALT_KEY))?;
        let api_key = self.api_key.without_file();
        Ok(self.shared_sink(&api_key)?.sink)
    }

    fn shared_sink(&self, api_key: &SecretSource) -> Result<SharedSink> {
        self.sinks
            .get(&self.target, api_key, &self.entry, &self.judge)
    }

    fn mapping(&self, salt: Option<Secret>) -> Result<CoralogixMapping> {
        let mapping = CoralogixMapping::builder().subsystem(&self.subsystem);
        let mapping = self.entry.redact(mapping, (HASH_SALT_KEY, salt))?;
        match &self.target.application {
            Some(application) => mapping.application(application).build(),
            None => mapping.build(),
        }
    }

    fn source(&self) -> OktaSourceBuilder {
        self.source_settings
            .apply(OktaSource::builder().org_url(&self.org))
    }
}

impl Connect for OrgSettings {
    /// Reads the secrets itself, also when a remote refuses one later: a changed one is tried at once.
    fn connect(&self, read: &SecretValues) -> Result<Connection> {
        let (table, secrets) = (self.table.clone(), self.okta_secrets.clone());
        let judge = self.judge.clone();
        let source = self
            .source()
            .transport(self.sinks.transport())
            .credentials_from(move || credentials(&table, &secrets.read()?, &judge))?;
        let SharedSink { sink, clock } = self.shared_sink(&self.api_key)?;
        let mapping = self.mapping(read.get(HASH_SALT_KEY).cloned())?;
        Ok(Connection {
            clock,
            ..Connection::new(source, sink, mapping)
        })
    }
}
