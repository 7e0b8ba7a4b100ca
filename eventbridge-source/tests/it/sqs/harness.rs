//! A queue, a sink, and a pipeline between them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use eventbridge_source::sqs::SqsSource;
use eventbridge_source::sqs::simulator::{SqsSimulator, SqsSimulatorBuilder};
use okta_coralogix_core::pipeline::PipelineBuilder;
use okta_coralogix_core::testing::{EventGenerator, MemoryDeadLetters, MemorySink, TestClock};
use okta_coralogix_core::{Pipeline, Summary};

pub(crate) fn start() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// An envelope around a LogEvent.
pub(crate) fn envelope(detail: &str) -> Bytes {
    let head =
        r#""version":"0","detail-type":"SystemLog","source":"aws.partner/okta.com/acme/audit""#;
    format!("{{{head},\"detail\":{detail}}}").into()
}

/// Envelopes of fresh events.
pub(crate) fn envelopes(count: usize) -> Vec<Bytes> {
    let mut generator = EventGenerator::new(3);
    let event = |n: usize| generator.event(start() - TimeDelta::seconds(n as i64)).json;
    let text = |json: Bytes| String::from_utf8(json.to_vec()).unwrap();
    (0..count)
        .map(event)
        .map(|json| envelope(&text(json)))
        .collect()
}

pub(crate) struct Harness {
    pub(crate) queue: SqsSimulator,
    pub(crate) sink: MemorySink,
    pub(crate) dead_letters: MemoryDeadLetters,
    pub(crate) clock: Arc<TestClock>,
}

impl Harness {
    pub(crate) fn new(queue: SqsSimulatorBuilder) -> Self {
        Self {
            queue: queue.build(),
            sink: MemorySink::new(),
            dead_letters: MemoryDeadLetters::default(),
            clock: Arc::new(TestClock::starting_at(start())),
        }
    }

    pub(crate) fn with(queue: SqsSimulatorBuilder, bodies: &[Bytes]) -> Self {
        let harness = Self::new(queue);
        for body in bodies {
            harness.queue.send(body.clone());
        }
        harness
    }

    /// A source that ends when the queue is empty.
    pub(crate) async fn source(&self) -> SqsSource {
        let source = SqsSource::builder().queue(self.queue.clone()).once(true);
        source.seed(1).open().await.unwrap()
    }

    pub(crate) fn pipeline(&self, source: SqsSource) -> PipelineBuilder<SqsSource> {
        let clock = Arc::clone(&self.clock);
        Pipeline::builder(source, self.sink.clone())
            .dead_letters(self.dead_letters.clone())
            .clock(clock)
            .seed(1)
    }

    pub(crate) async fn run(&self) -> Summary {
        let source = self.source().await;
        self.run_with(source).await
    }

    pub(crate) async fn run_with(&self, source: SqsSource) -> Summary {
        let pipeline = self.pipeline(source).build().unwrap();
        let summary = pipeline.run(std::future::pending()).await.unwrap();
        assert!(summary.is_balanced(), "{summary:?}");
        summary
    }

    /// Each of `bodies` is in the sink exactly once, and the queue is empty.
    pub(crate) fn assert_all_once(&self, bodies: &[Bytes]) {
        let once: HashMap<Bytes, usize> = bodies.iter().map(|body| (body.clone(), 1)).collect();
        assert_eq!(self.sink.counts(), once);
        assert!(
            self.queue.depth_now().is_empty(),
            "{:?}",
            self.queue.depth_now()
        );
        assert_eq!(self.queue.dead(), [""; 0]);
    }
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
