//! One integration: an org, and the destination of its log.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{CoralogixMapping, Error, Result};
use okta_source::{OktaSource, OktaSourceBuilder, OrgUrl};

use super::credentials::credentials;
use super::file::{ConfigFile, CoralogixTable, IntegrationTable};
use super::sink_cache::SinkCache;
use crate::program::Environment;
use crate::program::args::{duration_of, in_setting, since_of};

/// An org and its destination, with valid settings, not started.
#[derive(Debug)]
#[non_exhaustive]
pub struct Integration {
    /// Used in messages and file names.
    pub name: String,
    /// Its source, without a checkpoint.
    pub source: OktaSourceBuilder,
    /// The file of its position.
    pub checkpoint: PathBuf,
    /// The mapping of events to entries.
    pub mapping: CoralogixMapping,
    /// The sink, shared by integrations with the same endpoint and key.
    pub sink: Arc<CoralogixSink>,
}

impl Integration {
    /// One that does not come from a file.
    #[must_use]
    pub fn new(
        name: &str,
        source: OktaSourceBuilder,
        checkpoint: PathBuf,
        mapping: CoralogixMapping,
        sink: Arc<CoralogixSink>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            source,
            checkpoint,
            mapping,
            sink,
        }
    }
}

/// All integrations of a file.
pub(super) fn all(
    file: ConfigFile,
    folder: &Path,
    environment: &Environment,
) -> Result<Vec<Integration>> {
    let mut sinks = SinkCache::new(folder, environment);
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
        let target = table.coralogix.clone().or(&file.coralogix);
        let integration = one(&name, table, target, &mut sinks).map_err(&at)?;
        if !names.insert(name.clone()) {
            return Err(at(Error::config("name", "is another integration's too")));
        }
        if !checkpoints.insert(integration.checkpoint.clone()) {
            return Err(at(Error::config(
                "checkpoint",
                "is another integration's too",
            )));
        }
        all.push(integration);
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

fn one(
    name: &str,
    table: IntegrationTable,
    target: CoralogixTable,
    sinks: &mut SinkCache<'_>,
) -> Result<Integration> {
    let (subsystem, account) = (table.subsystem.as_deref(), table.account.as_deref());
    let (_, subsystem) = required([("subsystem", subsystem), ("account", account)])?;
    let (org_url, domain) = (table.org_url.as_deref(), table.okta_domain.as_deref());
    let (key, org) = required([("org_url", org_url), ("okta_domain", domain)])?;
    let org = OrgUrl::parse(org).map_err(|error| Error::config(key, error))?;
    let mut source = OktaSource::builder().org_url(&org).credentials(credentials(
        &table,
        sinks.folder,
        sinks.environment,
    )?);
    if let Some(filter) = table.filter {
        source = source.filter(filter);
    }
    if let Some(q) = table.q {
        source = source.q(q);
    }
    if let Some(since) = &table.since {
        source = source.since(since_of("since", since)?);
    }
    if let Some(interval) = &table.poll_interval {
        source = source.poll_interval(duration_of("poll_interval", interval, "30s")?);
    }
    let file = table
        .checkpoint
        .unwrap_or_else(|| format!("{name}.checkpoint"));
    let mut mapping = CoralogixMapping::builder().subsystem(subsystem);
    if let Some(application) = &target.application {
        mapping = mapping.application(application);
    }
    Ok(Integration {
        name: name.to_owned(),
        source,
        checkpoint: sinks.folder.join(file),
        mapping: mapping.build()?,
        sink: sinks.get(target)?,
    })
}
