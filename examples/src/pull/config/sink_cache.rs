//! The sinks of all integrations: those with the same endpoint, and their key in the same place, share one.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Error, Result};

use super::connections::ClosingTransport;
use super::file::CoralogixTable;
use super::integration::API_KEY;
use super::secrets::{PLACEHOLDER, SecretSource};
use crate::program::Network;
use crate::program::open_files::too_few_for;
use crate::program::secrets::{SecretJudge, SecretKind};

/// The sinks that orgs use now.
#[derive(Debug)]
pub(super) struct SinkCache {
    /// How many orgs there are.
    orgs: usize,
    network: Network,
    sinks: Mutex<Vec<CachedSink>>,
}

#[derive(Debug)]
struct CachedSink {
    domain: Option<String>,
    endpoint: Option<String>,
    /// Not the key itself: a sink reads it anew when it is refused, for all that share the sink.
    api_key: SecretSource,
    sink: Weak<CoralogixSink>,
}

impl CachedSink {
    fn is_for(&self, table: &CoralogixTable, api_key: &SecretSource) -> bool {
        (&self.domain, &self.endpoint) == (&table.domain, &table.endpoint)
            && self.api_key.is_same_place(api_key)
    }
}

impl SinkCache {
    pub(super) fn new(orgs: usize, network: Network) -> Self {
        Self {
            orgs,
            network,
            sinks: Mutex::default(),
        }
    }

    /// The proxy of requests to `uri`.
    pub(super) fn proxy_of(&self, uri: &http::Uri) -> Option<String> {
        self.network.proxy_of(uri).map(Into::into)
    }

    /// An HTTP client for a source or a sink.
    pub(super) fn transport(&self) -> Arc<dyn Transport> {
        let transport = self.network.transport();
        match too_few_for(self.orgs) {
            Some(_) => Arc::new(ClosingTransport(transport)),
            None => Arc::new(transport),
        }
    }

    /// May read the key's file. `judge` looks at each key before it is sent, for all that share the sink.
    ///
    /// # Errors
    /// `Config`, which names the key that is missing or wrong.
    pub(super) fn get(
        &self,
        table: &CoralogixTable,
        api_key: &SecretSource,
        judge: &SecretJudge,
    ) -> Result<Arc<CoralogixSink>> {
        // Nothing that runs under this lock panics.
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        sinks.retain(|cached| cached.sink.strong_count() > 0);
        let known = sinks.iter().find(|cached| cached.is_for(table, api_key));
        if let Some(sink) = known.and_then(|cached| cached.sink.upgrade()) {
            return Ok(sink);
        }
        // Its error has the name of the setting already.
        api_key.read()?;
        let (reader, judge) = (api_key.clone(), judge.clone());
        let mut builder = CoralogixSink::builder()
            .api_key_from(move || reader.read())
            .check_api_key(move |_, key| match key.expose() {
                PLACEHOLDER => Ok(()),
                _ => judge.check(API_KEY, SecretKind::CoralogixKey, key),
            });
        if let Some(domain) = &table.domain {
            builder = builder.domain(domain);
        }
        if let Some(endpoint) = &table.endpoint {
            builder = builder.endpoint(endpoint);
        }
        builder = builder.transport(self.transport());
        let sink = builder.build().map_err(|error| match error.detail() {
            judged if judged.starts_with(API_KEY) => error,
            detail => Error::new(error.kind(), format!("coralogix, {detail}")),
        })?;
        let sink = Arc::new(sink);
        sinks.push(CachedSink {
            domain: table.domain.clone(),
            endpoint: table.endpoint.clone(),
            api_key: api_key.clone(),
            sink: Arc::downgrade(&sink),
        });
        Ok(sink)
    }
}
