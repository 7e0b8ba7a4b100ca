//! The path as the pipeline takes it, step by step.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coralogix_sink::{CoralogixSink, CoralogixSinkBuilder};
use eventbridge_source::BodyParser;
use okta_coralogix_core::event::split_page;
use okta_coralogix_core::filter::{AgeFilter, EventFilter};
use okta_coralogix_core::mapping::TextForm;
use okta_coralogix_core::{CoralogixMapping, LogEntry, LogSink, Mapping, Origin, RawEvent};

use crate::{PAGE_HOST, now};

/// The parts of the library that an event passes, put together.
#[derive(Debug)]
pub struct Ours {
    origin: Arc<Origin>,
    body_parser: BodyParser,
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
        Self::put_together(text, CoralogixSink::builder().gzip_level(gzip_level))
    }

    /// The same, with bodies compressed as the sink does it by default.
    ///
    /// # Panics
    /// If a setting is refused.
    #[must_use]
    pub fn compressing(text: TextForm) -> Self {
        Self::put_together(text, CoralogixSink::builder())
    }

    fn put_together(text: TextForm, sink: CoralogixSinkBuilder) -> Self {
        let sink = sink.domain("EU2").api_key("not-a-key").build();
        Self {
            origin: Arc::new(Origin::org(PAGE_HOST)),
            body_parser: BodyParser::default(),
            age: AgeFilter::default(),
            mapping: mapping(text),
            sink: sink.expect("region and level are valid"),
        }
    }

    /// The same, but nothing is too old.
    #[must_use]
    pub fn of_any_age(mut self) -> Self {
        self.age = AgeFilter::new(Duration::MAX, Default::default());
        self
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

    /// EventBridge envelopes, one a message → events.
    ///
    /// # Panics
    /// If one is malformed.
    #[must_use]
    pub fn receive(&self, messages: &[Bytes]) -> Vec<RawEvent> {
        let mut events = Vec::with_capacity(messages.len());
        for message in messages {
            for event in self.body_parser.parse(message.clone()) {
                events.push(event.expect("a generated event is well-formed"));
            }
        }
        events
    }

    /// Events → how many are young enough.
    #[must_use]
    pub fn count_young(&self, events: &[RawEvent]) -> usize {
        let now = now();
        let is_young = |event: &&RawEvent| self.age.check(event, now).is_none();
        events.iter().filter(is_young).count()
    }

    /// Events → entries of those that are young enough.
    ///
    /// # Panics
    /// If an event cannot be mapped.
    #[must_use]
    pub fn map(&self, events: &[RawEvent]) -> Vec<LogEntry> {
        let now = now();
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            if self.age.check(event, now).is_none() {
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
            entries = &entries[batch.entries..];
            bodies.push(self.sink.compress(batch).body);
        }
        bodies
    }

    /// Page → request bodies.
    #[must_use]
    pub fn bodies(&self, page: &Bytes) -> Vec<Bytes> {
        self.encode(&self.map(&self.split(page)))
    }

    /// EventBridge envelopes → request bodies, each with the whole envelope as its text.
    #[must_use]
    pub fn envelopes(&self, messages: &[Bytes]) -> Vec<Bytes> {
        self.encode(&self.map(&self.receive(messages)))
    }
}

/// The default mapping but for the text, to the subsystem `acme`.
///
/// # Panics
/// Never.
#[must_use]
pub fn mapping(text: TextForm) -> CoralogixMapping {
    CoralogixMapping::builder()
        .subsystem("acme")
        .text(text)
        .build()
        .expect("the names are not empty")
}
