//! A run that drains while something is on its way.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::checkpoint::{
    Checkpoint, CheckpointStore, Page, PagedSource, Pages, SaveOutcome, Version, Versioned,
};
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::testing::{MemoryCheckpoint, MemorySink, MemorySource};
use okta_coralogix_core::{
    AckOrder, Error, ErrorKind, LogEntry, LogSink, Pipeline, RawEvent, Result,
};
use tokio::time::{Instant, sleep};

use super::harness::{Harness, pages, run, run_until};

/// Calls everything too large except the last of three entries, whose key it refuses.
#[derive(Debug)]
struct TooLargeThenUnauthorized {
    limits: MemorySink,
    entries: [Bytes; 3],
}

#[async_trait]
impl LogSink for TooLargeThenUnauthorized {
    fn limits(&self) -> BatchLimits {
        self.limits.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.limits.encode(entries)
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        let holds = |n: usize| {
            let mut bytes = batch.body.windows(self.entries[n].len());
            bytes.any(|text| text == self.entries[n])
        };
        if holds(2) {
            sleep(Duration::from_secs(100)).await;
            return Err(Error::new(ErrorKind::Unauthorized, "401"));
        }
        if !holds(0) {
            sleep(Duration::from_secs(200)).await;
        }
        Err(Error::new(ErrorKind::TooLarge, "413"))
    }
}

/// The key is refused while the second entry is sent alone to see whether the first one is at fault.
#[tokio::test(start_paused = true)]
async fn a_probe_that_ends_after_the_run_failed_dead_letters_nothing() {
    let (pages, events) = pages(1, 3);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let sink = TooLargeThenUnauthorized {
        limits: MemorySink::with_limits(BatchLimits::new(2, 2_000_000)),
        entries: [0, 1, 2].map(|n: usize| events[n].json.clone()),
    };
    let builder = harness.builder_with(sink).refusal_wait(Duration::ZERO);
    let failed = run(builder.drain_timeout(Duration::from_secs(1000)))
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Unauthorized);
    assert_eq!(harness.dead_letters.records(), []);
    assert_eq!(failed.summary.handed_back, 3);
}

/// Their deliveries ran out of time and were handed back, so that none is left to be settled.
#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_requests_whose_deliveries_were_handed_back() {
    let (pages, events) = pages(1, 10);
    let source = MemorySource::new(AckOrder::Individual, pages).with_budget(Duration::from_secs(4));
    let sink = MemorySink::new().with_latency(Duration::from_secs(20));
    let harness = Harness::of(source, sink);
    let summary = run_until(harness.builder(), sleep(Duration::from_secs(5)))
        .await
        .unwrap();
    harness.assert_all_once(&events);
    assert_eq!(summary.delivered, 10);
}

/// A store in which each save takes a second.
#[derive(Debug, Default)]
struct SlowStore(MemoryCheckpoint);

#[async_trait]
impl CheckpointStore for SlowStore {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        self.0.load().await
    }

    async fn create(&self, checkpoint: &Checkpoint) -> SaveOutcome {
        sleep(Duration::from_secs(1)).await;
        self.0.create(checkpoint).await
    }

    async fn replace(&self, checkpoint: &Checkpoint, expected: &Version) -> SaveOutcome {
        sleep(Duration::from_secs(1)).await;
        self.0.replace(checkpoint, expected).await
    }
}

/// Pages without an end, by their number.
struct Endless(Vec<Bytes>);

#[async_trait]
impl Pages for Endless {
    async fn page_after(&mut self, cursor: Option<&str>) -> Result<Option<Page>> {
        let number: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let event = &self.0[number % self.0.len()];
        let items = vec![RawEvent::parse(event.clone(), Arc::default())];
        Ok(Some(Page::new(items, (number + 1).to_string())))
    }
}

/// A question to the source that waits for the lock over its store is not left in the queue for it.
#[tokio::test(start_paused = true)]
async fn shutdown_settles_what_is_in_flight_while_the_store_is_slow() {
    let (pages, _) = pages(1, 100);
    let store = Arc::new(SlowStore::default());
    let source = PagedSource::open(Endless(pages[0].clone()), store, "endless", 20_000);
    let harness = Harness::new(AckOrder::Cumulative, Vec::new());
    let pipeline = Pipeline::builder(source.await.unwrap(), harness.sink.clone())
        .clock(harness.clock.clone())
        .seed(7);
    let begin = Instant::now();
    let stop = Duration::from_millis(5_500);
    let summary = pipeline.build().unwrap().run(sleep(stop)).await.unwrap();
    assert_eq!(summary.handed_back, 0, "{summary:?}");
    assert!(
        begin.elapsed() < stop + Duration::from_secs(6),
        "{:?}",
        begin.elapsed()
    );
}
