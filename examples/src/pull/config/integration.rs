//! One integration: an org, and where its log goes.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{CoralogixMapping, Error, Result};
use okta_source::{Credentials, OktaSource, OktaSourceBuilder, OrgUrl};

use super::file::{File, Target, Written};
use super::secrets::SecretFrom;
use crate::program::Environment;
use crate::program::args::{duration_of, since_of};

/// One org, with all that it needs, checked and not started.
#[derive(Debug)]
#[non_exhaustive]
pub struct Integration {
    /// Names it in messages and files.
    pub name: String,
    /// Its source, without a checkpoint.
    pub source: OktaSourceBuilder,
    /// The file of its position.
    pub checkpoint: PathBuf,
    /// How entries are made.
    pub mapping: CoralogixMapping,
    /// Where they go. Integrations with the same target share one.
    pub sink: Arc<CoralogixSink>,
}

impl Integration {
    /// One that was put together elsewhere.
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
    file: File,
    folder: &Path,
    environment: &Environment,
) -> Result<Vec<Integration>> {
    let mut sinks = Sinks {
        folder,
        environment,
        made: Vec::new(),
    };
    let mut names = HashSet::new();
    let mut checkpoints = HashSet::new();
    let mut all = Vec::new();
    for (n, written) in file.integration.into_iter().enumerate() {
        let name = match &written.name {
            Some(name) if is_plain(name) => name.clone(),
            Some(name) => {
                let detail = "has a name that is not 1 to 64 letters, digits, `-`, `_` and `.`: it names a file";
                return Err(Error::config(&format!("integration {name:?}"), detail));
            }
            None => {
                return Err(Error::config(
                    &format!("integration {}", n + 1),
                    "has no name",
                ));
            }
        };
        let at = |error: Error| Error::new(error.kind(), format!("integration {name:?}: {error}"));
        let target = written.coralogix.clone().or(&file.coralogix);
        let integration = one(&name, written, target, &mut sinks).map_err(at)?;
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

fn one(name: &str, written: Written, target: Target, sinks: &mut Sinks<'_>) -> Result<Integration> {
    let required = |key: &str, value: &Option<String>| match value.as_deref().map(str::trim) {
        None => Err(Error::config(key, "is missing")),
        Some("") => Err(Error::config(key, "is empty")),
        Some(value) => Ok(value.to_owned()),
    };
    let account = required("account", &written.account)?;
    let domain = required("okta_domain", &written.okta_domain)?;
    let org = OrgUrl::parse(&domain).map_err(|error| Error::config("okta_domain", error))?;
    let mut source = OktaSource::builder().org_url(&org).credentials(credentials(
        &written,
        sinks.folder,
        sinks.environment,
    )?);
    if let Some(filter) = written.filter {
        source = source.filter(filter);
    }
    if let Some(q) = written.q {
        source = source.q(q);
    }
    if let Some(since) = &written.since {
        source = source.since(since_of("since", since)?);
    }
    if let Some(interval) = &written.poll_interval {
        source = source.poll_interval(duration_of("poll_interval", interval, "30s")?);
    }
    let file = written
        .checkpoint
        .unwrap_or_else(|| format!("{name}.checkpoint"));
    let mut mapping = CoralogixMapping::builder().subsystem(account);
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

/// The keys of the file, and the variables that stand for them where credentials are read.
const CREDENTIALS: [(&str, &str); 6] = [
    ("api_token", "OKTA_API_TOKEN"),
    ("client_id", "OKTA_API_CLIENT_ID"),
    // Before the key that its name begins with.
    ("private_key_id", "OKTA_API_PRIVATE_KEY_ID"),
    ("private_key", "OKTA_API_PRIVATE_KEY"),
    ("client_secret", "OKTA_API_CLIENT_SECRET"),
    ("scopes", "OKTA_API_SCOPES"),
];

fn credentials(written: &Written, folder: &Path, environment: &Environment) -> Result<Credentials> {
    let secret = |key: &str, from: &Option<SecretFrom>| match from {
        None => Ok(None),
        Some(from) => from.read(key, folder, environment).map(Some),
    };
    let secrets = [
        ("OKTA_API_TOKEN", secret("api_token", &written.api_token)?),
        (
            "OKTA_API_PRIVATE_KEY",
            secret("private_key", &written.private_key)?,
        ),
        (
            "OKTA_API_CLIENT_SECRET",
            secret("client_secret", &written.client_secret)?,
        ),
    ];
    let scopes = written.scopes.as_ref().map(|scopes| scopes.join(" "));
    let plain = [
        ("OKTA_API_CLIENT_ID", &written.client_id),
        ("OKTA_API_PRIVATE_KEY_ID", &written.private_key_id),
        ("OKTA_API_SCOPES", &scopes),
    ];
    let read = Credentials::from_env(|name| {
        let secret = secrets.iter().find(|(known, _)| *known == name);
        if let Some((_, secret)) = secret {
            return secret
                .as_ref()
                .map(|secret| OsString::from(secret.expose()));
        }
        let (_, value) = plain.iter().find(|(known, _)| *known == name)?;
        value.as_ref().map(OsString::from)
    });
    read.map_err(|error| {
        let told = CREDENTIALS
            .iter()
            .fold(error.to_string(), |told, (key, variable)| {
                told.replace(variable, key)
            });
        Error::new(error.kind(), told)
    })
}

/// The sinks that were made, by their targets.
struct Sinks<'a> {
    folder: &'a Path,
    environment: &'a Environment,
    made: Vec<(Place, Arc<CoralogixSink>)>,
}

/// What tells two sinks apart.
#[derive(PartialEq)]
struct Place {
    domain: Option<String>,
    endpoint: Option<String>,
    api_key: SecretFrom,
}

impl Sinks<'_> {
    fn get(&mut self, target: Target) -> Result<Arc<CoralogixSink>> {
        let Some(api_key) = target.api_key else {
            return Err(Error::config("coralogix, api_key", "is missing"));
        };
        let place = Place {
            domain: target.domain,
            endpoint: target.endpoint,
            api_key,
        };
        if let Some((_, sink)) = self.made.iter().find(|(made, _)| *made == place) {
            return Ok(Arc::clone(sink));
        }
        let key = place
            .api_key
            .read("coralogix, api_key", self.folder, self.environment)?;
        let mut sink = CoralogixSink::builder().api_key(key);
        if let Some(domain) = &place.domain {
            sink = sink.domain(domain);
        }
        if let Some(endpoint) = &place.endpoint {
            sink = sink.endpoint(endpoint);
        }
        let sink = sink.build();
        let sink = Arc::new(
            sink.map_err(|error| Error::new(error.kind(), format!("coralogix, {error}")))?,
        );
        self.made.push((place, Arc::clone(&sink)));
        Ok(sink)
    }
}
