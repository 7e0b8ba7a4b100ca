//! One integration: an org, and the destination of its log.

use std::collections::HashSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{CoralogixMapping, Error, Result, SharedClockOffset};
use okta_source::{OktaSourceBuilder, OrgUrl};

use super::credentials::{API_TOKEN, CLIENT_SECRET};
use super::definition::Definition;
use super::file::{ConfigFile, CoralogixTable, IntegrationTable};
use super::org_settings::OrgSettings;
use super::query::{OrgQuery, Queries};
use super::secrets::{OrgSecrets, PRIVATE_KEY, SecretValues};
use super::sink_cache::SinkCache;
use super::source_settings::CHECKPOINT;
use crate::audit::continuous::state_beside;
use crate::audit::{AuditSides, ContinuousSettings};
use crate::program::args::in_setting;
use crate::program::entry_settings::HASH_SALT_KEY;
use crate::program::pipeline_settings::PipelineOptions;
use crate::program::settings::{Values, WrittenNames};
use crate::program::{Environment, Network, StateDir, StateFiles};
use crate::pull::replicas::{STATE, audit_by_replicas, beside_a_file, check_log_name};

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
    /// The setting that says where to begin, if one does.
    pub(crate) since: Option<String>,
    /// How one writes that events which are too old are kept, and that they are restamped.
    pub(crate) keep: [&'static str; 2],
    /// The names of its settings, where the library would name its own.
    pub(crate) names: WrittenNames,
    /// Set: it is audited beside the delivery.
    pub audit: Option<ContinuousSettings>,
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

    /// The sides of the audit beside the delivery, anew for each round. Apart from [`connect`](Self::connect), which does not need the key
    /// of queries.
    ///
    /// # Errors
    /// `Config` if the key of queries cannot be read, or there is no such audit.
    fn audit_sides(&self, secrets: &SecretValues) -> Result<AuditSides>;
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
            since: None,
            keep: TOO_OLD_KEYS,
            names: WrittenNames::default(),
            audit: None,
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
        self.add_secret_files(files)?;
        let setting = |key: &str| format!("integration {:?}: {key}", self.name);
        files.add_checkpoint(&setting("checkpoint"), &self.checkpoint)?;
        match &self.audit {
            Some(_) => {
                files.add_checkpoint(&setting("audit_every"), &state_beside(&self.checkpoint))
            }
            None => Ok(()),
        }
    }

    /// As [`add_files`](Self::add_files), of one whose position is in no file.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn add_secret_files(&self, files: &mut StateFiles) -> Result<()> {
        for (key, path) in self.secrets.files() {
            files.add_read(&format!("integration {:?}: {key}", self.name), path)?;
        }
        Ok(())
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

    /// Reads the secrets, and makes the sides of the audit beside the delivery. May block.
    ///
    /// # Errors
    /// As [`Connect::audit_sides`].
    pub fn audit_sides(&self) -> Result<AuditSides> {
        self.connect.audit_sides(&self.read_secrets()?)
    }

    /// As [`audit_sides`](Self::audit_sides), of an audit by hand, which reads no secret but the key of queries: the source reads its own
    /// when it is opened, and the key of the sink is that of a refill.
    ///
    /// # Errors
    /// As [`Connect::audit_sides`].
    pub(crate) fn sides_by_hand(&self) -> Result<AuditSides> {
        self.connect.audit_sides(&SecretValues::default())
    }
}

/// All integrations of a file.
pub(super) fn all(
    file: ConfigFile,
    folder: &Path,
    values: &Values<'_>,
    network: Network,
    queries: &Queries,
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
        if let Some(state) = values.find(&STATE.about)? {
            check_log_name(&name, &state.setting).map_err(&at)?;
        }
        let written = table.settings.clone();
        let values = values.clone().table(&written).table(&file.settings);
        let written = CHECKPOINT.given(&values.clone().only_tables());
        let written = written.map_err(&at)?;
        if let (Some(_), Some(state)) = (&written, values.find(&STATE.about)?) {
            return Err(at(beside_a_file(CHECKPOINT.about.key, &state.setting)));
        }
        let written = written.unwrap_or_else(|| format!("{name}.checkpoint").into());
        let checkpoint = state.place(folder, &written);
        let target = table.coralogix.clone().or(&file.coralogix);
        let definition = Definition::of(&table, &target, &file.settings);
        let pipeline = PipelineOptions::read(&values).map_err(&at)?;
        let secrets = secrets(&table, &target, folder, environment).map_err(&at)?;
        let judge = secrets.judge(&name, environment.warnings().clone());
        let continuous = ContinuousSettings::read(&values).map_err(&at)?;
        if continuous.is_some() && values.find(&STATE.about)?.is_some() {
            return Err(at(audit_by_replicas()));
        }
        let asked = (name.as_str(), queries);
        let query = OrgQuery::read(asked, continuous.as_ref(), &target, folder, environment);
        let query = query.map_err(&at)?;
        let of_file = (secrets.clone(), judge, Arc::clone(&sinks), query);
        let settings = OrgSettings::read(table, target, of_file, &values);
        let settings = settings.map_err(&at)?;
        let since = settings.source_settings.since_setting.clone();
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
            since,
            keep: TOO_OLD_KEYS,
            names: WrittenNames::default(),
            audit: continuous,
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
