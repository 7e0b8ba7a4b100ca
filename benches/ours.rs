//! The path as the pipeline takes it, step by step.

use std::sync::Arc;

use bytes::Bytes;
use coralogix_sink::CoralogixSink;
use okta_coralogix_core::event::{Origin, RawEvent, split_page};
use okta_coralogix_core::filter::{AgeFilter, EventFilter};
use okta_coralogix_core::mapping::TextForm;
use okta_coralogix_core::{CoralogixMapping, LogEntry, LogSink, Mapping};

use crate::now;

/// The parts of the library that an event passes, put together.
#[derive(Debug)]
pub struct Ours {
    origin: Arc<Origin>,
    age: AgeFilter,
    mapping: CoralogixMapping,
    sink: CoralogixSink,
}

impl Ours {
    /// With the default mapping but for `text`, and bodies compressed with gzip at `gzip_level`; 0 leaves them plain.
    ///
    /// # Panics
    /// If a setting is refused.
    #[must_use]
    pub fn new(text: TextForm, gzip_level: u32) -> Self {
        let mapping = CoralogixMapping::builder()
            .subsystem("acme")
            .text(text)
            .build();
        let sink = CoralogixSink::builder()
            .domain("EU2")
            .api_key("not-a-key")
            .gzip_level(gzip_level)
            .build();
        Self {
            origin: Arc::new(Origin::org("acme.okta.com")),
            age: AgeFilter::default(),
            mapping: mapping.expect("the names are not empty"),
            sink: sink.expect("region, key and level are valid"),
        }
    }

    /// Page → events.
    ///
    /// # Panics
    /// If the page or one of its elements is malformed.
    #[must_use]
    pub fn split(&self, page: &Bytes) -> Vec<RawEvent> {
        split_page(page, &self.origin)
            .expect("a generated page is an array")
            .into_iter()
            .map(|event| event.expect("a generated event is well-formed"))
            .collect()
    }

    /// Events → entries of those that are young enough.
    ///
    /// # Panics
    /// If an event cannot be mapped.
    #[must_use]
    pub fn map(&self, events: &[RawEvent]) -> Vec<LogEntry> {
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            if self.age.check(event, now()).is_none() {
                entries.push(self.mapping.map(event).expect("nothing is redacted"));
            }
        }
        entries
    }

    /// Entries → request bodies.
    ///
    /// # Panics
    /// If an entry cannot be sent.
    #[must_use]
    pub fn encode(&self, mut entries: &[LogEntry]) -> Vec<Bytes> {
        let mut bodies = Vec::new();
        while !entries.is_empty() {
            let batch = self
                .sink
                .encode(entries)
                .expect("a generated entry fits a request");
            entries = &entries[batch.taken..];
            bodies.push(batch.body);
        }
        bodies
    }

    /// Page → request bodies.
    #[must_use]
    pub fn bodies(&self, page: &Bytes) -> Vec<Bytes> {
        self.encode(&self.map(&self.split(page)))
    }
}
