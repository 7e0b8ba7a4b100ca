//! A source, a sink and a clock around a pipeline.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::pipeline::{PipelineBuilder, RunError};
use okta_coralogix_core::testing::{
    EventGenerator, GeneratedEvent, MemoryDeadLetters, MemorySink, MemorySource, TestClock,
};
use okta_coralogix_core::{AckOrder, LogSink, Pipeline, Summary};

pub(crate) fn start() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Pages of fresh events, and the events.
pub(crate) fn pages(pages: usize, size: usize) -> (Vec<Vec<Bytes>>, Vec<GeneratedEvent>) {
    let mut generator = EventGenerator::new(7);
    let event = |n: usize| generator.event(start() - TimeDelta::seconds(n as i64));
    let events: Vec<_> = (0..pages * size).map(event).collect();
    let pages = events
        .chunks(size)
        .map(|page| page.iter().map(|event| event.json.clone()).collect());
    (pages.collect(), events)
}

/// What a test looks at.
pub(crate) struct Harness {
    pub(crate) source: MemorySource,
    pub(crate) sink: MemorySink,
    pub(crate) dead_letters: MemoryDeadLetters,
    pub(crate) clock: Arc<TestClock>,
}

impl Harness {
    pub(crate) fn new(order: AckOrder, pages: Vec<Vec<Bytes>>) -> Self {
        Self::of(MemorySource::new(order, pages), MemorySink::new())
    }

    pub(crate) fn of(source: MemorySource, sink: MemorySink) -> Self {
        Self {
            source,
            sink,
            dead_letters: MemoryDeadLetters::default(),
            clock: Arc::new(TestClock::starting_at(start())),
        }
    }

    pub(crate) fn builder(&self) -> PipelineBuilder<MemorySource> {
        self.builder_with(self.sink.clone())
    }

    pub(crate) fn builder_with(&self, sink: impl LogSink) -> PipelineBuilder<MemorySource> {
        let clock = Arc::clone(&self.clock);
        Pipeline::builder(self.source.clone(), sink)
            .dead_letters(self.dead_letters.clone())
            .clock(clock)
            .seed(7)
    }

    /// A pipeline with one event in flight at a time.
    pub(crate) fn one_by_one(&self) -> PipelineBuilder<MemorySource> {
        let builder = self.builder().max_in_flight_deliveries(1);
        builder.max_in_flight_events(1)
    }

    /// Runs to the end of the source.
    pub(crate) async fn run(&self) -> Summary {
        run(self.builder()).await.unwrap()
    }

    /// Every one of `events` arrived exactly once, byte for byte, and nothing else did.
    pub(crate) fn assert_all_once(&self, events: &[GeneratedEvent]) {
        let counts = self.sink.counts();
        for event in events {
            assert_eq!(counts.get(&event.json), Some(&1), "{}", event.uuid);
        }
        assert_eq!(counts.len(), events.len());
    }
}

/// Runs until the source has no more; the law of conservation holds however it ends.
pub(crate) async fn run(builder: PipelineBuilder<MemorySource>) -> Result<Summary, RunError> {
    run_until(builder, std::future::pending()).await
}

pub(crate) async fn run_until(
    builder: PipelineBuilder<MemorySource>,
    shutdown: impl Future<Output = ()>,
) -> Result<Summary, RunError> {
    let ended = builder.build().unwrap().run(shutdown).await;
    let summary = match &ended {
        Ok(summary) => summary,
        Err(failed) => &failed.summary,
    };
    assert!(summary.is_balanced(), "{summary:?}");
    ended
}
