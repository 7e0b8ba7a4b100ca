//! Sends and settlements side by side, bounds, and the linger.

use std::time::Duration;

use async_trait::async_trait;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::testing::{MemorySink, MemorySource, SinkFault};
use okta_coralogix_core::{AckOrder, Error, ErrorKind, LogEntry, LogSink, Result};
use tokio::time::{Instant, sleep, timeout};

use super::harness::{Harness, pages, run};

/// A sink whose exchange has several steps and must end within 5 s, like a real one.
#[derive(Debug)]
struct Timed(MemorySink);

#[async_trait]
impl LogSink for Timed {
    fn limits(&self) -> BatchLimits {
        self.0.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.0.encode(entries)
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        let exchange = async {
            for _ in 0..4 {
                sleep(Duration::from_secs(1)).await;
            }
            self.0.send(batch).await
        };
        let late =
            |_| Error::temporary(ErrorKind::Network, "no answer within 5 s").with_ambiguity(true);
        timeout(Duration::from_secs(5), exchange)
            .await
            .map_err(late)?
    }
}

#[tokio::test(start_paused = true)]
async fn slow_acknowledgement_stalls_no_send_in_flight() {
    for order in [AckOrder::Cumulative, AckOrder::Individual] {
        let (pages, events) = pages(8, 100);
        let source = MemorySource::new(order, pages).with_slow_acks(Duration::from_secs(60));
        let harness = Harness::of(
            source,
            MemorySink::with_limits(BatchLimits::new(100, 2_000_000)),
        );
        let began = Instant::now();
        let summary = run(harness
            .builder_with(Timed(harness.sink.clone()))
            .max_in_flight_deliveries(8)
            .max_in_flight_events(4000))
        .await
        .unwrap();
        assert_eq!(summary.delivered, 800);
        assert_eq!(
            harness.sink.requests(),
            [100; 8],
            "no send timed out and was repeated"
        );
        harness.assert_all_once(&events);
        // All sends are over long before the first acknowledgement; one after the other, or all at once.
        let acks = if order == AckOrder::Cumulative { 8 } else { 1 };
        let seconds = began.elapsed().as_secs();
        assert!(
            (60 * acks + 4..60 * acks + 10).contains(&seconds),
            "{order:?}: {seconds}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn max_in_flight_requests_is_never_exceeded() {
    let (pages, _) = pages(30, 100);
    let source = MemorySource::new(AckOrder::Individual, pages);
    let limits = BatchLimits::new(50, 2_000_000);
    let harness = Harness::of(
        source,
        MemorySink::with_limits(limits).with_latency(Duration::from_secs(1)),
    );
    run(harness.builder().max_in_flight_requests(3))
        .await
        .unwrap();
    assert_eq!(harness.sink.max_in_flight(), 3);
}

#[tokio::test(start_paused = true)]
async fn max_in_flight_events_pauses_the_source() {
    let (pages, _) = pages(30, 100);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.sink.fail_for(Duration::from_secs(10_000));
    let builder = harness
        .builder()
        .max_in_flight_deliveries(20)
        .max_in_flight_events(450)
        .give_up_after(Duration::from_secs(60));
    let failed = run(builder).await.unwrap_err();
    assert_eq!(
        failed.summary.received, 500,
        "the delivery that passes the bound is the last one"
    );
}

#[tokio::test(start_paused = true)]
async fn max_in_flight_bytes_pauses_the_source() {
    let (pages, events) = pages(30, 100);
    let bytes: usize = events[..300].iter().map(|event| event.json.len()).sum();
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.sink.fail_for(Duration::from_secs(10_000));
    let builder = harness
        .builder()
        .max_in_flight_deliveries(100)
        .max_in_flight_events(100_000)
        .max_in_flight_bytes(bytes - 1);
    let failed = run(builder.give_up_after(Duration::from_secs(60)))
        .await
        .unwrap_err();
    assert_eq!(failed.summary.received, 300);
}

#[tokio::test(start_paused = true)]
async fn overloaded_sink_gets_fewer_concurrent_requests() {
    let (pages, events) = pages(30, 100);
    let limits = BatchLimits::new(50, 2_000_000);
    let sink = MemorySink::with_limits(limits).with_latency(Duration::from_secs(1));
    let harness = Harness::of(MemorySource::new(AckOrder::Individual, pages), sink);
    let overloaded = || SinkFault::Refuse(Error::temporary(ErrorKind::RateLimited, "429"));
    harness.sink.script((0..8).map(|_| overloaded()));
    let began = Instant::now();
    run(harness
        .builder()
        .max_in_flight_deliveries(30)
        .max_in_flight_events(4000)
        .max_in_flight_requests(8))
    .await
    .unwrap();
    harness.assert_all_once(&events);
    assert_eq!(harness.sink.max_in_flight(), 8);
    // 60 requests of 1 s each, 8 at a time, would take 8 s; one at a time in the end, and slowly more, takes longer.
    assert!(began.elapsed().as_secs() >= 11, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn linger_gathers_single_events_and_full_requests_go_at_once() {
    let (pages, _) = pages(120, 1);
    let source = MemorySource::new(AckOrder::Individual, pages).without_end();
    let limits = BatchLimits::new(50, 2_000_000);
    let harness = Harness::of(source, MemorySink::with_limits(limits));
    let builder = harness
        .builder()
        .max_in_flight_deliveries(1000)
        .max_in_flight_events(1000)
        .linger(Duration::from_millis(100));
    let stop = sleep(Duration::from_millis(150));
    let summary = super::harness::run_until(builder, stop).await.unwrap();
    assert_eq!(summary.delivered, 120);
    assert_eq!(harness.sink.requests(), [50, 50, 20]);
}
