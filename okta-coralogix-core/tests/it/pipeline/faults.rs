//! Temporary faults on either side never end a run.

use std::time::Duration;

use okta_coralogix_core::sink::BatchLimits;
use okta_coralogix_core::testing::{MemorySink, MemorySource, SinkFault};
use okta_coralogix_core::{AckOrder, Error, ErrorKind, RetryHint};
use tokio::time::Instant;

use super::harness::{Harness, pages};

const TEN_MINUTES: Duration = Duration::from_secs(600);

#[tokio::test(start_paused = true)]
async fn sink_outage_of_ten_minutes_loses_and_repeats_nothing() {
    let (pages, events) = pages(20, 500);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.sink.fail_for(TEN_MINUTES);
    let began = Instant::now();
    let summary = harness.run().await;
    assert_eq!(summary.delivered, 10_000);
    harness.assert_all_once(&events);
    assert!(began.elapsed() >= TEN_MINUTES);
    // Four requests wait with up to 30 s between attempts, about 15 s on average.
    assert!(
        harness.sink.requests().len() < 400,
        "{}",
        harness.sink.requests().len()
    );
}

#[tokio::test(start_paused = true)]
async fn source_failure_for_ten_minutes_loses_and_repeats_nothing() {
    let (pages, events) = pages(3, 100);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let wait = RetryHint::After(Duration::from_secs(60));
    let later = || Error::temporary(ErrorKind::RateLimited, "429").with_retry(wait);
    harness.source.fail_with((0..10).map(|_| later()));
    let began = Instant::now();
    assert_eq!(harness.run().await.delivered, 300);
    assert!(began.elapsed() >= TEN_MINUTES);
    harness.assert_all_once(&events);
}

#[tokio::test(start_paused = true)]
async fn lost_answer_repeats_only_its_own_request() {
    let (pages, events) = pages(4, 100);
    let limits = BatchLimits::new(100, 2_000_000);
    let source = MemorySource::new(AckOrder::Cumulative, pages);
    let harness = Harness::of(source, MemorySink::with_limits(limits));
    harness
        .sink
        .script([SinkFault::Accept, SinkFault::LoseAnswer]);
    let summary = harness.run().await;
    assert_eq!(summary.delivered, 400);
    assert_eq!(
        (summary.ambiguous_sends, summary.ambiguous_entries),
        (1, 100)
    );
    assert_eq!(harness.sink.arrived().len(), 400 + 100);
    assert_eq!(harness.sink.counts().len(), events.len());
}

#[tokio::test(start_paused = true)]
async fn retry_hint_of_the_sink_is_waited_out() {
    let (pages, _) = pages(1, 10);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let wait = RetryHint::After(Duration::from_secs(45));
    let later = Error::temporary(ErrorKind::RateLimited, "429").with_retry(wait);
    harness.sink.script([SinkFault::Refuse(later)]);
    let began = Instant::now();
    harness.run().await;
    assert_eq!(began.elapsed().as_secs(), 45);
}
