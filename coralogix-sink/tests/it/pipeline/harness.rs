//! A source, an ingress and a clock around a pipeline.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::simulator::CoralogixSimulator;
use coralogix_sink::{CoralogixSink, CoralogixSinkBuilder};
use okta_coralogix_core::dead_letter::DeadLetter;
use okta_coralogix_core::pipeline::{PipelineBuilder, RunError};
use okta_coralogix_core::testing::{
    EventGenerator, GeneratedEvent, MemoryDeadLetters, MemorySource, TestClock,
};
use okta_coralogix_core::{AckOrder, LogSink, Pipeline, Summary};

pub(crate) fn start() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// `count` events of 2 KB on average, a second apart, the last ones first.
pub(crate) fn events(count: usize) -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(7);
    let mut event = |n| generator.event(start() - TimeDelta::seconds(n));
    (0..).take(count).map(&mut event).collect()
}

/// A source, the ingress, dead letters and a clock.
pub(crate) struct Harness {
    pub(crate) events: Vec<GeneratedEvent>,
    pub(crate) source: MemorySource,
    pub(crate) ingress: CoralogixSimulator,
    pub(crate) dead_letters: MemoryDeadLetters,
    pub(crate) clock: Arc<TestClock>,
}

impl Harness {
    /// The events come in pages of `page`.
    pub(crate) fn new(events: Vec<GeneratedEvent>, page: usize) -> Self {
        let pages = events
            .chunks(page)
            .map(|page| page.iter().map(|event| event.json.clone()).collect());
        let clock = Arc::new(TestClock::starting_at(start()));
        Self {
            source: MemorySource::new(AckOrder::Cumulative, pages.collect()),
            events,
            ingress: CoralogixSimulator::builder()
                .clock(Arc::clone(&clock))
                .build(),
            dead_letters: MemoryDeadLetters::default(),
            clock,
        }
    }

    /// A sink that reaches the ingress in memory. Compression is light, since these tests are not about it.
    pub(crate) fn sink(&self) -> CoralogixSinkBuilder {
        CoralogixSink::builder()
            .domain("EU2")
            .api_key(self.ingress.key())
            .gzip_level(1)
            .transport(Arc::new(self.ingress.clone()))
    }

    pub(crate) fn pipeline(&self) -> PipelineBuilder<MemorySource> {
        self.pipeline_with(self.sink().build().unwrap())
    }

    pub(crate) fn pipeline_with(&self, sink: impl LogSink) -> PipelineBuilder<MemorySource> {
        Pipeline::builder(self.source.clone(), sink)
            .dead_letters(self.dead_letters.clone())
            .clock(Arc::clone(&self.clock))
            .seed(7)
    }

    /// Runs to the end of the source.
    pub(crate) async fn run(&self) -> Summary {
        run(self.pipeline()).await.unwrap()
    }

    /// The ids of the events.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|event| event.uuid.as_str())
    }

    /// Every event arrived exactly once, byte for byte.
    pub(crate) fn assert_all_once(&self) {
        let ledger = self.ingress.ledger();
        assert_eq!(ledger.missing(self.ids()), Vec::<&str>::new());
        assert_eq!(
            (ledger.repeats(), ledger.entries().len()),
            (0, self.events.len())
        );
        let sent = |id: &str| self.events.iter().find(|event| event.uuid == id);
        for arrival in ledger.entries().iter().step_by(97) {
            let sent = sent(arrival.id.as_deref().unwrap()).unwrap();
            assert_eq!(Bytes::from(arrival.text.clone()), sent.json);
            assert_eq!(arrival.timestamp, Some(sent.published));
        }
    }

    /// Nothing was settled, dead-lettered or reported as anything but handed back.
    pub(crate) fn assert_nothing_consumed(&self, failed: &RunError) {
        assert_eq!(
            failed.summary.handed_back, failed.summary.received,
            "{failed}"
        );
        assert_eq!(self.source.settled_events(), 0, "{failed}");
        assert_eq!(self.letters(), [], "{failed}");
    }

    pub(crate) fn letters(&self) -> Vec<DeadLetter> {
        self.dead_letters.records()
    }
}

/// Runs until the source has no more; the law of conservation holds however it ends.
pub(crate) async fn run(pipeline: PipelineBuilder<MemorySource>) -> Result<Summary, RunError> {
    let ended = pipeline.build().unwrap().run(std::future::pending()).await;
    let summary = match &ended {
        Ok(summary) => summary,
        Err(failed) => &failed.summary,
    };
    assert!(summary.is_balanced(), "{summary:?}");
    ended
}
