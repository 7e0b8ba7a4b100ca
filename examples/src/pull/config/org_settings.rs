//! The settings of an org in the file, and its source and sink made of them.

use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use futures::FutureExt;
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{CoralogixMapping, Error, Result, Secret};
use okta_source::{OktaSource, OktaSourceBuilder, OrgUrl};

use super::credentials::{credentials, without_files};
use super::file::{CoralogixTable, IntegrationTable};
use super::integration::{API_KEY, Connect, Connection};
use super::query::OrgQuery;
use super::secrets::{OrgSecrets, SecretSource, SecretValues};
use super::sink_cache::{SharedSink, SinkCache};
use super::source_settings::SourceSettings;
use crate::audit::{AuditSides, RefillSides};
use crate::program::entry_settings::{EntrySettings, HASH_SALT_KEY};
use crate::program::secrets::SecretJudge;
use crate::program::settings::Values;

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

/// The settings of an org in the file.
#[derive(Debug)]
pub(super) struct OrgSettings {
    pub(super) org: OrgUrl,
    subsystem: String,
    pub(super) source_settings: SourceSettings,
    entry: EntrySettings,
    table: IntegrationTable,
    /// The secrets that the table names.
    okta_secrets: OrgSecrets,
    target: CoralogixTable,
    api_key: SecretSource,
    /// Of these secrets, before they are sent.
    judge: SecretJudge,
    sinks: Arc<SinkCache>,
    /// Set: it is audited.
    query: Option<OrgQuery>,
}

impl OrgSettings {
    pub(super) fn read(
        mut table: IntegrationTable,
        target: CoralogixTable,
        (secrets, judge, sinks, query): (OrgSecrets, SecretJudge, Arc<SinkCache>, Option<OrgQuery>),
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
            query,
        })
    }

    /// Finds what is wrong in the file itself: secrets in files of their own may still be missing. Returns the sink, which
    /// integrations share as long as it is kept.
    pub(super) fn check(&self, transport: Arc<dyn Transport>) -> Result<Arc<CoralogixSink>> {
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

    fn connected_source(&self) -> Result<OktaSourceBuilder> {
        let (table, secrets) = (self.table.clone(), self.okta_secrets.clone());
        let judge = self.judge.clone();
        self.source()
            .transport(self.sinks.transport())
            .credentials_from(move || credentials(&table, &secrets.read()?, &judge))
    }

    fn source(&self) -> OktaSourceBuilder {
        self.source_settings
            .apply(OktaSource::builder().org_url(&self.org))
    }
}

impl Connect for OrgSettings {
    /// Reads the secrets itself, also when a remote refuses one later: a changed one is tried at once.
    fn connect(&self, read: &SecretValues) -> Result<Connection> {
        let source = self.connected_source()?;
        let SharedSink { sink, clock } = self.shared_sink(&self.api_key)?;
        let mapping = self.mapping(read.get(HASH_SALT_KEY).cloned())?;
        Ok(Connection {
            clock,
            ..Connection::new(source, sink, mapping)
        })
    }

    fn audit_sides(&self, read: &SecretValues) -> Result<AuditSides> {
        let query = self.query.as_ref().ok_or_else(|| {
            Error::config("audit_every", "is not set, so that the org is not audited")
        })?;
        let source = (self.org.as_str(), self.connected_source()?);
        let mut sides = query.sides(source, &self.subsystem, self.sinks.transport())?;
        if query.refills {
            sides.refill = Some(RefillSides {
                sink: self.shared_sink(&self.api_key)?.sink,
                mapping: Arc::new(self.mapping(read.get(HASH_SALT_KEY).cloned())?),
            });
        }
        Ok(sides)
    }
}
