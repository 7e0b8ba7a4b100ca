//! The sinks of all integrations: those with the same endpoint and key share one.

use std::path::Path;
use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{Error, Result};

use super::file::CoralogixTable;
use super::secrets::SecretRef;
use crate::program::Environment;

pub(super) struct SinkCache<'a> {
    pub(super) folder: &'a Path,
    pub(super) environment: &'a Environment,
    sinks: Vec<(SinkKey, Arc<CoralogixSink>)>,
}

/// Two sinks with equal keys are interchangeable.
#[derive(PartialEq)]
struct SinkKey {
    domain: Option<String>,
    endpoint: Option<String>,
    api_key: SecretRef,
}

impl<'a> SinkCache<'a> {
    pub(super) fn new(folder: &'a Path, environment: &'a Environment) -> Self {
        Self {
            folder,
            environment,
            sinks: Vec::new(),
        }
    }

    pub(super) fn get(&mut self, table: CoralogixTable) -> Result<Arc<CoralogixSink>> {
        let setting = "coralogix, api_key";
        let Some(api_key) = table.api_key else {
            return Err(Error::config(setting, "is missing"));
        };
        let key = SinkKey {
            domain: table.domain,
            endpoint: table.endpoint,
            api_key,
        };
        if let Some((_, sink)) = self.sinks.iter().find(|(known, _)| *known == key) {
            return Ok(Arc::clone(sink));
        }
        let secret = key.api_key.read(setting, self.folder, self.environment)?;
        let mut sink = CoralogixSink::builder().api_key(secret);
        if let Some(domain) = &key.domain {
            sink = sink.domain(domain);
        }
        if let Some(endpoint) = &key.endpoint {
            sink = sink.endpoint(endpoint);
        }
        let sink = sink.build().map_err(|error| {
            let detail = format!("coralogix, {error}");
            Error::new(error.kind(), detail)
        })?;
        let sink = Arc::new(sink);
        self.sinks.push((key, Arc::clone(&sink)));
        Ok(sink)
    }
}
