//! The sinks of all integrations: those with the same endpoint and bound of an entry, and their key in the same place, share one.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Error, Result, SharedClockOffset, SystemClock};

use super::connections::ClosingTransport;
use super::file::CoralogixTable;
use super::integration::API_KEY;
use super::secrets::{PLACEHOLDER, SecretSource};
use crate::program::Network;
use crate::program::entry_settings::EntrySettings;
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
    max_entry_bytes: Option<usize>,
    sink: Weak<CoralogixSink>,
    clock: SharedClockOffset,
}

/// A sink, and the offset of Coralogix's clock that it stores.
#[derive(Debug)]
pub(super) struct SharedSink {
    pub(super) sink: Arc<CoralogixSink>,
    pub(super) clock: SharedClockOffset,
}

impl CachedSink {
    fn is_for(
        &self,
        table: &CoralogixTable,
        api_key: &SecretSource,
        entry: &EntrySettings,
    ) -> bool {
        (&self.domain, &self.endpoint) == (&table.domain, &table.endpoint)
            && self.max_entry_bytes == entry.max_bytes
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
        entry: &EntrySettings,
        judge: &SecretJudge,
    ) -> Result<SharedSink> {
        // Nothing that runs under this lock panics.
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        sinks.retain(|cached| cached.sink.strong_count() > 0);
        let known = sinks
            .iter()
            .find(|cached| cached.is_for(table, api_key, entry));
        let upgrade = |cached: &CachedSink| Some((cached.sink.upgrade()?, cached.clock.clone()));
        if let Some((sink, clock)) = known.and_then(upgrade) {
            return Ok(SharedSink { sink, clock });
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
        let clock = SharedClockOffset::unknown();
        builder = builder.clock_offset(clock.clone(), SystemClock);
        builder = entry.bound(builder.transport(self.transport()));
        let sink = builder.build().map_err(|error| match error.detail() {
            judged if judged.starts_with(API_KEY) => error,
            detail => Error::new(error.kind(), format!("coralogix, {detail}")),
        })?;
        let sink = Arc::new(sink);
        sinks.push(CachedSink {
            domain: table.domain.clone(),
            endpoint: table.endpoint.clone(),
            api_key: api_key.clone(),
            max_entry_bytes: entry.max_bytes,
            sink: Arc::downgrade(&sink),
            clock: clock.clone(),
        });
        Ok(SharedSink { sink, clock })
    }
}
